"""The agent at work: passes come by themselves, one agent at a time, and nothing that goes wrong ends them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from agent import schedule
from agent.configured import ledger_rules
from agent.schedule import Agent, Services
from ims.audit import Action
from ims.locks import LockReason
from ims.passes import PassKind
from ims.ports import Intent, IntentId
from tests.support.fake_directory import FakeProcesses
from tests.support.people import actor
from tests.support.sync_world import CORP, SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS, LOST = LockReason.PASSWORD_ATTEMPTS, LockReason.UNAFFILIATED


def services(world: SyncWorld, processes: FakeProcesses) -> Services:
    """Return what an agent works with."""
    return Services(
        store=world.store,
        write_back=world.write_back,
        directories=world.directories,
        processes=processes,
        clock=world.clock,
        rules=ledger_rules(world.settings),
    )


@contextmanager
def agent(world: SyncWorld, name: str = "one agent") -> Iterator[Agent]:
    """Run an agent with a tick of a second, once the test itself has let go of the directory."""
    world.store.drop_lease(world.fence())
    world.configure(schedule={"tick": "1s", "jitter": "0s"})
    running = Agent({CORP: world.directory}, services(world, FakeProcesses(name=name)))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def read(world: SyncWorld) -> bool:
    """Return whether a complete pass was recorded."""
    return world.state().last_reconcile is not None


def test_what_happens_in_the_directory_shows_by_itself(world: SyncWorld) -> None:
    """A lock made after the start, an unlock made outside, an affiliation lost and returned."""
    ada, bob = world.person("ada"), world.person("bob")
    with agent(world):
        wait_until(lambda: read(world), "the first reading")
        assert world.store.passes(CORP)[-1].kind is PassKind.RECONCILE
        world.slapd.lock(ada)
        world.leave(bob)
        wait_until(lambda: world.reasons(ada) == [ATTEMPTS], "the lock shows")
        wait_until(lambda: world.reasons(bob) == [LOST], "the lost affiliation shows")
        world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
        world.join(bob)
        wait_until(lambda: world.reasons(ada) == [], "the unlock shows")
        wait_until(lambda: world.reasons(bob) == [], "the return shows")
        following = world.state().next_run
        assert following is not None
        assert abs(following - world.clock.now()) < timedelta(seconds=5)


def test_only_the_agent_with_the_lease_reads(world: SyncWorld) -> None:
    """Another one waits until the first has given it back."""
    world.person()
    with agent(world, "one"):
        wait_until(lambda: read(world), "the first reading")
        world.configure(schedule={"tick": "1s"})
        other = Agent({CORP: world.directory}, services(world, FakeProcesses(name="two")))
        other.start()
        try:
            assert world.store.take_lease(CORP, "three", timedelta(seconds=1), world.clock.now()) is None
        finally:
            other.stop()
        assert world.store.take_lease(CORP, "three", timedelta(seconds=1), world.clock.now()) is None
    assert world.store.take_lease(CORP, "three", timedelta(seconds=1), world.clock.now()) is not None


def test_an_agent_that_is_stopped_while_another_has_the_lease_takes_nothing_away(world: SyncWorld) -> None:
    """Its own lease, long over, is not the other's."""
    world.person()
    with agent(world):
        wait_until(lambda: read(world), "the first reading")
        world.later(hours=1)
        assert world.store.take_lease(CORP, "another", timedelta(days=1), world.clock.now()) is not None
        passes = len(world.store.passes(CORP))
    assert len(world.store.passes(CORP)) == passes
    assert world.store.take_lease(CORP, "three", timedelta(seconds=1), world.clock.now()) is None


def test_a_directory_that_is_down_is_tried_again_and_the_state_says_when(own_world: SyncWorld) -> None:
    """Later and later; and as soon as it is there, everything is well."""
    ada = own_world.person()
    own_world.reconcile()
    own_world.slapd.halt()
    with agent(own_world):
        wait_until(lambda: bool(own_world.state().error), "the error is told")
        retry = own_world.state().next_run
        assert retry is not None
        assert retry > own_world.clock.now()
        own_world.slapd.resume()
        own_world.slapd.lock(ada)
        own_world.later(minutes=10)
        wait_until(lambda: own_world.reasons(ada) == [ATTEMPTS], "it is read again")
        wait_until(lambda: not own_world.state().error, "the error is over")


def test_a_fault_of_ours_is_recorded_and_the_next_pass_starts(
    world: SyncWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a pass raises, the scheduler lives."""
    world.person()

    def broken(run: object) -> None:
        raise ZeroDivisionError(f"a fault in {run}")

    with agent(world):
        with monkeypatch.context() as patch:
            patch.setattr(schedule, "tick", broken)
            wait_until(lambda: "ZeroDivisionError" in world.state().error, "the fault is recorded")
        wait_until(lambda: read(world) and not world.state().error, "the next pass works")
    assert world.store.passes(CORP)[0].complete


def test_a_missed_reconcile_is_made_up_for_at_the_start(world: SyncWorld) -> None:
    """The agent was down at half past two."""
    world.person()
    world.reconcile()
    first = world.state().last_reconcile
    world.later(hours=25)
    with agent(world):
        wait_until(lambda: world.state().last_reconcile != first, "the missed reconcile")
    assert PassKind.RECONCILE in {report.kind for report in world.store.passes(CORP, 2)}


def test_unlocks_that_a_crash_left_open_are_settled_at_the_start(world: SyncWorld) -> None:
    """Before anything is read."""
    ada = world.person()
    world.reconcile()
    now = world.clock.now()
    user = world.user(ada)
    dead = Intent(
        id=IntentId("left open"),
        user=user.id,
        tenant=user.tenant,
        actor=actor(),
        opened=now,
        deadline=now + timedelta(minutes=1),
        owner="a dead process",
    )
    world.store.open_intent(dead)
    processes = FakeProcesses(name="the next one", dead={"a dead process"})
    running = Agent({CORP: world.directory}, services(world, processes))
    running.start()
    try:
        assert world.store.open_intents() == ()
    finally:
        running.stop()
    assert [row.reference for row in world.audit(Action.UNLOCK)] == ["left open"]


def test_it_can_be_stopped_twice_and_before_it_has_read(world: SyncWorld) -> None:
    """Nothing is left running."""
    world.people(3)
    with agent(world) as running:
        running.stop()
    assert world.store.take_lease(CORP, "another", timedelta(seconds=1), world.clock.now()) is not None
    assert replace(world.state(), name=CORP) == world.state()


def test_it_runs_until_it_is_told_to_stop(world: SyncWorld) -> None:
    """As a process of its own does, whose signals end it."""
    world.person()
    running = Agent({CORP: world.directory}, services(world, FakeProcesses(name="one")))
    process = threading.Thread(target=running.run)
    process.start()
    try:
        wait_until(lambda: read(world), "the first reading")
    finally:
        running.stop()
        process.join(10)
    assert not process.is_alive()
