"""What the entry shows in every situation on 389 Directory Server, compared with what the server does."""

from datetime import timedelta

import ldap3
import pytest

from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry
from ims.locks import LockReason
from tests.support.agent_side import in_force
from tests.support.ns_slapd import BASE, POLICIES, SERVICES, policy_dn
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS, DISABLED = LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED
EPOCH, PAST, AHEAD = "19700101000000Z", "20200101000000Z", "20990101000000Z"
MARKERS = (EPOCH, PAST, AHEAD, "19700101000001Z", "20990101000000.5Z", "209901010000Z")


def look(world: SyncWorld, person: Person) -> tuple[Entry, Policy, Reading]:
    """Read one entry through the agent, with its policy and what it means now."""
    dialect, now = world.directory.dialect, world.clock.now()
    with world.directory.client() as client:
        entry = client.search_one(person.dn, dialect.wanted_attributes())
        assert entry is not None
        policy = dialect.policies(client, world.directory.reading).of(entry, now)
        return entry, policy, dialect.read_locks(entry, policy, now)


def locked(world: SyncWorld, person: Person) -> bool:
    """Return whether the agent takes somebody for locked."""
    return any(in_force(fact, world.clock.now()) for fact in look(world, person)[2].facts)


@pytest.mark.parametrize("policy", ["default", "timed", "none"])
@pytest.mark.parametrize("count", ["0", "2", "3", "7"])
def test_every_state_means_what_the_server_makes_of_it(ds389_world: SyncWorld, policy: str, count: str) -> None:
    """Count, time and policy decide together: a time that is over, or without its count, is no lock."""
    for number, marker in enumerate(("", *MARKERS)):
        person = ds389_world.person(f"one{number}", staff=False, policy=policy)
        ds389_world.slapd.modify(person.dn, passwordRetryCount=count, accountUnlockTime=[marker] if marker else [])
        is_locked = locked(ds389_world, person)
        assert is_locked is not ds389_world.slapd.sign_in(person.dn, person.password), marker


@pytest.mark.parametrize("marker", [EPOCH, PAST, AHEAD])
def test_a_time_without_a_count_is_no_lock(ds389_world: SyncWorld, marker: str) -> None:
    """It is left from a lock that is over."""
    person = ds389_world.person(staff=False, accountUnlockTime=marker)
    assert not locked(ds389_world, person)
    assert ds389_world.slapd.sign_in(person.dn, person.password)


@pytest.mark.parametrize(("value", "is_locked"), [("true", True), ("TrUe", True), ("false", False), ("yes", False)])
def test_only_true_disables(ds389_world: SyncWorld, value: str, is_locked: bool) -> None:  # noqa: FBT001 - of the test
    """In any case of letters."""
    person = ds389_world.person(staff=False, nsAccountLock=value)
    assert locked(ds389_world, person) is is_locked
    assert ds389_world.slapd.sign_in(person.dn, person.password) is not is_locked


def test_a_role_disables_without_an_attribute_on_the_entry(ds389_world: SyncWorld) -> None:
    """By a class of service; whoever leaves the role is free."""
    role, mark = f"cn=off-{ds389_world.mark},{BASE}", ds389_world.mark
    templates = f"cn=templates-{mark},{BASE}"
    with ds389_world.slapd.connected() as admin:
        simple = ["ldapsubentry", "nsRoleDefinition", "nsSimpleRoleDefinition", "nsManagedRoleDefinition"]
        admin.add(role, simple)
        admin.add(templates, "nsContainer")
        template = {"nsAccountLock": "true", "cosPriority": "0"}
        admin.add(f'cn="{role}",{templates}', ["extensibleObject", "costemplate", "ldapsubentry"], template)
        cos = {"cosTemplateDn": templates, "cosSpecifier": "nsRole", "cosAttribute": "nsAccountLock operational"}
        classes = ["ldapsubentry", "cosSuperDefinition", "cosClassicDefinition"]
        admin.add(f"cn=cos-{mark},{BASE}", classes, cos)
    ada = ds389_world.person()
    ds389_world.reconcile()
    ds389_world.slapd.modify(ada.dn, nsRoleDN=role)
    wait_until(lambda: not ds389_world.slapd.sign_in(ada.dn, ada.password), "the class of service takes effect")
    ds389_world.tick()
    assert ds389_world.reasons(ada) == [DISABLED]
    ds389_world.slapd.modify(ada.dn, nsRoleDN=[])
    wait_until(lambda: ds389_world.slapd.sign_in(ada.dn, ada.password), "the role is gone")
    ds389_world.tick()
    assert ds389_world.reasons(ada) == []


def test_a_local_policy_has_the_server_s_defaults_and_not_the_global_values(ds389_world: SyncWorld) -> None:
    """Globally locks are for good; a local policy that says nothing of it gives them an end after an hour."""
    dn = policy_dn(f"short-{ds389_world.mark}")
    with ds389_world.slapd.connected() as admin:
        admin.add(dn, ["ldapsubentry", "passwordpolicy"], {"passwordLockout": "on", "passwordMaxFailure": "2"})
    person = ds389_world.person(staff=False)
    ds389_world.slapd.modify(person.dn, pwdpolicysubentry=dn)
    ds389_world.slapd.lock(person, tries=2)
    _, policy, reading = look(ds389_world, person)
    assert (policy.max_failures, policy.duration) == (2, timedelta(hours=1))
    (fact,) = reading.facts
    assert fact.since is not None
    assert fact.until == fact.since + timedelta(hours=1)


def test_a_subtree_s_policy_comes_by_a_class_of_service(ds389_world: SyncWorld) -> None:
    """The name of the policy is made by the server, and stands on no entry."""
    unit = f"ou=temps,{ds389_world.unit}"
    with ds389_world.slapd.connected() as admin:
        admin.add(unit, "organizationalUnit")
        template = f"cn=template-{ds389_world.mark},{POLICIES}"
        values = {"cosPriority": "1", "pwdpolicysubentry": policy_dn("timed")}
        admin.add(template, ["extensibleObject", "costemplate", "ldapsubentry"], values)
        cos = {"cosTemplateDn": template, "cosAttribute": "pwdpolicysubentry default operational-default"}
        admin.add(f"cn=cos,{unit}", ["ldapsubentry", "cosSuperDefinition", "cosPointerDefinition"], cos)
    person = ds389_world.slapd.add_person(f"temp-{ds389_world.mark}", parent=unit)
    wait_until(lambda: ds389_world.slapd.text(person.dn, "pwdpolicysubentry"), "the class of service takes effect")
    ds389_world.slapd.lock(person)
    assert look(ds389_world, person)[1].duration == timedelta(minutes=30)


def test_under_a_policy_that_cannot_be_read_nobody_is_called_locked(ds389_world: SyncWorld) -> None:
    """Neither the policy nor the server's own judgement is to be had: that is said, and nothing is claimed."""
    person = ds389_world.person(staff=False)
    ds389_world.slapd.modify(person.dn, pwdpolicysubentry=f"cn=gone,{BASE}")
    ds389_world.slapd.lock(person)
    _, policy, reading = look(ds389_world, person)
    assert policy.knowledge is Knowledge.UNKNOWN
    assert reading.facts == ()
    assert reading.unread == {ATTEMPTS}
    assert "policy is not known" in reading.doubt


def test_where_the_policy_is_hidden_the_server_s_own_judgement_decides(ds389_world: SyncWorld) -> None:
    """The Account Usability control, for those who may ask for it."""
    feature = "oid=1.3.6.1.4.1.42.2.27.9.5.8,cn=features,cn=config"
    rule = f'(targetattr="*")(version 3.0; acl "usable"; allow (read, search) userdn="ldap:///uid=*,{SERVICES}";)'
    with ds389_world.slapd.connected() as admin:
        admin.modify(feature, {"aci": [(ldap3.MODIFY_REPLACE, [rule])]})
    try:
        person, free = ds389_world.person(staff=False), ds389_world.person("free", staff=False)
        for one in (person, free):
            ds389_world.slapd.modify(one.dn, pwdpolicysubentry=f"cn=gone,{BASE}")
            ds389_world.slapd.lock(one)
        ds389_world.slapd.modify(free.dn, accountUnlockTime=PAST)
        _, policy, reading = look(ds389_world, person)
        assert policy.usability is not None
        assert [fact.reason for fact in reading.facts] == [ATTEMPTS]
        assert not locked(ds389_world, free)
    finally:
        ds389_world.slapd.modify(feature, aci=[])


def test_hidden_lock_attributes_are_told_from_absent_ones(ds389_world: SyncWorld) -> None:
    """Only an entry whose lock attributes may be searched satisfies the filter, locked or not."""
    locked_one, free = ds389_world.person(staff=False), ds389_world.person("free", staff=False)
    ds389_world.slapd.lock(locked_one)
    condition = ds389_world.directory.dialect.readable_filter()
    blind = f"uid=blind-{ds389_world.mark},{SERVICES}"
    ds389_world.slapd.add_person(f"blind-{ds389_world.mark}", parent=SERVICES)
    rule = '(targetattr="uid || objectClass")(version 3.0; acl "blind"; allow (read, search, compare) '
    with ds389_world.slapd.connected() as admin:
        admin.modify(ds389_world.unit, {"aci": [("MODIFY_ADD", [f'{rule}userdn="ldap:///{blind}";)'])]})
    with ds389_world.directory.client() as client:
        assert all(client.search_one(one.dn, filter_=condition) for one in (locked_one, free))
    ds389_world.configure(bind={"dn": blind, "password": f"right-blind-{ds389_world.mark}"})
    with ds389_world.directory.client() as client:
        assert client.search_one(free.dn, ("uid",)) is not None
        assert not any(client.search_one(one.dn, filter_=condition) for one in (locked_one, free))


def test_an_old_password_is_a_hint(ds389_world: SyncWorld) -> None:
    """No lock: a new password ends it, no unlock does."""
    dn = policy_dn(f"ageing-{ds389_world.mark}")
    with ds389_world.slapd.connected() as admin:
        admin.add(dn, ["ldapsubentry", "passwordpolicy"], {"passwordExp": "on", "passwordMustChange": "on"})
    person = ds389_world.person(staff=False)
    ds389_world.slapd.modify(person.dn, pwdpolicysubentry=dn, passwordExpirationTime=PAST)
    assert look(ds389_world, person)[2].hint == "the password has expired"
    ds389_world.slapd.modify(person.dn, passwordExpirationTime=EPOCH)
    assert look(ds389_world, person)[2].hint == "the password must be changed at the next sign-in"
    assert look(ds389_world, person)[2].facts == ()
