"""Holding the lease on a directory for one pass from the command line, so that no agent writes it at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from agent.schedule import LEASE
from ims.errors import Conflict, LockstepError
from ims.passes import Fence
from ims.people import DirectoryName
from lockstep.wiring import Wiring

_log = structlog.get_logger("lockstep.sync")


@contextmanager
def lease(wiring: Wiring, name: DirectoryName) -> Iterator[Fence]:
    """Hold the lease, renewed as an agent renews its own, and give it back. Raises Conflict where an agent has it.

    It is short, so that an agent need not wait long for a command that was killed.
    """
    fence = _take(wiring, name)
    if fence is None:
        due = wiring.store.directory(name).next_run
        when = f" It reads {name} again at {due:%H:%M:%S} UTC." if due else ""
        raise Conflict(f"An agent is at work on {name}: it alone may write.{when} --dry-run shows what it would do")
    ended = threading.Event()
    renewal = threading.Thread(target=_renew, args=(wiring, name, ended), daemon=True)
    renewal.start()
    try:
        yield fence
    finally:
        ended.set()
        renewal.join()
        wiring.store.drop_lease(fence)


def _take(wiring: Wiring, name: DirectoryName) -> Fence | None:
    return wiring.store.take_lease(name, wiring.processes.me(), LEASE, wiring.clock.now(), wiring.processes)


def _renew(wiring: Wiring, name: DirectoryName, ended: threading.Event) -> None:
    """Renew the lease until the pass has ended. Where that fails, the fence keeps the pass from writing, not this."""
    while not ended.wait(LEASE.total_seconds() / 3):
        try:
            _take(wiring, name)
        except LockstepError as error:
            _log.warning("lease_not_renewed", directory=name, error=str(error))
