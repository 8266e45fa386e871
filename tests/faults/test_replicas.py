"""F06, F17 to F19: servers that are behind, half filled or restored, and points to resume from that mean nothing."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.directories import openldap
from ims.passes import DirectoryState, PassKind
from tests.support.ber import Message, Op
from tests.support.fault_proxy import Messages, fault_proxy
from tests.support.office import Office
from tests.support.slapd import Slapd
from tests.support.slapd_config import BASE
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
NOWHERE = "ldap://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _to_the_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a watermark be the last change itself: tests do not wait five seconds for a server to be behind."""
    monkeypatch.setattr(openldap, "OVERLAP", timedelta(0))


@pytest.fixture
def stale(office: Office, start_slapd: Callable[..., Slapd]) -> Slapd:
    """Return a copy that was up to date once; since then the day has gone on without it, and everybody knows."""
    world = office.world
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.follow(copy, office["dee"])
    copy.restart(provider=NOWHERE)
    office.happen()
    office.oracle.assert_recovers(world.tick, world.reconcile)
    return copy


class FirstEntries(Messages):
    """Let so many entries pass, and nothing after them."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    def reply(self, message: Message) -> Iterable[bytes]:
        """Count the entries."""
        self._left -= message.op == Op.ENTRY
        return (message.raw,) if self._left >= 0 else ()


def test_f06_a_copy_that_is_behind_proves_nothing(office: Office, stale: Slapd) -> None:
    """It stands in for the server that is down: whom it does not know is not absent, whom it shows free is not free."""
    office.world.configure(servers=[NOWHERE, stale.url])
    assert office.endure() == []
    assert f"{stale.url} is behind" in office.world.state().error
    assert not office.world.store.passes()[0].complete
    office.world.configure(servers=[office.proxy.url, stale.url])
    office.assert_heals()


def test_f06_a_copy_that_is_behind_is_passed_over(office: Office, stale: Slapd) -> None:
    """The next server is used, though the first one answers."""
    office.world.configure(servers=[stale.url, office.proxy.url])
    for run in (office.world.tick, office.world.reconcile):
        report = run().report
        assert (report.server, report.complete) == (office.proxy.url, True)
    office.oracle.assert_settled()


def test_f06_locks_that_a_copy_behind_shows_are_believed(office: Office, stale: Slapd) -> None:
    """What is there is there: wrong passwords tried at the copy itself."""
    office.world.configure(servers=[NOWHERE, stale.url])
    office.attempt(office.world.tick)
    stale.lock(office["cyd"])
    office.attempt(office.world.tick)
    assert "password_attempts" in office.world.reasons(office["cyd"])


@pytest.mark.parametrize("people", [2, 6])
def test_f06_a_copy_that_is_half_filled_proves_nothing(
    own_office: Office, start_slapd: Callable[..., Slapd], people: int
) -> None:
    """Its first filling was interrupted: every search succeeds, and shows some."""
    world = own_office.world
    own_office.happen()
    own_office.oracle.assert_recovers(world.tick, world.reconcile)
    with fault_proxy(world.slapd.port) as between:
        count = _entries_before_people(world) + people
        between.disturb(lambda: FirstEntries(count))
        copy = start_slapd(provider=between.url, tls=False)
        world.configure(servers=[own_office.proxy.url, copy.url])
        world.slapd.halt()
        assert own_office.attempt(world.tick) is None
        assert own_office.attempt(world.reconcile) is None
        assert world.store.passes()[0].read > 0
        assert "does not tell how far it is" in world.state().error
        world.slapd.resume()
        own_office.oracle.assert_settled()
    own_office.assert_heals()


def test_f19_a_server_restored_from_a_backup_proves_nothing_before_it_goes_on(own_office: Office) -> None:
    """Its changes are older than what was read. From its next change on what it shows is the truth."""
    world = own_office.world
    database, backup = world.slapd.folder / "db", world.slapd.folder / "backup"
    world.slapd.halt()
    shutil.copytree(database, backup)
    world.slapd.resume()
    own_office.happen()
    own_office.oracle.assert_recovers(world.tick, world.reconcile)
    world.slapd.halt()
    shutil.rmtree(database)
    shutil.copytree(backup, database)
    world.slapd.resume()
    before = world.versions()
    assert own_office.endure() == []
    assert "is behind" in world.state().error
    assert world.versions() == before
    world.slapd.lock(own_office["eve"])
    own_office.assert_heals()


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "nonsense",
        "[1,2,3,4]",
        '[9,"openldap","ldap://127.0.0.1:9","20261123000000.000000Z#000000#000#000000"]',
        '[1,"openldap","{url}","20261123000000.000000Z"]',
        '[1,"openldap","{url}","99991231235959.999999Z#000000#000#000000"]',
        '[1,"openldap","{url}","00000000000000.000000Z#000000#000#000000"]',
        '[1,"openldap","{url}","(objectClass=*)"]',
    ],
)
def test_f17_f18_a_watermark_that_means_nothing(office: Office, mark: str) -> None:
    """Damaged, of another form, of another server, of the end of time: everything is compared, and nobody flips."""
    world = office.world
    office.happen()
    world.store.save_directory(_with(world, mark.replace("{url}", office.proxy.url)))
    office.attempt(world.tick)
    office.oracle.assert_safe()
    office.assert_heals()
    assert world.tick().report.kind is PassKind.TICK


def _entries_before_people(world: SyncWorld) -> int:
    """Return how many entries a server has that are older than the people of its world."""
    with world.slapd.connected() as admin:
        admin.search(BASE, "(objectClass=*)", attributes=["entryCSN"])
        first = world.slapd.text(world.keeper.dn, "entryCSN")
        return sum(item["raw_attributes"]["entryCSN"][0].decode() < first for item in admin.response)


def _with(world: SyncWorld, mark: str) -> DirectoryState:
    return replace(world.state(), watermark=mark)
