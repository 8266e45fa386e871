"""An agent that listens: changes show long before the next tick, and without a listener the ticks are still there."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent import doorbell
from agent.configured import ledger_rules
from agent.directories.access import Tls
from agent.directories.active_directory import ActiveDirectory
from agent.directories.ds389 import Ds389
from agent.directories.errors import NotTold, ProtocolFault, Unreachable
from agent.directories.freeipa import FreeIpa
from agent.directories.openldap import OpenLdap
from agent.directories.searches import Search, Watch
from agent.directories.watching import SYNC, persistent_search
from agent.doorbell import Doorbell
from agent.run import Stop
from agent.schedule import Agent, Services
from ims.locks import LockReason
from ims.passes import ChangeSource
from tests.support.agent_side import RULES, client_of
from tests.support.ber import Message, entry
from tests.support.fake_directory import FakeProcesses
from tests.support.scim_reader import ScimReader
from tests.support.scripted import client_at, end, scripted
from tests.support.slapd import Slapd
from tests.support.slapd_config import BASE
from tests.support.sync_world import CORP, SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS
NO_ATTRIBUTE = "no attribute"


@contextmanager
def listening_agent(world: SyncWorld) -> Iterator[None]:
    """Run an agent that ticks once an hour, and listens."""
    world.store.drop_lease(world.fence())
    world.configure(schedule={"tick": "1h", "jitter": "0s", "changes": "push"})
    services = Services(
        store=world.store,
        write_back=world.write_back,
        directories=world.directories,
        processes=FakeProcesses(),
        clock=world.clock,
        rules=ledger_rules(world.settings),
    )
    running = Agent({CORP: world.directory}, services)
    running.start()
    try:
        yield
    finally:
        running.stop()


def source(world: SyncWorld) -> ChangeSource:
    """Return what the stored state says about how changes become known."""
    return world.state().told.source


def test_what_changes_shows_long_before_the_next_tick(world: SyncWorld) -> None:
    """And the state says that servers tell of it; once the agent listens no more, nobody claims so."""
    ada = world.person("ada")
    with listening_agent(world):
        wait_until(lambda: source(world) is ChangeSource.PUSH, "the state says so")
        reader, user = ScimReader(world), world.user(ada).id
        assert reader.active(user)
        world.slapd.lock(ada)
        wait_until(lambda: not reader.active(user), "the lock shows over SCIM")
        assert world.state().told.why == ""
        assert world.reasons(ada) == [ATTEMPTS]
    assert not [thread.name for thread in threading.enumerate() if "listening" in thread.name]


def test_a_server_that_went_away_is_listened_to_again(own_world: SyncWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile the state says that changes are asked for, and why; what was missed is read as soon as it is back."""
    monkeypatch.setattr(doorbell, "LONGEST_RETRY_S", 0.2)
    ada = own_world.person("ada")
    with listening_agent(own_world):
        wait_until(lambda: source(own_world) is ChangeSource.PUSH, "it is listened to")
        own_world.slapd.halt()
        wait_until(lambda: source(own_world) is ChangeSource.POLL, "the state says that nobody listens")
        assert own_world.slapd.url in own_world.state().told.why
        own_world.slapd.resume()
        own_world.slapd.lock(ada)
        wait_until(lambda: own_world.reasons(ada) == [ATTEMPTS], "what was missed is read")
        wait_until(lambda: source(own_world) is ChangeSource.PUSH, "it is listened to again")


def test_every_server_is_listened_to(world: SyncWorld, start_slapd: Callable[..., Slapd]) -> None:
    """A lock that only a copy holds is no change anywhere else; a copy that is down keeps nobody from the others."""
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[world.slapd.url, copy.url])
    ada = world.person("ada")
    world.follow(copy, ada)
    with listening_agent(world):
        wait_until(lambda: source(world) is ChangeSource.PUSH and not world.state().told.why, "both are listened to")
        copy.halt()
        wait_until(lambda: copy.url in world.state().told.why, "the state names the one that is not")
        assert source(world) is ChangeSource.PUSH
        world.slapd.lock(ada)
        wait_until(lambda: world.reasons(ada) == [ATTEMPTS], "the other one is heard")


def test_one_that_tells_much_is_answered_in_peace(world: SyncWorld) -> None:
    """A burst of changes becomes few ticks, and the last change is in the last of them."""
    people = world.people(3)
    world.reconcile()
    ticks: list[None] = []
    stop = Stop()
    bell = Doorbell(world.directory, stop, lambda: ticks.append(None))
    bell.start()
    try:
        wait_until(lambda: bell.told().source is ChangeSource.PUSH, "it is listened to")
        for number in range(60):
            world.slapd.modify(people[number % 3].dn, description=f"change {number}")
        wait_until(lambda: ticks, "it rings")
    finally:
        stop.set()
        bell.join()
    assert len(ticks) < 30


def test_a_fault_of_ours_ends_no_listening(world: SyncWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told without its details, and tried again."""
    monkeypatch.setattr(doorbell, "FIRST_RETRY_S", 0.05)
    stop = Stop()
    bell = Doorbell(world.directory, stop, lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(OpenLdap, "watch", lambda *_: os.environ[NO_ATTRIBUTE])
        bell.start()
        wait_until(lambda: "KeyError" in bell.told().why, "the fault is told")
    try:
        wait_until(lambda: bell.told().source is ChangeSource.PUSH, "it is tried again")
        assert NO_ATTRIBUTE not in bell.told().why
    finally:
        stop.set()
        bell.join()


# --- what servers say -------------------------------------------------------------------------------------------------


def test_a_connection_is_listened_to_for_so_long_and_then_made_anew(slapd: Slapd) -> None:
    """Nothing was told, nothing is wrong."""
    with client_of(slapd) as client:
        watch = OpenLdap(CORP).watch(client, RULES)
        assert len(list(client.watch(watch, 0.5))) >= 1


def test_where_a_server_is_has_to_be_readable(start_slapd: Callable[..., Slapd]) -> None:
    """Else it would send all its entries before it tells of a change."""
    hidden = start_slapd(tls=False, access=("access to attrs=contextCSN by * none",))
    with (
        client_of(hidden, tls=Tls.PLAINTEXT) as client,
        pytest.raises(NotTold, match="let the agent read contextCSN"),
    ):
        OpenLdap(CORP).watch(client, RULES)


@pytest.mark.parametrize(
    ("dialect", "what"), [(Ds389, "persistent search"), (FreeIpa, "persistent search"), (ActiveDirectory, "change")]
)
def test_a_server_of_another_kind_does_not_offer_it(slapd: Slapd, dialect: type[Ds389], what: str) -> None:
    """The root DSE says so before anything is tried."""
    with client_of(slapd) as client, pytest.raises(NotTold, match=f"does not offer {what}"):
        dialect(CORP).watch(client, RULES)


def test_a_server_that_ends_the_search_does_not_tell(slapd: Slapd) -> None:
    """An ordinary search ends at once; a critical control that nobody knows is refused."""
    with client_of(slapd) as client, pytest.raises(NotTold, match="success"):
        list(client.watch(Watch(search=Search(base=BASE), control=("1.2.3.4", False, None)), 5))
    with client_of(slapd) as client, pytest.raises(NotTold, match="unavailableCriticalExtension"):
        list(client.watch(persistent_search(RULES), 5))
    with client_of(slapd) as client, pytest.raises(NotTold, match="protocolError"):
        list(client.watch(Watch(search=Search(base=BASE), control=(SYNC, True, b"\x30\x00")), 5))


def told(request: Message) -> list[bytes]:
    """Return three messages of a search that goes on."""
    return [entry(request.number, f"uid=p{number}", {}) for number in range(3)]


def test_each_message_rings_once() -> None:
    """Once for the beginning too; an answer to somebody else, and a good-bye, end it."""
    watch = Watch(search=Search(base=BASE), control=(SYNC, True, None))
    with scripted(told) as server, client_at(server.url) as client:
        assert len(list(client.watch(watch, 0.5))) == 4
    with (
        scripted(lambda request: [entry(request.number + 1, "uid=x", {})]) as server,
        client_at(server.url) as client,
        pytest.raises(ProtocolFault),
    ):
        list(client.watch(watch, 5))
    with (
        scripted(lambda request: [*told(request), end(request, 53)]) as server,
        client_at(server.url) as client,
        pytest.raises(NotTold, match="unwillingToPerform"),
    ):
        list(client.watch(watch, 5))


def test_listening_ends_when_the_agent_stops(slapd: Slapd) -> None:
    """From another thread, at once."""
    with client_of(slapd) as client:
        heard = client.watch(OpenLdap(CORP).watch(client, RULES), 60)
        next(heard)
        threading.Timer(0.2, client.abort).start()
        with pytest.raises(Unreachable):
            list(heard)
