"""The two recipes of rights, applied to a real slapd: what the agent can do with each, and what it cannot."""

from collections.abc import Callable, Iterator
from typing import Any

import ldap3
import pytest

from agent.directories.openldap_rights import read_of_people
from ims.locks import LockReason
from tests.support.people import ACME
from tests.support.rights import (
    FOR_GOOD,
    GENEROUS,
    INSUFFICIENT,
    MEAGRE,
    NO_SUCH_OBJECT,
    Firm,
    as_agent,
    everything,
    modified,
)
from tests.support.rights import code as result_of
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE, GROUPS, PEOPLE, policy_dn

pytestmark = pytest.mark.servers
ADD, DELETE, REPLACE = ldap3.MODIFY_ADD, ldap3.MODIFY_DELETE, ldap3.MODIFY_REPLACE
MARKER = "pwdAccountLockedTime"
REFUSED = {INSUFFICIENT, NO_SUCH_OBJECT}
OTHER_SERVER = 71
"""What slapd says of a new name for its suffix: that would belong to another server."""
VALUES = {
    "objectClass": "extensibleObject",
    "cn": "Mallory",
    "sn": "Mallory",
    "uid": "mallory",
    "mail": "mallory@example.test",
    "departmentNumber": "1043",
    "employeeType": "chief",
    "description": "harmless",
    "userPassword": "known-to-mallory",
    "member": AGENT_DN,
    "owner": AGENT_DN,
    "seeAlso": AGENT_DN,
    "o": "Mallory Inc.",
    "ou": "elsewhere",
    MARKER: FOR_GOOD,
    "pwdReset": "TRUE",
    "pwdPolicySubentry": policy_dn("none"),
    "pwdStartTime": "20990101000000Z",
    "pwdEndTime": "20000101000000Z",
    "pwdLockout": "FALSE",
    "pwdMaxFailure": "0",
    "pwdAttribute": "userPassword",
}
"""Something valid to write for everything that somebody might want to write."""


# --- what it can do --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restore", [False, True])
def test_a_pass_and_an_unlock_have_all_they_need(firm: Callable[..., Firm], *, restore: bool) -> None:
    """From nothing at all: locks and members come and go, the canary is seen, an unlock is written and verified."""
    one = firm(MEAGRE)
    one.grant(restore=restore)
    world, ada = one.world, one.ada
    bob = world.person("bob", policy="timed")
    world.people(5)
    world.reconcile()
    assert (world.state().error, world.state().kept_back) == ("", "")
    one.slapd.lock(ada)
    one.slapd.lock(bob)
    world.tick()
    assert world.reasons(ada) == world.reasons(bob) == [LockReason.PASSWORD_ATTEMPTS]
    assert world.user(bob).locks[0].until is not None
    assert world.unlock(ada).locks == ()
    assert one.slapd.sign_in(ada.dn, ada.password)
    one.slapd.modify(bob.dn, pwdAccountLockedTime=[])
    world.leave(ada)
    world.tick()
    assert world.reasons(bob) == []
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]


def test_an_affiliation_is_given_back_with_the_recipe_for_it(firm: Callable[..., Firm]) -> None:
    """The group's member is added, and stays when the agent is asked to take it away."""
    one = firm(MEAGRE)
    one.grant(restore=True)
    world, ada = one.world, one.ada
    world.reconcile()
    world.leave(ada)
    world.tick()
    world.later(hours=25)
    world.tick()
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]
    assert world.unlock(ada).locks == ()
    assert ada.dn.encode() in one.slapd.read(world.staff)["member"]
    with as_agent(one.slapd) as agent:
        assert modified(agent, ada.dn, ADD, "departmentNumber", "Help Desk \\ (1)") == 0
        assert modified(agent, ada.dn, DELETE, "departmentNumber", "Help Desk \\ (1)") == INSUFFICIENT
        assert modified(agent, world.staff, DELETE, "member", ada.dn) == INSUFFICIENT


def test_a_renamed_group_and_a_moved_user_are_still_found(firm: Callable[..., Firm]) -> None:
    """Identity goes by entry ids, so that these must be readable wherever the entry went."""
    one = firm(MEAGRE)
    one.grant(restore=False)
    one.world.reconcile()
    with one.slapd.connected() as admin:
        admin.modify_dn(one.world.staff, "cn=renamed")
    one.world.reconcile()
    assert one.world.reasons(one.ada) == []


def test_the_account_usability_control_answers(firm: Callable[..., Firm]) -> None:
    """slapd's own judgement, for what no attribute shows: it takes the right to compare passwords."""
    one = firm(MEAGRE)
    one.grant(restore=False)
    with one.world.directory.client() as client:
        assert client.usability(one.ada.dn) is not None
        assert client.search_one("", ("supportedControl",)) is not None


# --- what it cannot do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restore", [False, True])
def test_nothing_else_can_be_written(firm: Callable[..., Firm], *, restore: bool) -> None:
    """Under rules by which everybody may write everything: every attribute of every kind of entry, in every way."""
    one = firm(GENEROUS)
    with as_agent(one.slapd) as agent:
        assert modified(agent, one.ada.dn, REPLACE, "description", "secret") == 0
    one.grant(restore=restore)
    before = everything(one.slapd)
    with as_agent(one.slapd) as agent:
        results = {attempt: modified(agent, *attempt) for dn in one.targets for attempt in _attempts(dn, before[dn])}
    allowed = {attempt: result for attempt, result in results.items() if result not in REFUSED}
    may_unlock = {(dn, DELETE, MARKER) for dn in (one.ada.dn, one.world.keeper.dn, one.world.unit)}
    may_unlock |= {(dn, REPLACE, MARKER) for dn, _, _ in may_unlock}
    may_restore = {(one.world.staff, ADD, "member")} if restore else set()
    assert {attempt[:3] for attempt in allowed} == may_unlock | may_restore
    assert not [attempt for attempt in allowed if attempt[1] == REPLACE and attempt[3:]]
    assert len(results) > 900
    assert _but_for_stamps(everything(one.slapd)) == _but_for_stamps(before)


def _attempts(dn: str, entry: dict[str, list[bytes]]) -> Iterator[tuple[Any, ...]]:
    """Yield every way to change an attribute, with a value that is there and one that is not."""
    there = {name.lower(): values for name, values in entry.items()}
    for name, value in VALUES.items():
        values = [value.encode(), *there.get(name.lower(), [])[:1]]
        for one in values:
            yield (dn, ADD, name, one)
            yield (dn, DELETE, name, one)
            yield (dn, REPLACE, name, one)
        yield (dn, DELETE, name)
        yield (dn, REPLACE, name)


def _but_for_stamps(entries: dict[str, dict[str, list[bytes]]]) -> dict[str, dict[str, list[bytes]]]:
    """Return entries without what a change moves that removes a marker which is not there."""
    stamps = {"entryCSN", "modifyTimestamp", "modifiersName", "contextCSN"}
    return {dn: {k: v for k, v in entry.items() if k not in stamps} for dn, entry in entries.items()}


@pytest.mark.parametrize("restore", [False, True])
def test_no_entry_can_be_added_removed_renamed_or_moved(firm: Callable[..., Firm], *, restore: bool) -> None:
    """Whatever others may."""
    one = firm(GENEROUS)
    one.grant(restore=restore)
    before = everything(one.slapd)
    with as_agent(one.slapd) as agent:
        for parent in (one.world.unit, GROUPS, BASE):
            agent.add(f"cn=new,{parent}", "organizationalRole", {"cn": "new"})
            assert result_of(agent) in REFUSED
        for dn in one.targets:
            agent.delete(dn)
            assert result_of(agent) in REFUSED
            agent.modify_dn(dn, "cn=renamed")
            assert result_of(agent) in {*REFUSED, OTHER_SERVER}
        agent.modify_dn(one.ada.dn, f"uid={one.ada.uid}", new_superior=GROUPS)
        assert result_of(agent) in REFUSED
    assert everything(one.slapd) == before


@pytest.mark.parametrize("restore", [False, True])
def test_passwords_cannot_be_read_or_changed(firm: Callable[..., Firm], *, restore: bool) -> None:
    """Not by attribute, not by filter, not by the password modify operation; not even its own."""
    one = firm(GENEROUS)
    one.grant(restore=restore)
    with as_agent(one.slapd) as agent:
        agent.search(BASE, "(objectClass=*)", attributes=["*", "+", "userPassword"])
        seen = {entry["dn"]: {name.lower() for name in entry["raw_attributes"]} for entry in agent.response}
        assert one.ada.dn in seen
        assert not [dn for dn, names in seen.items() if "userpassword" in names]
        for condition in ("(userPassword=*)", f"(userPassword={one.ada.password})", "(!(userPassword=*))"):
            agent.search(BASE, condition, attributes=["1.1"])
            assert agent.response == []
        for dn in (one.ada.dn, AGENT_DN):
            agent.extend.standard.modify_password(dn, new_password="known-to-mallory")
            assert result_of(agent) in REFUSED
    assert one.slapd.sign_in(one.ada.dn, one.ada.password)
    assert one.slapd.sign_in(AGENT_DN, AGENT_PASSWORD)


def test_only_what_is_needed_is_read(firm: Callable[..., Firm]) -> None:
    """A person's other attributes are nobody's business; of other entries only that they are there."""
    one = firm(GENEROUS)
    one.grant(restore=True)
    with as_agent(one.slapd) as agent:
        agent.search(BASE, "(objectClass=*)", attributes=["*", "+"])
        seen = {entry["dn"]: {name.lower() for name in entry["raw_attributes"]} for entry in agent.response}
        agent.search(BASE, "(description=secret)", attributes=["1.1"])
        assert agent.response == []
    bare = {"objectclass", "entryuuid", "entrycsn"}
    assert seen[one.ada.dn] <= {name.lower() for name in read_of_people(one.needs)}
    assert seen[one.world.staff] == seen[one.auditors] == {*bare, "member"}
    assert seen[one.other] == seen[BASE] == seen[PEOPLE] == bare


@pytest.mark.parametrize("restore", [False, True])
def test_members_are_added_to_the_named_groups_only(firm: Callable[..., Firm], *, restore: bool) -> None:
    """With the recipe for it, and only people; a role's group never."""
    one = firm(GENEROUS)
    one.grant(restore=restore)
    eve = one.world.person("eve", staff=False)
    with as_agent(one.slapd) as agent:
        assert modified(agent, one.world.staff, ADD, "member", eve.dn) == (0 if restore else INSUFFICIENT)
        assert modified(agent, one.world.staff, ADD, "member", AGENT_DN) == INSUFFICIENT
        assert modified(agent, one.auditors, ADD, "member", eve.dn) == INSUFFICIENT
        assert modified(agent, one.other, ADD, "member", eve.dn) == INSUFFICIENT
        assert modified(agent, eve.dn, ADD, "departmentNumber", "1043") == INSUFFICIENT


def test_nobody_can_be_locked_and_the_canary_stays_locked(firm: Callable[..., Firm]) -> None:
    """The right to remove a marker is no right to set one."""
    one = firm(GENEROUS)
    one.grant(restore=True)
    with as_agent(one.slapd) as agent:
        assert modified(agent, one.ada.dn, ADD, MARKER, FOR_GOOD) == INSUFFICIENT
        assert modified(agent, one.ada.dn, REPLACE, MARKER, FOR_GOOD) == INSUFFICIENT
        assert modified(agent, one.canary.dn, DELETE, MARKER) == INSUFFICIENT
        one.slapd.lock(one.ada)
        assert modified(agent, one.ada.dn, DELETE, MARKER) == 0


def test_everybody_else_keeps_their_rights(firm: Callable[..., Firm]) -> None:
    """The rules concern the agent alone."""
    one = firm(GENEROUS)
    one.grant(restore=True)
    with one.slapd.connected(one.ada.dn, one.ada.password) as ada:
        ada.modify(one.ada.dn, {"description": [(REPLACE, ["mine"])], "userPassword": [(REPLACE, ["new-one"])]})
    assert one.slapd.sign_in(one.ada.dn, "new-one")
    assert one.slapd.text(one.ada.dn, "description") == "mine"


def test_names_full_of_special_characters_are_meant_as_they_are(firm: Callable[..., Firm]) -> None:
    """A group whose DN and an attribute whose value would break out of quotation marks."""
    one = firm(GENEROUS)
    group = f'cn=Müller\\, "Söhne" \\+ Co\\5C x,{GROUPS}'.replace('"', '\\"')
    with one.slapd.connected() as admin:
        admin.add(group, "groupOfNames", {"cn": 'Müller, "Söhne" + Co\\ x', "member": [one.world.keeper.dn]})
    one.world.configure(rules={"odd": {"tenant": ACME, "group": group, "restore": True}})
    one.grant(restore=True)
    with as_agent(one.slapd) as agent:
        assert modified(agent, group, ADD, "member", one.ada.dn) == 0
        assert modified(agent, group, DELETE, "member", one.ada.dn) == INSUFFICIENT
        assert modified(agent, one.world.staff, ADD, "member", AGENT_DN) == INSUFFICIENT


def test_applied_twice_is_refused_whole(firm: Callable[..., Firm]) -> None:
    """Nothing is there twice, and the rights are as they were."""
    one = firm(MEAGRE)
    one.grant(restore=True)
    with pytest.raises(AssertionError, match="Type or value exists"):
        one.grant(restore=True)
    one.world.reconcile()
    assert one.world.reasons(one.ada) == []
