"""An agent that is told to stop waits for no server: the pass ends at once, and that is no failure."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agent.run import PassStopped, Run, Stop
from agent.sync import reconcile
from tests.support.ber import Message, Op
from tests.support.scripted import scripted
from tests.support.sync_world import CORP, SyncWorld
from tests.support.waiting import wait_until
from tests.support.wire import silent

pytestmark = pytest.mark.servers
SLACK_S = 1.0


@contextmanager
def stopped_soon(run: Run, when: Callable[[], object]) -> Iterator[None]:
    """Stop a pass from another thread as soon as something holds; it has to end at once then."""
    times: list[float] = []

    def stopping() -> None:
        wait_until(when, "the pass waits for the server")
        times.append(time.monotonic())
        run.stop.set()

    thread = threading.Thread(target=stopping)
    thread.start()
    with pytest.raises(PassStopped):
        yield
    thread.join(10)
    assert time.monotonic() - times[0] < SLACK_S


def run_with(world: SyncWorld, *urls: str, **changes: Any) -> Run:
    """Return a pass of this world that reads other servers."""
    world.configure(servers=list(urls), receive_timeout=60, connect_timeout=30, **changes)
    return world.run()


def test_a_pass_that_waits_for_a_sign_in(world: SyncWorld) -> None:
    """The server takes the connection and says nothing; no other server is tried."""
    with silent() as mute, silent() as other:
        run = run_with(world, mute.url, other.url)
        with stopped_soon(run, lambda: mute.received):
            reconcile(run)
        assert other.connections == 0
    assert world.state().error == ""


def test_a_pass_that_waits_for_an_answer(world: SyncWorld) -> None:
    """It has signed in; the first question is never answered."""

    def mute(_: Message) -> Iterator[bytes]:
        yield from ()

    with scripted(mute) as server:
        run = run_with(world, server.url)
        with stopped_soon(run, lambda: server.asked(Op.SEARCH)):
            reconcile(run)
    assert world.state().error == ""
    assert world.store.passes(CORP) == ()


def test_a_pass_that_waits_for_another_server(world: SyncWorld) -> None:
    """The one that it reads answers; one that is asked about its own locks does not."""
    world.person()
    with silent() as mute:
        run = run_with(world, world.slapd.url, mute.url)
        with stopped_soon(run, lambda: mute.received):
            reconcile(run)
    assert world.state().error == ""


def test_a_pass_that_begins_after_the_stop(world: SyncWorld) -> None:
    """It connects to nobody."""
    with silent() as mute:
        run = run_with(world, mute.url)
        run.stop.set()
        with pytest.raises(PassStopped):
            reconcile(run)
        assert mute.connections == 0


def test_whoever_is_not_under_way_any_more_is_left_alone() -> None:
    """An ending is called once, and only while it counts."""
    stop, called = Stop(), list[str]()
    with stop.ending(lambda: called.append("over")):
        pass
    with stop.ending(lambda: called.append("under way")):
        stop.set()
        assert stop.is_set()
    with stop.ending(lambda: called.append("too late")):
        pass
    assert called == ["under way", "too late"]
