"""Every vendor's server tells that something changed, and an ordinary tick finds out what."""

from collections.abc import Iterator
from contextlib import contextmanager

import ldap3
import pytest

from agent.doorbell import Doorbell
from agent.run import Stop
from ims.locks import LockReason
from ims.passes import ChangeSource
from tests.support.dialect_server import DialectServer
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

ATTEMPTS, LOST = LockReason.PASSWORD_ATTEMPTS, LockReason.UNAFFILIATED
WITHIN_S = 30.0
"""Samba looks for changes to tell of every five seconds only."""


@contextmanager
def doorbell(world: SyncWorld) -> Iterator[Doorbell]:
    """Have a tick run whenever the server tells of a change, and at no other time."""
    stop = Stop()
    bell = Doorbell(world.directory, stop, world.tick)
    bell.start()
    try:
        wait_until(lambda: bell.told().source is ChangeSource.PUSH, "the server is listened to", WITHIN_S)
        yield bell
    finally:
        stop.set()
        bell.join()


def test_a_lock_and_its_end_are_heard(world: SyncWorld, vendor: DialectServer) -> None:
    """Locked by wrong passwords, unlocked by the help desk: no schedule is needed to see either."""
    ada = world.person("ada")
    world.reconcile()
    with doorbell(world) as bell:
        assert bell.told().why == ""
        world.slapd.lock(ada)
        wait_until(lambda: world.reasons(ada) == [ATTEMPTS], "the lock is heard", WITHIN_S)
        vendor.unlock(ada)
        wait_until(lambda: world.reasons(ada) == [], "the unlock is heard", WITHIN_S)


def test_a_group_that_changes_is_heard(world: SyncWorld) -> None:
    """Somebody leaves the staff and comes back; their own entry may say nothing of it."""
    bob = world.person("bob")
    world.reconcile()
    with doorbell(world):
        world.leave(bob)
        wait_until(lambda: world.reasons(bob) == [LOST], "the lost affiliation is heard", WITHIN_S)
        world.members(ldap3.MODIFY_ADD, bob)
        wait_until(lambda: world.reasons(bob) == [], "the return is heard", WITHIN_S)


def test_a_refused_sign_in_is_no_doorbell(world: SyncWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and asks again later; the scheduled ticks go on meanwhile."""
    world.person("ada")
    monkeypatch.setattr("agent.doorbell.FIRST_RETRY_S", 0.05)
    world.configure(bind={"dn": world.directory.access.dn, "password": "not the agent's password"})
    stop = Stop()
    bell = Doorbell(world.directory, stop, lambda: None)
    bell.start()
    try:
        wait_until(lambda: "refuse" in bell.told().why, "it is told why nobody listens")
        assert bell.told().source is ChangeSource.POLL
    finally:
        stop.set()
        bell.join()
