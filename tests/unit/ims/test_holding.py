"""How a Co-Administrator locks a user, until when, and who ends that."""

from datetime import datetime, timedelta

import pytest

from ims.audit import Action
from ims.errors import Forbidden, InvalidInput
from ims.locks import LockReason
from ims.people import Role, User
from ims.provisioning import Edit
from tests.support.clock import NOON
from tests.support.people import IDP, actor, lock, provisioner
from tests.support.unlock_world import AGO, World

HOUR = timedelta(hours=1)


def actions(world: World, one: User) -> list[Action]:
    return [row.action for row in reversed(world.store.audit(user=one.id, limit=1000))]


def test_a_hold_is_a_lock_with_a_reason(world: World) -> None:
    ada = world.person()
    held = world.view(actor(name="bob")).hold(ada.id, "lost laptop")
    (one,) = held.locks
    assert (one.reason, one.source, one.since, one.until, one.note, one.raised_by) == (
        LockReason.HELD,
        "lockstep",
        NOON,
        None,
        "lost laptop",
        "bob",
    )
    assert held == world.stored(ada)
    assert actions(world, ada) == [Action.LOCK_RAISED]
    assert world.store.audit(user=ada.id)[0].detail == "Locked by a Co-Administrator: lost laptop"


def test_a_hold_ends_by_its_time(world: World) -> None:
    ada = world.person()
    world.view().hold(ada.id, "lost laptop", NOON + HOUR)
    assert not world.active(ada)
    world.clock.forward(HOUR)
    assert world.active(ada)


@pytest.mark.parametrize("late", [timedelta(0), HOUR])
def test_a_hold_that_has_ended_before_it_begins_is_refused(world: World, late: timedelta) -> None:
    ada = world.person()
    with pytest.raises(InvalidInput, match="has passed already"):
        world.view().hold(ada.id, "lost laptop", NOON - late)
    assert world.stored(ada) == ada


@pytest.mark.parametrize(("first", "second"), [(None, None), (None, NOON + HOUR), (NOON + 2 * HOUR, NOON + HOUR)])
def test_a_second_hold_that_ends_no_later_changes_nothing(
    world: World, first: datetime | None, second: datetime | None
) -> None:
    ada = world.person()
    held = world.view().hold(ada.id, "lost laptop", first)
    assert world.view(actor(name="bob")).hold(ada.id, "again", second) == held
    assert world.stored(ada) == held


@pytest.mark.parametrize("end", [None, NOON + 2 * HOUR])
def test_a_second_hold_that_ends_later_prolongs_the_first(world: World, end: datetime | None) -> None:
    """Nobody who was told "locked" is free an hour later: the same row, the later end, the newer note."""
    ada = world.person()
    (before,) = world.view().hold(ada.id, "lost laptop", NOON + HOUR).locks
    (after,) = world.view(actor(name="bob")).hold(ada.id, "stolen", end).locks
    assert (after.id, after.since, after.until) == (before.id, before.since, end)
    assert (after.note, after.raised_by) == ("stolen", "bob")
    assert actions(world, ada) == [Action.LOCK_RAISED, Action.LOCK_UPDATED]


def test_a_hold_after_one_that_is_over_is_a_new_one(world: World) -> None:
    ada = world.person()
    (before,) = world.view().hold(ada.id, "lost laptop", NOON + HOUR).locks
    world.clock.forward(2 * HOUR)
    (after,) = world.view().hold(ada.id, "lost again").locks
    assert after.id != before.id
    assert after.since == NOON + 2 * HOUR
    assert not world.active(ada)


def test_a_hold_leaves_other_locks(world: World) -> None:
    others = (lock(since=NOON - AGO), lock(LockReason.DEPROVISIONED, source=IDP, since=NOON - AGO))
    ada = world.person(locks=others)
    assert set(world.view().hold(ada.id, "lost laptop").locks) > set(others)


def test_a_hold_is_not_the_connections_to_end(world: World) -> None:
    ada = world.person()
    world.view().hold(ada.id, "lost laptop")
    world.view(provisioner()).edit(ada.id, Edit(active=True))
    assert world.reasons(ada) == [LockReason.HELD]


def test_nobody_locks_whom_they_may_not_unlock(world: World) -> None:
    """It would stay until somebody breaks the glass: protected accounts, administrators above, oneself."""
    protected = world.person("root", protected="listed in the settings")
    above = world.person("boss", role=Role.ACCOUNT_ADMINISTRATOR)
    myself = world.person("carol")
    for one, who in ((protected, actor()), (above, actor()), (myself, actor(user=myself.id))):
        with pytest.raises(Forbidden, match="Whom you may not unlock you may not lock either"):
            world.view(who).hold(one.id, "out of spite")
        assert world.active(one)
    world.view(actor(Role.ACCOUNT_ADMINISTRATOR)).hold(above.id, "suspected")
    assert not world.active(above)
