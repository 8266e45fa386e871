"""Whether the program can do its work, from the store: what /readyz answers and `lockstep status` shows.

A directory that is down makes it degraded, not unready: the last known state is served, and no load balancer can help.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from agent.alarms import kept_back
from agent.health import DirectoryHealth
from agent.health import health_of as directory_health
from ims.errors import StoreUnusable
from ims.passes import DirectoryState, Mode
from lockstep.wiring import Wiring


class Verdict(StrEnum):
    """What it comes to."""

    OK = "ok"
    DEGRADED = "degraded"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The whole program at one moment. `sentences` say what is the matter besides the directories."""

    verdict: Verdict
    at: datetime
    directories: tuple[DirectoryHealth, ...] = ()
    sentences: tuple[str, ...] = ()


def health_of(wiring: Wiring) -> Health:
    """Judge the program by its store: can it be written, and how well are the directories read."""
    now = wiring.clock.now()
    try:
        wiring.store.check()
        directories = directories_of(wiring, now)
        refused = tuple(
            f"{circuit.directory} refused Lockstep's secret on {circuit.opened:%Y-%m-%d %H:%M:%S} UTC ({circuit.why})"
            for circuit in wiring.store.circuits()
        )
    except StoreUnusable as error:
        return Health(verdict=Verdict.UNUSABLE, at=now, sentences=(str(error),))
    good = all(directory.ok for directory in directories) and not refused
    return Health(
        verdict=Verdict.OK if good else Verdict.DEGRADED,
        at=now,
        directories=directories,
        sentences=refused,
    )


def directories_of(wiring: Wiring, now: datetime) -> tuple[DirectoryHealth, ...]:
    """Judge every configured directory by its stored state."""
    configured = wiring.settings.directories
    return tuple(
        directory_health(state, Mode(configured[state.name].mode.value), configured[state.name].schedule.tick, now)
        for state in states_of(wiring)
    )


def states_of(wiring: Wiring) -> tuple[DirectoryState, ...]:
    """Return the state of every configured directory, in the settings' order, with what is kept back at this moment.

    A state is written by a pass; what waits for a person changes with every decision of theirs.
    """
    batches = wiring.store.held_batches()
    return tuple(
        replace(state, kept_back=kept_back(batch for batch in batches if batch.directory == state.name))
        for state in wiring.directories.states()
    )
