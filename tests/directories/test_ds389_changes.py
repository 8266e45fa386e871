"""What changed on 389 Directory Server: by the server's own numbers."""

import pytest

from agent.directories.dialect import Changes, Presence
from agent.directories.ds389_changes import IN_FLIGHT
from agent.directories.watermarks import Watermark, decode
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers


def changes_after(world: SyncWorld, mark: str) -> Changes:
    """Return what changed since a watermark."""
    with world.directory.client() as client:
        return world.directory.dialect.changes_since(client, world.directory.reading, mark)


def names(changes: Changes) -> set[str]:
    """Return who changed, without the test's own mark."""
    return {entry.text("uid").partition("-")[0] for entry in changes.entries}


def moved(mark: str, last: int) -> str:
    """Return the watermark as it would be had the reading not gone back by what may be in flight."""
    found = decode(mark)
    assert found is not None
    return Watermark(dialect=found.dialect, server=found.server, position=f"usn {last + IN_FLIGHT} userroot").encode()


def number(world: SyncWorld) -> int:
    """Return the last number that the server gave."""
    (values,) = [v for n, v in world.slapd.read("", "lastusn").items() if n.startswith("lastusn;")]
    return int(values[0])


def test_failures_locks_unlocks_and_memberships_are_seen(ds389_world: SyncWorld) -> None:
    """Though no wrong password moves the time of the entry's last change."""
    world = ds389_world
    ada = world.person("ada")
    world.person("bob")
    world.reconcile()
    mark = world.state().watermark
    before = world.slapd.text(ada.dn, "modifyTimestamp")

    def seen(act: object) -> set[str]:
        last = number(world)
        assert callable(act)
        act()
        changes = changes_after(world, moved(mark, last + 1 - IN_FLIGHT))
        assert (changes.compare_fully, changes.completeness.complete) == ("", True)
        entries = [e for e in changes.entries if int(e.text("entryusn")) > last]
        return {entry.text("uid").partition("-")[0] for entry in entries}

    assert seen(lambda: world.slapd.sign_in(ada.dn, "a wrong password")) == {"ada"}
    assert world.slapd.text(ada.dn, "modifyTimestamp") == before
    assert seen(lambda: world.slapd.lock(ada, tries=2)) == {"ada"}
    assert seen(lambda: world.unlock(ada)) == {"ada"}
    assert seen(lambda: world.leave(ada)) == {"ada"}
    assert seen(lambda: world.person("newcomer")) == {"newcomer"}


def test_a_tick_goes_on_from_the_number_before_the_reading(ds389_world: SyncWorld) -> None:
    """And a watermark says nothing about what is gone."""
    ada = ds389_world.person("ada")
    ds389_world.reconcile()
    mark = decode(ds389_world.state().watermark)
    assert mark is not None
    assert (mark.dialect, mark.server) == ("389ds", ds389_world.slapd.url)
    assert mark.position.startswith("usn ")
    ds389_world.slapd.lock(ada)
    changes = changes_after(ds389_world, mark.encode())
    assert "ada" in names(changes)
    assert changes.presence is Presence.UNKNOWN
    assert changes.watermark != mark.encode()


def test_a_restored_server_is_compared_fully_and_proves_nothing(ds389_world: SyncWorld) -> None:
    """Its numbers went back."""
    ds389_world.person("ada")
    ds389_world.reconcile()
    ahead = Watermark(dialect="389ds", server=ds389_world.slapd.url, position="usn 999999 userroot").encode()
    assert "is behind" in changes_after(ds389_world, ahead).compare_fully
    with ds389_world.directory.client() as client:
        assert "is behind" in ds389_world.directory.dialect.lag(client, ds389_world.directory.reading, ahead)
        now = ds389_world.state().watermark
        assert ds389_world.directory.dialect.lag(client, ds389_world.directory.reading, now) == ""


@pytest.mark.parametrize(
    "mark", ["", "nonsense", '[1,"389ds","{url}","usn x userroot"]', '[1,"openldap","{url}","usn 1 userroot"]', "null"]
)
def test_no_usable_watermark_means_comparing_everything(ds389_world: SyncWorld, mark: str) -> None:
    """Nothing is read in its name."""
    changes = changes_after(ds389_world, mark.replace("{url}", ds389_world.slapd.url))
    assert changes.compare_fully == "there is no watermark to go on from"


def test_another_server_means_comparing_everything(ds389_world: SyncWorld) -> None:
    """Numbers of two servers are not compared."""
    mark = Watermark(dialect="389ds", server="ldap://elsewhere.test", position="usn 1 userroot").encode()
    assert "the last reading was of" in changes_after(ds389_world, mark).compare_fully


def test_without_the_plug_in_times_are_followed(ds389_world: SyncWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is seen by its time, and a lock by the search for locks."""
    monkeypatch.setattr("agent.directories.ds389_changes.numbers_of", lambda *_: None)
    ada, bob = ds389_world.person("ada"), ds389_world.person("bob")
    ds389_world.reconcile()
    mark = decode(ds389_world.state().watermark)
    assert mark is not None
    assert mark.position.endswith("Z")
    ds389_world.slapd.modify(bob.dn, description="moved")
    assert "bob" in names(changes_after(ds389_world, mark.encode()))
    ds389_world.slapd.lock(ada)
    ds389_world.tick()
    assert len(ds389_world.reasons(ada)) == 1
