"""Judging by a server's clock: what comes of an entry is the same, told in our time."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clocks import ServerClock
from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry, entry_of
from agent.directories.openldap import OpenLdap
from ims.locks import BEGINNING, NEVER, in_force, lock_of
from ims.people import DirectoryName, TenantId, UserId
from tests.support.clock import NOON

DIALECT = OpenLdap(DirectoryName("corp"))
POLICY = Policy(
    knowledge=Knowledge.KNOWN,
    source="cn=timed",
    lockout=True,
    max_failures=3,
    duration=timedelta(minutes=30),
)
MINUTES = st.integers(min_value=-120, max_value=120).map(lambda minutes: timedelta(minutes=minutes))


def times(**moments: datetime | None) -> Entry:
    """Return an entry that holds these times."""
    texts = {name: [f"{at:%Y%m%d%H%M%SZ}".encode()] for name, at in moments.items() if at is not None}
    return entry_of("uid=ada,dc=x", {"entryUUID": [b"3f0c2f2e-0000-4000-8000-000000000001"], **texts})


def locked(reading: Reading, now: datetime) -> list[str]:
    """Return the reasons in force after a reading at `now`."""
    locks = [lock_of(fact, UserId("u"), TenantId("acme"), now, "pass") for fact in reading.facts]
    return sorted(lock.reason for lock in locks if in_force(lock, now))


@given(MINUTES, MINUTES, MINUTES, MINUTES, st.booleans())
def test_who_is_locked_does_not_depend_on_our_clock(
    ahead: timedelta,
    marked: timedelta,
    starts: timedelta,
    ends: timedelta,
    some: bool,  # noqa: FBT001 - drawn
) -> None:
    """What a right clock finds, a wrong one finds that knows how wrong it is; now, and when time has passed."""
    entry = times(
        pwdAccountLockedTime=NOON + marked,
        pwdStartTime=NOON + starts if some else None,
        pwdEndTime=NOON + ends if some else None,
    )
    right = ServerClock().read_locks(DIALECT, entry, POLICY, NOON)
    ours = NOON - ahead
    told = ServerClock(server="ldap://x", ahead=ahead).read_locks(DIALECT, entry, POLICY, ours)
    assert locked(told, ours) == locked(right, NOON)
    for later in (timedelta(minutes=7), timedelta(minutes=95), timedelta(hours=5)):
        assert locked(told, ours + later) == locked(right, NOON + later)
    assert (told.marker, told.doubt, told.hint) == (right.marker, right.doubt, right.hint)


def test_what_has_begun_keeps_the_time_that_stands_there() -> None:
    """By which the next reading recognises the lock, unless it lies ahead of our clock."""
    entry = times(pwdAccountLockedTime=NOON - timedelta(minutes=5))
    fast, slow = ServerClock(ahead=timedelta(minutes=-60)), ServerClock(ahead=timedelta(minutes=60))
    (fact,) = fast.read_locks(DIALECT, entry, POLICY, NOON + timedelta(minutes=60)).facts
    assert fact.since == NOON - timedelta(minutes=5)
    assert fact.until == NOON + timedelta(minutes=85)
    (fact,) = slow.read_locks(DIALECT, entry, POLICY, NOON - timedelta(minutes=60)).facts
    assert fact.since is None
    assert fact.until == NOON - timedelta(minutes=35)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)])
def test_never_and_always_are_no_times(ahead: timedelta) -> None:
    """They are not carried over."""
    clock = ServerClock(ahead=ahead)
    assert clock.read_locks(DIALECT, times(), POLICY, NOON).same_until == NEVER
    assert Reading().same_until == BEGINNING
    assert clock._ours(BEGINNING) == BEGINNING


def test_a_right_clock_says_nothing() -> None:
    """A wrong one says in which direction, and what to do."""
    assert ServerClock(server="ldap://x").warning == ""
    assert "ldap://x is 60 min behind" in ServerClock(server="ldap://x", ahead=-timedelta(hours=1)).warning.replace(
        "1 h ", "60 min "
    )
    assert "ahead of this machine's" in ServerClock(server="ldap://x", ahead=timedelta(minutes=2)).warning
