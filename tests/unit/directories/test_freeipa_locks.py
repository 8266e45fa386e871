"""What FreeIPA's lock attributes mean, row by row of ipa_lockout.c, and what is no time or number."""

from datetime import timedelta

import pytest

from agent.directories.dialect import Knowledge, NotWritable, Policy, SignIn
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.freeipa import FreeIpa
from agent.directories.freeipa_locks import read_locks
from agent.directories.freeipa_policies import policy_of
from agent.directories.results import Code, Result
from ims.errors import InvalidInput
from ims.locks import NEVER, LockReason
from ims.people import DirectoryName, EntryId
from tests.support.clock import NOON

ATTEMPTS = LockReason.PASSWORD_ATTEMPTS
DIALECT = FreeIpa(DirectoryName("corp"))
GOOD = Policy(knowledge=Knowledge.KNOWN, source="cn=global_policy", lockout=True, max_failures=3)
TIMED = Policy(knowledge=Knowledge.KNOWN, source="cn=t", lockout=True, max_failures=3, duration=timedelta(minutes=30))
OFF = Policy(knowledge=Knowledge.KNOWN, source="cn=off")
UNKNOWN = Policy(knowledge=Knowledge.UNKNOWN, source="cn=hidden cannot be read")
BEFORE = "20261123110000Z"


def entry(**attributes: str) -> Entry:
    """Return an entry with these values."""
    return Entry(dn="uid=ada", attributes={name.lower(): (value.encode(),) for name, value in attributes.items()})


def locked(count: str = "3", **more: str) -> Entry:
    """Return an entry with wrong passwords to its name, the last an hour before noon."""
    return entry(krbLoginFailedCount=count, krbLastFailedAuth=BEFORE, **more)


@pytest.mark.parametrize(
    ("one", "policy", "in_force"),
    [
        (locked(), GOOD, True),
        (locked("2"), GOOD, False),
        (locked("0"), GOOD, False),
        (locked("4"), GOOD, True),
        (locked(krbLastAdminUnlock=BEFORE), GOOD, False),
        (locked(krbLastAdminUnlock="20261123105959Z"), GOOD, True),
        (locked(krbLastAdminUnlock="20261123120000Z"), GOOD, False),
        (locked(), OFF, False),
        (locked(), TIMED, False),
        (entry(krbLoginFailedCount="3"), GOOD, False),
        (entry(), GOOD, False),
    ],
)
def test_when_wrong_passwords_lock(one: Entry, policy: Policy, in_force: bool) -> None:  # noqa: FBT001 - a row
    """For good, unless an administrator answered the last failure, or the policy locks nobody."""
    facts = read_locks("corp", one, policy, NOON).facts
    assert [fact.reason for fact in facts] == ([ATTEMPTS] if in_force else [])
    if facts:
        assert (facts[0].since, facts[0].until) == (NOON - timedelta(hours=1), None)


def test_a_timed_lock_ends_and_leaves_its_marks() -> None:
    """Which an unlock removes too."""
    reading = read_locks("corp", locked(), TIMED, NOON)
    assert [fact.until for fact in reading.lapsed] == [NOON - timedelta(minutes=30)]
    earlier = read_locks("corp", locked(), TIMED, NOON - timedelta(minutes=45))
    assert [fact.until for fact in earlier.facts] == [NOON - timedelta(minutes=30)]


def test_without_a_policy_nothing_is_decided() -> None:
    reading = read_locks("corp", locked(), UNKNOWN, NOON)
    assert (reading.facts, reading.unread) == ((), frozenset({ATTEMPTS}))
    assert "cannot be read" in reading.doubt


def test_disabled_expired_and_a_password_that_has_expired() -> None:
    one = entry(nsAccountLock="TRUE", krbPrincipalExpiration="20270101000000Z", krbPasswordExpiration=BEFORE)
    reading = read_locks("corp", one, GOOD, NOON)
    assert [fact.reason for fact in reading.facts] == [LockReason.DISABLED, LockReason.EXPIRED]
    assert reading.facts[1].since == reading.same_until
    assert reading.hint == "the password has expired"
    assert read_locks("corp", entry(nsAccountLock="false"), GOOD, NOON).same_until == NEVER


@pytest.mark.parametrize("attributes", [{"krbLoginFailedCount": "many"}, {"krbLastFailedAuth": "yesterday"}])
def test_what_is_no_number_or_time_is_a_bad_entry(attributes: dict[str, str]) -> None:
    with pytest.raises(BadEntry):
        read_locks("corp", entry(**attributes), GOOD, NOON)


@pytest.mark.parametrize(
    ("attributes", "known"),
    [
        ({"krbPwdMaxFailure": "3", "krbPwdLockoutDuration": "600"}, True),
        ({}, True),
        ({"krbPwdMaxFailure": "three"}, False),
        ({"krbPwdMaxFailure": "3", "krbPwdLockoutDuration": "9" * 30}, False),
    ],
)
def test_a_policy_is_numbers_or_unknown(attributes: dict[str, str], known: bool) -> None:  # noqa: FBT001 - a row
    assert (policy_of(entry(**attributes)).knowledge is Knowledge.KNOWN) is known


def test_an_id_is_one_or_refused() -> None:
    good = "936cb476-c1fe-46cc-9f27-a9c6b570bdb6"
    assert DIALECT.entry_id(entry(ipaUniqueID=good.upper())) == good
    assert good in DIALECT.entry_filter(EntryId(good))
    for bad in ("autogenerate", ""):
        with pytest.raises(BadEntry):
            DIALECT.entry_id(entry(ipaUniqueID=bad))
    with pytest.raises(InvalidInput):
        DIALECT.entry_filter(EntryId("x"))


def test_the_realm_s_administrators_are_protected() -> None:
    groups = "cn=admins,cn=groups,cn=accounts,dc=example,dc=com"
    assert DIALECT.protects(entry(memberOf=groups))
    assert not DIALECT.protects(entry(memberOf=groups.replace("admins", "staff")))


def test_writes_and_answers() -> None:
    """What cannot be ended from outside says so; a locked account is "unwilling to perform"."""
    (expired,) = read_locks("corp", entry(krbPrincipalExpiration=BEFORE), GOOD, NOON).facts
    with pytest.raises(NotWritable):
        DIALECT.unlock_modify("uid=ada", "", [expired])
    (disabled,) = read_locks("corp", entry(nsAccountLock="true"), GOOD, NOON).facts
    (change,) = DIALECT.unlock_modify("uid=ada", "", [disabled]).changes
    assert (change.attribute, change.values) == ("nsAccountLock", (b"true",))
    assert DIALECT.rewrite_modify("uid=ada", "").changes[0].values == (b"0",)
    assert DIALECT.sign_in_outcome(Result(Code.UNWILLING_TO_PERFORM, "unwillingToPerform")) is SignIn.LOCKED
    assert DIALECT.sign_in_outcome(Result(Code.INVALID_CREDENTIALS, "invalidCredentials")) is SignIn.WRONG
