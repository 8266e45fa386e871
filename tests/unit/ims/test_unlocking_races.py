"""Somebody else acts while an unlock runs: an attacker, a help desk, a tick of the sync, another Co-Administrator."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier

import pytest

from ims.audit import Result
from ims.errors import ChangedMeanwhile, Conflict, StillLocked
from ims.locks import LockReason
from ims.people import User
from ims.ports import Batch, Outcome, UserChange
from tests.support.clock import NOON
from tests.support.fake_directory import FakeEntry
from tests.support.people import actor, lock
from tests.support.unlock_world import AGO, World

SECOND = timedelta(seconds=1)


def attack(world: World, times: int) -> None:
    """Let a wrong password lock "ada" anew after each of the next writes."""
    moments = count(1)

    def relock(entry: FakeEntry) -> None:
        number = next(moments)
        if number <= times:
            world.corp.lock(entry.entry_id, NOON + number * SECOND)
            world.clock.at = NOON + number * SECOND

    world.corp.after_write = relock


# --- locked again ----------------------------------------------------------------------------------------------------


def test_locked_again_once_is_unlocked_again(world: World) -> None:
    """Relocked during the write: re-read, and tried a second time."""
    ada = world.locked()
    attack(world, 1)
    after = world.unlock(ada)
    assert [fact.since for write in world.side.effects for fact in write.facts] == [NOON - AGO, NOON + SECOND]
    assert world.active(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    assert world.one_row(ada).result is Result.DONE


def test_locked_again_twice_is_told(world: World) -> None:
    """Two tries at most; then the caller learns that something keeps sending a wrong password."""
    ada = world.locked()
    attack(world, 9)
    with pytest.raises(StillLocked, match="locked again in corp during the unlock") as told:
        world.unlock(ada)
    assert len(world.side.writes) == 2
    assert [text.split(":")[0] for text in told.value.reasons] == ["password_attempts"]
    assert not world.active(ada)
    assert [one.since for one in world.stored(ada).locks] == [NOON + 2 * SECOND]
    stored = world.stored(ada).last_unlock
    assert stored is not None
    assert (stored.cleared, stored.remaining, stored.failed) == ((), (), told.value.reasons)
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.FAILED, "password_attempts", "password_attempts")


def test_locked_again_is_not_retried_for_a_caller_who_named_what_they_saw(world: World) -> None:
    """They decided on the lock they were shown: the new one is another decision."""
    ada = world.locked()
    attack(world, 1)
    with pytest.raises(ChangedMeanwhile):
        world.unlock(ada, shown=ada.locks)
    assert len(world.side.writes) == 1
    assert [one.since for one in world.stored(ada).locks] == [NOON + SECOND]
    assert world.one_row(ada).result is Result.REFUSED


def test_a_hold_ended_stays_ended_when_the_lock_comes_back(world: World) -> None:
    """200 if anything was cleared: what was, and what failed, is told."""
    ada = world.save(replace(world.locked(), locks=(lock(LockReason.HELD, source="lockstep", since=NOON - AGO),)))
    attack(world, 9)
    after = world.unlock(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("held",)
    assert after.last_unlock.remaining == ()
    assert [text.split(":")[0] for text in after.last_unlock.failed] == ["password_attempts"]
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_a_lock_that_changed_before_the_write_is_not_removed_unseen(world: World) -> None:
    """Compare and swap: the first write misses, the second removes what was read in between."""
    ada = world.locked()
    moments = iter([NOON])

    def relock(entry: FakeEntry) -> None:
        for moment in moments:
            world.corp.lock(entry.entry_id, moment)

    world.corp.before_write = relock
    world.unlock(ada)
    assert [write.outcome for write in world.side.writes] == [Outcome.CHANGED, Outcome.DONE]
    assert world.active(ada)


def test_a_lapsed_marker_that_turned_into_a_fresh_lock(world: World) -> None:
    """While the old marker was about to be tidied away, somebody locked themself: seen, and cleared."""
    ada = world.locked(until=NOON + AGO)
    world.clock.forward(2 * AGO)
    now = world.clock.now()
    moments = iter([now])

    def relock(entry: FakeEntry) -> None:
        for moment in moments:
            world.corp.lock(entry.entry_id, moment)

    world.corp.before_write = relock
    after = world.unlock(ada)
    assert world.active(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)


def test_a_directory_that_goes_on_showing_what_it_removed(world: World) -> None:
    """A reading from a server that lags behind: no second user is blamed, and nothing is shown unlocked."""
    ada = world.locked()
    entry = world.corp.entries[ada.entries[0].entry_id]
    facts = list(entry.facts)
    world.corp.after_write = lambda written: written.facts.extend(facts)
    with pytest.raises(StillLocked, match="corp still shows the lock after the write; repeat the unlock in a minute"):
        world.unlock(ada)
    assert not world.active(ada)


# --- the sync and other people ---------------------------------------------------------------------------------------


def after_the_read_back(world: World, act: Callable[[], object]) -> None:
    """Let somebody act between the reading that follows the write and the commit: "lab" is read last each time."""
    looks = count(1)
    world.lab.before_read = lambda _: act() if next(looks) == 2 else None


def test_a_change_by_a_tick_is_kept(world: World) -> None:
    """The user was written between the reading and the commit: planned anew on the new state, nothing lost."""
    ada = world.locked(lab=True)
    renamed = replace(ada, profile=replace(ada.profile, display_name="Ada Lovelace"))
    after_the_read_back(world, lambda: world.save(renamed))
    after = world.unlock(ada)
    assert after.profile.display_name == "Ada Lovelace"
    assert world.active(ada)
    assert world.one_row(ada).result is Result.DONE


def test_a_lock_that_a_tick_found_after_our_reading_is_not_lost(world: World) -> None:
    """Locked again after the read-back, seen by a tick before the commit: the unlock looks again, and believes that."""
    ada = world.locked(lab=True)

    def locked_again_and_seen() -> None:
        world.corp.lock("ada", NOON)
        world.tick(ada)

    after_the_read_back(world, locked_again_and_seen)
    with pytest.raises(StillLocked, match="locked again in corp"):
        world.unlock(ada)
    assert [one.since for one in world.stored(ada).locks] == [NOON]
    assert not world.active(ada)
    assert world.one_row(ada).result is Result.FAILED


def test_a_tick_that_read_before_the_unlock_changes_nothing_after_it(world: World) -> None:
    """The version moved: the tick's change is dropped, and the user stays free."""
    ada = world.locked()
    base = world.store.revision()
    world.unlock(ada)
    stale = UserChange(user=replace(ada, profile=replace(ada.profile, title="stale")), base=base)
    assert world.store.apply(Batch(changes=(stale,))).dropped == (ada.id,)
    assert world.active(ada)


def test_a_hold_during_an_unlock_stays(world: World) -> None:
    """A Co-Administrator locks while another unlocks: each gets what they asked for."""
    ada = world.locked()
    world.corp.after_write = lambda _: world.view(actor(name="bob")).hold(ada.id, "stolen laptop")
    after = world.unlock(ada)
    assert world.reasons(ada) == [LockReason.HELD]
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    assert after.last_unlock.remaining == (
        "held: Locked by a Co-Administrator: stolen laptop; a Co-Administrator of the company account ends it",
    )


def test_a_user_who_never_stands_still_is_a_conflict(world: World) -> None:
    """Written by somebody else after each of our readings, for ever: it ends, with one row."""
    ada = world.locked()
    titles = count(1)

    def retitle(_: FakeEntry) -> None:
        stored = world.stored(ada)
        world.save(replace(stored, profile=replace(stored.profile, title=f"title {next(titles)}")))

    world.corp.before_read = retitle
    with pytest.raises(Conflict, match="ada keeps changing"):
        world.unlock(ada)
    assert len(world.side.effects) == 1
    assert world.one_row(ada).result is Result.FAILED


# --- many at once ----------------------------------------------------------------------------------------------------


def test_twenty_unlocks_at_once_are_one_effect(world: World) -> None:
    """One write that changed something, twenty equal answers, twenty audit rows, no intent left."""
    ada = world.locked()
    together = Barrier(20)

    def unlock(number: int) -> User:
        together.wait(timeout=30)
        return world.unlock(ada, actor(name=f"admin {number}"))

    with ThreadPoolExecutor(max_workers=20) as pool:
        answers = list(pool.map(unlock, range(20)))
    assert len(world.side.effects) == 1
    assert all(answer.locks == () for answer in answers)
    assert world.active(ada)
    assert world.store.open_intents() == ()
    rows = world.unlock_rows(ada)
    assert len({row.reference for row in rows}) == len(rows) == 20
    assert {row.actor for row in rows} == {f"admin {number}" for number in range(20)}
    assert {row.result for row in rows} == {Result.DONE}
    assert len(world.lock_rows(ada)) == 1


def test_unlocks_of_many_users_at_once_do_not_mix(world: World) -> None:
    """Every user gets their own outcome, though all share one store and one directory."""
    users = [world.locked(f"user{number}") for number in range(8)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(world.unlock, users))
    assert [answer.id for answer in answers] == [user.id for user in users]
    assert all(world.active(user) for user in users)
    assert len(world.side.effects) == 8


def test_moments_are_the_clocks(world: World) -> None:
    """`lastUnlock.at` and `modified` say when it was recorded, not when it was asked."""
    ada = world.locked()

    def later(_: FakeEntry) -> None:
        world.clock.at = NOON + SECOND

    world.corp.after_write = later
    after = world.unlock(ada)
    assert after.last_unlock is not None
    moments: set[datetime] = {after.last_unlock.at, after.modified}
    assert moments == {NOON + SECOND}
