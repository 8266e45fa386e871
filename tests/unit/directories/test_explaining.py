"""`explain` in words: every kind of lock with its arithmetic."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.directories.controls import Usability
from agent.directories.dialect import Knowledge, Policy
from agent.directories.entry import entry_of
from agent.directories.explaining import explained, span
from agent.directories.ppolicy import ENTRY_ATTRIBUTES, read_locks, unknown_policy

NOW = datetime(2026, 11, 23, 10, 20, 0, tzinfo=UTC)
TIMED = Policy(
    knowledge=Knowledge.KNOWN,
    source="cn=p",
    lockout=True,
    max_failures=3,
    duration=timedelta(minutes=30),
    max_idle=timedelta(days=90),
)
LASTING = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, max_failures=5)


@pytest.mark.parametrize(
    ("policy", "attributes", "line"),
    [
        (
            TIMED,
            {"pwdAccountLockedTime": "20261123100211Z"},
            "password_attempts: locked 10:02:11 + 30 min = 10:32:11, now 10:20:00: in force",
        ),
        (
            TIMED,
            {"pwdAccountLockedTime": "20261122235000Z"},
            "password_attempts: locked 2026-11-22 23:50:00 + 30 min = 00:20:00, now 10:20:00: over",
        ),
        (
            LASTING,
            {"pwdAccountLockedTime": "20261123100211Z"},
            "password_attempts: locked 10:02:11, until somebody unlocks, now 10:20:00: in force",
        ),
        (
            LASTING,
            {"pwdAccountLockedTime": "000001010000Z"},
            "disabled: locked by an administrator, for good, now 10:20:00: in force",
        ),
        (
            LASTING,
            {"pwdAccountTmpLockoutEnd": "20261123102030Z"},
            "password_attempts: locked until 10:20:30, now 10:20:00: in force",
        ),
        (LASTING, {"pwdEndTime": "20261231230000Z"}, "expired: valid until 2026-12-31 23:00:00, now 10:20:00: ahead"),
        (
            LASTING,
            {"pwdStartTime": "20261201000000Z"},
            "expired: valid from 2026-12-01 00:00:00, now 10:20:00: in force",
        ),
        (
            TIMED,
            {"pwdLastSuccess": "20260801000000Z"},
            "idle: last used + 90 d is over at 2026-10-30 00:00:01, now 10:20:00: in force",
        ),
    ],
)
def test_arithmetic(policy: Policy, attributes: dict[str, str], line: str) -> None:
    """Begin, length, end, now, verdict; dates where the day is another."""
    entry = entry_of("uid=x", {name: [value.encode()] for name, value in attributes.items()})
    lines = explained(entry, policy, read_locks("corp", entry, policy, NOW), NOW, ENTRY_ATTRIBUTES)
    (name, value), *_ = attributes.items()
    assert f"{name}: {value}" in lines
    assert line in lines


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (TIMED, "policy cn=p: locks after 3 wrong passwords for 30 min; idle after 90 d"),
        (LASTING, "policy cn=p: locks after 5 wrong passwords until somebody unlocks"),
        (Policy(knowledge=Knowledge.KNOWN, source="cn=p"), "policy cn=p: no lockout, so that no marker counts"),
        (unknown_policy("cn=p is hidden"), "policy not known: cn=p is hidden"),
        (
            Policy(knowledge=Knowledge.UNKNOWN, source="hidden", usability=Usability(usable=False)),
            "policy not known: hidden; the server itself says: not usable",
        ),
    ],
)
def test_policies(policy: Policy, line: str) -> None:
    """Where it came from and what it says."""
    entry = entry_of("uid=x", {})
    assert line in explained(entry, policy, read_locks("corp", entry, policy, NOW), NOW, ENTRY_ATTRIBUTES)


def test_doubts_and_hints_are_shown() -> None:
    """At the end, in their own words."""
    entry = entry_of("uid=x", {"pwdAccountLockedTime": [b"20261123100211Z"]})
    policy = unknown_policy("hidden")
    lines = explained(entry, policy, read_locks("corp", entry, policy, NOW), NOW, ENTRY_ATTRIBUTES)
    assert lines[-1].startswith("there are lock attr")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (4, "4 s"),
        (90, "90 s"),
        (60, "1 min"),
        (5400, "90 min"),
        (7200, "2 h"),
        (86400, "1 d"),
        (129600, "36 h"),
    ],
)
def test_spans(seconds: int, text: str) -> None:
    """In the largest unit that is exact."""
    assert span(timedelta(seconds=seconds)) == text
