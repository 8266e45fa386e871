"""The unlock of somebody who had lost the company account: back already, to be restored, or to be put back by hand."""

from dataclasses import replace

import pytest

from ims.audit import Action, Result
from ims.errors import DirectoryUnreachable, StillLocked
from ims.locks import LockReason
from ims.people import AffiliationStatus, User
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock
from tests.support.unlock_world import AGO, World


@pytest.fixture
def ada(world: World) -> User:
    """Return somebody whom two complete readings found unaffiliated; the second one was an hour ago."""
    one = world.person(locks=[lock(LockReason.UNAFFILIATED, since=NOON - AGO)])
    entries = tuple(replace(link, rule="", unmatched_since=NOON - 2 * AGO) for link in one.entries)
    world.corp.entries[one.entries[0].entry_id].matched = None
    return world.save(replace(one, entries=entries))


def comes_back(world: World, one: User) -> None:
    world.corp.entries[one.entries[0].entry_id].matched = ACME


def test_back_already_needs_no_write(world: World, ada: User) -> None:
    """The fresh reading shows the user affiliated again: the lock ends here, and nothing is written."""
    comes_back(world, ada)
    after = world.unlock(ada)
    assert world.side.writes == []
    assert world.active(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("unaffiliated",)


def test_restored_where_the_directory_is_set_up_for_it(world: World, ada: User) -> None:
    """The membership is added back, read back, and only then believed."""
    after = world.unlock(ada)
    assert [write.restores for write in world.side.effects] == [ACME]
    assert world.active(ada)
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("unaffiliated",)
    assert world.one_row(ada).result is Result.DONE
    assert world.lock_rows(ada) == [(Action.LOCK_LIFTED, "unaffiliated")]


def test_the_affiliation_and_its_history_say_so(world: World, ada: User) -> None:
    after = world.unlock(ada)
    assert after.affiliation is not None
    assert (after.affiliation.status, after.affiliation.since, after.affiliation.rule) == (
        AffiliationStatus.AFFILIATED,
        NOON,
        "corp/acme",
    )
    assert world.store.history(ada.id)[-1] == (ACME, after.affiliation)


def test_the_first_reading_without_a_match_is_forgotten(world: World, ada: User) -> None:
    """Else one later reading without a match would be taken for the second, and lock at once."""
    after = world.unlock(ada)
    assert [(link.unmatched_since, link.rule) for link in after.entries] == [(None, "corp/acme")]


def test_not_restorable_is_a_409_that_says_what_to_do(world: World, ada: User) -> None:
    world.corp.refuses_to_restore = "put ada back into cn=staff; this directory is not set up to be written to"
    with pytest.raises(StillLocked, match="unaffiliated: put ada back into cn=staff") as told:
        world.unlock(ada)
    assert len(told.value.reasons) == 1
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]
    assert world.one_row(ada).result is Result.FAILED
    stored = world.stored(ada)
    assert stored.affiliation is not None
    assert stored.affiliation.status is AffiliationStatus.UNAFFILIATED


def test_restored_in_vain_is_not_believed(world: World, ada: User) -> None:
    """The directory took the write, and the rule does not match all the same."""
    world.corp.after_write = lambda entry: setattr(entry, "matched", None)
    with pytest.raises(StillLocked, match="unaffiliated"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]


def test_removed_again_before_the_commit_is_not_shown_unlocked(world: World, ada: User) -> None:
    """Affiliated at the first reading; a write to the same user follows, and the last reading says otherwise."""
    comes_back(world, ada)
    world.corp.lock("ada", NOON - AGO)
    world.corp.after_write = lambda entry: setattr(entry, "matched", None)
    after = world.unlock(ada)
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    assert [text.split(":")[0] for text in after.last_unlock.failed] == ["unaffiliated"]


def test_nobody_is_taken_back_from_another_company(world: World, ada: User) -> None:
    """The entry matches GLOBEX by now: the next pass transfers them, and this unlock does not pull at them."""
    world.corp.entries[ada.entries[0].entry_id].matched = GLOBEX
    with pytest.raises(StillLocked, match="unaffiliated"):
        world.unlock(ada)
    assert world.side.writes == []


def test_restored_and_unlocked_in_one_go(world: World, ada: User) -> None:
    """Locked and unaffiliated: both end, each by its own write."""
    world.corp.lock("ada", NOON - AGO)
    after = world.unlock(ada)
    assert len(world.side.effects) == 2
    assert after.locks == ()
    assert after.last_unlock is not None
    assert set(after.last_unlock.cleared) == {"password_attempts", "unaffiliated"}


def test_unlocked_but_not_restored_is_success_with_the_rest_named(world: World, ada: User) -> None:
    world.corp.lock("ada", NOON - AGO)
    world.corp.refuses_to_restore = "put ada back by hand"
    after = world.unlock(ada)
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]
    assert after.last_unlock is not None
    assert after.last_unlock.cleared == ("password_attempts",)
    assert after.last_unlock.failed == ("unaffiliated: put ada back by hand",)


def test_affiliated_by_another_directory(world: World) -> None:
    """Two directories: matching in either is enough."""
    one = world.person(lab=True, locks=[lock(LockReason.UNAFFILIATED, since=NOON - AGO)])
    world.corp.entries[one.entries[0].entry_id].matched = None
    world.unlock(one)
    assert world.side.writes == []
    assert world.active(one)


def test_affiliated_by_another_directory_that_then_went_down(world: World) -> None:
    """Read as matching before a write elsewhere, not read again after it: what is not known any more ends no lock."""
    one = world.person(lab=True, locks=[lock(LockReason.UNAFFILIATED, source="lab", since=NOON - AGO)])
    world.corp.entries[one.entries[0].entry_id].matched = None
    world.corp.lock("ada", NOON - AGO)
    world.corp.after_write = lambda _: world.lab.down.add("")
    after = world.unlock(one)
    assert world.reasons(one) == [LockReason.UNAFFILIATED]
    assert after.last_unlock is not None
    assert after.last_unlock.failed == ("unaffiliated: lab gave no answer",)


def test_an_entry_that_is_gone_is_not_restored(world: World, ada: User) -> None:
    del world.corp.entries[ada.entries[0].entry_id]
    with pytest.raises(StillLocked, match="unaffiliated"):
        world.unlock(ada)
    assert world.side.writes == []


def test_the_answer_to_a_restore_is_lost(world: World, ada: User) -> None:
    """Performed, and read back: that is what counts."""
    world.corp.loses_answers = 1
    world.unlock(ada)
    assert len(world.side.writes) == 1
    assert world.active(ada)


def test_a_restore_without_any_answer(world: World, ada: User) -> None:
    """503; the lock stays."""

    def fail(_: object) -> None:
        raise DirectoryUnreachable("corp gave no answer to the write")

    world.corp.before_write = fail
    with pytest.raises(DirectoryUnreachable, match="unaffiliated: corp gave no answer"):
        world.unlock(ada)
    assert world.reasons(ada) == [LockReason.UNAFFILIATED]


def test_a_hold_does_not_make_anybody_affiliated(world: World) -> None:
    """Ending a hold says nothing about affiliation: a status without a lock is left to the sync."""
    one = world.person(locks=[lock(LockReason.HELD, source="lockstep", since=NOON - AGO)])
    assert one.affiliation is not None
    lost = replace(one.affiliation, status=AffiliationStatus.UNAFFILIATED)
    one = world.save(replace(one, affiliation=lost))
    assert world.unlock(one).affiliation == lost
