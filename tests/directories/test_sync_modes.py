"""Observing, and trying without writing."""

import pytest

from agent.run import PassResult
from ims.audit import Action
from ims.locks import LockReason
from ims.passes import Mode, PassKind
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
LOST, ATTEMPTS = LockReason.UNAFFILIATED, LockReason.PASSWORD_ATTEMPTS


# --- observe ---------------------------------------------------------------------------------------------------------


def test_an_observed_directory_locks_nobody_and_says_whom_it_would(world: SyncWorld) -> None:
    """By wrong passwords and by un-affiliation, in reconciles and in ticks."""
    ada, bob = world.person("ada"), world.person("bob")
    world.configure(mode="observe")
    world.slapd.lock(ada)
    world.reconcile()
    assert world.observed() == (f"{ada.uid}: password_attempts",)
    world.leave(bob)
    for pass_ in (world.tick, world.tick, world.reconcile):
        pass_()
        assert world.observed() == (f"{ada.uid}: password_attempts", f"{bob.uid}: unaffiliated")
    assert (world.user(ada).locks, world.user(bob).locks) == ((), ())
    assert world.audit(Action.LOCK_RAISED, Action.UNAFFILIATED) == []


def test_enabling_it_makes_the_next_tick_a_reconcile_that_locks(world: SyncWorld) -> None:
    """And observing again gives every lock up, audited."""
    ada, bob = world.person("ada"), world.person("bob")
    world.configure(mode="observe")
    world.slapd.lock(ada)
    world.reconcile()
    world.leave(bob)
    world.tick()
    world.mode(Mode.ENFORCE)
    result = world.tick()
    assert result.report.kind is PassKind.RECONCILE
    assert (world.reasons(ada), world.reasons(bob)) == ([ATTEMPTS], [LOST])
    assert world.observed() == ()
    world.mode(Mode.OBSERVE)
    world.tick()
    assert (world.user(ada).locks, world.user(bob).locks) == ((), ())
    assert len(world.audit(Action.LOCK_LIFTED)) == 2
    assert world.state().mode is Mode.OBSERVE


# --- dry run ---------------------------------------------------------------------------------------------------------


def nothing_written(world: SyncWorld, result: PassResult) -> bool:
    """Return whether the store is as it was before anything was read."""
    return world.store.revision() == 0 and not world.store.passes() and bool(result.report.id)


def test_a_dry_run_says_what_it_would_do_and_does_nothing(world: SyncWorld) -> None:
    """The same way, up to the writing."""
    ada = world.person()
    world.slapd.lock(ada)
    result = world.reconcile(fence=None)
    assert [row.action for row in result.preview] == [Action.LOCK_RAISED, Action.FIRST_IMPORT]
    assert (result.report.changed, result.report.raised) == (2, 1)
    assert nothing_written(world, result)


def test_an_observed_directory_can_be_tried_as_if_it_were_enforced(world: SyncWorld) -> None:
    """What `lockstep enable` shows before it asks."""
    ada = world.person()
    world.configure(mode="observe")
    world.slapd.lock(ada)
    world.reconcile()
    revision = world.store.revision()
    result = world.reconcile(fence=None, mode=Mode.ENFORCE)
    assert [(row.action, row.subject) for row in result.preview] == [(Action.LOCK_RAISED, ada.uid)]
    assert world.store.revision() == revision
    assert world.user(ada).locks == ()
