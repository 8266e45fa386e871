"""How soon a lock is visible over SCIM: `make freshness`, or `python -m bench.freshness`.

Somebody is locked by wrong passwords at a real server; the clock runs from the answer to the last of them until the
service provider says `active: false`. Each server does it with `changes = "push"` and with a tick alone. What that is
measured against stands beside it: the tick's own length, and one second. Each lock follows the last one's showing, so
that with a tick alone it has just been missed: the longest wait there is.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.configured import ledger_rules
from agent.schedule import Agent, Services
from bench.errors import BenchProblem
from config.settings import LogLevel
from ims.passes import ChangeSource
from lockstep import logs
from tests.support.certificates import CertificateAuthority
from tests.support.dialect_server import SERVERS, DialectServer, started
from tests.support.fake_directory import FakeProcesses
from tests.support.scim_reader import ScimReader
from tests.support.slapd import Person
from tests.support.sync_world import CORP, SyncWorld

TICK_S = 2.0
"""The rhythm of the agent that only asks."""
TARGET_S = 1.0
_SERVERS = ("openldap", "389ds", "ad")
_LOOKS_EVERY_S = 0.004
_PATIENCE_S = 60.0
_PERCENTILES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The seconds that one server's locks took with one way of learning of changes."""

    server: str
    source: ChangeSource
    seconds: tuple[float, ...]

    def row(self) -> str:
        """Return the line of the table."""
        limit = TARGET_S if self.source is ChangeSource.PUSH else TICK_S
        half, most = statistics.median(self.seconds), _percentile(self.seconds, 99)
        against = "one second" if self.source is ChangeSource.PUSH else f"a tick of {TICK_S:g} s"
        met = "met" if most <= limit + (TARGET_S if self.source is ChangeSource.POLL else 0) else "missed"
        ratios = f"{half / limit:.2f} | {most / limit:.2f}"
        return f"| {self.server} | {self.source} | {half:.3f} | {most:.3f} | {against} | {ratios} | {met} |"


def main() -> int:
    """Measure what the command line asks for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.freshness", description=__doc__)
    parser.add_argument("--locks", type=int, default=40, help="how many people are locked per row (40)")
    parser.add_argument("--only", choices=_SERVERS, action="append", help="this server only")
    options = parser.parse_args()
    logs.configure(LogLevel.ERROR)
    sys.stdout.write("| server | changes | p50, s | p99, s | against | p50, ratio | p99, ratio | target |\n")
    sys.stdout.write("|---|---|---:|---:|---|---:|---:|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        authority = CertificateAuthority(Path(folder))
        for name in options.only or _SERVERS:
            made = SERVERS[name](authority)
            try:
                started(made)
                for source in ChangeSource:
                    sys.stdout.write(_measured(made, source, options.locks).row() + "\n")
                    sys.stdout.flush()
            finally:
                made.server.stop()
    return 0


def _measured(made: DialectServer, source: ChangeSource, locks: int) -> Taken:
    """Lock so many people, one after the other. Raises BenchProblem where a lock does not show."""
    with tempfile.TemporaryDirectory() as folder:
        world = made.world(Path(folder))
        try:
            people = world.people(locks)
            world.reconcile()
            with _agent(world, source):
                reader = ScimReader(world)
                seconds = tuple(_locked(world, reader, one) for one in people)
                return Taken(server=made.name, source=source, seconds=seconds)
        finally:
            world.store.close()


@contextmanager
def _agent(world: SyncWorld, source: ChangeSource) -> Iterator[None]:
    """Run the agent; one that listens ticks so seldom that no tick can be meant."""
    world.store.drop_lease(world.fence())
    tick = TICK_S if source is ChangeSource.POLL else 3600
    world.configure(schedule={"tick": f"{tick:g}s", "jitter": "0s", "changes": source.value})
    services = Services(
        store=world.store,
        write_back=world.write_back,
        directories=world.directories,
        processes=FakeProcesses(),
        clock=world.clock,
        rules=ledger_rules(world.settings),
    )
    agent = Agent({CORP: world.directory}, services)
    agent.start()
    try:
        _until(lambda: world.state().told.source is source, "the agent listens")
        yield
    finally:
        agent.stop()


def _locked(world: SyncWorld, reader: ScimReader, person: Person) -> float:
    """Lock somebody, and return how many seconds later SCIM says so."""
    user = world.user(person).id
    world.slapd.lock(person)
    began = time.monotonic()
    _until(lambda: not reader.active(user), f"the lock of {person.uid} shows")
    return time.monotonic() - began


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise BenchProblem(f"not within {_PATIENCE_S:g} s: {what}")
        time.sleep(_LOOKS_EVERY_S)


def _percentile(values: Sequence[float], which: int) -> float:
    """Return the value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, which * len(ordered) // _PERCENTILES)]


if __name__ == "__main__":
    sys.exit(main())
