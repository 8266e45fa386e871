"""The unlock on every vendor's real server, whole: use case, store, write, and the server's word on who may sign in."""

from collections.abc import Callable, Sequence

import pytest

from agent.directories.writes import Kind, Modification, Modify
from ims.errors import StillLocked
from ims.locks import LockFact, LockReason
from ims.people import EntryLink, TenantId
from ims.ports import FreshReading, Outcome, WriteBack, Written
from tests.support.dialect_server import DialectServer
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS


class Meddler:
    """A write-back before whose first write something happens."""

    def __init__(self, inner: WriteBack, before: Callable[[], object]) -> None:
        self._inner = inner
        self._before: list[Callable[[], object]] = [before]
        self.outcomes: list[Outcome] = []

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        return self._inner.read(link, tenant)

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        for act in self._before:
            act()
        self._before.clear()
        written = self._inner.clear(reading, facts)
        self.outcomes.append(written.outcome)
        return written

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        return self._inner.restore(reading, tenant)

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        return self._inner.plan(reading, facts)


def locked(world: SyncWorld, policy: str = "") -> Person:
    """Add somebody who locked themself, as Lockstep knows already."""
    ada = world.person(policy=policy)
    world.reconcile()
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == [ATTEMPTS]
    return ada


def fail(world: SyncWorld, person: Person, times: int) -> None:
    """Try wrong passwords."""
    for _ in range(times):
        assert not world.slapd.sign_in(person.dn, "a wrong password")


@pytest.mark.parametrize("policy", ["default", "timed"])
def test_the_person_signs_in_again(world: SyncWorld, policy: str) -> None:
    """Unlocked there and here, and the next passes have nothing to add."""
    ada = locked(world, policy)
    user = world.unlock(ada)
    assert user.locks == ()
    assert world.slapd.sign_in(ada.dn, ada.password)
    for pass_ in (world.tick, world.reconcile):
        assert pass_().report.raised == 0
    assert world.reasons(ada) == []


@pytest.mark.parametrize("policy", ["default", "timed"])
def test_wrong_passwords_after_an_unlock_count_anew(world: SyncWorld, policy: str) -> None:
    """One, and even two, do not lock again."""
    ada = locked(world, policy)
    world.unlock(ada)
    fail(world, ada, 2)
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_a_lapsed_lock_is_removed_too(vendor: DialectServer, world: SyncWorld) -> None:
    """So that one more wrong password does not lock at once."""
    ada = world.person(policy="brief")
    world.reconcile()
    world.slapd.lock(ada)
    wait_until(lambda: world.fresh(ada).facts and not _in_force(world, ada), "the lock runs out")
    world.unlock(ada)
    assert {world.slapd.text(ada.dn, name) for name in vendor.markers} <= {"", "0"}
    fail(world, ada, 2)
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_unlocked_meanwhile_is_success(vendor: DialectServer, world: SyncWorld) -> None:
    """The help desk was faster: between our look and our write."""
    ada = locked(world)
    meddler = Meddler(world.write_back, lambda: vendor.unlock(ada))
    user = world.unlock(ada, meddler)
    assert user.locks == ()
    assert meddler.outcomes[0] is not Outcome.DONE
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_already_unlocked_is_success_without_a_write(vendor: DialectServer, world: SyncWorld) -> None:
    """A fresh look shows nothing to clear."""
    ada = locked(world)
    vendor.unlock(ada)
    meddler = Meddler(world.write_back, int)
    assert world.unlock(ada, meddler).locks == ()
    assert meddler.outcomes == []


def test_a_fresh_lock_is_not_cleared_by_the_write_for_the_old_one(vendor: DialectServer, world: SyncWorld) -> None:
    """Unlocked and locked again since we looked, in a later second: that write does nothing."""
    ada = locked(world)
    reading = world.fresh(ada)
    began = world.clock.now()
    wait_until(lambda: (world.clock.now() - began).total_seconds() > 1.1, "another second begins")
    vendor.unlock(ada)
    world.slapd.lock(ada)
    assert world.write_back.clear(reading, reading.facts).outcome is Outcome.CHANGED
    assert not world.slapd.sign_in(ada.dn, ada.password)


def test_a_right_that_is_missing_is_refused(vendor: DialectServer, world: SyncWorld) -> None:
    """The lock stays, there and here, and the caller learns the result's name."""
    ada = locked(world)
    world.configure(bind=vendor.reader)
    with pytest.raises(StillLocked, match="insufficientAccessRights"):
        world.unlock(ada)
    assert world.reasons(ada) == [ATTEMPTS]
    assert not world.slapd.sign_in(ada.dn, ada.password)


def test_the_account_can_lock_nobody(vendor: DialectServer, world: SyncWorld) -> None:
    """It may end a lock; what it may set is a known limit of the vendor's, if anything. Passwords it may not touch."""
    ada = world.person()
    with world.directory.client() as client:
        for name, value in vendor.not_to_be_written().items():
            change = Modification(kind=Kind.REPLACE, attribute=name, values=(value.encode(),))
            assert client.modify(Modify(dn=ada.dn, changes=(change,))).name == "insufficientAccessRights", name
    assert world.slapd.sign_in(ada.dn, ada.password)


def _in_force(world: SyncWorld, person: Person) -> bool:
    now = world.clock.now()
    return any(fact.until is None or now < fact.until for fact in world.fresh(person).facts)
