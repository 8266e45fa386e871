"""Unlocks made outside Lockstep are recorded as such, with when; those of the clock and of our own are not."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from ims.audit import SOMEBODY_ELSE, Action, AuditEntry
from ims.errors import DirectoryUnreachable
from ims.locks import LockFact
from ims.people import EntryLink, Role, TenantId
from ims.ports import FreshReading, Written
from tests.support.people import ACME
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"


class Crash(BaseException):
    """The process ends here and now; nothing may catch it."""


class Interrupted:
    """A write-back that ends with `error` right after its write has reached the directory; `silent`: before it."""

    def __init__(self, world: SyncWorld, error: BaseException, *, silent: bool = False) -> None:
        self._inner = world.write_back
        self._error = error
        self._silent = silent

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        return self._inner.read(link, tenant)

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        if not self._silent:
            self._inner.clear(reading, facts)
        raise self._error

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        return self._inner.restore(reading, tenant)

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        return self._inner.plan(reading, facts)


def locked(world: SyncWorld, policy: str = "") -> Person:
    """Add somebody whose lock two passes have seen."""
    ada = world.person(policy=policy)
    world.reconcile()
    world.slapd.lock(ada)
    world.tick()
    world.later(minutes=1)
    return ada


def help_desk(world: SyncWorld, one: Person) -> datetime:
    """Unlock somebody in the directory itself, and return when."""
    world.slapd.modify(one.dn, pwdAccountLockedTime=[])
    return world.clock.now()


def ends(world: SyncWorld) -> list[Action]:
    """Return by which acts locks have ended, oldest first."""
    return [row.action for row in world.audit(Action.LOCK_LIFTED, Action.UNLOCKED_OUTSIDE)]


def window(row: AuditEntry) -> tuple[datetime, datetime]:
    """Return the window that a row names."""
    found = re.search(f"unlocked outside Lockstep between {TIME} and {TIME}$", row.detail)
    assert found, row.detail
    after, by = (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for text in found.groups())
    return after, by


# --- somebody else ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tick", "reconcile"])
@pytest.mark.parametrize("policy", ["default", "timed"])
def test_a_help_desk_s_unlock_is_one_row_with_its_window(world: SyncWorld, kind: str, policy: str) -> None:
    """From the last reading that still saw the lock to the one that no longer does; who it was, nobody knows."""
    ada = locked(world, policy=policy)
    seen = world.clock.now()
    world.tick()
    world.later(minutes=2)
    done = help_desk(world, ada)
    world.later(minutes=2)
    report = {"tick": world.tick, "reconcile": world.reconcile}[kind]().report
    (row,) = world.audit(Action.LOCK_LIFTED, Action.UNLOCKED_OUTSIDE)
    assert (row.action, row.actor, row.role) == (Action.UNLOCKED_OUTSIDE, SOMEBODY_ELSE, Role.AGENT)
    assert (row.subject, row.tenant, row.reference) == (ada.uid, ACME, report.id)
    assert row.before.startswith("password_attempts from corp")
    after, by = window(row)
    assert after <= done <= by
    assert abs(seen - after) < timedelta(seconds=5)
    assert timedelta(0) < by - done < timedelta(minutes=3)
    for pass_ in (world.tick, world.reconcile):
        pass_()
    assert len(ends(world)) == 1


def test_an_account_that_its_administrators_enable_is_enabled_outside(world: SyncWorld) -> None:
    """There is no other way, and it is worth knowing."""
    ada = world.person()
    world.slapd.force(ada.dn, pwdAccountLockedTime="000001010000Z")
    world.reconcile()
    done = help_desk(world, ada)
    world.tick()
    (row,) = world.audit(Action.UNLOCKED_OUTSIDE)
    assert row.before.startswith("disabled from corp")
    after, by = window(row)
    assert after <= done <= by


def test_an_unlock_finds_that_somebody_was_faster(world: SyncWorld) -> None:
    """Its fresh reading shows nothing to do: the lock was not ended by whoever asked."""
    ada = locked(world)
    done = help_desk(world, ada)
    world.unlock(ada)
    (row,) = world.audit(Action.LOCK_LIFTED, Action.UNLOCKED_OUTSIDE)
    assert (row.action, row.actor) == (Action.UNLOCKED_OUTSIDE, SOMEBODY_ELSE)
    assert row.reference == world.audit(Action.UNLOCK)[-1].reference
    after, by = window(row)
    assert after <= done <= by
    world.tick()
    assert len(ends(world)) == 1


def test_the_window_begins_where_the_lock_was_seen_not_where_nothing_was_proved(world: SyncWorld) -> None:
    """Passes whose canary was not seen keep the lock and know nothing of it; they are part of the window."""
    canary = world.slapd.add_person(world.name("canary"), parent=world.unit)
    world.slapd.force(canary.dn, pwdAccountLockedTime="000001010000Z")
    world.configure(canary=canary.dn)
    ada = locked(world)
    world.tick()
    world.slapd.modify(canary.dn, pwdAccountLockedTime=[])
    done = help_desk(world, ada)
    for _ in range(3):
        world.later(minutes=5)
        assert world.tick().report.notes
    written = world.user(ada).version
    world.tick()
    assert world.user(ada).version == written
    world.slapd.force(canary.dn, pwdAccountLockedTime="000001010000Z")
    world.tick()
    (row,) = world.audit(Action.UNLOCKED_OUTSIDE)
    after, by = window(row)
    assert after <= done <= by
    assert by - after > timedelta(minutes=15)


def test_a_lock_that_is_seen_again_was_not_ended_then(world: SyncWorld) -> None:
    """The window of an unlock begins with the last sight of the lock."""
    canary = world.slapd.add_person(world.name("canary"), parent=world.unit)
    world.slapd.force(canary.dn, pwdAccountLockedTime="000001010000Z")
    world.configure(canary=canary.dn)
    ada = locked(world)
    marker = world.slapd.text(ada.dn, "pwdAccountLockedTime")
    world.slapd.modify(canary.dn, pwdAccountLockedTime=[])
    help_desk(world, ada)
    assert world.tick().report.notes
    world.slapd.force(ada.dn, pwdAccountLockedTime=marker)
    world.later(minutes=10)
    world.tick()
    seen = world.clock.now()
    world.slapd.force(canary.dn, pwdAccountLockedTime="000001010000Z")
    help_desk(world, ada)
    world.tick()
    (row,) = world.audit(Action.UNLOCKED_OUTSIDE)
    assert window(row)[0] > seen - timedelta(minutes=1)


# --- nobody ----------------------------------------------------------------------------------------------------------


def test_a_lock_whose_time_ran_out_was_not_unlocked(world: SyncWorld) -> None:
    """Its marker goes with the next sign-in, and the ledger's row with it."""
    ada = locked(world, policy="timed")
    world.later(minutes=31)
    world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    world.tick()
    assert ends(world) == [Action.LOCK_LIFTED]


def test_a_lock_at_its_very_end_may_have_run_out(world: SyncWorld) -> None:
    """Two clocks are never the same: nothing is claimed of the last minute."""
    ada = locked(world, policy="timed")
    (lock,) = world.user(ada).locks
    assert lock.until is not None
    world.clock.forward(lock.until - world.clock.now() - timedelta(seconds=20))
    world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    world.tick()
    assert ends(world) == [Action.LOCK_LIFTED]


def test_other_settings_unlock_nobody_outside(world: SyncWorld) -> None:
    """What a reading means has changed, not the directory: nothing is claimed of the first pass."""
    ada = locked(world)
    help_desk(world, ada)
    world.configure(default_policy="cn=timed,ou=policies,dc=example,dc=test")
    world.reconcile()
    assert Action.UNLOCKED_OUTSIDE not in ends(world)


def test_a_directory_that_is_only_observed_from_now_on_unlocks_nobody(world: SyncWorld) -> None:
    """Its locks leave the ledger; they are still there."""
    locked(world)
    world.configure(mode="observe")
    world.reconcile()
    assert ends(world) == [Action.LOCK_LIFTED]


# --- ourselves -------------------------------------------------------------------------------------------------------


def test_our_own_unlock_is_ours(world: SyncWorld) -> None:
    """Now, and for every later pass."""
    ada = locked(world)
    world.unlock(ada)
    for pass_ in (world.tick, world.reconcile):
        pass_()
    assert ends(world) == [Action.LOCK_LIFTED]


def test_our_own_unlock_that_a_crash_ended_is_ours(world: SyncWorld) -> None:
    """A pass that comes before anybody has settled it says nothing of somebody else, and neither does the settling."""
    ada = locked(world)
    with pytest.raises(Crash):
        world.unlock(ada, Interrupted(world, Crash()))
    world.tick()
    world.processes.dead.add(world.processes.name)
    assert world.settle() == 1
    world.tick()
    assert ends(world) == [Action.LOCK_LIFTED]


def test_our_own_unlock_that_a_crash_ended_and_settling_told_is_ours(world: SyncWorld) -> None:
    """As it usually is."""
    ada = locked(world)
    with pytest.raises(Crash):
        world.unlock(ada, Interrupted(world, Crash()))
    world.processes.dead.add(world.processes.name)
    assert world.settle() == 1
    world.tick()
    assert ends(world) == [Action.LOCK_LIFTED]


def test_a_crash_that_nobody_could_settle_in_a_day_leaves_it_open_whose_unlock_it_was(own_world: SyncWorld) -> None:
    """The intent is closed as failed, and may have been done: nothing is claimed of somebody else."""
    ada = locked(own_world)
    with pytest.raises(Crash):
        own_world.unlock(ada, Interrupted(own_world, Crash()))
    own_world.later(days=2)
    own_world.slapd.halt()
    assert own_world.settle() == 1
    own_world.slapd.resume()
    own_world.tick()
    assert ends(own_world) == [Action.LOCK_LIFTED]


def test_a_failed_unlock_does_not_hide_the_help_desk_s(world: SyncWorld) -> None:
    """It saw the lock afterwards: whoever ended it then was somebody else."""
    ada = locked(world)
    with pytest.raises(DirectoryUnreachable):
        world.unlock(ada, Interrupted(world, DirectoryUnreachable("no answer"), silent=True))
    done = help_desk(world, ada)
    world.tick()
    (row,) = world.audit(Action.UNLOCKED_OUTSIDE)
    after, by = window(row)
    assert after <= done <= by
