"""An affiliation given back by an unlock: by adding, where settings allow it, and never where it gives a role."""

import pytest

from ims.errors import StillLocked
from ims.locks import LockReason
from ims.people import AffiliationStatus
from tests.support.people import ACME
from tests.support.slapd import Person
from tests.support.slapd_config import AGENT_DN, GROUPS
from tests.support.sync_world import CORP, SyncWorld

pytestmark = pytest.mark.servers
LOST = LockReason.UNAFFILIATED


def lost(world: SyncWorld, *, restore: bool) -> Person:
    """Add somebody who left the group longer ago than the grace."""
    ada = world.person()
    world.person("bob")
    world.configure(rules={"staff": {"tenant": ACME, "group": world.staff, "restore": restore}})
    world.reconcile()
    world.leave(ada)
    world.tick()
    world.later(hours=25)
    world.tick()
    assert world.reasons(ada) == [LOST]
    return ada


def test_whoever_came_back_is_unlocked_without_a_write(world: SyncWorld) -> None:
    """The directory agrees already."""
    ada = lost(world, restore=False)
    world.join(ada)
    world.tick()
    assert world.reasons(ada) == [LOST]
    user = world.unlock(ada)
    assert user.locks == ()
    assert user.affiliation is not None
    assert user.affiliation.status is AffiliationStatus.AFFILIATED
    world.tick()
    assert world.reasons(ada) == []


def test_without_leave_to_restore_the_caller_is_told_what_to_do(world: SyncWorld) -> None:
    """409, with the group's name."""
    ada = lost(world, restore=False)
    with pytest.raises(StillLocked, match=f"put into the group {world.staff}"):
        world.unlock(ada)
    assert world.reasons(ada) == [LOST]


MAY_ADD = f'access to dn.subtree="{GROUPS}" attrs=member by dn.exact="{AGENT_DN}" =arscxd by * read'
"""The agent may add members to groups, and take none away."""


def test_the_affiliation_is_restored_by_adding_the_member(own_world: SyncWorld) -> None:
    """And a pass that follows agrees."""
    own_world.slapd.restart(access=(MAY_ADD,))
    ada = lost(own_world, restore=True)
    user = own_world.unlock(ada)
    assert user.locks == ()
    assert ada.dn.encode() in own_world.slapd.read(own_world.staff)["member"]
    own_world.tick()
    assert own_world.reasons(ada) == []


def test_a_group_that_gives_a_role_is_never_joined(own_world: SyncWorld) -> None:
    """However its DN is spelled."""
    own_world.slapd.restart(access=(MAY_ADD,))
    ada = lost(own_world, restore=True)
    other_spelling = own_world.staff.replace("cn=", "CN=")
    own_world.configure(tenants={"acme": {"roles": {"auditor": {"directory": CORP, "group": other_spelling}}}})
    with pytest.raises(StillLocked, match="gives a role"):
        own_world.unlock(ada)
    assert ada.dn.encode() not in own_world.slapd.read(own_world.staff)["member"]


def test_the_affiliation_is_restored_by_adding_the_value(own_world: SyncWorld) -> None:
    """What other values there are stays."""
    attributes = {"departmentNumber": "42"}
    ada, _ = (own_world.person(name, staff=False, **attributes) for name in ("ada", "bob"))
    rule = {"tenant": ACME, "attribute": "departmentNumber", "value": "42", "restore": True}
    own_world.configure(rules={"desk": rule})
    own_world.reconcile()
    own_world.slapd.modify(ada.dn, departmentNumber="7")
    own_world.tick()
    assert own_world.reasons(ada) == [LOST]
    with pytest.raises(StillLocked, match="insufficientAccessRights"):
        own_world.unlock(ada)
    may_write = f'access to attrs=departmentNumber by dn.exact="{AGENT_DN}" write by * read'
    own_world.slapd.restart(access=(may_write,))
    assert own_world.unlock(ada).locks == ()
    assert sorted(own_world.slapd.read(ada.dn, "departmentNumber")["departmentnumber"]) == [b"42", b"7"]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"guests": {"tenant": ACME, "subtree": "ou=guests,{unit}"}}, "moved below ou=guests"),
        ({"desk": {"tenant": ACME, "attribute": "title", "value": "Dr"}}, "given title=Dr"),
        ({"others": {"tenant": "globex", "attribute": "title", "value": "Dr"}}, "affiliated by another directory"),
    ],
)
def test_what_no_write_can_give_back_is_told(world: SyncWorld, rules: dict[str, dict[str, str]], told: str) -> None:
    """With what the directory's administrators have to do."""
    ada = lost(world, restore=False)
    written = {
        name: {key: value.format(unit=world.unit) for key, value in rule.items()} for name, rule in rules.items()
    }
    world.configure(rules=written)
    with pytest.raises(StillLocked, match=told):
        world.unlock(ada)
