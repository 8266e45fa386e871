"""Which policy decides about an entry, and what is left to say where it cannot be read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.directories.dialect import Knowledge
from ims.locks import ENTRY_REASONS, LockReason
from tests.support.agent_side import DIALECT, RULES, client_of, look, now
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, DEFAULT_POLICY, POLICIES, policy_dn

pytestmark = pytest.mark.servers
FOR_GOOD = "000001010000Z"
NO_DEFAULT = replace(RULES, default_policy="")
HIDDEN_POLICIES = (f'access to dn.subtree="{POLICIES}" by dn.exact="{AGENT_DN}" none by * break',)
BLIND = (*HIDDEN_POLICIES, "access to attrs=userPassword by self =w by anonymous auth by * none")


def test_the_entry_s_own_policy_comes_first(slapd: Slapd) -> None:
    """pwdPolicySubentry, else the settings' default."""
    own, usual = slapd.add_person(policy="timed"), slapd.add_person()
    with client_of(slapd) as client:
        assert look(client, own).policy.source == policy_dn("timed")
        assert look(client, own).policy.duration == timedelta(minutes=30)
        assert look(client, usual).policy.source == DEFAULT_POLICY
        assert look(client, usual).policy.duration == timedelta(0)


def test_each_policy_is_read_once_a_pass(slapd: Slapd) -> None:
    """A thousand people under one policy cost one search."""
    people = [slapd.add_person(policy="timed") for _ in range(3)]
    with client_of(slapd) as client:
        policies = DIALECT.policies(client, RULES)
        found = [policies.of(look(client, person).entry, now()) for person in people]
        assert all(policy is found[0] for policy in found)


def test_a_policy_changed_under_locked_people_changes_their_locks(start_slapd: Callable[..., Slapd]) -> None:
    """No entry of theirs moves: for good becomes timed, timed becomes none, and none locks again."""
    server = start_slapd()
    person = server.add_person(pwdAccountLockedTime="20200101000000Z")
    with client_of(server) as client:
        before = look(client, person)
        assert before.reading.facts[0].until is None
        server.modify(DEFAULT_POLICY, pwdLockoutDuration="3600")
        assert [fact.until is not None for fact in look(client, person).reading.lapsed] == [True]
        server.modify(DEFAULT_POLICY, pwdLockoutDuration="999999999")
        assert look(client, person).locked
        server.modify(DEFAULT_POLICY, pwdLockout="FALSE")
        assert look(client, person).reading.facts == ()
        assert server.sign_in(person.dn, person.password)
        server.modify(DEFAULT_POLICY, pwdLockout="TRUE")
        after = look(client, person)
    assert after.locked
    assert after.stamp == before.stamp
    assert not server.sign_in(person.dn, person.password)


def test_an_unreadable_policy_leaves_the_judgement_to_the_server(start_slapd: Callable[..., Slapd]) -> None:
    """The Account Usability control tells locked from free, and when a lock ends by itself."""
    server = start_slapd(access=HIDDEN_POLICIES)
    free = server.add_person(policy="timed", pwdAccountLockedTime="20200101000000Z")
    timed, lasting = server.add_person(policy="timed"), server.add_person()
    disabled = server.add_person(pwdAccountLockedTime=FOR_GOOD)
    server.lock(timed)
    server.lock(lasting)
    with client_of(server) as client:
        seen = look(client, free)
        assert seen.policy.knowledge is Knowledge.UNKNOWN
        assert (seen.reading.facts, seen.reading.doubt, len(seen.reading.lapsed)) == ((), "", 1)
        (fact,) = look(client, timed).reading.facts
        assert fact.since is not None
        assert fact.until is not None
        assert abs(fact.until - fact.since - timedelta(minutes=30)) < timedelta(seconds=3)
        (fact,) = look(client, lasting).reading.facts
        assert (fact.reason, fact.until) == (LockReason.PASSWORD_ATTEMPTS, None)
        (fact,) = look(client, disabled).reading.facts
        assert (fact.reason, fact.until) == (LockReason.DISABLED, None)


def test_validity_counts_under_an_unreadable_policy_too(start_slapd: Callable[..., Slapd]) -> None:
    """A server that judges the account has a policy for it; a marker beside it stays in doubt."""
    server = start_slapd(access=HIDDEN_POLICIES)
    ended = server.add_person(pwdEndTime="20200101000000Z")
    ends = server.add_person(pwdEndTime="20990101000000Z")
    both = server.add_person(pwdEndTime="20200101000000Z", pwdAccountLockedTime=FOR_GOOD)
    with client_of(server) as client:
        assert look(client, ended).locked
        assert not look(client, ends).locked
        assert look(client, ends).reading.facts[0].reason is LockReason.EXPIRED
        seen = look(client, both).reading
    assert [fact.reason for fact in seen.facts] == [LockReason.EXPIRED]
    assert {LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED} <= seen.unread
    assert "policy not known" in seen.doubt


def test_without_policy_and_judgement_nothing_is_decided(start_slapd: Callable[..., Slapd]) -> None:
    """Never a lock, never an unlock: the doubt is shown, and locks that are held stay."""
    server = start_slapd(access=BLIND)
    person = server.add_person()
    server.lock(person)
    with client_of(server) as client:
        reading = look(client, person).reading
    assert reading.facts == ()
    assert reading.unread == ENTRY_REASONS
    assert "their policy is not known" in reading.doubt
    assert reading.marker


def test_nothing_to_decide_leaves_no_doubt(start_slapd: Callable[..., Slapd]) -> None:
    """Whoever has no mark at all is not locked by one; only idleness stays unread."""
    server = start_slapd(access=BLIND)
    person = server.add_person()
    with client_of(server) as client:
        reading = look(client, person).reading
    assert (reading.facts, reading.doubt) == ((), "")
    assert reading.unread == {LockReason.IDLE}


def test_a_policy_that_is_gone_is_not_the_default(slapd: Slapd) -> None:
    """slapd applies no policy at all then, and neither do we, whatever stands on the entry."""
    person = slapd.add_person(pwdAccountLockedTime=FOR_GOOD, pwdEndTime="20200101000000Z")
    slapd.modify(person.dn, pwdPolicySubentry=f"cn=gone,{POLICIES}")
    with client_of(slapd) as client:
        seen = look(client, person)
    assert seen.policy.knowledge is Knowledge.UNKNOWN
    assert not seen.locked
    assert "cn=gone" in seen.reading.doubt
    assert slapd.sign_in(person.dn, person.password)


def test_no_default_in_the_settings_is_no_guess(slapd: Slapd) -> None:
    """The server's judgement decides; the default policy is not looked for."""
    locked, free = slapd.add_person(), slapd.add_person(policy="timed")
    slapd.lock(locked)
    with client_of(slapd) as client:
        assert look(client, locked, rules=NO_DEFAULT).locked
        assert look(client, locked, rules=NO_DEFAULT).policy.knowledge is Knowledge.UNKNOWN
        assert look(client, free, rules=NO_DEFAULT).policy.knowledge is Knowledge.KNOWN


@pytest.mark.parametrize(
    "hidden", ["pwdAttribute", "pwdAttribute,pwdLockout", "pwdLockout", "pwdLockoutDuration", "pwdMaxIdle"]
)
def test_a_policy_seen_in_part_is_not_believed(start_slapd: Callable[..., Slapd], hidden: str) -> None:
    """A hidden pwdLockout would look like FALSE, and let everybody go."""
    rule = f'access to dn.subtree="{POLICIES}" attrs={hidden} by dn.exact="{AGENT_DN}" none by * break'
    server = start_slapd(access=(rule,))
    person = server.add_person()
    with client_of(server) as client:
        policy = look(client, person).policy
    assert policy.knowledge is Knowledge.UNKNOWN
    assert "cannot be read whole" in policy.source
