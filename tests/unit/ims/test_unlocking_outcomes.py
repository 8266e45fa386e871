"""What an unlock achieves where every directory answers, and what it says about it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ims.audit import Action, Result
from ims.errors import Conflict, StillLocked
from ims.locks import LedgerRules, LockReason
from ims.passes import Mode
from ims.people import Role
from ims.ports import Outcome
from tests.support.clock import NOON
from tests.support.people import IDP, actor, lock
from tests.support.unlock_world import AGO, World

MAY_UNLOCK = [Role.CO_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR]


@pytest.mark.parametrize("role", MAY_UNLOCK)
def test_a_lock_after_wrong_passwords_is_cleared_in_the_directory_and_here(world: World, role: Role) -> None:
    """The story itself: the marker that was seen is removed, read back, and the user is active."""
    ada = world.locked()
    seen = world.corp.entries[ada.entries[0].entry_id].facts[0]
    after = world.unlock(ada, actor(role))
    assert [write.facts for write in world.side.effects] == [(seen,)]
    assert world.active(ada)
    assert after == world.stored(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.at == NOON
    assert (after.last_unlock.cleared, after.last_unlock.remaining, after.last_unlock.failed) == (
        ("password_attempts",),
        (),
        (),
    )


def test_a_cleared_lock_is_audited_once_and_its_intent_closed(world: World) -> None:
    """One row for the unlock, with before and after; one for the lock; both name the intent."""
    ada = world.locked()
    world.unlock(ada, comment="called the help desk")
    row = world.one_row(ada)
    assert (row.result, row.before, row.after, row.detail) == (
        Result.DONE,
        "password_attempts",
        "none",
        "called the help desk",
    )
    assert (row.actor, row.role, row.subject, row.tenant) == ("co_administrator", Role.CO_ADMINISTRATOR, "ada", "acme")
    assert world.lock_rows(ada) == [(Action.LOCK_LIFTED, "password_attempts")]
    assert len({entry.reference for entry in world.store.audit(user=ada.id)}) == 1
    assert row.reference


def test_a_fresh_reading_that_shows_nothing_is_success_without_a_write(world: World) -> None:
    """200: nobody is locked, and the directory itself just said so."""
    ada = world.person()
    after = world.unlock(ada)
    assert world.side.reads
    assert world.side.writes == []
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == after.last_unlock.remaining == after.last_unlock.failed == ()
    assert world.one_row(ada).result is Result.DONE


def test_a_lock_that_the_help_desk_ended_needs_no_write(world: World) -> None:
    """Unlocked in the directory, not yet read by a tick: the ledger follows the fresh reading."""
    ada = world.locked()
    world.corp.free("ada")
    world.unlock(ada)
    assert world.side.writes == []
    assert world.active(ada)
    assert world.one_row(ada).result is Result.DONE
    assert world.lock_rows(ada) == [(Action.UNLOCKED_OUTSIDE, "password_attempts")]


def test_a_lock_that_no_tick_has_seen_yet_is_cleared(world: World) -> None:
    """The directory decides, not the ledger: locked a moment ago, unlocked now."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO)
    after = world.unlock(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    assert len(world.side.effects) == 1
    assert world.one_row(ada).before == "password_attempts"


NOT_CLEARABLE = [LockReason.DISABLED, LockReason.EXPIRED, LockReason.IDLE]


@pytest.mark.parametrize("reason", NOT_CLEARABLE)
def test_what_only_the_directory_may_clear_stays_with_a_reason(world: World, reason: LockReason) -> None:
    """409: allowed, and nothing could be cleared; the text says what to do, and nothing was written."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO, reason=reason)
    with pytest.raises(StillLocked, match="ada stays locked") as told:
        world.unlock(ada)
    (text,) = told.value.reasons
    assert text.startswith(f"{reason}: ")
    assert "corp" in text
    assert world.side.writes == []
    assert world.reasons(ada) == [reason]
    stored = world.stored(ada).last_unlock
    assert stored is not None
    assert (stored.cleared, stored.remaining, stored.failed) == ((), (text,), ())
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.FAILED, reason.value, reason.value)
    assert text in row.detail


def test_an_absent_entry_stays_absent(world: World) -> None:
    """The entry is gone: its lock ends when it comes back, and no unlock says otherwise."""
    ada = world.person(locks=[lock(LockReason.ABSENT, since=NOON - AGO)])
    del world.corp.entries[ada.entries[0].entry_id]
    with pytest.raises(StillLocked, match="absent: No longer found in corp"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.ABSENT]


def test_one_of_two_reasons_is_cleared_and_the_other_named(world: World) -> None:
    """200 if anything was cleared: a disabled user who is also locked is now only disabled."""
    ada = world.locked()
    world.corp.lock("ada", NOON - AGO, reason=LockReason.DISABLED)
    after = world.unlock(ada)
    assert world.reasons(ada) == [LockReason.DISABLED]
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    (remaining,) = after.last_unlock.remaining
    assert remaining.startswith("disabled: Disabled in corp")
    assert after.last_unlock.failed == ()
    row = world.one_row(ada)
    assert (row.result, row.before, row.after) == (Result.DONE, "disabled, password_attempts", "disabled")


def test_disabled_is_written_only_where_settings_say_so(make_world: Callable[..., World]) -> None:
    """`unlock.disabled = "write"` makes it a lock like one after wrong passwords."""
    world = make_world(LedgerRules(disabled_by_write=True))
    ada = world.person()
    world.corp.lock("ada", NOON - AGO, reason=LockReason.DISABLED)
    world.unlock(ada)
    assert [fact.reason for write in world.side.effects for fact in write.facts] == [LockReason.DISABLED]
    assert world.active(ada)


def test_a_hold_is_cleared_without_a_write(world: World) -> None:
    """What a Co-Administrator locked, a Co-Administrator frees; no directory ever knew of it."""
    ada = world.person(locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    after = world.unlock(ada)
    assert world.active(ada)
    assert world.side.writes == []
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("held",)
    assert world.lock_rows(ada) == [(Action.LOCK_LIFTED, "held")]


def test_a_user_whom_no_directory_knows_can_be_held_and_freed(world: World) -> None:
    ada = world.person(corp=False, locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    world.unlock(ada)
    assert world.side.reads == []
    assert world.active(ada)


def test_deprovisioned_stays_and_names_its_connection(world: World) -> None:
    """By default only the connection ends what it raised."""
    ada = world.person(locks=[lock(LockReason.DEPROVISIONED, source=IDP, since=NOON - AGO)])
    with pytest.raises(StillLocked, match="deprovisioned: Deactivated by the connection idp; activate the user there"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.DEPROVISIONED]


def test_deprovisioned_is_cleared_where_settings_say_so(make_world: Callable[..., World]) -> None:
    world = make_world(LedgerRules(deprovisioned_by_unlock=True))
    ada = world.person(locks=[lock(LockReason.DEPROVISIONED, source=IDP, since=NOON - AGO)])
    assert world.unlock(ada).locks == ()
    assert world.side.writes == []


def test_every_reason_at_once(world: World) -> None:
    """Cleared are those that may be; the others are all named, each once."""
    locks = [
        lock(LockReason.HELD, source="lockstep", since=NOON - AGO),
        lock(LockReason.DEPROVISIONED, source=IDP, since=NOON - AGO),
        lock(LockReason.ABSENT, source="lab", since=NOON - AGO),
        lock(LockReason.UNAFFILIATED, since=NOON - AGO),
    ]
    ada = world.person(locks=locks)
    for reason in (LockReason.PASSWORD_ATTEMPTS, *NOT_CLEARABLE):
        world.corp.lock("ada", NOON - AGO, reason=reason)
    after = world.unlock(ada)
    assert after.last_unlock is not None
    assert set(after.last_unlock.cleared) == {"password_attempts", "held", "unaffiliated"}
    named = {text.split(":")[0] for text in after.last_unlock.remaining}
    assert named == {"disabled", "expired", "idle", "deprovisioned", "absent"}
    assert {reason.value for reason in world.reasons(ada)} == named


# --- markers whose time has run out, or has not come -----------------------------------------------------------------


def test_a_lapsed_marker_is_removed_too(world: World) -> None:
    """The clock freed the user, but one more wrong password would lock at once: the marker goes."""
    ada = world.locked(until=NOON + AGO)
    world.clock.forward(2 * AGO)
    after = world.unlock(ada)
    assert len(world.side.effects) == 1
    assert world.corp.entries[ada.entries[0].entry_id].facts == []
    assert after.locks == ()
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ()
    assert world.one_row(ada).result is Result.DONE


def test_lapsed_markers_are_removed_each_where_it_is(world: World) -> None:
    ada = world.person(lab=True)
    for directory in (world.corp, world.lab):
        directory.lock("ada", NOON - 2 * AGO, until=NOON - AGO)
    world.unlock(ada)
    assert [(write.directory, write.facts[0].source) for write in world.side.effects] == [
        ("corp", "corp"),
        ("lab", "lab"),
    ]


def test_a_marker_that_lapsed_under_a_shorter_policy_ends_its_lock(world: World) -> None:
    """Stored as permanent; the policy was changed since, and by it the lock is over: also without a canary."""
    ada = world.locked()
    entry = world.corp.entries[ada.entries[0].entry_id]
    entry.facts = [replace(fact, until=NOON - timedelta(minutes=1)) for fact in entry.facts]
    world.corp.canary = False
    world.corp.refuses = "insufficientAccessRights"
    after = world.unlock(ada)
    assert world.active(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.failed == ("corp: corp refused the unlock: insufficientAccessRights",)


def test_a_lapsed_marker_of_another_kind_is_left(world: World) -> None:
    """Validity that began last week is no lock and no danger: nothing of it is removed."""
    ada = world.person()
    world.corp.lock("ada", None, reason=LockReason.EXPIRED, until=NOON - AGO)
    world.unlock(ada)
    assert world.side.writes == []


def test_a_lock_that_lies_ahead_is_left(world: World) -> None:
    """Not in force: nothing to clear now, and the directory's plan for next week is not ours to change."""
    ada = world.person()
    world.corp.lock("ada", NOON + AGO, reason=LockReason.PASSWORD_ATTEMPTS)
    world.unlock(ada)
    assert world.side.writes == []
    assert world.active(ada)
    world.clock.forward(AGO)
    assert not world.active(ada)


# --- several directories and servers ---------------------------------------------------------------------------------


def test_both_directories_are_unlocked(world: World) -> None:
    """A person with an entry in each, locked in both."""
    ada = world.person(lab=True)
    world.corp.lock("ada", NOON - AGO)
    world.lab.lock("ada", NOON - AGO)
    after = world.unlock(ada)
    assert {write.directory for write in world.side.effects} == {"corp", "lab"}
    assert after.locks == ()


def test_a_lock_is_removed_on_every_server_that_holds_it(world: World) -> None:
    """Lock state that is not replicated: one write per server, one user."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO, server="dc1")
    world.corp.lock("ada", NOON - AGO / 2, server="dc2")
    after = world.unlock(ada)
    assert [write.facts[0].server for write in world.side.effects] == ["dc1", "dc2"]
    assert after.locks == ()
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)


def test_a_directory_that_is_only_observed_is_neither_read_nor_written_nor_believed(world: World) -> None:
    """Its locks are never in force, so an unlock leaves it alone."""
    ada = world.locked(lab=True)
    world.lab.mode = Mode.OBSERVE
    world.lab.lock("ada", NOON - AGO)
    world.unlock(ada)
    assert {link.directory for link in world.side.reads} == {"corp"}
    assert {write.directory for write in world.side.writes} == {"corp"}
    assert world.active(ada)
    assert world.lab.entries[ada.entries[1].entry_id].facts


def test_where_nothing_but_observed_directories_knows_the_user_nobody_is_told_unlocked(world: World) -> None:
    """No directory was asked, so that no lock is known proves nothing; the caller learns what to do."""
    ada = world.person()
    world.corp.mode = Mode.OBSERVE
    world.corp.lock("ada", NOON - AGO)
    with pytest.raises(Conflict, match="corp is only observed"):
        world.unlock(ada)
    assert world.side.reads == []
    assert world.side.writes == []
    assert world.one_row(ada).result is Result.FAILED


def test_a_reading_moves_nobody_elses_locks(world: World) -> None:
    """A fresh reading of one directory says nothing of another's locks, nor of a connection's."""
    others = [
        lock(LockReason.DISABLED, source="lab", since=NOON - AGO),
        lock(LockReason.DEPROVISIONED, source=IDP, since=NOON - AGO),
    ]
    ada = world.person(locks=others)
    world.corp.lock("ada", NOON - AGO)
    after = world.unlock(ada)
    assert set(after.locks) == set(others)


# --- what a reading proves -------------------------------------------------------------------------------------------


def test_a_lock_that_the_agent_may_no_longer_read_stays(world: World) -> None:
    """A lost read right looks like freedom: without proof the lock stays, and the text says what to check."""
    ada = world.locked()
    world.corp.shows_locks = False
    with pytest.raises(StillLocked, match="does not show the lock to the agent; have its read rights checked"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]
    assert world.side.writes == []


def test_without_a_canary_a_stamp_that_moved_proves_freedom(world: World) -> None:
    """The entry changed since it was locked, and shows no lock any more."""
    ada = world.locked()
    world.corp.canary = False
    world.corp.free("ada")
    world.unlock(ada)
    assert world.active(ada)


def test_a_lock_that_moved_no_stamp_is_cleared_all_the_same(world: World) -> None:
    """389 Directory Server changes no stamp when it locks; the unlock's own write does, and that proves its effect."""
    world.corp.canary = world.corp.lock_moves_stamp = False
    ada = world.locked()
    world.unlock(ada)
    assert world.active(ada)


def test_the_stamp_of_a_lock_that_the_unlock_found_is_kept(world: World) -> None:
    """Else a later reading of the unchanged entry, blind by then, would take the lock for ended."""
    ada = world.person()
    world.corp.lock("ada", NOON - AGO, reason=LockReason.DISABLED)
    with pytest.raises(StillLocked):
        world.unlock(ada)
    world.corp.shows_locks = False
    world.tick(ada)
    assert world.reasons(ada) == [LockReason.DISABLED]


def test_a_doubt_is_told(world: World) -> None:
    """The policy is unknown: nothing is cleared on that, and the caller learns why."""
    ada = world.locked()
    entry = world.corp.entries[ada.entries[0].entry_id]
    entry.facts = []
    entry.doubt = "its policy cn=gone cannot be read"
    with pytest.raises(StillLocked, match="password_attempts: corp: its policy cn=gone cannot be read"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_a_doubt_about_somebody_active_is_told_too(world: World) -> None:
    ada = world.person()
    world.corp.entries[ada.entries[0].entry_id].doubt = "its policy cn=gone cannot be read"
    after = world.unlock(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.failed == ("corp: its policy cn=gone cannot be read",)


def test_the_entry_is_gone(world: World) -> None:
    """Deleted since the last reading: its lock stays until the sync has confirmed the absence."""
    ada = world.locked()
    del world.corp.entries[ada.entries[0].entry_id]
    with pytest.raises(StillLocked, match="corp does not find the entry"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_a_write_that_found_the_work_done_is_success(world: World) -> None:
    """The help desk was faster by a moment: already unlocked is unlocked."""
    ada = world.locked()
    world.corp.before_write = lambda entry: world.corp.free(entry.entry_id)
    after = world.unlock(ada)
    assert [write.outcome for write in world.side.writes] == [Outcome.ALREADY]
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    assert world.active(ada)
