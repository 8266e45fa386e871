"""The unlock, whole: through the use case, the store and a real slapd, which alone says who may sign in."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from agent.writeback import ConfiguredDirectories, DirectoryWriteBack
from ims.audit import Action, Result
from ims.errors import DirectoryUnreachable, Forbidden, StillLocked
from ims.locks import LockFact, LockReason
from ims.people import EntryLink, TenantId
from ims.ports import FreshReading, Outcome, WriteBack, Written
from tests.support.slapd import Person
from tests.support.slapd_config import AGENT_DN
from tests.support.sync_world import CORP, SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
ATTEMPTS, LOST = LockReason.PASSWORD_ATTEMPTS, LockReason.UNAFFILIATED


class Crash(BaseException):
    """The process ends here and now; nothing may catch it."""


class Meddler:
    """A write-back during whose writes something happens: before one, or after it and before its answer."""

    def __init__(
        self,
        inner: WriteBack,
        before: Callable[[], object] = int,
        after: Callable[[], object] = int,
    ) -> None:
        self._inner = inner
        self._before = before
        self._after = after
        self.written: list[Written] = []

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        return self._inner.read(link, tenant)

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        self._before()
        self.written.append(self._inner.clear(reading, facts))
        self._after()
        return self.written[-1]

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        self._before()
        self.written.append(self._inner.restore(reading, tenant))
        self._after()
        return self.written[-1]

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        return self._inner.plan(reading, facts)


def locked(world: SyncWorld, name: str = "ada", policy: str = "") -> Person:
    """Add somebody who locked themself, as Lockstep knows already."""
    person = world.person(name, policy=policy)
    world.reconcile()
    world.slapd.lock(person)
    world.tick()
    assert world.reasons(person) == [ATTEMPTS]
    return person


def outcome(world: SyncWorld) -> tuple[Result, str]:
    """Return how the last unlock ended, and what the audit says of it; its intent must be closed."""
    assert world.store.open_intents() == ()
    row = world.audit(Action.UNLOCK)[-1]
    return row.result, row.detail


# --- what is wished --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["default", "timed"])
def test_the_person_signs_in_again(world: SyncWorld, policy: str) -> None:
    """Unlocked there and here, told, and the next passes have nothing to add."""
    ada = locked(world, policy=policy)
    user = world.unlock(ada)
    assert world.slapd.sign_in(ada.dn, ada.password)
    assert user.locks == ()
    assert user.last_unlock is not None
    assert user.last_unlock.cleared == ("password_attempts",)
    assert outcome(world)[0] is Result.DONE
    for pass_ in (world.tick, world.reconcile):
        assert pass_().report.raised == 0
    assert world.reasons(ada) == []


def test_a_lock_that_no_tick_has_seen_is_unlocked_too(world: SyncWorld) -> None:
    """The directory is asked, not the store."""
    ada = world.person()
    world.reconcile()
    world.slapd.lock(ada)
    assert world.unlock(ada).last_unlock is not None
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_whoever_is_unlocked_already_is_told_so(world: SyncWorld) -> None:
    """A help desk was faster: success, without a write."""
    ada = locked(world)
    world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    stamp = world.slapd.text(ada.dn, "entryCSN")
    assert world.unlock(ada).locks == ()
    assert world.slapd.text(ada.dn, "entryCSN") == stamp


def test_a_lapsed_marker_is_removed_with_the_unlock(world: SyncWorld) -> None:
    """One wrong password after it does not lock again."""
    ada = locked(world, policy="timed")
    world.later(minutes=31)
    world.unlock(ada)
    assert not world.slapd.text(ada.dn, "pwdAccountLockedTime")


def test_explain_shows_the_write_that_is_sent(world: SyncWorld) -> None:
    """Value and condition."""
    ada = locked(world)
    reading = world.fresh(ada)
    lines = world.write_back.plan(reading, reading.facts)
    assert lines[:2] == (f"on {world.slapd.url}:", f"modify {ada.dn}")
    assert lines[-1] == f"delete pwdAccountLockedTime: {world.slapd.text(ada.dn, 'pwdAccountLockedTime')}"
    assert reading.stamp in lines[2]


# --- who is locked again ---------------------------------------------------------------------------------------------


def relock(world: SyncWorld, ada: Person) -> Callable[[], None]:
    """Return what unlocks and locks somebody again behind the unlock's back."""

    def act() -> None:
        world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
        world.slapd.lock(ada)

    return act


def once(act: Callable[[], None]) -> Callable[[], None]:
    """Return what acts the first time only."""
    acts = [act]
    return lambda: acts.pop()() if acts else None


def test_a_fresh_lock_is_never_taken_for_the_one_that_was_read(world: SyncWorld) -> None:
    """The conditional write does nothing; after two tries the caller is told."""
    ada = locked(world)
    meddler = Meddler(world.write_back, before=relock(world, ada))
    with pytest.raises(StillLocked, match=r"stays locked|locked again"):
        world.unlock(ada, meddler)
    assert {written.outcome for written in meddler.written} <= {Outcome.CHANGED, Outcome.ALREADY}
    assert world.reasons(ada) == [ATTEMPTS]
    assert not world.slapd.sign_in(ada.dn, ada.password)
    assert outcome(world)[0] is not Result.DONE


def test_once_relocked_is_unlocked_by_the_second_try(world: SyncWorld) -> None:
    """It reads anew and decides anew."""
    ada = locked(world)
    meddler = Meddler(world.write_back, before=once(relock(world, ada)))
    world.unlock(ada, meddler)
    assert [written.outcome for written in meddler.written][-1] is Outcome.DONE
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_an_attacker_in_a_loop_never_makes_the_ledger_lie(world: SyncWorld) -> None:
    """Whatever each unlock comes to, what Lockstep says of the person afterwards is what the directory holds."""
    ada = locked(world)
    stop = threading.Event()

    def attack() -> None:
        while not stop.is_set():
            world.slapd.bind_result(ada.dn, "a wrong password")

    attacker = threading.Thread(target=attack)
    attacker.start()
    cleared = 0
    try:
        for _ in range(10):
            try:
                world.unlock(ada)
                cleared += 1
            except StillLocked:
                continue
    finally:
        stop.set()
        attacker.join()
    wait_until(lambda: world.store.open_intents() == (), "every intent is closed")
    world.tick()
    assert bool(world.reasons(ada)) is bool(world.slapd.text(ada.dn, "pwdAccountLockedTime"))
    assert cleared + len([row for row in world.audit(Action.UNLOCK) if row.result is not Result.DONE]) >= 10


MAY_NOT_UNLOCK = f'access to attrs=pwdAccountLockedTime by dn.exact="{AGENT_DN}" =rsc by * none'

# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_without_the_right_to_unlock_the_results_name_is_told(own_world: SyncWorld) -> None:
    """And nothing of the server's own text."""
    ada = locked(own_world)
    own_world.slapd.restart(access=(MAY_NOT_UNLOCK,))
    with pytest.raises(StillLocked, match="insufficientAccessRights"):
        own_world.unlock(ada)
    assert own_world.reasons(ada) == [ATTEMPTS]
    assert outcome(own_world)[0] is Result.FAILED


def test_a_directory_that_is_down_is_told_and_nothing_is_done_later(own_world: SyncWorld) -> None:
    """503; the intent is closed."""
    ada = locked(own_world)
    own_world.slapd.halt()
    with pytest.raises(DirectoryUnreachable):
        own_world.unlock(ada)
    assert outcome(own_world)[0] is Result.FAILED
    own_world.slapd.resume()
    assert own_world.settle() == 0
    assert not own_world.slapd.sign_in(ada.dn, ada.password)
    assert own_world.reasons(ada) == [ATTEMPTS]


def test_an_answer_that_is_lost_is_decided_by_reading(world: SyncWorld) -> None:
    """The write was done; only its answer never came."""
    ada = locked(world)

    def lose() -> None:
        raise DirectoryUnreachable("the answer was lost")

    user = world.unlock(ada, Meddler(world.write_back, after=lose))
    assert user.locks == ()
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_a_protected_account_is_refused_before_anything_is_read(world: SyncWorld) -> None:
    """403."""
    ada = world.person()
    world.configure(protected={"user_names": [ada.uid]})
    world.slapd.lock(ada)
    world.reconcile()
    with pytest.raises(Forbidden):
        world.unlock(ada)
    assert not world.slapd.sign_in(ada.dn, ada.password)


# --- crashes ---------------------------------------------------------------------------------------------------------


def crash() -> None:
    """End the process."""
    raise Crash


@pytest.mark.parametrize(("when", "free"), [("before", False), ("after", True)])
def test_a_crash_is_settled_once_by_reading_and_never_written_again(*, world: SyncWorld, when: str, free: bool) -> None:
    """Before the write it was not done; after it, it was; whoever finds the intent says which."""
    ada = locked(world)
    with pytest.raises(Crash):
        world.unlock(ada, Meddler(world.write_back, **{when: crash}))
    (intent,) = world.store.open_intents()
    assert intent.writing
    world.processes.dead.add(world.processes.name)
    stamp = world.slapd.text(ada.dn, "entryCSN")
    assert (world.settle(), world.settle()) == (1, 0)
    assert world.slapd.text(ada.dn, "entryCSN") == stamp
    assert (world.reasons(ada) == []) is free
    assert outcome(world)[0] is (Result.DONE if free else Result.FAILED)
    assert world.slapd.sign_in(ada.dn, ada.password) is free


def test_a_delay_that_nobody_can_end_is_told(world: SyncWorld) -> None:
    """The directory ends it by itself."""
    ada = world.person()
    world.reconcile()
    world.slapd.bind_result(ada.dn, "a wrong password")
    world.slapd.force(ada.dn, pwdAccountTmpLockoutEnd=f"{world.clock.now() + timedelta(hours=1):%Y%m%d%H%M%SZ}")
    reading = world.fresh(ada)
    assert "ends this delay by itself" in world.write_back.plan(reading, reading.facts)[1]
    assert world.write_back.clear(reading, reading.facts).outcome is Outcome.REFUSED
    with pytest.raises(StillLocked, match="ends this delay by itself"):
        world.unlock(ada)


def test_a_directory_that_left_the_settings_is_not_written(world: SyncWorld) -> None:
    """Nobody knows how to reach it."""
    ada = locked(world)
    reading = world.fresh(ada)
    nowhere = DirectoryWriteBack({}, world.store, world.clock)
    with pytest.raises(DirectoryUnreachable, match="no longer in the settings"):
        nowhere.clear(reading, reading.facts)
    assert not ConfiguredDirectories({}, world.store).enforced(CORP)
    assert [state.name for state in world.directories.states()] == [CORP]
