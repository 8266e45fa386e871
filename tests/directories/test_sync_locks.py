"""Locks of the directory appear, last and end in the ledger as they do in the directory."""

from datetime import timedelta

import pytest

from ims.audit import Action
from ims.locks import LockReason
from ims.passes import PassKind
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = [LockReason.PASSWORD_ATTEMPTS]


def test_a_first_import_takes_everybody_over_with_their_locks(world: SyncWorld) -> None:
    """One row accounts for those who came, and each lock has its own."""
    ada, bob = world.person("ada"), world.person("bob")
    world.slapd.lock(bob)
    report = world.reconcile().report
    assert (report.complete, report.read, report.changed, report.raised, report.unmatched) == (True, 3, 3, 1, 0)
    assert world.reasons(ada) == []
    assert world.reasons(bob) == ATTEMPTS
    (imported,) = world.audit(Action.FIRST_IMPORT)
    assert imported.after == "3 users"
    assert [row.subject for row in world.audit(Action.LOCK_RAISED)] == [bob.uid]
    assert world.audit(Action.USER_CREATED) == []


def test_a_tick_sees_a_lock_made_by_wrong_passwords(world: SyncWorld) -> None:
    """Three wrong passwords, one tick, locked: since the moment that slapd says, and nobody else is written."""
    ada = world.person()
    world.reconcile()
    before = world.versions()
    world.slapd.lock(ada)
    result = world.tick()
    assert (result.report.kind, result.report.changed, result.report.raised) == (PassKind.TICK, 1, 1)
    assert world.reasons(ada) == ATTEMPTS
    changed = {user_id for user_id, version in world.versions().items() if before[user_id] != version}
    assert changed == {world.user(ada).id}
    (lock,) = world.user(ada).locks
    assert lock.raised_by == result.report.id
    assert lock.evidence[0] == ("pwdAccountLockedTime", world.slapd.text(ada.dn, "pwdAccountLockedTime"))


def test_a_tick_sees_that_somebody_was_unlocked_outside(world: SyncWorld) -> None:
    """A help desk that works in the directory itself is heard."""
    ada = world.person()
    world.slapd.lock(ada)
    world.reconcile()
    world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    assert world.tick().report.lifted == 1
    assert world.user(ada).locks == ()
    assert [row.action for row in world.audit()][-1] is Action.UNLOCKED_OUTSIDE


def test_a_timed_lock_lapses_by_the_clock_and_nothing_is_written(world: SyncWorld) -> None:
    """Neither the end of its time nor any later tick writes a row."""
    ada = world.person(policy="timed")
    world.slapd.lock(ada)
    world.reconcile()
    assert world.reasons(ada) == ATTEMPTS
    written = world.user(ada).version
    world.later(minutes=31)
    assert world.reasons(ada) == []
    report = world.tick().report
    assert (report.changed, report.raised, report.lifted) == (0, 0, 0)
    assert world.user(ada).version == written


def test_a_marker_whose_time_has_run_out_raises_no_lock(world: SyncWorld) -> None:
    """Whoever was locked and free again before the first reading was never locked here."""
    ada = world.person(policy="timed")
    world.slapd.lock(ada)
    world.later(minutes=31)
    world.reconcile()
    assert world.user(ada).locks == ()


def test_an_unchanged_reconcile_writes_no_user(world: SyncWorld) -> None:
    """Everybody is read, and nobody's version moves."""
    world.slapd.lock(world.person())
    world.reconcile()
    before = world.versions()
    world.later(minutes=1)
    report = world.reconcile().report
    assert (report.read, report.changed) == (2, 0)
    assert world.versions() == before


def test_a_changed_policy_changes_who_is_locked(world: SyncWorld) -> None:
    """It moves no user entry, and the next tick knows all the same."""
    ada = world.person(policy="timed")
    world.slapd.lock(ada)
    world.reconcile()
    world.slapd.modify(ada.dn, pwdPolicySubentry="cn=none,ou=policies,dc=example,dc=test")
    assert world.tick().report.lifted == 1
    assert world.reasons(ada) == []
    world.slapd.modify(ada.dn, pwdPolicySubentry="cn=default,ou=policies,dc=example,dc=test")
    world.tick()
    world.clock.forward(timedelta(days=1))
    assert world.reasons(ada) == ATTEMPTS


def test_a_lock_counts_at_once_though_the_directory_s_clock_is_ahead(world: SyncWorld) -> None:
    """Its marker lies ahead of our clock, not of the server's: there it has begun. It stays one lock afterwards."""
    ada = world.person()
    world.reconcile()
    world.later(minutes=-2)
    world.slapd.lock(ada)
    world.tick()
    assert not world.slapd.sign_in(ada.dn, ada.password)
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]
    world.later(minutes=2)
    world.tick()
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]
    world.unlock(ada)
    assert world.slapd.sign_in(ada.dn, ada.password)
