"""An unlock that something stands in the way of: a directory, its answer, its rights, or the store."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from ims.audit import Result
from ims.errors import DirectoryUnreachable, StillLocked, StoreUnusable
from ims.locks import LockReason
from ims.people import User
from ims.ports import Outcome
from tests.support.clock import NOON
from tests.support.people import lock
from tests.support.unlock_world import AGO, World


def told(one: User) -> tuple[list[str], list[str], list[str]]:
    """Return what `last_unlock` says was cleared, remains and failed: the word before each colon."""
    assert one.last_unlock is not None
    parts = (one.last_unlock.cleared, one.last_unlock.remaining, one.last_unlock.failed)
    cleared, remaining, failed = ([text.split(":")[0] for text in part] for part in parts)
    return cleared, remaining, failed


# --- the directory gives no answer -----------------------------------------------------------------------------------


def test_unreachable_before_the_write(world: World) -> None:
    """503: nothing was read, so nothing is decided; the intent is closed and never performed later."""
    ada = world.locked()
    world.corp.down = {""}
    with pytest.raises(DirectoryUnreachable, match="corp gave no answer") as error:
        world.unlock(ada)
    assert error.value.retry_after > 0
    assert world.stored(ada) == ada
    assert world.one_row(ada).result is Result.FAILED
    world.corp.down = set()
    assert world.settle() == 0
    assert world.side.writes == []


def test_unreachable_before_the_write_leaves_even_a_hold(world: World) -> None:
    """Without a fresh reading nobody can say what the user would be left with."""
    ada = world.person(locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    world.corp.down = {""}
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.HELD]


def test_nobody_locked_is_not_said_without_a_reading(world: World) -> None:
    """The ledger shows no lock, but the directory was not asked: 503, not "nothing to clear"."""
    ada = world.person()
    world.corp.down = {""}
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)


def test_one_server_of_several_does_not_answer(world: World) -> None:
    """It may hold a lock that only it knows: no answer from it is no answer."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO, server="dc1")
    world.corp.down = {"dc2"}
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)
    assert world.side.writes == []


def test_unreachable_after_the_write(world: World) -> None:
    """Written, and no reading back: it may be unlocked, but nobody is shown so."""
    ada = world.locked()
    world.corp.after_write = lambda _: world.corp.down.add("")
    with pytest.raises(DirectoryUnreachable, match="ada was not unlocked: password_attempts: corp gave no answer"):
        world.unlock(ada)
    assert len(world.side.effects) == 1
    assert not world.active(ada)
    assert told(world.stored(ada)) == ([], [], ["password_attempts"])
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.FAILED, "password_attempts", "password_attempts")


def test_unreachable_after_the_write_the_next_tick_tells(world: World) -> None:
    ada = world.locked()
    world.corp.after_write = lambda _: world.corp.down.add("")
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)
    world.corp.down = set()
    world.tick(ada)
    assert world.active(ada)
    assert len(world.side.writes) == 1


def test_a_lock_read_before_the_directory_went_away_is_known(world: World) -> None:
    """No tick had seen it: the reading before the write still proves that it was there."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO)
    world.corp.before_write = lambda _: world.corp.down.add("")
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)
    assert world.side.writes == []
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_an_answer_lost_after_the_work_was_done(world: World) -> None:
    """The reading decides, not the error: cleared, with one write."""
    ada = world.locked()
    world.corp.loses_answers = 1
    after = world.unlock(ada)
    assert len(world.side.writes) == 1
    assert world.active(ada)
    assert told(after) == (["password_attempts"], [], [])
    assert world.one_row(ada).result is Result.DONE


def test_an_answer_lost_before_the_work_was_done(world: World) -> None:
    """The write never arrived: read, still locked, written again."""
    ada = world.locked()
    failures = iter([DirectoryUnreachable("corp gave no answer to the write")])

    def fail(_: object) -> None:
        for failure in failures:
            raise failure

    world.corp.before_write = fail
    world.unlock(ada)
    assert [write.outcome for write in world.side.writes] == [Outcome.DONE]
    assert world.active(ada)


def test_a_directory_that_takes_no_write_is_unreachable(world: World) -> None:
    """It answers every reading and no write: 503, as when it is down."""
    ada = world.locked()

    def fail(_: object) -> None:
        raise DirectoryUnreachable("corp gave no answer to the write")

    world.corp.before_write = fail
    with pytest.raises(DirectoryUnreachable, match="password_attempts: corp gave no answer to the write"):
        world.unlock(ada)
    assert told(world.stored(ada)) == ([], [], ["password_attempts"])
    assert world.one_row(ada).result is Result.FAILED


def test_a_write_that_nobody_waits_for_any_more_is_not_sent(world: World) -> None:
    """The reading alone took longer than an unlock may: whoever settles may be at work already."""
    ada = world.locked()
    world.corp.before_read = lambda _: world.clock.forward(timedelta(seconds=61))
    with pytest.raises(DirectoryUnreachable, match="took too long"):
        world.unlock(ada)
    assert world.side.writes == []
    assert world.one_row(ada).result is Result.FAILED


# --- two directories, one of them down -------------------------------------------------------------------------------


def test_what_can_be_cleared_is_cleared_while_another_directory_is_down(world: World) -> None:
    """200: something was cleared, and what could not be asked is named."""
    ada = world.locked(lab=True)
    world.lab.down = {""}
    after = world.unlock(ada)
    assert world.active(ada)
    assert told(after) == (["password_attempts"], [], ["lab"])
    assert world.one_row(ada).result is Result.DONE
    assert "lab gave no answer" in world.one_row(ada).detail


def test_a_lock_in_the_directory_that_is_down_stays(world: World) -> None:
    """Never lifted unread, and its reason says which directory did not answer."""
    ada = world.locked(lab=True)
    world.lab.lock("ada", NOON - AGO)
    world.tick(ada)
    world.lab.down = {""}
    after = world.unlock(ada)
    assert [one.source for one in after.locks] == ["lab"]
    assert told(after) == (["password_attempts"], [], ["password_attempts"])


def test_nothing_to_clear_in_one_and_the_other_down(world: World) -> None:
    """No lock is known, and not everybody was asked: 503."""
    ada = world.person(lab=True)
    world.lab.down = {""}
    with pytest.raises(DirectoryUnreachable, match="ada was not unlocked: lab: lab gave no answer"):
        world.unlock(ada)
    assert world.one_row(ada).result is Result.FAILED


def test_all_of_several_directories_down(world: World) -> None:
    """Like one that is down: nothing was read, nothing is decided, the hold stays."""
    ada = world.person(lab=True, locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    world.corp.down = world.lab.down = {""}
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.HELD]
    assert world.one_row(ada).result is Result.FAILED


def test_the_other_directory_goes_down_during_the_unlock(world: World) -> None:
    """Read before the write, not after: what it showed stays known, what it did not show proves nothing."""
    ada = world.locked(lab=True)
    world.lab.lock("ada", NOON - AGO)
    world.corp.after_write = lambda _: world.lab.down.add("")
    after = world.unlock(ada)
    assert [one.source for one in after.locks] == ["lab"]
    assert told(after) == (["password_attempts"], [], ["password_attempts"])


def test_a_lock_that_came_in_a_directory_that_went_down_is_not_lifted(world: World) -> None:
    """Its earlier reading was clean; a tick has seen a lock since: the old reading must not undo that."""
    ada = world.locked(lab=True)

    def locked_and_seen_then_down(_: object) -> None:
        world.corp.after_write = lambda _: None
        world.lab.lock("ada", NOON)
        world.tick(ada)
        world.lab.down.add("")

    world.corp.after_write = locked_and_seen_then_down
    world.unlock(ada)
    assert [one.source for one in world.stored(ada).locks] == ["lab"]
    assert not world.active(ada)


# --- the directory refuses -------------------------------------------------------------------------------------------


def test_refused_by_the_directory(world: World) -> None:
    """409 with the result's name; one try, because a second would be refused too."""
    ada = world.locked()
    world.corp.refuses = "insufficientAccessRights"
    with pytest.raises(StillLocked) as error:
        world.unlock(ada)
    assert error.value.reasons == ("password_attempts: corp refused the unlock: insufficientAccessRights",)
    assert [write.outcome for write in world.side.writes] == [Outcome.REFUSED]
    assert not world.active(ada)
    stored = world.stored(ada).last_unlock
    assert stored is not None
    assert stored.failed == error.value.reasons
    row = world.one_row(ada)
    assert row.result is Result.FAILED
    assert "insufficientAccessRights" in row.detail


def test_refused_by_one_and_done_by_the_other(world: World) -> None:
    ada = world.locked(lab=True)
    world.lab.lock("ada", NOON - AGO)
    world.corp.refuses = "insufficientAccessRights"
    after = world.unlock(ada)
    assert [one.source for one in after.locks] == ["corp"]
    assert told(after) == (["password_attempts"], [], ["password_attempts"])
    assert [write.directory for write in world.side.effects] == ["lab"]


def test_refused_by_one_while_the_other_is_down(world: World) -> None:
    """503 rather than 409: asking again later may help; both reasons are told."""
    ada = world.locked(lab=True)
    world.corp.refuses = "insufficientAccessRights"
    world.lab.down = {""}
    with pytest.raises(DirectoryUnreachable, match=r"insufficientAccessRights.*lab gave no answer"):
        world.unlock(ada)


def test_a_refusal_and_a_hold(world: World) -> None:
    """200: the hold is gone; the rest is told."""
    ada = world.person(locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    world.corp.lock("ada", NOON - AGO)
    world.corp.refuses = "unwillingToPerform"
    after = world.unlock(ada)
    assert told(after) == (["held"], [], ["password_attempts"])
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


# --- the store refuses -----------------------------------------------------------------------------------------------


@contextmanager
def busy(world: World) -> Iterator[None]:
    """Hold the store's one writer's lock, as a backup does that forgot to let go."""
    connection = sqlite3.connect(_file(world), isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def _file(world: World) -> str:
    return str(world.store._database.file)


def test_no_audit_row_no_unlock(make_world: Callable[..., World]) -> None:
    """The store takes nothing: the directory is not even asked."""
    world = make_world(busy=0.01)
    ada = world.locked()
    with busy(world), pytest.raises(StoreUnusable):
        world.unlock(ada)
    assert world.side.reads == []
    assert world.side.writes == []
    assert world.store.open_intents() == ()
    assert not world.active(ada)


def test_no_refusal_without_its_audit_row(make_world: Callable[..., World]) -> None:
    world = make_world(busy=0.01)
    ada = world.person(protected="listed in the settings")
    with busy(world), pytest.raises(StoreUnusable):
        world.unlock(ada)
    assert world.unlock_rows(ada) == ()


def test_the_store_fails_before_the_write(make_world: Callable[..., World]) -> None:
    """It cannot note that a write comes next: none comes, and the intent is settled once its time is over."""
    world = make_world(busy=0.01)
    ada = world.locked()
    with ExitStack() as held:
        world.corp.before_read = lambda _: held.enter_context(busy(world))
        with pytest.raises(StoreUnusable):
            world.unlock(ada)
    assert world.side.writes == []
    assert world.settle() == 0
    world.clock.forward(timedelta(seconds=60))
    assert world.settle() == 1
    row = world.one_row(ada)
    assert (row.result, row.detail) == (Result.FAILED, "the process ended before the directory was written")
    assert not world.active(ada)


def test_the_store_fails_after_the_write(make_world: Callable[..., World]) -> None:
    """Unlocked in the directory, not recorded: not shown as unlocked before it is settled from the intent."""
    world = make_world(busy=0.01)
    ada = world.locked()
    with ExitStack() as held:
        world.corp.after_write = lambda _: held.enter_context(busy(world))
        with pytest.raises(StoreUnusable):
            world.unlock(ada)
    assert not world.active(ada)
    assert world.unlock_rows(ada) == ()
    world.clock.forward(timedelta(seconds=60))
    assert world.settle() == 1
    assert world.one_row(ada).result is Result.DONE
    assert world.active(ada)
    assert len(world.side.writes) == 1


def test_an_outcome_that_cannot_be_recorded_whole_is_not_recorded_in_part(world: World) -> None:
    """The audit takes no row about a lock: no row about the unlock either, until both can be written."""
    ada = world.locked()

    def refuse_lock_rows(_: object) -> None:
        _execute(
            world,
            "CREATE TRIGGER part BEFORE INSERT ON audit WHEN NEW.action != 'unlock' "
            "BEGIN SELECT RAISE(FAIL, 'disk full'); END",
        )

    world.corp.after_write = refuse_lock_rows
    with pytest.raises(StoreUnusable):
        world.unlock(ada)
    assert not world.active(ada)
    assert world.unlock_rows(ada) == ()
    assert len(world.store.open_intents()) == 1
    _execute(world, "DROP TRIGGER part")
    world.clock.forward(timedelta(seconds=60))
    assert world.settle() == 1
    assert world.one_row(ada).result is Result.DONE


def _execute(world: World, statement: str) -> None:
    connection = sqlite3.connect(_file(world))
    connection.execute(statement)
    connection.commit()
    connection.close()
