"""What waits, for how long, and what lets it go: passes one after the other, on a real store."""

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from agent.holding import APPROVAL, WAITS
from ims.audit import Action
from ims.batches import BatchState, Decision, HeldBatch, Why
from ims.errors import Conflict, NotFound
from ims.locks import LockReason
from ims.people import Profile
from ims.ports import Batch
from tests.support.batches import LAB, change
from tests.support.brake_world import BrakeWorld
from tests.support.held import counted

APPROVED, REJECTED, WAITING = Decision.APPROVED, Decision.REJECTED, Decision.WAITING
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def ended(world: BrakeWorld, batch: HeldBatch) -> HeldBatch:
    """Return what became of a batch."""
    found = world.store.held_batch(batch.id)
    assert found is not None
    return found


@pytest.fixture
def eleven(brake_world: BrakeWorld) -> BrakeWorld:
    """Return a world in which eleven of thirteen were disabled at once."""
    people = brake_world.known(13)
    brake_world.change(*people[:11], disabled=True)
    brake_world.reconcile()
    return brake_world


# --- a batch appears -------------------------------------------------------------------------------------------------


def test_too_many_at_once_wait_and_are_shown(eleven: BrakeWorld) -> None:
    """Nobody is locked; the batch says who, what, why and until when."""
    assert eleven.locked() == []
    batch = eleven.batch()
    assert (batch.why, batch.tenant, batch.size, batch.waiting) == (Why.TOO_MANY, "acme", 11, 11)
    assert (
        batch.text == "11 disabled accounts within an hour are more than the limit of 10 for 13 users of the directory"
    )
    assert batch.expires - batch.created == WAITS
    (first, *_) = eleven.items()
    assert (first.name, first.before, first.after) == ("p000", "locks: none", "locks: disabled")
    assert (first.tenant, first.counts, first.decision) == ("acme", (LockReason.DISABLED,), WAITING)


def test_the_alarm_is_given_once(brake_world: BrakeWorld) -> None:
    """When the batch appears, with what to do; not again by every pass that finds it there."""
    people = brake_world.known(13)
    brake_world.change(*people[:11], disabled=True)
    with capture_logs() as logs:
        brake_world.reconcile()
        brake_world.reconcile()
        brake_world.tick()
    (alarm,) = [log for log in logs if log["event"] == "brake_keeps_back"]
    batch = brake_world.batch()
    assert (alarm["directory"], alarm["tenant"], alarm["users"], alarm["batch"]) == ("corp", "acme", 11, batch.id)
    assert f"lockstep brake approve {batch.id}" in alarm["what_to_do"]
    (row,) = [row for row in brake_world.store.audit(reference=batch.id) if row.action is Action.BATCH_HELD]
    assert (row.tenant, row.after) == ("acme", "11 users wait")
    assert batch.hash in row.detail
    assert batch.id in brake_world.state().kept_back


def test_a_tick_leaves_the_batch_as_it_is(eleven: BrakeWorld) -> None:
    """It looked at nobody."""
    before = eleven.batch(), eleven.items()
    report = eleven.tick().report
    assert (report.kept_back, report.raised) == (11, 0)
    assert (eleven.batch(), eleven.items()) == before


def test_everything_else_flows_while_a_batch_waits(eleven: BrakeWorld) -> None:
    """Another's title, another's lock by wrong passwords, and even that of somebody who waits."""
    p0, p11, p12 = (eleven.people[name] for name in ("p000", "p011", "p012"))
    eleven.change(p0, attempts=1, title="new")
    eleven.change(p11, attempts=1)
    eleven.change(p12, title="new")
    eleven.tick(p0, p11, p12)
    assert eleven.reasons(p0) == [LockReason.PASSWORD_ATTEMPTS]
    assert eleven.reasons(p11) == [LockReason.PASSWORD_ATTEMPTS]
    assert eleven.user(p12).profile.title == "new"
    assert eleven.user(p0).profile.title == ""
    eleven.change(p0, attempts=0)
    eleven.tick(p0)
    assert eleven.reasons(p0) == []


def test_newcomers_lose_nothing(brake_world: BrakeWorld) -> None:
    """People who come disabled are no alarm, nor is a whole first import of them."""
    brake_world.change(*brake_world.staff(20), disabled=True)
    brake_world.reconcile()
    brake_world.change(*brake_world.staff(20), disabled=True)
    brake_world.reconcile()
    assert len(brake_world.locked()) == 40
    assert brake_world.store.held_batches() == ()


def test_what_the_first_pass_held_back_the_second_does_not_let_through(eleven: BrakeWorld) -> None:
    """A tick sees five of them again: fewer than the limit, and yet they wait."""
    five = [eleven.people[f"p{number:03}"] for number in range(5)]
    for passes in range(3):
        eleven.clock.forward(passes * HOUR)
        eleven.tick(*five)
        eleven.reconcile()
    assert eleven.locked() == []
    assert eleven.batch().waiting == 11


def test_one_who_comes_back_lets_nobody_else_through(eleven: BrakeWorld) -> None:
    """The batch is another one now, and a smaller one is no new alarm."""
    old = eleven.batch()
    eleven.change(eleven.people["p000"], disabled=False)
    with capture_logs() as logs:
        eleven.reconcile()
    new = eleven.batch()
    assert logs == []
    assert (new.waiting, new.created, new.expires) == (10, old.created, old.expires)
    assert new.hash != old.hash
    assert (ended(eleven, old).state, ended(eleven, old).successor) == (BatchState.SUPERSEDED, new.id)
    assert eleven.locked() == []


def test_a_batch_that_nobody_proposes_any_more_is_closed(eleven: BrakeWorld) -> None:
    """The directory came back by itself."""
    old = eleven.batch()
    eleven.change(*eleven.people.values(), disabled=False)
    eleven.reconcile()
    assert eleven.store.held_batches() == ()
    assert ended(eleven, old).state is BatchState.NO_LONGER_PROPOSED
    assert eleven.state().kept_back == ""


def test_an_incomplete_reading_closes_nothing(eleven: BrakeWorld) -> None:
    """It may have seen half of them only."""
    before = eleven.items()
    eleven.change(*eleven.people.values(), disabled=False)
    eleven.reconcile(complete=False)
    assert eleven.items() == before


def test_a_rule_without_knowledge_closes_nothing(brake_world: BrakeWorld) -> None:
    """The last one left the group, too: now it says nothing about anybody."""
    people = brake_world.known(13)
    brake_world.change(*people[:11], staff=False)
    brake_world.reconcile()
    before = brake_world.items()
    assert len(before) == 11
    brake_world.silent = frozenset({"corp/staff"})
    brake_world.change(*people[11:], staff=False)
    brake_world.reconcile()
    assert brake_world.items() == before
    assert brake_world.locked() == []


# --- decisions -------------------------------------------------------------------------------------------------------


def test_a_whole_batch_is_approved(eleven: BrakeWorld) -> None:
    """The next pass reads everything anew, does it, and counts none of it."""
    old = eleven.batch()
    eleven.decide(APPROVED)
    assert eleven.batch().standing == "approved"
    result = eleven.tick()
    assert (result.report.kind, result.report.raised, result.report.kept_back) == ("reconcile", 11, 0)
    assert len(eleven.locked()) == 11
    assert ended(eleven, old).state is BatchState.DONE
    eleven.change(eleven.people["p011"], disabled=True)
    assert eleven.tick(eleven.people["p011"]).report.raised == 1


def test_some_are_approved_and_the_others_go_on_waiting(eleven: BrakeWorld) -> None:
    """Under the same number: what they were shown has not changed."""
    old = eleven.batch()
    eleven.decide(APPROVED, eleven.people["p000"], eleven.people["p001"])
    eleven.tick()
    eleven.clock.forward(2 * HOUR)
    eleven.reconcile()
    assert eleven.locked() == ["p000", "p001"]
    assert (eleven.batch().id, eleven.batch().waiting) == (old.id, 9)


def test_what_is_rejected_stays_back_in_silence(eleven: BrakeWorld) -> None:
    """However often it is proposed; and nothing is told to wait."""
    eleven.decide(REJECTED)
    with capture_logs() as logs:
        for _ in range(3):
            eleven.clock.forward(10 * timedelta(days=1))
            eleven.reconcile()
    assert (logs, eleven.locked()) == ([], [])
    assert (eleven.batch().standing, eleven.batch().rejected) == ("rejected", 11)
    assert eleven.state().kept_back == ""


def test_a_rejection_is_of_that_proposal_only(eleven: BrakeWorld) -> None:
    """Disabled was refused; disabled and no longer affiliated is another matter, and waits."""
    eleven.decide(REJECTED)
    p0 = eleven.people["p000"]
    eleven.change(p0, staff=False)
    eleven.reconcile()
    assert [item.name for item in eleven.items() if item.decision is WAITING] == ["p000"]
    assert (eleven.batch().waiting, eleven.batch().rejected) == (1, 10)
    assert eleven.locked() == []


def test_an_approval_does_not_reach_what_moved_since(eleven: BrakeWorld) -> None:
    """Ten flow as they were shown; the eleventh would now become something else too."""
    eleven.decide(APPROVED)
    p0 = eleven.people["p000"]
    eleven.change(p0, staff=False)
    with capture_logs() as logs:
        eleven.reconcile()
    assert len(eleven.locked()) == 10
    assert eleven.reasons(p0) == []
    (item,) = eleven.items()
    assert item.after == "affiliation: unaffiliated; locks: disabled, unaffiliated"
    assert [log["users"] for log in logs if log["event"] == "brake_keeps_back"] == [1]


def test_evidence_that_moves_without_a_meaning_changes_no_hash(eleven: BrakeWorld) -> None:
    """Every failed sign-in of a disabled account leaves its trace in the entry."""
    old = eleven.batch()
    eleven.change(*eleven.people.values(), title="")
    eleven.clock.forward(MINUTE)
    eleven.reconcile()
    assert eleven.batch() == old


def test_a_superseded_batch_can_no_longer_be_decided_on(eleven: BrakeWorld) -> None:
    """Whoever looked at it saw something else; nor is there a batch that never was."""
    old, items = eleven.batch(), eleven.items()
    eleven.change(eleven.people["p000"], disabled=False)
    eleven.reconcile()
    with pytest.raises(Conflict, match=f"superseded: {eleven.batch().id} has taken its place"):
        eleven.store.decide(old.id, items[1:], APPROVED, "op", eleven.clock.now(), ())
    with pytest.raises(Conflict, match="does not hold all of them"):
        eleven.store.decide(eleven.batch().id, items, APPROVED, "op", eleven.clock.now(), ())
    with pytest.raises(NotFound):
        eleven.store.decide(type(old.id)("nothing"), items, APPROVED, "op", eleven.clock.now(), ())
    assert {item.decision for item in eleven.items()} == {WAITING}


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_batch_that_nobody_looked_at_is_told_anew(eleven: BrakeWorld) -> None:
    """After a week: another number, the same contents, and an alarm."""
    old = eleven.batch()
    eleven.clock.forward(WAITS - MINUTE)
    eleven.tick()
    assert eleven.batch() == old
    eleven.clock.forward(MINUTE)
    with capture_logs() as logs:
        eleven.tick()
    new = eleven.batch()
    assert (new.hash, new.waiting, new.created) == (old.hash, 11, eleven.clock.now())
    assert (ended(eleven, old).state, ended(eleven, old).successor) == (BatchState.EXPIRED, new.id)
    assert [log["batch"] for log in logs if log["event"] == "brake_keeps_back"] == [new.id]
    assert eleven.locked() == []


def test_an_approval_that_is_not_used_within_a_day_is_void(eleven: BrakeWorld) -> None:
    """The agent was down over the weekend."""
    eleven.decide(APPROVED)
    eleven.clock.forward(APPROVAL)
    with capture_logs() as logs:
        eleven.tick()
    assert eleven.locked() == []
    assert (eleven.batch().waiting, eleven.batch().approved) == (11, 0)
    assert [log["users"] for log in logs if log["event"] == "approvals_lapsed"] == [11]
    eleven.decide(APPROVED)
    eleven.clock.forward(APPROVAL - MINUTE)
    eleven.tick()
    assert len(eleven.locked()) == 11


@pytest.mark.parametrize(("later", "locked"), [(HOUR - timedelta(seconds=1), 10), (HOUR, 20)])
def test_the_hour_rolls(brake_world: BrakeWorld, later: timedelta, locked: int) -> None:
    """Ten, and ten more a second too early, or just late enough."""
    people = brake_world.known(40)
    brake_world.change(*people[:10], disabled=True)
    brake_world.reconcile()
    brake_world.clock.forward(later)
    brake_world.change(*people[10:20], disabled=True)
    brake_world.tick(*people[10:20])
    assert len(brake_world.locked()) == locked


def test_what_was_lifted_since_counts_all_the_same(brake_world: BrakeWorld) -> None:
    """Ten are disabled and enabled again; ten others within the hour are too many, and an hour later they are not."""
    people = brake_world.known(30)
    brake_world.change(*people[:10], disabled=True)
    brake_world.reconcile()
    brake_world.change(*people[:10], disabled=False)
    brake_world.reconcile()
    assert brake_world.locked() == []
    brake_world.change(people[10], disabled=True)
    brake_world.reconcile()
    assert (brake_world.locked(), brake_world.batch().waiting) == ([], 1)
    brake_world.clock.forward(HOUR)
    brake_world.change(people[11], disabled=True)
    brake_world.reconcile()
    assert brake_world.locked() == [people[11].name]


def test_what_another_directory_took_from_a_tenant_counts_against_its_limit(brake_world: BrakeWorld) -> None:
    """Eight there and five here are thirteen of one company account, though few for either directory."""
    people = brake_world.known(30)
    there = [replace(counted(f"there-{number}"), directory=LAB) for number in range(8)]
    other = replace(brake_world.user(people[29]), profile=Profile(user_name=people[29].name, title="x"))
    brake_world.store.apply(
        Batch(changes=(replace(change(other, base=brake_world.store.revision()), counted=tuple(there)),))
    )
    brake_world.change(*people[:2], disabled=True)
    brake_world.reconcile()
    assert len(brake_world.locked()) == 2
    brake_world.change(people[2], disabled=True)
    brake_world.reconcile()
    assert (len(brake_world.locked()), brake_world.batch().waiting) == (2, 1)
    assert "11 disabled accounts within an hour, 8 of them by other directories" in brake_world.batch().text
    brake_world.clock.forward(HOUR)
    brake_world.change(people[3], disabled=True)
    brake_world.reconcile()
    assert brake_world.locked() == [people[0].name, people[1].name, people[3].name]


# --- crashes ---------------------------------------------------------------------------------------------------------


def test_a_crash_before_the_end_is_repeated(brake_world: BrakeWorld) -> None:
    """Nothing of the batch was written, and nobody slipped through."""
    people = brake_world.known(13)
    brake_world.change(*people[:11], disabled=True)
    brake_world.change(people[12], title="new")
    brake_world.crash = True
    with pytest.raises(InterruptedError):
        brake_world.reconcile()
    assert (brake_world.items(), brake_world.locked()) == ((), [])
    brake_world.crash = False
    brake_world.reconcile()
    assert (brake_world.batch().waiting, brake_world.locked()) == (11, [])


def test_a_crash_after_an_approved_change_was_written_ends_well(eleven: BrakeWorld) -> None:
    """The next pass finds it done."""
    old = eleven.batch()
    eleven.decide(APPROVED)
    eleven.crash = True
    with pytest.raises(InterruptedError):
        eleven.reconcile()
    assert len(eleven.locked()) == 11
    eleven.crash = False
    eleven.reconcile()
    assert eleven.store.held_batches() == ()
    assert ended(eleven, old).closed == eleven.clock.now()


def test_a_dry_run_shows_and_writes_nothing(brake_world: BrakeWorld) -> None:
    """Neither a batch nor an audit row; an approval is not used up."""
    people = brake_world.known(13)
    brake_world.change(*people[:11], disabled=True)
    revision = brake_world.store.revision()
    result = brake_world.reconcile(fence=None)
    assert [item.name for item in result.waits] == [one.name for one in people[:11]]
    assert (result.report.kept_back, Action.BATCH_HELD in {row.action for row in result.preview}) == (11, True)
    assert (brake_world.store.revision(), brake_world.items()) == (revision, ())


# --- many wrong passwords --------------------------------------------------------------------------------------------


def test_many_wrong_passwords_flow_with_one_alarm(brake_world: BrakeWorld) -> None:
    """Somebody guesses at everybody: all are locked, and one sentence says so."""
    people = brake_world.known(30)
    with capture_logs() as logs:
        for first in (0, 10, 20):
            brake_world.change(*people[first : first + 10], attempts=1)
            brake_world.reconcile()
    assert {tuple(brake_world.reasons(one)) for one in people} == {(LockReason.PASSWORD_ATTEMPTS,)}
    assert [log["event"] for log in logs] == ["many_password_attempts"]
    assert "more than 10 of 30 users" in brake_world.state().attempts
    brake_world.clock.forward(HOUR + MINUTE)
    brake_world.reconcile()
    assert brake_world.state().attempts == ""


def test_one_approval_costs_one_complete_reading(eleven: BrakeWorld) -> None:
    """Though somebody who was approved cannot be judged at the moment; given during a pass, it is for the next one."""
    eleven.decide(APPROVED)
    eleven.silent = frozenset({"corp/staff"})
    eleven.clock.forward(MINUTE)
    assert eleven.tick().report.kind == "reconcile"
    eleven.clock.forward(MINUTE)
    assert eleven.tick().report.kind == "tick"
