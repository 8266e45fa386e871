"""What becomes of an unlock whose process died half way: it is read, recorded once, and never written again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from ims.audit import Action, Result
from ims.locks import LockReason
from ims.passes import Mode
from ims.people import User
from ims.ports import Batch, Intent
from ims.settling import settle_intent
from tests.support.clock import NOON
from tests.support.fake_directory import FakeEntry
from tests.support.people import ACME, actor, lock
from tests.support.unlock_world import AGO, Crash, World

DEADLINE = timedelta(seconds=60)


def crash(_: FakeEntry) -> None:
    """End the process here."""
    raise Crash


def crashed(world: World, one: User) -> Intent:
    """Run an unlock that ends in a crash, and bury its process."""
    with pytest.raises(Crash):
        world.unlock(one)
    world.corp.before_read = world.corp.before_write = world.corp.after_write = lambda _: None
    world.processes.dead.add(world.processes.me())
    world.processes.name = "the next process"
    (intent,) = world.store.open_intents()
    return intent


def crashed_before_the_write(world: World, one: User) -> Intent:
    world.corp.before_write = crash
    return crashed(world, one)


def crashed_after_the_write(world: World, one: User) -> Intent:
    world.corp.after_write = crash
    return crashed(world, one)


def test_a_crash_while_reading(world: World) -> None:
    """Nothing was to be written yet: said so, without asking the directory."""
    ada = world.locked()
    world.corp.before_read = crash
    intent = crashed(world, ada)
    world.side.reads.clear()
    assert world.settle() == 1
    row = world.one_row(ada)
    assert (row.result, row.reference) == (Result.FAILED, intent.id)
    assert world.side.reads == []
    assert world.stored(ada) == ada


def test_a_crash_before_the_write(world: World) -> None:
    """Still locked by reading: failed, the ledger says so, and nobody writes."""
    ada = world.locked()
    intent = crashed_before_the_write(world, ada)
    assert world.settle() == 1
    assert world.side.writes == []
    assert not world.active(ada)
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.FAILED, "password_attempts", "password_attempts")
    assert (row.actor, row.channel, row.reference) == (intent.actor.name, intent.actor.channel, intent.id)
    stored = world.stored(ada).last_unlock
    assert stored is not None
    assert [text.split(":")[0] for text in stored.failed] == ["password_attempts"]


def test_a_crash_after_the_write(world: World) -> None:
    """Unlocked by reading: done, with the effect it had, once."""
    ada = world.locked()
    crashed_after_the_write(world, ada)
    assert not world.active(ada)
    assert world.settle() == 1
    assert world.active(ada)
    assert len(world.side.writes) == 1
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.DONE, "password_attempts", "none")
    assert world.lock_rows(ada) == [(Action.LOCK_LIFTED, "password_attempts")]
    stored = world.stored(ada).last_unlock
    assert stored is not None
    assert (stored.cleared, stored.failed) == (("password_attempts",), ())


def test_settled_twice_is_one_effect(world: World) -> None:
    ada = world.locked()
    intent = crashed_after_the_write(world, ada)
    assert world.settle() == 1
    before = world.stored(ada)
    assert world.settle() == 0
    assert not settle_intent(world.store, world.side, world.clock, world.side, intent)
    assert world.stored(ada) == before
    assert len(world.unlock_rows(ada)) == 1


@pytest.mark.parametrize("when", [crashed_before_the_write, crashed_after_the_write])
def test_settled_by_many_processes_at_once(world: World, when: object) -> None:
    """Every web worker settles at its start: one of them does it."""
    ada = world.locked()
    assert callable(when)
    when(world, ada)
    with ThreadPoolExecutor(max_workers=8) as pool:
        settled = sum(pool.map(lambda _: world.settle(), range(8)))
    assert settled == 1
    assert len(world.unlock_rows(ada)) == 1
    assert world.store.open_intents() == ()


# --- whose turn it is ------------------------------------------------------------------------------------------------


def test_an_owner_who_lives_is_left_alone(world: World) -> None:
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.processes.dead.clear()
    assert world.settle() == 0
    assert len(world.store.open_intents()) == 1
    assert world.unlock_rows(ada) == ()


def test_an_owner_on_another_host_is_waited_for_until_the_deadline(world: World) -> None:
    ada = world.locked()
    intent = crashed_after_the_write(world, ada)
    world.processes.dead.clear()
    world.processes.elsewhere.add(intent.owner)
    world.clock.forward(DEADLINE - timedelta(seconds=1))
    assert world.settle() == 0
    world.clock.forward(timedelta(seconds=1))
    assert world.settle() == 1
    assert world.active(ada)


def test_an_unlock_that_is_settled_meanwhile_writes_no_more(world: World) -> None:
    """It overslept its deadline between two tries: the store refuses, and what is recorded stays as it is."""
    ada = world.locked()
    seconds = iter([NOON])

    def oversleep(entry: FakeEntry) -> None:
        for moment in seconds:
            world.clock.forward(DEADLINE)
            assert world.settle() == 1
            world.corp.lock(entry.entry_id, moment)

    world.corp.after_write = oversleep
    with pytest.raises(Exception, match="settled already by another process"):
        world.unlock(ada)
    assert len(world.side.writes) == 1
    assert len(world.unlock_rows(ada)) == 1
    assert world.store.open_intents() == ()


# --- what the reading shows ------------------------------------------------------------------------------------------


def test_the_directory_is_down(world: World) -> None:
    """Not settled on no knowledge: it stays open until the directory answers."""
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.corp.down = {""}
    assert world.settle() == 0
    assert len(world.store.open_intents()) == 1
    assert not world.active(ada)
    world.corp.down = set()
    assert world.settle() == 1
    assert world.active(ada)


def test_another_directory_that_is_down_is_not_needed(world: World) -> None:
    """The write went to "corp" only: "lab" has nothing to say about it, and its locks stay as they are."""
    ada = world.person(lab=True, locks=[lock(LockReason.DISABLED, source="lab", since=NOON - AGO)])
    world.corp.lock("ada", NOON - AGO)
    world.lab.lock("ada", NOON - AGO, reason=LockReason.DISABLED)
    crashed_after_the_write(world, ada)
    world.lab.down = {""}
    assert world.settle() == 1
    assert world.reasons(ada) == [LockReason.DISABLED]


def test_locked_again_after_the_crash(world: World) -> None:
    """The write happened, and somebody was locked anew since: done, and locked, both true."""
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.corp.lock("ada", NOON)
    assert world.settle() == 1
    assert world.one_row(ada).result is Result.DONE
    assert [one.since for one in world.stored(ada).locks] == [NOON]
    assert not world.active(ada)


def test_a_lock_whose_time_ran_out_since_was_not_cleared_by_anybody(world: World) -> None:
    """The write was done, and by now the clock would have done it: unlocked, and nobody claims to have cleared it."""
    ada = world.locked(until=NOON + AGO)
    crashed_after_the_write(world, ada)
    world.clock.forward(2 * AGO)
    assert world.settle() == 1
    assert world.one_row(ada).result is Result.DONE
    stored = world.stored(ada)
    assert stored.locks == ()
    assert stored.last_unlock is not None
    assert stored.last_unlock.cleared == ()


def test_a_blind_reading_proves_nothing(world: World) -> None:
    """The read right is gone since: the lock stays, and "done" is not claimed."""
    ada = world.locked()
    crashed_before_the_write(world, ada)
    world.corp.shows_locks = False
    assert world.settle() == 1
    assert world.one_row(ada).result is Result.FAILED
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_the_entry_is_gone(world: World) -> None:
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.corp.entries.clear()
    assert world.settle() == 1
    assert world.one_row(ada).result is Result.FAILED
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_the_user_is_gone(world: World) -> None:
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.store.apply(Batch(removed=(ada.id,)))
    assert world.settle() == 1
    assert world.one_row(ada).detail == "the user was removed meanwhile"


def test_a_directory_that_is_only_observed_by_now(world: World) -> None:
    """Its locks are no longer in force: nothing of it comes into the ledger, and nothing is claimed."""
    ada = world.locked()
    crashed_before_the_write(world, ada)
    world.corp.mode = Mode.OBSERVE
    world.save(replace(world.stored(ada), locks=()))
    world.side.reads.clear()
    assert world.settle() == 1
    assert world.side.reads == []
    assert world.stored(ada).locks == ()
    assert world.one_row(ada).result is Result.FAILED


def test_what_was_only_to_end_in_the_ledger_is_not_done_later(world: World) -> None:
    """The hold stays: whoever asked for its end sees that it did not come, and asks again."""
    ada = world.person(locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    world.corp.lock("ada", NOON - AGO)
    crashed_after_the_write(world, ada)
    assert world.settle() == 1
    assert world.reasons(ada) == [LockReason.HELD]
    stored = world.stored(ada).last_unlock
    assert stored is not None
    assert stored.cleared == ()
    assert [text.split(":")[0] for text in stored.remaining] == ["held"]


def test_the_user_changed_since(world: World) -> None:
    """A Co-Administrator held the user between crash and settlement: kept."""
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.view(actor(name="bob")).hold(ada.id, "stolen laptop")
    assert world.settle() == 1
    assert world.reasons(ada) == [LockReason.HELD]


def test_a_user_written_during_the_settlement_is_settled_next_time(world: World) -> None:
    ada = world.locked()
    crashed_after_the_write(world, ada)
    world.corp.before_read = lambda _: world.view(actor(name="bob")).hold(ada.id, "stolen laptop")
    assert world.settle() == 0
    assert len(world.store.open_intents()) == 1
    assert world.settle() == 1
    assert world.reasons(ada) == [LockReason.HELD]


# --- restored affiliations -------------------------------------------------------------------------------------------


@pytest.fixture
def lost(world: World) -> User:
    one = world.person(locks=[lock(LockReason.UNAFFILIATED, since=NOON - AGO)])
    world.corp.entries[one.entries[0].entry_id].matched = None
    return one


def test_a_crash_after_a_restore(world: World, lost: User) -> None:
    """The membership is there: the lock ends as the unlock would have ended it."""
    crashed_after_the_write(world, lost)
    assert world.settle() == 1
    assert world.active(lost)
    assert world.one_row(lost).result is Result.DONE
    stored = world.stored(lost)
    assert stored.affiliation is not None
    assert stored.affiliation.rule == "corp/acme"
    assert world.store.history(lost.id)[-1] == (ACME, stored.affiliation)


def test_a_crash_before_a_restore(world: World, lost: User) -> None:
    """Nothing to delete was seen, which is no proof that anything was done."""
    crashed_before_the_write(world, lost)
    assert world.settle() == 1
    assert world.reasons(lost) == [LockReason.UNAFFILIATED]
    assert world.one_row(lost).result is Result.FAILED
    assert world.side.writes == []


def test_coming_back_later_is_not_what_a_crashed_unlock_of_something_else_did(world: World, lost: User) -> None:
    """It could not restore, and wrote for another lock: a sticky un-affiliation stays sticky."""
    world.corp.entries.clear()
    world.corp.add("ada", matched=None)
    world.corp.lock("ada", NOON - AGO)
    locks = tuple(replace(one, source="gone") for one in lost.locks)
    ada = world.save(replace(lost, locks=locks))
    crashed_after_the_write(world, ada)
    world.corp.entries[ada.entries[0].entry_id].matched = ACME
    assert world.settle() == 1
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]
