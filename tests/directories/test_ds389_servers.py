"""Two 389 Directory Servers with the same entries: each locks for itself, as lock attributes are not replicated."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.directories.ds389_locks import MARKER
from ims.errors import DirectoryUnreachable
from ims.locks import LockReason
from tests.support.certificates import CertificateAuthority
from tests.support.dialect_server import SERVERS, started
from tests.support.ns_slapd import SERVICES, NsSlapd
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS
Pair = tuple[SyncWorld, NsSlapd, NsSlapd, Person]


@pytest.fixture
def pair(authority: CertificateAuthority, tmp_path: Path) -> Iterator[Pair]:
    """Return a world that is configured with both servers, these, and somebody whom Lockstep knows."""
    made, other = SERVERS["389ds"](authority), NsSlapd()
    one = made.server
    assert isinstance(one, NsSlapd)
    try:
        world = started(made).world(tmp_path)
        ada, canary = world.person("ada"), one.add_person(parent=SERVICES, accountUnlockTime="19700101000000Z")
        one.halt()
        other.start(one)
        one.resume()
        world.configure(servers=[one.url, other.url], canary=canary.dn)
        try:
            world.reconcile()
            yield world, one, other, ada
        finally:
            world.store.close()
    finally:
        one.stop()
        other.stop()


def test_each_server_s_lock_is_seen_named_and_ended_where_it_is(pair: Pair) -> None:
    """On one, on the other, on both; and one that cannot be reached lets nothing be called unlocked."""
    world, one, other, ada = pair
    other.lock(ada)
    world.tick()
    assert [(lock.reason, lock.server) for lock in world.user(ada).locks] == [(ATTEMPTS, other.url)]
    assert one.sign_in(ada.dn, ada.password)
    assert world.unlock(ada).locks == ()
    assert other.sign_in(ada.dn, ada.password)
    assert not one.text(ada.dn, MARKER)

    one.lock(ada)
    other.lock(ada)
    world.tick()
    assert ATTEMPTS in world.reasons(ada)
    other.halt()
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)
    assert ATTEMPTS in world.reasons(ada)
    other.resume()
    assert world.unlock(ada).locks == ()
    assert one.sign_in(ada.dn, ada.password)
    assert other.sign_in(ada.dn, ada.password)
