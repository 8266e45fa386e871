"""Several servers of one directory: locks that only a copy holds, copies that lag behind, servers that are down."""

from collections.abc import Callable

import pytest

from ims.locks import LockReason
from ims.passes import PassKind
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS


@pytest.fixture
def copy(world: SyncWorld, start_slapd: Callable[..., Slapd]) -> Slapd:
    """Return a consumer of the world's server that forwards no wrong passwords, named second in the settings."""
    consumer = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[world.slapd.url, consumer.url])
    return consumer


def places(world: SyncWorld, person: Person) -> list[tuple[LockReason, str]]:
    """Return the reasons in a user's ledger, each with the server that holds it."""
    return [(lock.reason, lock.server) for lock in world.user(person).locks]


def test_a_lock_on_a_copy_only_is_seen_and_names_it(world: SyncWorld, copy: Slapd) -> None:
    """Neither the provider nor any stamp shows it; the person cannot sign in there all the same."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    world.follow(copy, ada)
    copy.lock(ada)
    assert world.slapd.sign_in(ada.dn, ada.password)
    result = world.tick()
    assert result.report.kind is PassKind.TICK
    assert places(world, ada) == [(ATTEMPTS, copy.url)]
    assert world.reasons(ada) == [ATTEMPTS]
    assert places(world, bob) == []


def test_a_lock_that_was_copied_is_one_lock(world: SyncWorld, copy: Slapd) -> None:
    """The provider's; and when it is gone there, a copy that still shows it lags behind."""
    ada = world.person()
    world.slapd.lock(ada)
    world.follow(copy, ada)
    world.reconcile()
    assert places(world, ada) == [(ATTEMPTS, "")]
    copy.halt()
    world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    copy.resume(provider="")
    assert copy.text(ada.dn, "pwdAccountLockedTime")
    world.tick()
    assert places(world, ada) == []


def test_a_copy_that_is_down_keeps_its_locks_and_stops_nothing(world: SyncWorld, copy: Slapd) -> None:
    """Nothing is known about it; the rest flows."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    world.follow(copy, ada)
    copy.lock(ada)
    world.tick()
    copy.halt()
    world.slapd.lock(bob)
    report = world.tick().report
    assert report.complete
    assert any(copy.url in note for note in report.notes)
    assert (places(world, ada), places(world, bob)) == ([(ATTEMPTS, copy.url)], [(ATTEMPTS, "")])


def test_any_change_on_the_provider_ends_the_copys_own_lock(world: SyncWorld, copy: Slapd) -> None:
    """The entry is made anew there, and the next tick knows it by the stamp that moved."""
    ada = world.person()
    world.reconcile()
    world.follow(copy, ada)
    copy.lock(ada)
    world.tick()
    world.slapd.modify(ada.dn, title="Countess")
    world.follow(copy, ada)
    world.tick()
    assert places(world, ada) == []


def test_another_server_stands_in_and_everything_is_read_anew(world: SyncWorld, copy: Slapd) -> None:
    """A watermark means nothing on another server; nobody is locked or unlocked by the change."""
    ada = world.person()
    world.slapd.lock(ada)
    world.follow(copy, ada)
    world.reconcile()
    before = world.versions()
    world.configure(servers=["ldap://127.0.0.1:9", copy.url])
    result = world.tick()
    assert (result.report.kind, result.report.server) == (PassKind.RECONCILE, copy.url)
    assert result.report.complete
    assert world.reasons(ada) == [ATTEMPTS]
    assert world.versions() == before
    assert world.tick().report.kind is PassKind.TICK


def test_a_copy_that_shows_only_a_part_is_not_believed(world: SyncWorld, copy: Slapd) -> None:
    """What it does not show may be locked there all the same."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    for one in (ada, bob):
        world.follow(copy, one)
        copy.lock(one)
    world.tick()
    copy.restart(limits="size=unlimited size.prtotal=1")
    world.configure(page_size=1)
    report = world.tick().report
    assert any("LimitExceeded" in note for note in report.notes)
    assert places(world, ada) == places(world, bob) == [(ATTEMPTS, copy.url)]
