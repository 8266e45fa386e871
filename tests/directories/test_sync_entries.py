"""Entries that move, vanish, come back, collide or are broken: each keeps its identity, and none stops the others."""

import ldap3
import pytest

from ims.locks import LockReason
from ims.people import ConnectionName, Profile
from ims.provisioning import create
from tests.support.people import ACME, provisioner
from tests.support.sync_world import CORP, SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ABSENT = [LockReason.ABSENT]


def move(world: SyncWorld, dn: str, rdn: str, parent: str | None = None) -> str:
    """Rename or move an entry, and return its new DN; the group follows by refint, a moment later."""
    new_dn = f"{rdn},{parent or world.unit}"
    with world.slapd.connected() as admin:
        admin.modify_dn(dn, rdn, new_superior=parent)
    wait_until(lambda: dn.encode() not in world.slapd.read(world.staff)["member"], "the group follows")
    return new_dn


def sub_unit(world: SyncWorld, name: str) -> str:
    """Add a unit below the world's."""
    with world.slapd.connected() as admin:
        admin.add(f"ou={name},{world.unit}", "organizationalUnit")
    return f"ou={name},{world.unit}"


def test_a_renamed_and_moved_entry_is_the_same_user(world: SyncWorld) -> None:
    """Its locks go along, and so does its affiliation (the group follows by refint)."""
    ada = world.person()
    world.slapd.lock(ada)
    world.reconcile()
    before = world.user(ada)
    eva = world.name("eva")
    dn = move(world, ada.dn, f"uid={eva}", sub_unit(world, "moved"))
    for _ in range(2):
        world.tick()
        after = world.user(eva)
        assert (after.id, after.entries[0].dn) == (before.id, dn)
        assert world.reasons(eva) == [LockReason.PASSWORD_ATTEMPTS]
    assert world.find(ada) is None


def test_two_who_swap_their_names_stay_who_they_are(world: SyncWorld) -> None:
    """In one reading; no moment has two users of one name."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    ids = world.user(ada).id, world.user(bob).id
    move(world, ada.dn, f"uid=swapping-{world.mark}")
    move(world, bob.dn, f"uid={ada.uid}")
    move(world, f"uid=swapping-{world.mark},{world.unit}", f"uid={bob.uid}")
    world.tick()
    assert (world.user(bob).id, world.user(ada).id) == ids
    assert world.quarantine() == {}


def test_a_deleted_entry_is_absent_after_two_complete_readings(world: SyncWorld) -> None:
    """A tick sees nothing of it; the first reconcile only remembers it."""
    world.configure(affiliation={"confirm": "10m"})
    ada = world.person()
    world.reconcile()
    world.slapd.delete(ada.dn)
    world.tick()
    assert world.user(ada).entries[0].missing_since is None
    world.reconcile()
    assert world.reasons(ada) == []
    world.later(minutes=10)
    world.tick()
    assert world.reasons(ada) == []
    assert world.reconcile().report.raised == 1
    assert world.reasons(ada) == ABSENT


def test_an_entry_that_comes_back_is_no_longer_absent(world: SyncWorld) -> None:
    """Moved out of the base and back: the same entry id, the same user."""
    ada = world.person()
    world.reconcile()
    outside = move(world, ada.dn, f"uid={ada.uid}", "ou=people,dc=example,dc=test")
    world.reconcile()
    assert world.reasons(ada) == ABSENT
    move(world, outside, f"uid={ada.uid}", world.unit)
    world.tick()
    assert world.reasons(ada) == []


def test_an_entry_that_is_no_user_any_more_is_absent(world: SyncWorld) -> None:
    """It left the filter."""
    world.configure(users={"base": world.unit, "filter": "(&(objectClass=inetOrgPerson)(!(employeeType=robot)))"})
    ada = world.person()
    world.reconcile()
    world.slapd.modify(ada.dn, employeeType="robot")
    world.reconcile()
    assert world.reasons(ada) == ABSENT


def test_a_new_entry_by_an_old_name_is_another_person(world: SyncWorld) -> None:
    """Deleted and made anew: neither locks nor rights go over, until the old user is gone."""
    ada = world.person()
    world.slapd.lock(ada)
    world.reconcile()
    old = world.user(ada)
    world.slapd.delete(ada.dn)
    again = world.person()
    assert (again.uid, again.entry_id != ada.entry_id) == (ada.uid, True)
    world.tick()
    assert "same name, new identity" in world.quarantine()[again.entry_id]
    world.reconcile()
    assert world.user(ada).id == old.id
    assert sorted(world.reasons(ada)) == sorted([LockReason.PASSWORD_ATTEMPTS, LockReason.ABSENT])
    assert again.entry_id in world.quarantine()


def test_a_user_whom_a_connection_created_is_linked_by_name(world: SyncWorld) -> None:
    """The directory now decides what it maps; the connection keeps what is its own."""
    ada = world.person("ada", staff=False)
    world.reconcile()
    profile = Profile(user_name=ada.uid.upper(), external_id="42", nick_name="Ada")
    created = create(world.store, world.clock, provisioner(ConnectionName("idp")), profile, active=True)
    world.join(ada)
    world.tick()
    user = world.user(ada)
    assert (user.id, user.connection, user.entries[0].entry_id) == (created.id, "idp", ada.entry_id)
    assert (user.profile.user_name, user.profile.external_id, user.profile.nick_name) == (ada.uid, "42", "Ada")


def test_two_new_entries_with_one_user_name_both_wait(world: SyncWorld) -> None:
    """Until one of them is renamed; everybody else is taken over."""
    other = sub_unit(world, "other")
    one = world.person("ada")
    two = world.slapd.add_person(one.uid.upper(), parent=other)
    world.join(two)
    report = world.reconcile().report
    assert (report.quarantined, report.changed) == (2, 1)
    assert set(world.quarantine()) == {one.entry_id, two.entry_id}
    since = {waiting.since for waiting in world.store.quarantine(CORP)}
    world.later(minutes=1)
    world.tick()
    assert {waiting.since for waiting in world.store.quarantine(CORP)} == since
    move(world, two.dn, f"uid=renamed-{world.mark}", other)
    world.tick()
    assert world.quarantine() == {}
    assert world.user(one).entries[0].entry_id == one.entry_id
    assert world.user(f"renamed-{world.mark}").entries[0].entry_id == two.entry_id


def test_a_user_name_that_another_user_has_waits(world: SyncWorld) -> None:
    """A known user's entry takes the name of somebody whom only a connection knows: the store refuses that one."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    taken = create(world.store, world.clock, provisioner(), Profile(user_name=world.name("eva")), active=True)
    move(world, ada.dn, f"uid={world.name('eva')}")
    world.slapd.modify(bob.dn, title="Sir")
    report = world.tick().report
    assert (report.complete, report.quarantined) == (True, 1)
    assert f"taken in {ACME}" in world.quarantine()[ada.entry_id]
    assert world.user(bob).profile.title == "Sir"
    assert world.user(world.name("eva")).id == taken.id
    assert world.user(ada).entries[0].entry_id == ada.entry_id


def test_a_broken_entry_waits_and_the_others_go_on(world: SyncWorld) -> None:
    """A value that is no text; it is mended, and the next tick takes it over."""
    ada, bob = world.person("ada"), world.person("bob")
    world.configure(attributes={"nickName": "audio"})
    with world.slapd.connected() as admin:
        admin.modify(ada.dn, {"audio": [(ldap3.MODIFY_REPLACE, [b"\xff\xfe\x00"])]})
    report = world.reconcile().report
    assert (report.quarantined, report.complete) == (1, True)
    assert "audio is no UTF-8 text" in world.quarantine()[ada.entry_id]
    assert world.user(bob).tenant == ACME
    assert world.find(ada) is None
    world.slapd.modify(ada.dn, audio=[])
    world.tick()
    assert world.quarantine() == {}
    assert world.user(ada).tenant == ACME


def test_a_known_users_broken_entry_changes_nothing_about_them(world: SyncWorld) -> None:
    """Neither absent, nor unlocked, nor unaffiliated."""
    ada = world.person()
    world.configure(attributes={"nickName": "audio"})
    world.slapd.lock(ada)
    world.reconcile()
    before = world.user(ada)
    with world.slapd.connected() as admin:
        admin.modify(ada.dn, {"audio": [(ldap3.MODIFY_REPLACE, [b"\xff\xfe"])]})
    for result in (world.tick(), world.reconcile(), world.reconcile()):
        assert result.report.quarantined == 1
    assert world.user(ada) == before
