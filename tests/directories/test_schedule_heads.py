"""The agent keeps the audit's head: at its start, on its schedule, at its stop; and goes on where it cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.configured import ledger_rules
from agent.schedule import Agent, Services
from lockstep.verification import heads_in, verify_chain
from tests.support.fake_directory import FakeProcesses
from tests.support.sync_world import CORP, SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


@contextmanager
def agent(world: SyncWorld, file: Path) -> Iterator[None]:
    """Run an agent that keeps a head every second."""
    world.store.drop_lease(world.fence())
    world.configure(schedule={"tick": "1s", "jitter": "0s"})
    services = Services(
        store=world.store,
        write_back=world.write_back,
        directories=world.directories,
        processes=FakeProcesses(),
        clock=world.clock,
        rules=ledger_rules(world.settings),
        heads_file=file,
        heads_every=timedelta(seconds=1),
    )
    running = Agent({CORP: world.directory}, services)
    running.start()
    try:
        yield
    finally:
        running.stop()


def test_heads_are_kept_at_the_start_on_the_schedule_and_at_the_stop(world: SyncWorld, tmp_path: Path) -> None:
    """And the chain leads to every one of them."""
    file = tmp_path / "heads.jsonl"
    world.slapd.lock(world.person())
    with agent(world, file):
        assert heads_in(file)[0].number == 0
        wait_until(lambda: heads_in(file)[-1].number > 0, "a head after the first reading")
        kept = len(heads_in(file))
    heads = heads_in(file)
    assert len(heads) > kept
    assert heads[-1].number == len(world.audit())
    with world.store.chain() as chain:
        verified = verify_chain(chain, heads)
    assert verified.holds
    assert verified.heads == len({head.number for head in heads})


def test_passes_go_on_where_no_head_can_be_kept(world: SyncWorld) -> None:
    """The disk is full: an alarm each time, and people are locked as always."""
    with capture_logs() as logged:
        ada = world.person()
        with agent(world, Path("/dev/full")):
            wait_until(lambda: world.state().last_reconcile is not None, "the first reading")
            world.slapd.lock(ada)
            wait_until(lambda: world.reasons(ada) != [], "the lock shows")
    alarms = [line for line in logged if line["event"] == "audit_head_not_kept"]
    assert len(alarms) >= 2
    assert {line["log_level"] for line in alarms} == {"error"}
