"""F04, F05, F15: rights that are lost, and a base that is gone. What cannot be read is not evidence of anything."""

import ldap3
import pytest

from tests.support.office import Office
from tests.support.slapd_config import AGENT_DN, BASE, POLICIES
from tests.support.sync_world import CORP

pytestmark = pytest.mark.servers
REFUSED = f'by dn.exact="{AGENT_DN}" none by anonymous auth by * none'
HIDDEN = {
    "everybody": "access to dn.children={unit}",
    "the unit": "access to dn.subtree={unit}",
    "the lock attribute": "access to attrs=pwdAccountLockedTime",
    "the lock attribute of one": "access to dn.exact={ada} attrs=pwdAccountLockedTime",
    "the policies": f'access to dn.subtree="{POLICIES}"',
    "the group": "access to dn.exact={staff}",
    "the members": "access to dn.exact={staff} attrs=member",
    "the ids": "access to attrs=entryUUID",
    "the stamps": "access to attrs=entryCSN",
    "the names": "access to attrs=uid",
}


@pytest.mark.parametrize("what", list(HIDDEN))
def test_f04_f15_a_right_that_is_lost(own_office: Office, what: str) -> None:
    """Each search ends in success all the same: nobody is freed or locked by it, it is told, and it mends itself."""
    world = own_office.world
    rule = HIDDEN[what].format(unit=f'"{world.unit}"', staff=f'"{world.staff}"', ada=f'"{own_office["ada"].dn}"')
    world.slapd.restart(access=(f"{rule} {REFUSED}",))
    own_office.happen()
    own_office.endure()
    own_office.endure()
    told = world.state().error or world.store.passes()[0].notes
    assert bool(told) == (what != "the policies"), "without a policy slapd itself is asked about each account"
    world.slapd.restart(access=())
    own_office.assert_heals()


def test_f15_with_a_canary_the_first_pass_after_it_believes_everything(own_office: Office) -> None:
    """The canary's lock is seen again: an unlock made in the dark is taken over at once."""
    world = own_office.world
    canary = world.slapd.add_person("canary", parent=f"ou=services,{BASE}")
    world.slapd.lock(canary)
    world.configure(canary=canary.dn)
    own_office.oracle.assert_recovers(world.reconcile)
    world.slapd.restart(access=(f"{HIDDEN['the lock attribute']} {REFUSED}",))
    own_office.happen()
    own_office.endure()
    assert not world.store.passes()[0].canary_seen
    world.slapd.restart(access=())
    assert own_office.oracle.assert_recovers(world.tick, world.reconcile) <= 2
    assert world.store.passes()[0].canary_seen


@pytest.mark.parametrize("gone", ["renamed", "moved away", "emptied"])
def test_f05_the_base_is_gone(own_office: Office, gone: str) -> None:
    """A unit that was renamed is no unit without people: 32, or success and nobody."""
    world = own_office.world
    own_office.happen()
    there, elsewhere = world.unit, f"ou=elsewhere-{world.mark},{BASE}"
    with world.slapd.connected() as admin:
        match gone:
            case "renamed":
                admin.modify_dn(there, elsewhere.partition(",")[0])
            case "moved away":
                admin.add(elsewhere, "organizationalUnit")
                admin.modify_dn(there, there.partition(",")[0], new_superior=elsewhere)
            case _:
                admin.add(elsewhere, "organizationalUnit")
                _move_all(admin, there, elsewhere)
    before = world.versions()
    own_office.attempt(world.tick)
    own_office.attempt(world.reconcile)
    own_office.attempt(world.reconcile)
    assert world.versions().keys() == before.keys()
    assert not any(
        user.entries[0].missing_since for user in world.store.behind(CORP, world.store.entry_ids(CORP)).values()
    )
    with world.slapd.connected() as admin:
        match gone:
            case "renamed":
                admin.modify_dn(elsewhere, there.partition(",")[0])
            case "moved away":
                admin.modify_dn(f"{there.partition(',')[0]},{elsewhere}", there.partition(",")[0], new_superior=BASE)
            case _:
                _move_all(admin, elsewhere, there)
    own_office.assert_heals()


def _move_all(admin: ldap3.Connection, there: str, elsewhere: str) -> None:
    admin.search(there, "(objectClass=inetOrgPerson)", ldap3.LEVEL)
    for item in list(admin.response):
        admin.modify_dn(item["dn"], item["dn"].partition(",")[0], new_superior=elsewhere)
