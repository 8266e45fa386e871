"""`settle`, the one way by which a reading moves the ledger."""

from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from ims.locks import (
    DIRECTORY_REASONS,
    ENTRY_REASONS,
    NEVER,
    LedgerChange,
    Lock,
    LockFact,
    LockReason,
    lock_of,
    settle,
)
from ims.people import UserId
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock

ADA = UserId("user-ada")
HOUR = timedelta(hours=1)
LATER = NOON + HOUR


def fact(
    reason: LockReason = LockReason.PASSWORD_ATTEMPTS,
    since: datetime | None = NOON,
    until: datetime | None = None,
    server: str = "",
    evidence: str = "",
) -> LockFact:
    """Return a fact as one reading of "corp" tells it."""
    values = (("value", evidence),) if evidence else ()
    return LockFact(reason=reason, source="corp", server=server, since=since, until=until, evidence=values)


def settled(
    held: tuple[Lock, ...],
    *seen: LockFact,
    now: datetime = LATER,
    keep: frozenset[LockReason] = frozenset(),
) -> LedgerChange:
    return settle(held, seen, user=ADA, tenant=ACME, now=now, raised_by="pass-2", keep=keep)


hours = st.integers(min_value=-3, max_value=3).map(lambda n: NOON + n * HOUR)
facts = st.builds(
    fact,
    reason=st.sampled_from(sorted(ENTRY_REASONS)),
    since=st.one_of(st.none(), hours),
    until=st.one_of(st.none(), hours),
    server=st.sampled_from(["", "one", "two"]),
    evidence=st.sampled_from(["", "a", "b"]),
)
readings = st.lists(facts, max_size=6).map(tuple)


def place(of: Lock | LockFact) -> tuple[LockReason, str, str]:
    return of.reason, of.source, of.server


@given(st.lists(readings, min_size=1, max_size=4))
def test_settling_the_same_reading_again_changes_nothing(series: list[tuple[LockFact, ...]]) -> None:
    """An unchanged pass writes nothing, whatever came before it."""
    held: tuple[Lock, ...] = ()
    for number, seen in enumerate(series):
        held = settled(held, *seen, now=NOON + number * HOUR).after
    again = settled(held, *series[-1], now=NOON + 9 * HOUR)
    assert not again
    assert set(again.after) == set(held)


@given(readings, readings)
def test_no_two_rows_have_one_id(first: tuple[LockFact, ...], second: tuple[LockFact, ...]) -> None:
    """A ledger with two rows of one id could not be stored."""
    held = settled((), *first, now=NOON).after
    after = settled(held, *second).after
    assert len({row.id for row in after}) == len(after)


@given(readings, readings)
def test_a_replay_gives_the_same_rows(first: tuple[LockFact, ...], second: tuple[LockFact, ...]) -> None:
    """A batch that is planned again after a crash, at the same moment, is the same batch."""
    held = settled((), *first, now=NOON).after
    assert settled(held, *second) == settled(held, *second)
    assert settled((), *first, now=NOON).after == held


@given(readings, readings)
def test_every_fact_has_its_row_and_every_row_its_fact(
    first: tuple[LockFact, ...],
    second: tuple[LockFact, ...],
) -> None:
    """Without `keep` the ledger says what the reading said: no reason merged into another, none lost, none left."""
    after = settled(settled((), *first, now=NOON).after, *second).after
    assert {place(row) for row in after} == {place(seen) for seen in second}
    told = {(*place(seen), seen.since) for seen in second}
    assert len(after) == len(told)
    for *where, since in told:
        rows = [row for row in after if place(row) == tuple(where)]
        longest = max(seen.until or NEVER for seen in second if (*place(seen), seen.since) == (*where, since))
        assert any(since in (None, row.since) and (row.until or NEVER) == longest for row in rows)


@given(readings, readings, st.frozensets(st.sampled_from(sorted(ENTRY_REASONS))))
def test_what_is_kept_is_never_lifted(
    first: tuple[LockFact, ...],
    second: tuple[LockFact, ...],
    keep: frozenset[LockReason],
) -> None:
    """Where absence proves nothing, no row goes; where it does, exactly the rows without a fact go."""
    held = settled((), *first, now=NOON).after
    change = settled(held, *second, keep=keep)
    ids = {row.id for row in change.after}
    assert all(row.id in ids for row in held if row.reason in keep)
    assert all(row.reason not in keep for row in change.lifted)
    assert {row.id for row in held} == {row.id for row in change.lifted} | {row.id for row in held if row.id in ids}


@given(readings, readings)
def test_the_change_adds_up(first: tuple[LockFact, ...], second: tuple[LockFact, ...]) -> None:
    """Before, less what was lifted, with what was raised: after. What was updated is in both."""
    held = settled((), *first, now=NOON).after
    change = settled(held, *second)
    before = {row.id for row in held}
    after = {row.id for row in change.after}
    assert {row.id for row in change.raised} == after - before
    assert {row.id for row in change.lifted} == before - after
    assert {row.id for row in change.updated} <= before & after
    assert set(change.raised) | set(change.updated) <= set(change.after)
    assert bool(change) is (set(held) != set(change.after))


@given(facts, facts)
def test_two_reasons_are_never_merged(one: LockFact, other: LockFact) -> None:
    """Disabled and locked at the same moment are two locks, and one ending leaves the other."""
    assume(one.reason is not other.reason)
    both = settled((), one, other, now=NOON).after
    assert {row.reason for row in both} == {one.reason, other.reason}
    left = settled(both, other).after
    assert [row.id for row in left] == [row.id for row in both if row.reason is other.reason]


def test_the_same_lock_keeps_its_id_when_its_end_moves() -> None:
    """The policy was changed under a locked user: the same lock, another end."""
    held = settled((), fact(until=NOON + 3 * HOUR), now=NOON).after
    change = settled(held, fact(until=NOON + 2 * HOUR, evidence="x"))
    (row,) = change.updated
    assert (row.id, row.since, row.raised_by) == (held[0].id, held[0].since, "pass-2")
    assert (row.until, row.evidence) == (NOON + 2 * HOUR, (("value", "x"),))
    assert not change.raised
    assert not change.lifted


def test_another_beginning_is_another_lock() -> None:
    """Unlocked in the directory and locked again between two readings: the old row goes, a new one comes."""
    held = settled((), fact(since=NOON), now=NOON).after
    change = settled(held, fact(since=LATER))
    assert [row.id for row in change.lifted] == [held[0].id]
    assert [row.since for row in change.raised] == [LATER]


def test_an_unknown_beginning_is_when_it_was_first_seen_and_stays() -> None:
    """389 Directory Server tells only the end: the row keeps the moment at which it was first read."""
    held = settled((), fact(since=None), now=NOON).after
    assert [row.since for row in held] == [NOON]
    assert not settled(held, fact(since=None), now=NOON + 5 * HOUR)


def test_a_source_that_stops_telling_the_beginning_keeps_the_stored_one() -> None:
    held = settled((), fact(since=NOON - HOUR), now=NOON).after
    assert settled(held, fact(since=None)).after == held


def test_a_fact_without_a_beginning_is_no_lock_that_lies_ahead() -> None:
    """It is there now: taken for the planned one, its user would go free until that one begins."""
    planned = lock(LockReason.DISABLED, since=LATER + HOUR)
    change = settled((planned,), fact(LockReason.DISABLED, since=None))
    assert [row.since for row in change.after] == [LATER]
    assert change.lifted == (planned,)


def test_a_fact_without_a_beginning_never_takes_the_row_of_one_with() -> None:
    """Not begun (no beginning of its own) and ended (one known) are two `expired` locks of one entry."""
    not_begun = fact(LockReason.EXPIRED, since=None, until=NOON + 9 * HOUR)
    ended = fact(LockReason.EXPIRED, since=NOON - HOUR)
    held = settled((), ended, not_begun, now=NOON).after
    for order in (held, held[::-1]):
        for seen in ((not_begun, ended), (ended, not_begun)):
            assert not settled(order, *seen)


def test_an_unknown_beginning_and_the_same_moment_told_are_two_locks() -> None:
    """First seen at noon, and begun at noon: two rows, two ids."""
    after = settled((), fact(since=None), fact(since=NOON), now=NOON).after
    assert len({row.id for row in after}) == 2


def test_two_servers_hold_two_locks() -> None:
    """A lock that only one server holds is one row per server; freed on one, the other stays."""
    held = settled((), fact(server="one"), fact(server="two"), now=NOON).after
    assert len({row.id for row in held}) == 2
    change = settled(held, fact(server="two"))
    assert [row.server for row in change.lifted] == ["one"]
    assert [row.server for row in change.after] == ["two"]


def test_a_fact_told_twice_is_one_lock_with_the_later_end() -> None:
    """Two servers that share their lock state tell the same; the one that lasts longer decides."""
    after = settled((), fact(until=LATER), fact(until=None), fact(until=NOON + 9 * HOUR)).after
    assert [row.until for row in after] == [None]


def test_a_transfer_takes_directory_locks_along() -> None:
    """The row is the same, and belongs to the new tenant."""
    held = (lock(tenant=GLOBEX),)
    change = settled(held, fact())
    assert [(row.id, row.tenant) for row in change.updated] == [(held[0].id, ACME)]


def test_an_id_tells_locks_apart_and_nothing_else() -> None:
    """User, reason, source, server and beginning make the id; end, evidence and who raised it do not."""
    base = fact()
    different = [
        lock_of(base, UserId("user-bob"), ACME, LATER, "p"),
        *(
            lock_of(other, ADA, ACME, LATER, "p")
            for other in (
                base,
                fact(LockReason.DISABLED),
                LockFact(reason=base.reason, source="lab", since=NOON),
                fact(server="one"),
                fact(since=LATER),
                fact(since=None),
            )
        ),
    ]
    assert len({row.id for row in different}) == len(different)
    same = [lock_of(base, ADA, ACME, NOON, "p"), lock_of(fact(until=LATER, evidence="x"), ADA, GLOBEX, LATER, "q")]
    assert len({row.id for row in same}) == 1


def test_the_reasons_of_an_entry_are_reasons_of_a_directory() -> None:
    """What one reading decides is less than what a directory is the source of."""
    assert ENTRY_REASONS < DIRECTORY_REASONS
    assert set(LockReason) - DIRECTORY_REASONS == {LockReason.DEPROVISIONED, LockReason.HELD}
    assert {LockReason.UNAFFILIATED, LockReason.ABSENT} == DIRECTORY_REASONS - ENTRY_REASONS
