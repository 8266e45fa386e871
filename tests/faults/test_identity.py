"""F20 to F23: who somebody is does not depend on what they are called, or where they are kept."""

import pytest

from ims.locks import LockReason
from tests.support.office import Office
from tests.support.oracle import Oracle
from tests.support.slapd import Person
from tests.support.slapd_config import PEOPLE
from tests.support.sync_world import SyncWorld

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("no_secret_shown")]


def move(world: SyncWorld, dn: str, rdn: str, parent: str = "") -> str:
    """Rename an entry, and move it where `parent` says so. Return its DN."""
    above = parent or dn.partition(",")[2]
    with world.slapd.connected() as admin:
        admin.modify_dn(dn, rdn, new_superior=parent or None)
    return f"{rdn},{above}"


def test_f20_renamed_moved_and_swapped_in_one_reading(office: Office) -> None:
    """Locked ones among them: the ids stay, and the locks with them."""
    world = office.world
    names = ("ada", "bob", "cyd", "dee", "fay", "tim")
    before = {name: world.user(office[name]).id for name in names}
    other = f"ou=other,{world.unit}"
    with world.slapd.connected() as admin:
        admin.add(other, "organizationalUnit")
    ada, bob, dee = office["ada"], office["bob"], office["dee"]
    move(world, ada.dn, f"uid=between-{world.mark}")
    move(world, bob.dn, f"uid={ada.uid}")
    move(world, f"uid=between-{world.mark},{world.unit}", f"uid={bob.uid}")
    move(world, dee.dn, f"uid=diana-{world.mark}", other)
    move(world, office["cyd"].dn, f"uid={office['cyd'].uid}", other)
    move(world, office["tim"].dn, f"uid={dee.uid}")
    office.oracle.assert_recovers(world.tick, world.reconcile)
    called = {"ada": bob.uid, "bob": ada.uid, "cyd": office["cyd"].uid, "dee": f"diana-{world.mark}", "tim": dee.uid}
    assert {name: world.user(uid).id for name, uid in called.items()} == {name: before[name] for name in called}
    assert world.reasons(ada.uid) == []
    assert world.reasons(bob.uid) == [LockReason.PASSWORD_ATTEMPTS]


def test_f20_a_ring_of_names_over_several_readings(office: Office) -> None:
    """Each reading catches the ring at another point, and no moment has two users of one name."""
    world = office.world
    people = [office[name] for name in ("ada", "bob", "cyd")]
    ids = [world.user(person).id for person in people]
    free = move(world, people[0].dn, f"uid=free-{world.mark}")
    office.oracle.assert_recovers(world.tick)
    second = move(world, people[1].dn, f"uid={people[0].uid}")
    office.oracle.assert_recovers(world.tick)
    third = move(world, people[2].dn, f"uid={people[1].uid}")
    office.oracle.assert_recovers(world.tick)
    first = move(world, free, f"uid={people[2].uid}")
    office.oracle.assert_recovers(world.tick, world.reconcile)
    assert [world.user(dn.partition(",")[0].removeprefix("uid=")).id for dn in (first, second, third)] == ids


def test_f21_deleted_and_made_anew_under_the_same_name(office: Office) -> None:
    """Another identity: it waits for a person's decision, and inherits neither the lock nor the rights."""
    world = office.world
    office.world.slapd.delete(office["bob"].dn)
    again = _again(world, office["bob"])
    old = world.user(again)
    world.tick()
    world.reconcile()
    office.oracle.assert_settled(quarantined=(again,))
    assert world.user(again).id == old.id
    assert world.reasons(again) == [LockReason.ABSENT]
    assert [link.entry_id for link in world.user(again).entries] == [office["bob"].entry_id]
    move(world, again.dn, f"uid=another-{world.mark}")
    office.oracle.assert_recovers(world.tick, world.reconcile)
    assert world.user(f"another-{world.mark}").id != old.id
    assert world.reasons(f"another-{world.mark}") == []


def test_f21_a_locked_one_does_not_become_free_by_being_made_anew(office: Office) -> None:
    """The lock of the old entry stays with the old user, whatever the new entry says."""
    world = office.world
    world.slapd.delete(office["ada"].dn)
    again = _again(world, office["ada"])
    for run in (world.tick, world.reconcile, world.tick):
        run()
        office.oracle.assert_safe()
    assert set(world.reasons(again)) == {LockReason.PASSWORD_ATTEMPTS, LockReason.ABSENT}


@pytest.mark.parametrize("way", ["out of the base", "out of the filter", "out of the group"])
def test_f22_out_of_scope_and_back(world: SyncWorld, way: str) -> None:
    """Absent or unaffiliated while away; back within the grace as if nothing had been, with the locks of the entry."""
    world.configure(users={"base": world.unit, "filter": "(&(objectClass=inetOrgPerson)(!(employeeType=robot)))"})
    people = [world.person("ada"), world.person("bob")]
    world.slapd.lock(people[0])
    oracle = Oracle.of(world)
    oracle.assert_recovers(world.reconcile)
    ids = {world.user(person).id for person in people}
    _go(world, people, way)
    world.tick()
    world.reconcile()
    lost = LockReason.UNAFFILIATED if way == "out of the group" else LockReason.ABSENT
    assert set(world.reasons(people[0])) == {LockReason.PASSWORD_ATTEMPTS, lost}
    assert world.reasons(people[1]) == [lost]
    _come_back(world, people, way)
    oracle.assert_recovers(world.tick, world.reconcile)
    assert {world.user(person).id for person in people} == ids


def test_f23_two_entries_with_one_key(office: Office) -> None:
    """Two new ones wait; a third with a known user's name waits, and the known one is as before; the rest goes on."""
    world = office.world
    other = f"ou=other,{world.unit}"
    with world.slapd.connected() as admin:
        admin.add(other, "organizationalUnit")
    one = world.person("eva")
    two = world.slapd.add_person(one.uid.upper(), parent=other)
    three = world.slapd.add_person(office["ada"].uid, parent=other)
    world.join(two, three)
    world.slapd.lock(office["cyd"])
    office.oracle.assert_recovers(world.tick, world.reconcile, quarantined=(one, two, three))
    assert world.find(one) is None
    assert world.user(office["ada"]).entries[0].entry_id == office["ada"].entry_id
    move(world, two.dn, f"uid=second-{world.mark}")
    move(world, three.dn, f"uid=third-{world.mark}")
    office.oracle.assert_recovers(world.tick, world.reconcile)


def test_f23_two_known_ones_with_one_key(office: Office) -> None:
    """One is renamed to the other's name in another unit: the store keeps both as they were until that is mended."""
    world = office.world
    other = f"ou=other,{world.unit}"
    with world.slapd.connected() as admin:
        admin.add(other, "organizationalUnit")
    ids = [world.user(office[name]).id for name in ("ada", "bob")]
    dn = move(world, office["bob"].dn, f"uid={office['ada'].uid}", other)
    world.tick()
    world.reconcile()
    office.oracle.assert_settled(quarantined=(office["bob"],))
    assert world.user(office["ada"]).id == ids[0]
    assert world.reasons(office["ada"]) == [LockReason.PASSWORD_ATTEMPTS]
    move(world, dn, f"uid={office['bob'].uid}")
    office.oracle.assert_recovers(world.tick, world.reconcile)
    assert world.user(office["bob"]).id == ids[1]


def _again(world: SyncWorld, person: Person) -> Person:
    made = world.slapd.add_person(person.uid, parent=world.unit)
    world.join(made)
    return made


def _go(world: SyncWorld, people: list[Person], way: str) -> None:
    for person in people:
        match way:
            case "out of the base":
                move(world, person.dn, f"uid={person.uid}", PEOPLE)
            case "out of the filter":
                world.slapd.modify(person.dn, employeeType="robot")
            case _:
                world.leave(person)


def _come_back(world: SyncWorld, people: list[Person], way: str) -> None:
    for person in people:
        match way:
            case "out of the base":
                move(world, f"uid={person.uid},{PEOPLE}", f"uid={person.uid}", world.unit)
            case "out of the filter":
                world.slapd.modify(person.dn, employeeType=[])
            case _:
                world.join(person)
