"""What every dialect has to make of its real server: locks, their ends, changes and sign-ins."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.directories.dialect import SignIn
from ims.locks import LockReason
from ims.people import UserId
from ims.ports import Readable
from tests.support.dialect_server import WITH_VALIDITY, DialectServer
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS, DISABLED, LOST = LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED, LockReason.UNAFFILIATED
ABSENT = LockReason.ABSENT


def known(world: SyncWorld, policy: str = "") -> Person:
    """Add somebody whom Lockstep knows already."""
    person = world.person(policy=policy)
    world.reconcile()
    assert world.reasons(person) == []
    return person


def user_id(world: SyncWorld, person: Person) -> UserId:
    """Return who somebody is in Lockstep."""
    return world.user(person).id


# --- locks -----------------------------------------------------------------------------------------------------------


def test_wrong_passwords_below_the_limit_lock_nobody(world: SyncWorld) -> None:
    """Two of three."""
    ada = known(world)
    for _ in range(2):
        assert not world.slapd.sign_in(ada.dn, "a wrong password")
    world.tick()
    assert world.reasons(ada) == []


def test_wrong_passwords_lock_for_good(world: SyncWorld) -> None:
    """The next tick shows it, with no end."""
    ada = known(world)
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == [ATTEMPTS]
    (lock,) = world.user(ada).locks
    assert lock.until is None
    assert not world.slapd.sign_in(ada.dn, ada.password)


def test_a_timed_lock_has_an_end(world: SyncWorld) -> None:
    """Half an hour after it began."""
    ada = known(world, "timed")
    world.slapd.lock(ada)
    world.tick()
    (lock,) = world.user(ada).locks
    assert lock.until is not None
    assert abs(lock.until - world.clock.now() - timedelta(minutes=30)) < timedelta(seconds=10)
    world.later(minutes=31)
    assert world.reasons(ada) == []


def test_a_timed_lock_runs_out_where_the_server_lets_the_person_in(world: SyncWorld) -> None:
    """With no write: by the clock, and a reading afterwards agrees."""
    ada = known(world, "brief")
    world.slapd.lock(ada)
    world.tick()
    wait_until(lambda: world.reasons(ada) == [], "the lock runs out here")
    wait_until(lambda: world.slapd.sign_in(ada.dn, ada.password), "the server agrees, to the second", 2.0)
    world.reconcile()
    assert world.reasons(ada) == []


def test_an_administrator_disables(vendor: DialectServer, world: SyncWorld) -> None:
    """And enables again."""
    ada = known(world)
    world.slapd.modify(ada.dn, **vendor.disabling)
    world.tick()
    assert world.reasons(ada) == [DISABLED]
    assert not world.slapd.sign_in(ada.dn, ada.password)
    vendor.enable(ada)
    world.tick()
    assert world.reasons(ada) == []


@pytest.mark.parametrize("name", WITH_VALIDITY)
def test_a_validity_that_ended(running: Callable[[str], DialectServer], name: str, tmp_path: Path) -> None:
    """Only where accounts have dates."""
    made = running(name)
    world = made.world(tmp_path)
    try:
        ada = known(world)
        world.slapd.modify(ada.dn, **made.expiring)
        world.tick()
        assert world.reasons(ada) == [LockReason.EXPIRED]
        assert not world.slapd.sign_in(ada.dn, ada.password)
    finally:
        world.store.close()


def test_a_new_password_ends_the_lock_where_the_server_says_so(vendor: DialectServer, world: SyncWorld) -> None:
    """Whatever the server leaves on the entry; its own word on a sign-in is what counts."""
    ada = known(world, "timed")
    world.slapd.lock(ada)
    world.tick()
    world.slapd.modify(ada.dn, userPassword="a new and right one")
    assert world.slapd.sign_in(ada.dn, "a new and right one") is vendor.reset_unlocks
    world.tick()
    assert world.reasons(ada) == ([] if vendor.reset_unlocks else [ATTEMPTS])


def test_the_help_desk_s_unlock_is_seen(vendor: DialectServer, world: SyncWorld) -> None:
    """Made in the directory, without Lockstep."""
    ada = known(world)
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == [ATTEMPTS]
    vendor.unlock(ada)
    world.tick()
    world.reconcile()
    assert world.reasons(ada) == []
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_a_second_reading_changes_nothing(world: SyncWorld) -> None:
    """Neither a tick nor a complete one writes a user again."""
    ada = known(world)
    world.slapd.lock(ada)
    world.tick()
    before = world.versions()
    world.tick()
    world.reconcile()
    assert world.versions() == before
    assert world.reasons(ada) == [ATTEMPTS]


# --- who it is -------------------------------------------------------------------------------------------------------


def test_affiliation_lost_and_back(world: SyncWorld) -> None:
    """By the group's members."""
    ada = known(world)
    world.leave(ada)
    world.tick()
    assert world.reasons(ada) == [LOST]
    world.join(ada)
    world.tick()
    assert world.reasons(ada) == []


def test_a_renamed_person_is_the_same_user(vendor: DialectServer, world: SyncWorld) -> None:
    """By the entry's id, with the lock."""
    ada = known(world)
    world.slapd.lock(ada)
    world.tick()
    before = user_id(world, ada)
    renamed = vendor.rename(ada, world.name("grace"))
    world.tick()
    assert user_id(world, renamed) == before
    assert world.reasons(renamed) == [ATTEMPTS]


def test_a_moved_person_is_the_same_user(vendor: DialectServer, world: SyncWorld) -> None:
    """Elsewhere below the same base."""
    ada = known(world)
    before = user_id(world, ada)
    unit = f"ou=elsewhere,{world.unit}"
    with world.slapd.connected() as admin:
        admin.add(unit, "organizationalUnit")
    moved = vendor.move(ada, unit)
    world.tick()
    assert user_id(world, moved) == before
    assert world.user(moved).entries[0].dn.lower() == moved.dn.lower()


def test_whoever_is_deleted_is_absent(world: SyncWorld) -> None:
    """After a complete reading."""
    ada = known(world)
    world.slapd.delete(ada.dn)
    world.reconcile()
    assert ABSENT in world.reasons(ada)


def test_the_same_name_again_is_somebody_else(world: SyncWorld) -> None:
    """Another entry id is never the old user unlocked."""
    ada = known(world)
    before = user_id(world, ada)
    world.slapd.delete(ada.dn)
    world.reconcile()
    again = world.slapd.add_person(ada.uid, parent=world.unit)
    assert again.entry_id != ada.entry_id
    world.join(again)
    world.reconcile()
    assert world.user(ada).id == before
    assert ABSENT in world.reasons(ada)
    assert world.quarantine()


# --- sign-ins --------------------------------------------------------------------------------------------------------


def test_what_a_sign_in_says(vendor: DialectServer, world: SyncWorld) -> None:
    """Right, wrong, and locked where the server tells that."""
    ada = known(world)
    directory = world.directory
    with directory.client() as client:

        def outcome(password: str) -> SignIn:
            return directory.dialect.sign_in_outcome(client.bind_as(ada.dn, password))

        assert outcome(ada.password) is SignIn.WELCOME
        assert outcome("a wrong password") is SignIn.WRONG
        world.slapd.lock(ada)
        if vendor.refuses:
            assert outcome(ada.password) is (SignIn.LOCKED if vendor.tells_locks else SignIn.WRONG)


def test_wrong_passwords_are_counted_until_the_right_one(vendor: DialectServer, world: SyncWorld) -> None:
    """What keeps the portal from being the one that locks somebody."""
    ada = known(world)
    directory, now = world.directory, world.clock.now()
    dialect, rules = directory.dialect, directory.reading

    def counted() -> int:
        with directory.client() as client:
            entry = client.search_one(ada.dn, dialect.wanted_attributes())
            assert entry is not None
            return dialect.failures(entry, dialect.policies(client, rules).of(entry, now), now)

    assert counted() == 0
    if vendor.refuses:
        assert not world.slapd.sign_in(ada.dn, "a wrong password")
        assert counted() == 1
        assert world.slapd.sign_in(ada.dn, ada.password)
        assert counted() == 0
    world.slapd.lock(ada)
    assert counted() >= 3


def test_a_fresh_reading_shows_and_proves_the_lock(vendor: DialectServer, world: SyncWorld) -> None:
    """And `explain` says what stands there and under which policy."""
    ada = known(world, "timed")
    world.slapd.lock(ada)
    reading = world.fresh(ada)
    assert [fact.reason for fact in reading.facts] == [ATTEMPTS]
    assert reading.readable is Readable.PROVED
    dialect, rules, now = world.directory.dialect, world.directory.reading, world.clock.now()
    with world.directory.client() as client:
        entry = client.search_one(ada.dn, dialect.wanted_attributes())
        assert entry is not None
        assert client.search_one(ada.dn, filter_=dialect.locked_filter()) is not None
        lines = dialect.explain(entry, dialect.policies(client, rules).of(entry, now), now)
    length = " for 30 min" if vendor.tells_length else ""
    assert any(f"locks after 3 wrong passwords{length}" in line for line in lines)
    assert any("in force" in line for line in lines)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_of_ours_that_is_wrong_locks_and_frees_nobody(
    world: SyncWorld, vendor: DialectServer, hours: int
) -> None:
    """Where the server tells its time, its clock decides; else ours is taken for it, and nobody says otherwise."""
    ada, bob = known(world, "timed"), world.person("bob")
    world.slapd.lock(ada)
    world.clock.by = timedelta(hours=hours)
    report = world.tick().report
    assert world.reasons(bob) == []
    assert any("the clock of" in note for note in report.notes) == vendor.tells_time
    if vendor.tells_time:
        assert world.reasons(ada) == [ATTEMPTS]
