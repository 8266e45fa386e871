"""What a plan makes of the locks that an entry shows, or does not show."""

from datetime import timedelta

import pytest

from ims.locks import LockReason
from ims.passes import Mode
from tests.support.clock import NOON
from tests.support.people import ACME, lock
from tests.support.sightings import AGO, context, fact, known, planned, reasons, seen, shown

ATTEMPTS, DISABLED = LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED


def test_a_marker_becomes_a_lock_of_the_users_tenant() -> None:
    """With the moment that the directory tells, the evidence, and the pass that raised it."""
    result = planned(known(), seen(locks=(shown(fact()),)))
    (raised,) = result.raised
    assert (raised.reason, raised.since, raised.tenant) == (ATTEMPTS, NOON - AGO, ACME)
    assert (raised.raised_by, raised.evidence) == ("pass-2", fact().evidence)
    assert result.changed


def test_the_same_marker_again_changes_nothing() -> None:
    """Not even when the next pass reads it later."""
    first = planned(known(), seen(locks=(shown(fact()),)))
    again = planned(first.user, seen(locks=(shown(fact()),)), now=NOON + AGO)
    assert not again.changed
    assert again.user.locks == first.user.locks


def test_a_later_marker_is_another_lock() -> None:
    """Unlocked and locked again between two readings: the old row ends, a new one begins."""
    first = planned(known(), seen(locks=(shown(fact()),)))
    again = planned(first.user, seen(locks=(shown(fact(ago=timedelta(minutes=1))),)))
    assert (len(again.raised), len(again.lifted)) == (1, 1)


def test_a_lapsed_marker_raises_nothing() -> None:
    """Its time ran out before anybody here knew of it."""
    result = planned(known(), seen(locks=(shown(fact(lasts=timedelta(minutes=30))),)))
    assert result.user.locks == ()
    assert not result.changed


def test_a_lapsed_marker_of_a_known_lock_changes_nothing() -> None:
    """The clock has ended it; no row need be written."""
    timed = fact(lasts=timedelta(minutes=70))
    first = planned(known(), seen(locks=(shown(timed),)))
    later = planned(first.user, seen(locks=(shown(timed),)), now=NOON + AGO)
    assert not later.changed


def test_a_lapsed_lock_goes_with_its_marker_whatever_can_be_read() -> None:
    """The clock is proof enough."""
    timed = lock(since=NOON - AGO, until=NOON - timedelta(minutes=1))
    result = planned(known(locks=(timed,), stamp="2"), seen(locks=(shown(),)))
    assert result.user.locks == ()


@pytest.mark.parametrize(
    ("canary_configured", "canary_seen", "stamp_moved", "gone"),
    [
        (True, True, False, True),
        (True, False, True, False),
        (True, False, False, False),
        (False, False, True, True),
        (False, False, False, False),
    ],
)
def test_a_lock_that_is_not_shown_is_gone_only_where_it_could_have_been_seen(
    *,
    canary_configured: bool,
    canary_seen: bool,
    stamp_moved: bool,
    gone: bool,
) -> None:
    """A configured canary decides; without one the entry's own stamp does."""
    stored = known(locks=(lock(since=NOON - AGO),), stamp="1" if stamp_moved else "2")
    result = planned(stored, seen(locks=(shown(canary=canary_seen),)), canary=canary_configured)
    assert (result.user.locks == ()) is gone
    assert bool(result.notes) is not gone


def test_a_marker_that_the_policy_ignores_ends_the_lock() -> None:
    """It is readable, and it means nothing any more."""
    stored = known(locks=(lock(since=NOON - AGO),), stamp="2")
    assert planned(stored, seen(locks=(shown(marker=True),))).user.locks == ()


def test_what_could_not_be_decided_lifts_nothing() -> None:
    """A doubt concerns the reasons that it names, and the report says so."""
    stored = known(locks=(lock(since=NOON - AGO), lock(LockReason.EXPIRED, since=NOON - AGO)))
    unread = shown(canary=True, unread=frozenset({ATTEMPTS}))
    result = planned(stored, seen(locks=(unread,), doubt="the policy cannot be read"))
    assert reasons(result) == [ATTEMPTS]
    assert result.notes == ("ada stays locked (password_attempts): the policy cannot be read",)
    assert result.user.entries[0].doubt == "the policy cannot be read"


def test_a_stamp_that_moves_under_a_lock_is_kept() -> None:
    """Or the next reading would take an older change for the unlock."""
    first = planned(known(), seen(locks=(shown(fact()),)))
    moved = planned(first.user, seen(locks=(shown(fact()),), stamp="3"))
    assert moved.changed
    assert moved.user.entries[0].stamp == "3"
    assert not planned(known(), seen(stamp="3")).changed


def test_a_reason_without_a_beginning_keeps_its_first_moment() -> None:
    """An administrator's lock tells no time: it began when it was first seen."""
    first = planned(known(), seen(locks=(shown(fact(DISABLED, ago=None)),)))
    later = planned(first.user, seen(locks=(shown(fact(DISABLED, ago=None)),)), now=NOON + AGO)
    assert not later.changed
    assert later.user.locks[0].since == NOON


@pytest.mark.parametrize(("by", "changed"), [(1, False), (-1, False), (2, True)])
def test_an_end_that_is_told_a_second_off_is_the_same_end(*, by: int, changed: bool) -> None:
    """A server that tells the seconds left rounds them."""
    first = planned(known(), seen(locks=(shown(fact(lasts=2 * AGO)),)))
    again = planned(first.user, seen(locks=(shown(fact(lasts=2 * AGO + timedelta(seconds=by))),)))
    assert again.changed is changed


# --- several servers -------------------------------------------------------------------------------------------------


def test_a_lock_on_a_copy_only_names_the_copy() -> None:
    """The first server shows nothing; the second one locks all the same."""
    result = planned(
        known(), seen(locks=(shown(), shown(fact(server="two"), server="two"))), servers=frozenset({"two"})
    )
    assert [(one.reason, one.server) for one in result.user.locks] == [(ATTEMPTS, "two")]


def test_a_server_that_gave_no_answer_keeps_its_locks() -> None:
    """Nothing is known about it."""
    stored = known(locks=(lock(since=NOON - AGO, server="two"),))
    result = planned(stored, seen(), servers=frozenset({"two"}))
    assert [one.server for one in result.user.locks] == ["two"]


def test_a_server_that_answers_without_the_lock_ends_it() -> None:
    """If its canary was seen."""
    stored = known(locks=(lock(since=NOON - AGO, server="two"),))
    there = shown(server="two", canary=True)
    assert planned(stored, seen(locks=(shown(), there)), servers=frozenset({"two"})).user.locks == ()


def test_a_server_that_settings_no_longer_name_keeps_nobody_out() -> None:
    """Nobody can sign in there any more."""
    stored = known(locks=(lock(since=NOON - AGO, server="old"),))
    assert planned(stored, seen(), servers=frozenset({"two"})).user.locks == ()


def test_after_a_failover_an_older_entry_decides_nothing() -> None:
    """The server that stands in lags behind: an unlock may not have reached it yet."""
    result = planned(known(stamp="9"), seen(locks=(shown(fact()),)), failed_over=True)
    assert not result.changed
    assert result.notes == ("uid=ada,ou=people is older here than last time",)
    assert planned(known(stamp="2"), seen(locks=(shown(fact()),)), failed_over=True).changed


# --- observing -------------------------------------------------------------------------------------------------------


def test_an_observed_directory_locks_nobody_and_says_whom_it_would() -> None:
    """The facts are seen; the ledger stays empty."""
    result = planned(known(), seen(locks=(shown(fact()),)), mode=Mode.OBSERVE)
    assert result.user.locks == ()
    assert result.would_lock == (ATTEMPTS,)


def test_a_directory_that_is_observed_again_gives_up_its_locks() -> None:
    """What other sources hold stays."""
    held = lock(LockReason.HELD, source="lockstep")
    stored = known(locks=(lock(since=NOON - AGO), held))
    result = planned(stored, seen(locks=(shown(fact()),)), mode=Mode.OBSERVE)
    assert reasons(result) == [LockReason.HELD]
    assert result.would_lock == (ATTEMPTS,)


def test_a_lapsed_or_future_lock_is_not_one_that_would_lock_now() -> None:
    """Only what would be in force at this moment is told."""
    ahead = fact(ago=-AGO)
    result = planned(known(), seen(locks=(shown(ahead),)), mode=Mode.OBSERVE)
    assert result.would_lock == ()
    assert context().confirmed(None) is False
