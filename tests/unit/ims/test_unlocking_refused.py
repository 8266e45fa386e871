"""Who may not unlock whom, and an unlock that was decided on what is no longer so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.audit import Action, Result
from ims.errors import ChangedMeanwhile, Forbidden, LockstepError, NotFound
from ims.locks import LockReason
from ims.people import Actor, Channel, Role, User
from ims.ports import Batch
from ims.unlocking import UnlockRequest
from tests.support.clock import NOON
from tests.support.people import GLOBEX, actor, lock
from tests.support.unlock_world import AGO, World

OPERATOR = actor(Role.OPERATOR, tenant=None, channel=Channel.COMMAND_LINE, name="root")


def assert_refused_unread(world: World, one: User, who: Actor, text: str) -> None:
    """Assert that this unlock is forbidden before any directory is asked, and audited as refused."""
    before = world.stored(one)
    with pytest.raises(Forbidden, match=text):
        world.unlock(one, who)
    assert world.side.reads == []
    assert world.side.writes == []
    assert world.stored(one) == before
    row = world.one_row(one)
    assert (row.result, row.actor, row.subject) == (Result.REFUSED, who.name, "ada")
    assert row.detail


# --- before anything is read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.CO_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR])
def test_a_protected_account_is_refused_to_everybody(world: World, role: Role) -> None:
    """adminCount, the agent's own account, a canary: whatever its state."""
    ada = world.person(protected="the directory protects it")
    world.corp.lock("ada", NOON - AGO)
    assert_refused_unread(world, ada, actor(role), "protected account \\(the directory protects it\\)")


@pytest.mark.parametrize("role", [Role.CO_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR])
def test_nobody_unlocks_themself(world: World, role: Role) -> None:
    ada = world.locked()
    assert_refused_unread(world, ada, actor(role, user=ada.id), "Nobody unlocks their own account")


def test_a_co_administrator_unlocks_no_account_administrator(world: World) -> None:
    ada = world.person(role=Role.ACCOUNT_ADMINISTRATOR)
    assert_refused_unread(world, ada, actor(), "ada is an Account Administrator")


@pytest.mark.parametrize("role", [Role.CO_ADMINISTRATOR, Role.AUDITOR, None])
def test_a_co_administrator_unlocks_everybody_else(world: World, role: Role | None) -> None:
    """Other Co-Administrators too: somebody has to."""
    ada = world.person(role=role)
    world.corp.lock("ada", NOON - AGO)
    world.unlock(ada, actor())
    assert world.active(ada)


def test_account_administrators_unlock_each_other(world: World) -> None:
    ada = world.person(role=Role.ACCOUNT_ADMINISTRATOR)
    world.corp.lock("ada", NOON - AGO)
    world.unlock(ada, actor(Role.ACCOUNT_ADMINISTRATOR))
    assert world.active(ada)


def test_the_last_resort_on_the_box_passes_protection(world: World) -> None:
    """`--break-glass`: audited with the operator's name and reason, like any other unlock."""
    ada = world.person(role=Role.ACCOUNT_ADMINISTRATOR, protected="listed in the settings")
    world.corp.lock("ada", NOON - AGO)
    world.unlock(ada, OPERATOR, break_glass=True, comment="nobody else is left")
    assert world.active(ada)
    row = world.one_row(ada)
    assert (row.actor, row.role, row.channel) == ("root", Role.OPERATOR, Channel.COMMAND_LINE)
    assert (row.result, row.detail) == (Result.DONE, "nobody else is left")


def test_even_the_last_resort_clears_only_what_an_unlock_may(world: World) -> None:
    ada = world.person()
    world.corp.lock("ada", NOON - AGO, reason=LockReason.EXPIRED)
    with pytest.raises(LockstepError, match="expired"):
        world.unlock(ada, OPERATOR, break_glass=True, comment="please")
    assert world.side.writes == []


# --- found out while reading -----------------------------------------------------------------------------------------


def test_an_account_that_became_protected_is_refused_by_the_reading(world: World) -> None:
    """The directory put it under protection since the last tick: nothing is written, and its lock is known now."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO)
    world.corp.entries[ada.entries[0].entry_id].protected = "adminCount = 1"
    with pytest.raises(Forbidden, match="adminCount = 1"):
        world.unlock(ada)
    assert world.side.writes == []
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.REFUSED, "password_attempts", "password_attempts")
    assert world.stored(ada).last_unlock is None


def test_a_refusal_that_learned_nothing_leaves_the_user_unwritten(world: World) -> None:
    """Nothing new was read: no new version, so that nobody's ETag moves."""
    ada = world.locked()
    world.corp.entries[ada.entries[0].entry_id].protected = "adminCount = 1"
    with pytest.raises(Forbidden):
        world.unlock(ada)
    assert world.stored(ada) == ada
    assert world.one_row(ada).result is Result.REFUSED


def test_a_role_won_between_request_and_reading_counts(world: World) -> None:
    """A tick has just made them an Account Administrator: the state at the reading decides."""
    ada = world.locked()
    world.save(replace(ada, role=Role.ACCOUNT_ADMINISTRATOR))
    with pytest.raises(Forbidden, match="Account Administrator"):
        world.unlocking.unlock(UnlockRequest(actor=actor(), user=ada))
    assert world.side.writes == []
    assert world.one_row(ada).result is Result.REFUSED


# --- changed meanwhile -----------------------------------------------------------------------------------------------


def test_what_was_shown_is_cleared(world: World) -> None:
    """The caller saw exactly the lock that the directory holds."""
    ada = world.locked()
    world.unlock(ada, shown=ada.locks)
    assert world.active(ada)


def test_less_than_was_shown_is_cleared(world: World) -> None:
    """One of two has ended meanwhile: what the caller wanted is still what happens."""
    ada = world.locked()
    world.unlock(ada, shown=(*ada.locks, lock(LockReason.HELD, source="lockstep")))
    assert world.active(ada)


@pytest.mark.parametrize("refreshed", [True, False], ids=["read by a tick", "not read yet"])
def test_a_newer_lock_than_the_one_shown_is_left(world: World, refreshed: bool) -> None:  # noqa: FBT001 - a parameter
    """409 changed meanwhile: an attack goes on, and whoever unlocks must know."""
    ada = world.locked()
    world.corp.lock("ada", NOON)
    if refreshed:
        world.tick(ada)
    with pytest.raises(
        ChangedMeanwhile, match=r"ada has changed meanwhile: Locked in corp .* since 2026-11-23 12:00:00"
    ):
        world.unlock(ada, shown=ada.locks)
    assert world.side.writes == []
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.REFUSED, "password_attempts", "password_attempts")
    assert "changed meanwhile" in row.detail


def test_after_a_409_the_newer_lock_is_shown_and_can_be_cleared(world: World) -> None:
    """ "Look at the user again" is true at once: what the refused unlock read is in the ledger."""
    ada = world.locked()
    world.corp.lock("ada", NOON)
    with pytest.raises(ChangedMeanwhile):
        world.unlock(ada, shown=ada.locks)
    assert [one.since for one in world.stored(ada).locks] == [NOON]
    assert {action for action, _ in world.lock_rows(ada)} == {Action.LOCK_LIFTED, Action.LOCK_RAISED}
    world.unlock(ada, shown=world.stored(ada).locks)
    assert world.active(ada)


def test_somebody_shown_as_free_who_is_locked_by_now(world: World) -> None:
    """The caller saw no lock at all; the directory holds one, and the ledger knows it from now on."""
    ada = world.person()
    world.corp.lock("ada", NOON)
    with pytest.raises(ChangedMeanwhile):
        world.unlock(ada, shown=())
    assert world.side.writes == []
    assert not world.active(ada)


def test_a_hold_that_came_meanwhile_is_left(world: World) -> None:
    """Another Co-Administrator locked the user while this one was looking at a lock after wrong passwords."""
    ada = world.locked()
    world.view(actor(name="bob")).hold(ada.id, "stolen laptop")
    with pytest.raises(ChangedMeanwhile, match="Locked by a Co-Administrator: stolen laptop"):
        world.unlock(ada, shown=ada.locks)
    assert set(world.reasons(ada)) == {LockReason.PASSWORD_ATTEMPTS, LockReason.HELD}


def test_a_lock_ahead_that_was_not_shown_is_no_objection(world: World) -> None:
    """Not in force, not touched: next month's validity does not stand in the way."""
    ada = world.locked()
    world.corp.lock("ada", NOON + timedelta(days=30), reason=LockReason.EXPIRED)
    world.unlock(ada, shown=ada.locks)
    assert world.active(ada)


# --- gone or moved ---------------------------------------------------------------------------------------------------


def test_a_user_removed_since_the_request(world: World) -> None:
    ada = world.locked()
    world.store.apply(Batch(removed=(ada.id,)))
    with pytest.raises(NotFound):
        world.unlocking.unlock(UnlockRequest(actor=actor(), user=ada))
    assert world.side.reads == []
    assert world.one_row(ada).result is Result.FAILED


def test_a_user_removed_while_being_unlocked(world: World) -> None:
    """The directory was written; nobody is left to be shown unlocked."""
    ada = world.locked()
    world.corp.after_write = lambda _: world.store.apply(Batch(removed=(ada.id,)))
    with pytest.raises(NotFound):
        world.unlock(ada)
    assert world.one_row(ada).result is Result.FAILED


def test_a_user_who_moved_to_another_company_is_not_unlocked_by_the_old_one(world: World) -> None:
    """Transferred between the look-up and the unlock: as if they were not there."""
    ada = world.locked()
    world.save(replace(ada, tenant=GLOBEX))
    with pytest.raises(NotFound):
        world.unlocking.unlock(UnlockRequest(actor=actor(), user=ada))
    assert world.side.writes == []
    assert world.one_row(ada).tenant == ada.tenant
