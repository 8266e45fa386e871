"""Which server an unlock writes to: the one that takes writes, wherever the lock is."""

from collections.abc import Callable

import pytest

from ims.errors import StillLocked
from ims.locks import LockReason
from tests.support.slapd import Slapd
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS


def test_a_lock_that_only_a_copy_holds_is_ended_at_its_source(
    world: SyncWorld, start_slapd: Callable[..., Slapd]
) -> None:
    """The copy takes no writes: its provider makes the entry anew there."""
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[world.slapd.url, copy.url])
    ada = world.person()
    world.reconcile()
    world.follow(copy, ada)
    copy.lock(ada)
    world.tick()
    assert [lock.server for lock in world.user(ada).locks] == [copy.url]
    world.unlock(ada)
    wait_until(lambda: copy.sign_in(ada.dn, ada.password), "the copy has the entry anew")
    world.tick()
    assert world.reasons(ada) == []


def test_the_write_goes_to_the_server_that_takes_it(world: SyncWorld, start_slapd: Callable[..., Slapd]) -> None:
    """Though a copy is named first in the settings."""
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[copy.url, world.slapd.url])
    ada = world.person()
    world.slapd.lock(ada)
    world.follow(copy, ada)
    world.reconcile()
    try:
        world.unlock(ada)
    except StillLocked:
        world.follow(copy, ada)  # the copy was read again before the write had reached it
        world.unlock(ada)
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_without_any_server_that_takes_writes_the_caller_is_told(
    world: SyncWorld, start_slapd: Callable[..., Slapd]
) -> None:
    """The settings lack one."""
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[copy.url])
    ada = world.person()
    world.slapd.lock(ada)
    world.follow(copy, ada)
    world.reconcile()
    with pytest.raises(StillLocked, match="no configured server takes writes"):
        world.unlock(ada)
