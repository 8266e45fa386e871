"""Entries that are not there: absent after two complete readings, or when the directory reports the deletion."""

from datetime import timedelta

import pytest

from agent.plan import plan_missing
from ims.locks import LockReason
from ims.passes import Mode
from tests.support.clock import NOON
from tests.support.people import lock
from tests.support.sightings import AGO, context, known, planned, reasons, seen

ABSENT = LockReason.ABSENT
TEN = timedelta(minutes=10)


def test_the_first_complete_reading_only_remembers_it() -> None:
    """One reading makes nobody absent."""
    result = plan_missing(known(), context())
    assert result.user.locks == ()
    assert result.user.entries[0].missing_since == NOON
    assert result.changed


@pytest.mark.parametrize(("apart", "absent"), [(TEN - timedelta(seconds=1), False), (TEN, True)])
def test_the_second_one_locks_if_it_is_late_enough(*, apart: timedelta, absent: bool) -> None:
    """And counts for the brake."""
    result = plan_missing(known(missing_since=NOON - apart), context())
    assert (ABSENT in reasons(result)) is absent
    assert bool(result.counted) is absent


def test_an_incomplete_reading_says_nothing() -> None:
    """Not even that it was the first one."""
    assert not plan_missing(known(), context(complete=False)).changed


def test_a_deletion_that_the_directory_reports_needs_no_second_reading() -> None:
    """It is no absence of evidence."""
    assert reasons(plan_missing(known(), context(complete=False), deleted=True)) == [ABSENT]


def test_absent_once_is_absent_no_more_than_once() -> None:
    """The next reading that does not find it writes nothing."""
    first = plan_missing(known(missing_since=NOON - AGO), context())
    assert not plan_missing(first.user, context(now=NOON + AGO)).changed


def test_coming_back_ends_it() -> None:
    """The entry is there: whatever else keeps the user out is another reason."""
    gone = plan_missing(known(missing_since=NOON - AGO), context())
    back = planned(gone.user, seen())
    assert back.user.locks == ()
    assert back.user.entries[0].missing_since is None


def test_absence_says_nothing_about_affiliation_and_other_locks() -> None:
    """Whoever is not there matches no rule, and that is no un-affiliation."""
    stored = known(locks=(lock(since=NOON - AGO),), missing_since=NOON - AGO)
    result = plan_missing(stored, context())
    assert reasons(result) == [LockReason.PASSWORD_ATTEMPTS, ABSENT]
    assert result.user.affiliation == stored.affiliation


def test_an_observed_directory_only_says_whom_it_would_lock() -> None:
    """And gives up a lock that it had raised when it was enforced."""
    stored = known(missing_since=NOON - AGO)
    result = plan_missing(stored, context(mode=Mode.OBSERVE))
    assert result.user.locks == ()
    assert result.would_lock == (ABSENT,)
    locked = plan_missing(stored, context()).user
    assert plan_missing(locked, context(mode=Mode.OBSERVE)).user.locks == ()
