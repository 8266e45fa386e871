"""Whatever the directory does, and however the passes fall: never more than the limit within an hour unapproved."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.brake import BRAKED, WINDOW, limit
from ims.audit import Action
from ims.batches import BatchId, Decision, Why
from tests.support.brake_world import BrakeWorld, open_brake_world

PEOPLE = 26
some = st.sets(st.integers(0, PEOPLE - 1), max_size=14)


@dataclass(frozen=True)
class Step:
    """What happens to some people, how much later, and which pass follows."""

    what: str
    whom: set[int]
    minutes: int
    act: str


steps = st.builds(
    Step,
    what=st.sampled_from(["disabled", "enabled", "left", "joined", "gone", "back", "titled"]),
    whom=some,
    minutes=st.sampled_from([0, 1, 10, 29, 30, 31, 59, 60, 61]),
    act=st.sampled_from(["reconcile", "tick", "incomplete", "crash", "upgrade", "reject some", "approve one"]),
)
_CHANGES: dict[str, dict[str, object]] = {
    "disabled": {"disabled": True},
    "enabled": {"disabled": False},
    "left": {"staff": False},
    "joined": {"staff": True},
    "gone": {"there": False},
    "back": {"there": True},
    "titled": {"title": "new"},
}


def take(world: BrakeWorld, step: Step) -> int:
    """Take a step; return how many proposals somebody approved."""
    whom = [world.people[f"p{number:03}"] for number in sorted(step.whom)]
    world.change(*whom, **_CHANGES[step.what])
    world.clock.forward(timedelta(minutes=step.minutes))
    waiting = [item for item in world.items() if item.decision is Decision.WAITING]
    waiting = [item for item in waiting if item.why is waiting[0].why]
    approved = 0
    if step.act == "upgrade":
        world.version += ".1"
    elif step.act == "reject some" and waiting:
        world.decide(
            Decision.REJECTED, *(world.people[item.name] for item in waiting[:2]), batch=batch_of(world, waiting[0].why)
        )
    elif step.act == "approve one" and waiting:
        world.decide(Decision.APPROVED, world.people[waiting[0].name], batch=batch_of(world, waiting[0].why))
        approved = 1
    world.crash = step.act == "crash"
    with suppress(InterruptedError):
        if step.act == "tick":
            world.tick(*whom)
        else:
            world.reconcile(complete=step.act != "incomplete")
    return approved


def batch_of(world: BrakeWorld, why: Why) -> BatchId:
    """Return the open batch that waits for this."""
    return next(batch.id for batch in world.store.held_batches() if batch.why is why)


def within(world: BrakeWorld) -> int:
    """Return how many locks that count were raised in the worst hour."""
    rows = [row for row in world.store.audit(limit=10_000) if row.action is Action.LOCK_RAISED]
    times = [row.at for row in rows if row.after.split()[0] in BRAKED]
    return max((sum(start <= at < start + WINDOW for at in times) for start in times), default=0)


@settings(max_examples=25, deadline=None)
@given(taken=st.lists(steps, max_size=9))
def test_no_hour_sees_more_than_the_limit(taken: list[Step], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over crashes, cut readings, upgrades, ticks that see some only, and people who come back in between."""
    world = open_brake_world(tmp_path_factory.mktemp("brake"))
    try:
        world.known(PEOPLE)
        approved = sum(take(world, step) for step in taken)
        assert within(world) <= limit(PEOPLE) + 2 * approved
        held = {item.key for item in world.items()}
        for batch in world.store.held_batches():
            assert batch.waiting + batch.approved + batch.rejected > 0
        assert sum(b.waiting + b.approved + b.rejected for b in world.store.held_batches()) == len(held)
    finally:
        world.store.close()
