"""The arithmetic of the password policy, moment by moment, without a server."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.directories.controls import Usability
from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry, entry_of
from agent.directories.errors import BadEntry
from agent.directories.ppolicy import policy_of, read_locks, worth_asking
from ims.locks import ENTRY_REASONS, LockReason

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
SECOND = timedelta(seconds=1)
FOR_GOOD = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, max_failures=3)
TIMED = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, duration=HALF_AN_HOUR)
IDLE = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, max_idle=timedelta(days=90))
OFF = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=False, max_idle=timedelta(days=90))
USABLE, NOT_USABLE = Usability(usable=True), Usability(usable=False)


def stamp(moment: datetime) -> bytes:
    """Return a moment as slapd writes it."""
    return f"{moment:%Y%m%d%H%M%SZ}".encode()


def entry(**attributes: bytes | datetime | list[bytes]) -> Entry:
    """Make an entry; moments become generalizedTime."""
    listed = {
        name: value if isinstance(value, list) else [stamp(value) if isinstance(value, datetime) else value]
        for name, value in attributes.items()
    }
    return entry_of("uid=x", listed)


def reading(policy: Policy, now: datetime = NOW, **attributes: bytes | datetime | list[bytes]) -> Reading:
    """Read an entry with these attributes."""
    return read_locks("corp", entry(**attributes), policy, now)


def unknown(usability: Usability | None) -> Policy:
    """Return a policy that cannot be read, with the server's judgement."""
    return Policy(knowledge=Knowledge.UNKNOWN, source="hidden", usability=usability)


@pytest.mark.parametrize(
    ("now", "in_facts"),
    [
        (NOW - SECOND, True),
        (NOW, True),
        (NOW + HALF_AN_HOUR - SECOND, True),
        (NOW + HALF_AN_HOUR, False),
        (NOW + HALF_AN_HOUR + SECOND, False),
    ],
)
def test_a_timed_marker_is_a_fact_until_its_end(now: datetime, in_facts: bool) -> None:  # noqa: FBT001 - a parameter
    """Ahead, in force, and lapsed from the very second of its end on."""
    found = reading(TIMED, now, pwdAccountLockedTime=NOW)
    facts, others = (found.facts, found.lapsed) if in_facts else (found.lapsed, found.facts)
    assert [(fact.since, fact.until) for fact in facts] == [(NOW, NOW + HALF_AN_HOUR)]
    assert others == ()


def test_evidence_is_the_marker_and_the_last_failure() -> None:
    """In whatever order the server sends the failures."""
    failures = [b"20261123115959.5Z", b"20261123115959.899999Z", b"20261123115901Z"]
    (fact,) = reading(FOR_GOOD, pwdAccountLockedTime=NOW, pwdFailureTime=failures).facts
    assert fact.evidence == (("pwdAccountLockedTime", "20261123120000Z"), ("pwdFailureTime", "20261123115959.899999Z"))


def test_an_administrator_s_lock_has_no_times() -> None:
    """Under any policy with lockout."""
    for policy in (FOR_GOOD, TIMED):
        (fact,) = reading(policy, pwdAccountLockedTime=b"000001010000Z").facts
        assert (fact.reason, fact.since, fact.until) == (LockReason.DISABLED, None, None)


@pytest.mark.parametrize("time", [b"", b"soon", b"00000101000001Z", b"20261123120000"])
@pytest.mark.parametrize("name", ["pwdAccountLockedTime", "pwdEndTime", "pwdStartTime", "pwdFailureTime"])
def test_no_time_is_a_bad_entry(name: str, time: bytes) -> None:
    """Quarantine, under any policy: nothing is guessed."""
    for policy in (FOR_GOOD, unknown(None)):
        with pytest.raises(BadEntry, match=name):
            reading(policy, NOW, **{name: time})


def test_all_reasons_stand_side_by_side() -> None:
    """No reason hides another."""
    facts = reading(
        IDLE,
        pwdAccountLockedTime=NOW - HALF_AN_HOUR,
        pwdEndTime=NOW - SECOND,
        pwdStartTime=NOW + SECOND,
        pwdLastSuccess=NOW - timedelta(days=100),
        pwdAccountTmpLockoutEnd=NOW + SECOND,
        createTimestamp=NOW - timedelta(days=400),
    ).facts
    assert {fact.reason for fact in facts} == {LockReason.PASSWORD_ATTEMPTS, LockReason.EXPIRED, LockReason.IDLE}
    assert len(facts) == 5


def test_idleness_begins_in_the_second_after_the_limit() -> None:
    """slapd compares whole seconds, and the limit itself still counts as used."""
    (fact,) = reading(IDLE, pwdLastSuccess=b"20261123120000.9Z").facts
    assert fact.since == NOW + timedelta(days=90) + SECOND
    assert fact.evidence == (("pwdLastSuccess", "20261123120000.9Z"),)


def test_a_limit_beyond_all_time_never_comes() -> None:
    """An administrator's "never" may be any number."""
    endless = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, duration=timedelta.max)
    (fact,) = reading(endless, pwdAccountLockedTime=NOW).facts
    assert fact.until is None
    never = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, max_idle=timedelta.max)
    assert reading(never, pwdLastSuccess=NOW).facts == ()


def test_without_lockout_only_dates_count() -> None:
    """Marker, delay and idleness are ignored."""
    found = reading(
        OFF,
        pwdAccountLockedTime=b"000001010000Z",
        pwdLastSuccess=NOW - timedelta(days=100),
        pwdAccountTmpLockoutEnd=NOW + SECOND,
        pwdEndTime=NOW + HALF_AN_HOUR,
    )
    assert [(fact.reason, fact.since) for fact in found.facts] == [(LockReason.EXPIRED, NOW + HALF_AN_HOUR)]
    assert (found.doubt, found.unread, found.marker) == ("", frozenset(), True)


def test_dates_that_are_no_dates_of_this_era() -> None:
    """The year 0 as an end is long past, as a beginning too."""
    (fact,) = reading(OFF, pwdEndTime=b"000001010000Z").facts
    assert fact.since is not None
    assert fact.since < NOW
    assert reading(OFF, pwdStartTime=b"000001010000Z").facts == ()


@pytest.mark.parametrize(
    ("usability", "idle", "doubt"),
    [(None, False, True), (USABLE, False, False), (NOT_USABLE, True, False)],
)
def test_never_used_is_idle_if_the_server_says_so(
    usability: Usability | None,
    idle: bool,  # noqa: FBT001 - a parameter of the test
    doubt: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Unknown without its judgement: then an idle lock that is held stays."""
    policy = Policy(
        knowledge=Knowledge.KNOWN,
        source="cn=p",
        lockout=True,
        max_idle=timedelta(days=1),
        usability=usability,
    )
    found = reading(policy, pwdChangedTime=NOW - timedelta(days=2))
    assert [fact.reason for fact in found.facts] == [LockReason.IDLE] * idle
    assert bool(found.doubt) is doubt
    assert found.unread == ({LockReason.IDLE} if doubt else frozenset())


def test_another_reason_explains_what_is_not_usable() -> None:
    """An account locked by a marker, or with an expired password, is not idle for that."""
    policy = Policy(
        knowledge=Knowledge.KNOWN,
        source="cn=p",
        lockout=True,
        max_idle=timedelta(days=1),
        max_age=timedelta(days=1),
        usability=NOT_USABLE,
    )
    expired = reading(policy, pwdChangedTime=NOW - timedelta(days=2))
    assert (expired.facts, expired.hint) == ((), "the password has expired")


def test_who_is_worth_asking() -> None:
    """Only those about whom the entry and the policy leave a question."""
    day = Policy(knowledge=Knowledge.KNOWN, source="cn=p", lockout=True, max_idle=timedelta(days=1))
    old = NOW - timedelta(days=2)
    assert worth_asking(entry(pwdChangedTime=old), day, NOW)
    assert not worth_asking(entry(pwdChangedTime=old, pwdLastSuccess=NOW), day, NOW)
    assert not worth_asking(entry(pwdChangedTime=NOW), day, NOW)
    assert not worth_asking(entry(pwdChangedTime=old), OFF, NOW)
    assert not worth_asking(entry(), unknown(None), NOW)
    assert not worth_asking(entry(pwdStartTime=old), unknown(None), NOW)
    for name in ("pwdAccountLockedTime", "pwdEndTime"):
        assert worth_asking(entry(**{name: old}), unknown(None), NOW)
    for name in ("pwdStartTime", "pwdAccountTmpLockoutEnd"):
        assert worth_asking(entry(**{name: NOW + SECOND}), unknown(None), NOW)


def test_an_unknown_policy_without_a_judgement() -> None:
    """Nothing is decided: the doubt is shown."""
    found = reading(unknown(None), pwdAccountLockedTime=NOW)
    assert (found.facts, found.lapsed, found.unread) == ((), (), ENTRY_REASONS)
    assert found.doubt == "there are lock attributes, but their policy is not known (hidden)"


def test_an_unknown_policy_and_a_usable_account() -> None:
    """The marker is not in force; an unlock removes it like any that lapsed."""
    found = reading(unknown(USABLE), pwdAccountLockedTime=NOW - SECOND)
    assert found.facts == ()
    assert [fact.until for fact in found.lapsed] == [NOW]


def test_an_unknown_policy_and_a_locked_account() -> None:
    """For good, until a moment, or for a short delay."""
    (lasting,) = reading(unknown(NOT_USABLE), pwdAccountLockedTime=NOW - SECOND).facts
    assert lasting.until is None
    timed = Usability(usable=False, seconds_to_unlock=60)
    (fact,) = reading(unknown(timed), NOW + timedelta(microseconds=5), pwdAccountLockedTime=NOW - SECOND).facts
    assert fact.until == NOW + timedelta(seconds=60)
    (delay,) = reading(unknown(timed), pwdAccountTmpLockoutEnd=NOW + SECOND).facts
    assert delay.until == NOW + SECOND


def test_a_policy_entry_is_read_whole_or_not_at_all() -> None:
    """pwdAttribute is in every policy: its absence means that we do not see everything."""
    whole = entry_of(
        "cn=p",
        {
            "pwdAttribute": [b"userPassword"],
            "pwdLockout": [b"TRUE"],
            "pwdMaxFailure": [b"5"],
            "pwdLockoutDuration": [b"1800"],
            "pwdMaxIdle": [b"60"],
            "pwdMaxAge": [b"61"],
            "pwdMustChange": [b"TRUE"],
        },
    )
    assert policy_of(whole) == Policy(
        knowledge=Knowledge.KNOWN,
        source="cn=p",
        lockout=True,
        max_failures=5,
        duration=HALF_AN_HOUR,
        max_idle=timedelta(seconds=60),
        max_age=timedelta(seconds=61),
        must_change=True,
    )
    bare = policy_of(entry_of("cn=p", {"pwdAttribute": [b"userPassword"]}))
    assert (bare.knowledge, bare.lockout, bare.duration) == (Knowledge.KNOWN, False, timedelta(0))
    assert policy_of(entry_of("cn=p", {"pwdLockout": [b"TRUE"]})).knowledge is Knowledge.UNKNOWN


@pytest.mark.parametrize("number", [b"-1", b"ten", b"1.5", b"99999999999999999999", "２".encode()])  # noqa: RUF001 - an odd digit
def test_a_policy_with_a_bad_number_is_unknown(number: bytes) -> None:
    """Not a policy of zero."""
    policy = policy_of(entry_of("cn=p", {"pwdAttribute": [b"userPassword"], "pwdLockoutDuration": [number]}))
    assert policy.knowledge is Knowledge.UNKNOWN


def test_a_fact_keeps_its_beginning() -> None:
    """What makes a lock the same lock does not move with the moment of the reading."""
    attributes: dict[str, bytes | datetime | list[bytes]] = {
        "pwdAccountLockedTime": NOW - SECOND,
        "pwdEndTime": NOW - SECOND,
        "pwdStartTime": NOW + timedelta(days=9),
        "createTimestamp": NOW - timedelta(days=9),
        "pwdLastSuccess": NOW - timedelta(days=100),
    }
    first = reading(IDLE, NOW, **attributes).facts
    assert first == reading(IDLE, NOW + HALF_AN_HOUR, **attributes).facts
    assert all(fact.since is not None for fact in first)
