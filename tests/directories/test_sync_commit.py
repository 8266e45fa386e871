"""Writing a pass: never over somebody else's write, never without the lease, never half."""

from dataclasses import replace
from typing import Any

import pytest

from agent import committing, writing
from agent.braking import Braking, braked
from agent.committing import Committer, record
from agent.directories.errors import Unreachable
from agent.drafting import draft, interpret
from agent.plans import Plans
from agent.quarantine import Quarantine
from agent.reading import Reading, read
from agent.run import PassStopped, Run, resume
from agent.sync import tick
from ims.audit import Action
from ims.batches import Why
from ims.clearing import brought_up
from ims.errors import FenceLost
from ims.locks import LockReason
from ims.passes import PassKind
from ims.ports import Batch, FreshReading, Readable, UserChange
from tests.support.slapd import Person
from tests.support.sync_world import CORP, SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = [LockReason.PASSWORD_ATTEMPTS]


def unlock(world: SyncWorld, person: Person) -> None:
    """Unlock somebody in the directory and in the store, as the use case does it."""
    world.slapd.modify(person.dn, pwdAccountLockedTime=[])
    user = world.user(person)
    (link,) = user.entries
    stamp = world.slapd.text(person.dn, "entryCSN")
    fresh = FreshReading(link=link, present=True, readable=Readable.PROVED, stamp=stamp)
    free = brought_up(user, [fresh], world.clock.now(), "an unlock")
    world.store.apply(Batch(changes=(UserChange(user=free, base=user.version),)))


class Interrupted:
    """A pass of which a test can do something between two phases."""

    def __init__(self, run: Run, kind: PassKind) -> None:
        self.run = run
        self.start = resume(run, kind)
        self.quarantine = Quarantine(run.name, self.start.now, ())

    def read_and_commit(self, between: Any) -> Committer:
        """Read and plan, let `between` happen, and commit."""
        committer, *_ = self.all_of_it(between)
        return committer

    def all_of_it(self, between: Any) -> tuple[Committer, Reading, Plans, Braking]:
        """Do that, and return whatever the last phase asks for."""
        with self.run.directory.client() as client:
            reading = read(client, self.run, self.start)
            sightings = interpret(reading, self.quarantine)
            plans, drafts = draft(client, self.run, self.start, reading, sightings, self.quarantine)
            braking = braked(self.run, self.start, plans, drafts, self.quarantine)
            between()
            committer = Committer(self.run, self.start, reading, plans, self.quarantine, braking)
            committer.commit(client)
        return committer, reading, plans, braking


def test_a_tick_that_read_before_an_unlock_and_commits_after_it_changes_nothing(world: SyncWorld) -> None:
    """Its change is dropped, the person is read again, and the unlock stands."""
    ada = world.person()
    world.reconcile()
    world.slapd.lock(ada)
    pass_ = Interrupted(world.run(), PassKind.TICK)

    def between() -> None:
        world.tick()
        assert world.reasons(ada) == ATTEMPTS
        unlock(world, ada)

    tally = pass_.read_and_commit(between).tally
    assert tally.dropped == 1
    assert not tally.unsettled
    assert world.user(ada).locks == ()


def test_a_lock_made_after_that_unlock_is_seen_by_the_second_look(world: SyncWorld) -> None:
    """Dropped is not forgotten: what the directory holds now is what counts."""
    ada = world.person()
    world.reconcile()
    world.slapd.lock(ada)
    pass_ = Interrupted(world.run(), PassKind.TICK)

    def between() -> None:
        world.tick()
        unlock(world, ada)
        world.slapd.lock(ada)

    pass_.read_and_commit(between)
    assert world.reasons(ada) == ATTEMPTS


def test_somebody_who_keeps_changing_is_left_to_the_next_pass(world: SyncWorld, monkeypatch: Any) -> None:
    """And the watermark does not pass them by."""
    ada = world.person()
    world.reconcile()
    watermark = world.state().watermark
    world.slapd.lock(ada)
    apply = world.store.apply

    def meddling(batch: Batch) -> Any:
        if any(change.user.profile.user_name == ada.uid for change in batch.changes):
            user = world.user(ada)
            changed = replace(user, profile=replace(user.profile, nick_name=user.profile.nick_name + "x"))
            apply(Batch(changes=(UserChange(user=changed, base=user.version),)))
        return apply(batch)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "apply", meddling)
        report = world.tick().report
    assert (report.complete, report.changed) == (False, 0)
    assert "keep changing" in world.state().error
    assert world.state().watermark == watermark
    world.tick()
    assert world.reasons(ada) == ATTEMPTS


def test_whoever_lost_the_lease_writes_nothing(world: SyncWorld) -> None:
    """Not even that it failed."""
    ada = world.person()
    world.reconcile()
    world.slapd.lock(ada)
    run = world.run()
    world.later(days=4000)
    world.fence("another agent")
    revision = world.store.revision()
    with pytest.raises(FenceLost):
        tick(run)
    assert world.store.revision() == revision
    assert world.user(ada).locks == ()


def test_many_users_go_in_several_batches(world: SyncWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each accounts for whom it brought, and the watermark comes with the last."""
    monkeypatch.setattr(writing, "BATCH", 3)
    world.people(6)
    assert world.reconcile().report.changed == 7
    assert [row.after for row in world.audit(Action.FIRST_IMPORT)] == ["3 users", "3 users", "1 users"]
    assert world.state().watermark


def test_a_pass_that_is_stopped_between_batches_is_done_again(
    world: SyncWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written stays, the watermark was not, and the next pass writes the rest only."""
    monkeypatch.setattr(writing, "BATCH", 3)
    world.people(6)
    run = world.run()
    apply = world.store.apply

    def stopping(batch: Batch) -> Any:
        run.stop.set()
        return apply(batch)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "apply", stopping)
        with pytest.raises(PassStopped):
            tick(run)
    assert world.store.count(directory=CORP) == 3
    assert not world.state().watermark
    assert world.tick().report.changed == 4
    assert world.tick().report.kind is PassKind.TICK


def test_a_second_look_that_gets_no_answer_leaves_it_to_the_next_pass(
    world: SyncWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written stays, and the watermark does not pass by whom nobody could look at."""
    ada = world.person()
    world.reconcile()
    world.slapd.lock(ada)
    apply = world.store.apply

    def meddling(batch: Batch) -> Any:
        for change in batch.changes:
            user = world.user(ada)
            meddled = replace(user, profile=replace(user.profile, nick_name="x"))
            apply(Batch(changes=(UserChange(user=meddled, base=user.version),)))
            assert change.user.id == user.id
        return apply(batch)

    def no_answer(*_: object) -> None:
        raise Unreachable("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "apply", meddling)
        patch.setattr(committing, "interpreter_for", no_answer)
        report = world.tick().report
    assert (report.complete, report.dropped) == (False, 1)
    world.tick()
    assert world.reasons(ada) == ATTEMPTS


def test_who_is_kept_back_and_moved_meanwhile_is_proposed_as_the_others_are(world: SyncWorld) -> None:
    """Planned again, what a second reading would show is still part of what waits: or the batch would say nothing."""
    one, two = world.people(2)
    world.configure(affiliation={"confirm": "10m"})
    world.reconcile()
    world.leave(one, two)
    world.version = "2"
    interrupted = Interrupted(world.run(), PassKind.RECONCILE)

    def moved() -> None:
        user = world.user(one)
        titled = replace(user, profile=replace(user.profile, nick_name="uno"))
        world.store.apply(Batch(changes=(UserChange(user=titled, base=user.version),)))

    committer, reading, plans, braking = interrupted.all_of_it(moved)
    record(interrupted.run, interrupted.start, reading, plans, interrupted.quarantine, committer, braking)
    (batch,) = world.store.held_batches(CORP)
    assert (batch.why, batch.waiting) == (Why.NEW_MEANING, 2)
    assert {item.after for item in world.store.held_items(CORP)} == {"affiliation: unaffiliated; locks: unaffiliated"}
    world.reconcile()
    assert world.store.held_batches(CORP) == (batch,)


def test_who_is_kept_back_and_comes_back_meanwhile_waits_no_more(world: SyncWorld) -> None:
    """Read again, the directory proposes nothing that has to wait: what always flows is written, and no batch made."""
    one = world.person(title="Head")
    world.reconcile()
    world.slapd.modify(one.dn, title="Foot")
    world.slapd.lock(one)
    world.version = "2"
    interrupted = Interrupted(world.run(), PassKind.RECONCILE)

    def moved() -> None:
        world.slapd.modify(one.dn, title="Head")
        user = world.user(one)
        world.store.apply(
            Batch(
                changes=(
                    UserChange(user=replace(user, profile=replace(user.profile, nick_name="uno")), base=user.version),
                )
            )
        )

    committer, reading, plans, braking = interrupted.all_of_it(moved)
    record(interrupted.run, interrupted.start, reading, plans, interrupted.quarantine, committer, braking)
    assert world.store.held_items(CORP) == ()
    assert (world.reasons(one), world.user(one).profile.title) == (ATTEMPTS, "Head")
