"""The pure rules of an unlock: which marker is behind a lock, what a reading changes, and what may be said of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ims.clearing import (
    Decision,
    Step,
    affiliation_after,
    brought_up,
    decide,
    fact_behind,
    ledger_after,
    proved_gone,
    reasons_of,
    stays,
)
from ims.locks import ENTRY_REASONS, LedgerRules, Lock, LockFact, LockReason, locks_in_force
from ims.people import AffiliationStatus, DirectoryName, EntryId, EntryLink, TenantId, User
from ims.ports import FreshReading, Readable
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock, user

HOUR = timedelta(hours=1)
LINK = EntryLink(directory=DirectoryName("corp"), entry_id=EntryId("e1"), dn="uid=ada", seen_at=NOON, stamp="1")


def fact(
    since: datetime | None = NOON,
    *,
    reason: LockReason = LockReason.PASSWORD_ATTEMPTS,
    until: datetime | None = None,
    server: str = "",
) -> LockFact:
    return LockFact(reason=reason, source="corp", server=server, since=since, until=until)


def reading(*facts: LockFact, proved: bool = True, present: bool = True, doubt: str = "") -> FreshReading:
    return FreshReading(
        link=LINK,
        present=present,
        readable=Readable.PROVED if proved else Readable.NOT_PROVED,
        facts=facts,
        stamp="2",
        doubt=doubt,
    )


def ledger(one: User, *readings: FreshReading, now: datetime = NOON) -> tuple[Lock, ...]:
    return ledger_after(one, readings, now, "intent-1")


# --- the marker behind a lock ----------------------------------------------------------------------------------------


def test_the_marker_behind_a_lock_begins_when_the_lock_does() -> None:
    """A later marker in the same place is another lock: removing it would clear what nobody decided on."""
    one = lock(since=NOON)
    assert fact_behind(one, reading(fact(NOON))) == fact(NOON)
    assert fact_behind(one, reading(fact(NOON + HOUR))) is None


def test_a_marker_that_tells_no_beginning_is_behind_any_lock_of_its_place() -> None:
    assert fact_behind(lock(since=NOON), reading(fact(None))) == fact(None)


@pytest.mark.parametrize("turn", [1, -1])
def test_the_marker_with_the_same_beginning_comes_first(turn: int) -> None:
    """Whatever the order in which the reading lists them."""
    both = (fact(None), fact(NOON))[::turn]
    assert fact_behind(lock(since=NOON), reading(*both)) == fact(NOON)


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_markers_the_one_that_lasts_longer_decides(turn: int) -> None:
    """One of them has lapsed: the lock has not, and stays the same row."""
    both = (fact(None, until=NOON), fact(None))[::turn]
    (row,) = ledger(user(), reading(*both))
    assert fact_behind(row, reading(*both)) == fact(None)
    assert ledger_after(user(locks=[row]), [reading(*both)], NOON + HOUR, "intent-2") == (row,)


@pytest.mark.parametrize(
    "other",
    [
        fact(NOON, reason=LockReason.DISABLED),
        fact(NOON, server="dc2"),
        replace(fact(NOON), source="lab"),
    ],
)
def test_a_marker_of_another_place_is_not_behind_it(other: LockFact) -> None:
    assert fact_behind(lock(since=NOON), reading(other)) is None


# --- what a reading changes ------------------------------------------------------------------------------------------


def test_a_lapsed_marker_raises_nothing() -> None:
    """It is no lock, and no row: the audit does not speak of a lock that never was in force here."""
    assert ledger(user(), reading(fact(NOON - 2 * HOUR, until=NOON - HOUR))) == ()


def test_a_marker_lapses_at_its_end() -> None:
    assert ledger(user(), reading(fact(NOON - HOUR, until=NOON))) == ()
    assert len(ledger(user(), reading(fact(NOON - HOUR, until=NOON + timedelta(microseconds=1))))) == 1


def test_a_lapsed_marker_ends_no_lock_that_lies_ahead() -> None:
    """What ran out an hour ago is not what begins in an hour, though neither tells its beginning."""
    planned = lock(LockReason.EXPIRED, since=NOON + HOUR)
    lapsed = fact(None, reason=LockReason.EXPIRED, until=NOON - HOUR)
    assert ledger(user(locks=[planned]), reading(lapsed, proved=False)) == (planned,)


def test_a_marker_that_lies_ahead_is_a_row() -> None:
    """Known in advance, in force by the clock."""
    (row,) = ledger(user(), reading(fact(NOON + HOUR)))
    assert not locks_in_force([row], NOON)
    assert locks_in_force([row], NOON + HOUR)


@pytest.mark.parametrize(
    "blind",
    [
        reading(proved=False),
        reading(present=False),
        reading(present=False, proved=False),
        reading(doubt="unknown policy"),
    ],
    ids=["not proved", "not there", "not there and not proved", "in doubt"],
)
def test_a_reading_that_proves_nothing_ends_nothing(blind: FreshReading) -> None:
    """Nor does it move what later readings are compared with."""
    one = user(entries=[LINK], locks=[lock(reason) for reason in sorted(ENTRY_REASONS)])
    assert brought_up(one, [blind], NOON, "intent-1") == one


@pytest.mark.parametrize("reason", sorted(set(LockReason) - ENTRY_REASONS))
def test_one_reading_decides_on_the_reasons_of_an_entry_only(reason: LockReason) -> None:
    """Affiliation and absence need two, and the others come from elsewhere, even under a directory's name."""
    one = user(locks=[lock(reason, source="corp")])
    assert ledger(one, reading()) == one.locks


def test_a_reading_moves_its_stamp_and_address_along() -> None:
    one = user(entries=[LINK, replace(LINK, directory=DirectoryName("lab"))])
    moved = replace(reading(), link=replace(LINK, dn="uid=ada,ou=new"))
    corp, lab = brought_up(one, [moved], NOON + HOUR, "intent-1").entries
    assert (corp.dn, corp.stamp, corp.seen_at) == ("uid=ada,ou=new", "2", NOON + HOUR)
    assert lab == one.entries[1]


def test_an_affiliation_of_another_company_is_not_written_to_the_entry() -> None:
    """That is a transfer, which a pass decides."""
    one = user(entries=[replace(LINK, rule="corp/staff", unmatched_since=NOON)])
    elsewhere = replace(reading(), matched=GLOBEX, rule="corp/globex")
    (link,) = brought_up(one, [elsewhere], NOON, "intent-1").entries
    assert (link.rule, link.unmatched_since) == ("corp/staff", NOON)


facts = st.builds(
    fact,
    st.one_of(st.none(), st.integers(-3, 3).map(lambda n: NOON + n * HOUR)),
    reason=st.sampled_from(sorted(ENTRY_REASONS)),
    until=st.one_of(st.none(), st.integers(-3, 3).map(lambda n: NOON + n * HOUR)),
    server=st.sampled_from(["", "dc2"]),
)
readings = st.builds(
    lambda seen, proved, doubt: reading(*seen, proved=proved, doubt=doubt),
    st.lists(facts, max_size=4),
    st.booleans(),
    st.sampled_from(["", "unknown policy"]),
)


@given(st.lists(readings, min_size=1, max_size=3))
def test_what_a_reading_shows_in_force_is_in_force(series: list[FreshReading]) -> None:
    """Whatever was known before, and whether or not the reading proves anything by what it does not show."""
    one = user(entries=[LINK])
    for seen in series:
        one = brought_up(one, [seen], NOON, "intent-1")
    shown = {
        (each.reason, each.server)
        for each in series[-1].facts
        if (each.since is None or each.since <= NOON) and (each.until is None or each.until > NOON)
    }
    assert shown <= {(row.reason, row.server) for row in locks_in_force(one.locks, NOON)}


@given(st.lists(readings, min_size=1, max_size=3))
def test_reading_the_same_again_changes_nothing(series: list[FreshReading]) -> None:
    one = user(entries=[LINK])
    for seen in series:
        one = brought_up(one, [seen], NOON, "intent-1")
    assert set(brought_up(one, [series[-1]], NOON, "intent-2").locks) == set(one.locks)


# --- the decision ----------------------------------------------------------------------------------------------------


def decision(one: User, *seen: FreshReading, rules: LedgerRules | None = None) -> Decision:
    return decide(one, seen, rules or LedgerRules(), NOON, "intent-1")


def test_a_decision_has_one_step_for_every_lock_in_force() -> None:
    one = user(locks=[lock(LockReason.HELD, source="lockstep"), lock(LockReason.EXPIRED, source="lab")])
    made = decision(one, reading(fact()))
    assert {each.reason: step for each, step in made.steps} == {
        LockReason.PASSWORD_ATTEMPTS: Step.WRITE,
        LockReason.HELD: Step.DROP,
        LockReason.EXPIRED: Step.STAY,
    }
    assert tuple(each for each, _ in made.steps) == made.in_force
    assert made.writes


@pytest.mark.parametrize(
    "seen",
    [[], [reading(proved=False)], [reading(present=False, proved=False)]],
    ids=["not read", "not shown", "not there"],
)
def test_what_no_reading_shows_is_not_written_for(seen: list[FreshReading]) -> None:
    """There is nothing that a conditional write could name."""
    made = decision(user(locks=[lock()]), *seen)
    assert [step for _, step in made.steps] == [Step.STAY]
    assert not made.writes


@pytest.mark.parametrize(
    ("matched", "present", "step"),
    [
        (ACME, True, Step.DROP),
        (None, True, Step.RESTORE),
        (GLOBEX, True, Step.STAY),
        (None, False, Step.STAY),
    ],
)
def test_an_unaffiliation(matched: TenantId | None, present: bool, step: Step) -> None:  # noqa: FBT001 - a column
    """Back: no write. Gone: put back. In another company, or without an entry: not ours to change."""
    seen = replace(reading(present=present), matched=matched)
    assert [planned for _, planned in decision(user(locks=[lock(LockReason.UNAFFILIATED)]), seen).steps] == [step]


# --- what is proved and what is said ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "gone"),
    [
        ([reading()], True),
        ([reading(fact(NOON + HOUR))], True),
        ([reading(fact(NOON))], False),
        ([replace(reading(fact(NOON, until=NOON + HOUR)))], False),
        ([reading(proved=False)], False),
        ([reading(present=False)], False),
        ([reading(doubt="unknown policy")], False),
        ([], False),
    ],
    ids=["gone", "another one", "still there", "same with an end", "not proved", "no entry", "in doubt", "not read"],
)
def test_a_marker_is_proved_gone(seen: list[FreshReading], gone: bool) -> None:  # noqa: FBT001 - a column
    assert proved_gone(fact(NOON), ACME, seen) is gone


def test_a_marker_without_a_beginning_counts_as_the_same() -> None:
    assert not proved_gone(fact(None), ACME, [reading(fact(None))])


def test_an_unaffiliation_is_gone_when_the_tenants_rule_matches() -> None:
    lost = fact(reason=LockReason.UNAFFILIATED)
    assert proved_gone(lost, ACME, [replace(reading(), matched=ACME)])
    assert not proved_gone(lost, ACME, [replace(reading(), matched=GLOBEX)])
    assert not proved_gone(lost, ACME, [reading()])


@pytest.mark.parametrize("reason", LockReason)
def test_every_lock_that_stays_says_its_reason_and_more(reason: LockReason) -> None:
    """Also where the directory was not read, or shows nothing."""
    for seen in ([], [reading()], [reading(present=False)], [reading(doubt="unknown policy")]):
        text = stays(lock(reason), seen, {})
        assert text.startswith(f"{reason}: ")
        assert len(text) > len(reason) + 20
    assert stays(lock(reason), [], {"corp": "busy"}) == f"{reason}: busy"
    assert stays(lock(reason), [], {"lab": "busy"}) == stays(lock(reason), [], {})


@pytest.mark.parametrize(
    ("status", "matched", "status_after"),
    [
        (AffiliationStatus.UNAFFILIATED, ACME, AffiliationStatus.AFFILIATED),
        (AffiliationStatus.UNAFFILIATED, GLOBEX, AffiliationStatus.UNAFFILIATED),
        (AffiliationStatus.UNAFFILIATED, None, AffiliationStatus.UNAFFILIATED),
        (AffiliationStatus.AFFILIATED, ACME, AffiliationStatus.AFFILIATED),
    ],
)
def test_an_affiliation_comes_back_by_the_tenants_own_rule(
    status: AffiliationStatus,
    matched: TenantId | None,
    status_after: AffiliationStatus,
) -> None:
    """And whoever is affiliated keeps the moment since when."""
    one = user(status=status)
    after = affiliation_after(one, [replace(reading(), matched=matched, rule="corp/x")], NOON + HOUR)
    assert after is not None
    assert after.status is status_after
    assert (after == one.affiliation) is (status is status_after)


def test_who_never_was_affiliated_is_not_made_so() -> None:
    one = replace(user(), affiliation=None)
    assert affiliation_after(one, [replace(reading(), matched=ACME, rule="corp/x")], NOON) is None


def test_reasons_are_told_once_and_in_order() -> None:
    assert reasons_of([]) == "none"
    some = [lock(LockReason.HELD), lock(LockReason.ABSENT), lock(LockReason.HELD, since=NOON + HOUR)]
    assert reasons_of(some) == "absent, held"
