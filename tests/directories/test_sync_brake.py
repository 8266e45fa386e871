"""The brake on a real directory: what one wrong hand does there, and what a person lets happen."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.holding import WAITS
from agent.run import Run
from agent.sync import reconcile, tick
from ims.audit import Action
from ims.batches import BatchId, BatchState, Decision, HeldBatch, Why
from ims.errors import StoreUnusable
from ims.locks import LockReason
from ims.passes import PassKind
from ims.people import Actor, Channel, Role
from lockstep.undoing import undo
from tests.support.slapd import Person
from tests.support.slapd_config import BASE
from tests.support.sync_world import CORP, SyncWorld

pytestmark = pytest.mark.servers
LOST, ATTEMPTS, DISABLED, ABSENT = (
    LockReason.UNAFFILIATED,
    LockReason.PASSWORD_ATTEMPTS,
    LockReason.DISABLED,
    LockReason.ABSENT,
)
APPROVED, REJECTED = Decision.APPROVED, Decision.REJECTED
FOR_GOOD = "000001010000Z"
OPERATOR = Actor(name="root", role=Role.OPERATOR, channel=Channel.COMMAND_LINE)


def known(world: SyncWorld, count: int = 12) -> list[Person]:
    """Return so many people whom a first pass has read."""
    people = world.people(count)
    world.reconcile()
    return people


def disable(world: SyncWorld, *people: Person) -> None:
    """Lock people in the directory as its administrators do."""
    for one in people:
        world.slapd.force(one.dn, pwdAccountLockedTime=FOR_GOOD)


def enable(world: SyncWorld, *people: Person) -> None:
    """Take that back."""
    for one in people:
        world.slapd.modify(one.dn, pwdAccountLockedTime=[])


def batch(world: SyncWorld) -> HeldBatch:
    """Return the only open batch."""
    (found,) = world.store.held_batches(CORP)
    return found


def closed(world: SyncWorld, batch_id: BatchId) -> BatchState:
    """Return how a batch ended."""
    found = world.store.held_batch(batch_id)
    assert found is not None
    return found.state


def waiting(world: SyncWorld) -> set[str]:
    """Return who waits for a decision."""
    return {item.name for item in world.store.held_items(CORP) if item.decision is Decision.WAITING}


def decide(world: SyncWorld, decision: Decision, *people: Person) -> None:
    """Decide on some people, or on all."""
    names = {one.uid for one in people}
    items = [item for item in world.store.held_items(CORP) if not names or item.name in names]
    world.store.decide(batch(world).id, items, decision, "root", world.clock.now(), ())


def locked(world: SyncWorld, people: list[Person], reason: LockReason) -> int:
    """Return how many are locked for a reason."""
    return sum(reason in world.reasons(one) for one in people)


# --- what one hand does ----------------------------------------------------------------------------------------------


def test_eleven_at_once_are_kept_back_and_everything_else_flows(world: SyncWorld) -> None:
    """Ten of twelve may be un-affiliated within an hour; the eleventh keeps all of them back."""
    people = known(world)
    world.leave(*people[:11])
    world.slapd.lock(people[11])
    world.slapd.lock(people[0])
    report = world.tick().report
    assert (report.kept_back, report.raised) == (11, 2)
    assert locked(world, people, LOST) == 0
    assert locked(world, people, ATTEMPTS) == 2
    assert "11 un-affiliations within an hour are more than the limit of 10" in world.state().kept_back
    first = batch(world)
    world.later(minutes=5)
    assert world.tick().report.kept_back == 11
    assert batch(world) == first
    world.join(people[1])
    assert world.tick().report.kept_back == 10
    assert locked(world, people, LOST) == 0
    assert closed(world, first.id) is BatchState.SUPERSEDED


@pytest.mark.parametrize(
    "values",
    [{"pwdAccountLockedTime": FOR_GOOD}, {"pwdEndTime": "20200101000000Z"}],
    ids=["disabled", "expired"],
)
def test_a_mass_disable_waits(world: SyncWorld, values: dict[str, Any]) -> None:
    """By the marker or by dates: it is read as what it is, and happens when somebody approves it."""
    people = known(world)
    for one in people[:11]:
        world.slapd.force(one.dn, **values)
    reason = DISABLED if "pwdAccountLockedTime" in values else LockReason.EXPIRED
    assert world.tick().report.kept_back == 11
    assert locked(world, people, reason) == 0
    decide(world, APPROVED)
    report = world.tick().report
    assert (report.kind, report.raised, report.kept_back) == (PassKind.RECONCILE, 11, 0)
    assert locked(world, people, reason) == 11
    assert world.state().kept_back == ""


def test_an_emptied_group_waits(world: SyncWorld) -> None:
    """All but the last one, who keeps the rule from being silent; a tick in between changes nothing."""
    people = known(world)
    world.leave(*people)
    for pass_ in (world.tick, world.reconcile, world.tick):
        assert pass_().report.kept_back == 12
    assert locked(world, people, LOST) == 0


def test_a_renamed_unit_waits_until_it_is_renamed_back(world: SyncWorld) -> None:
    """The people moved out of what the settings name; none of them is absent for that."""
    people = known(world)
    away = f"ou=away-{world.mark},{BASE}"
    with world.slapd.connected() as admin:
        admin.add(away, "organizationalUnit")
        for one in people:
            admin.modify_dn(one.dn, f"uid={one.uid}", new_superior=away)
    for pass_ in (world.reconcile, world.tick, world.reconcile):
        assert pass_().report.kept_back == 12
        assert "12 absences" in world.state().kept_back
    assert not any(world.reasons(one) for one in people)
    first = batch(world)
    with world.slapd.connected() as admin:
        for one in people:
            admin.modify_dn(f"uid={one.uid},{away}", f"uid={one.uid}", new_superior=world.unit)
    world.tick()
    assert world.state().kept_back == ""
    assert closed(world, first.id) is BatchState.NO_LONGER_PROPOSED
    assert not any(world.user(one).entries[0].missing_since for one in people)


def test_a_small_company_does_not_lose_everybody_at_once(world: SyncWorld) -> None:
    """Five people are below any limit; nobody would be left."""
    rule = {"tenant": "globex", "attribute": "departmentNumber", "value": "7"}
    staff = {"tenant": "acme", "group": world.staff}
    world.configure(rules={"staff": staff, "sevens": rule})
    few = [world.person(f"few{n}", staff=False, departmentNumber="7") for n in range(5)]
    known(world)
    disable(world, *few)
    assert world.tick().report.kept_back == 5
    assert batch(world).tenant == "globex"
    assert "would leave nobody of globex" in batch(world).text
    enable(world, few[0])
    world.tick()
    assert waiting(world) == {one.uid for one in few[1:]}


def test_whoever_waits_is_looked_at_in_every_complete_reading(world: SyncWorld) -> None:
    """The others are passed over, because their entries are as they were; a batch is not forgotten by that."""
    people = known(world)
    disable(world, *people[:11])
    world.reconcile()
    report = world.reconcile().report
    assert (report.read, report.passed_over, report.kept_back) == (13, 2, 11)
    enable(world, people[0])
    assert world.reconcile().report.kept_back == 10


# --- decisions -------------------------------------------------------------------------------------------------------


def test_user_by_user(world: SyncWorld) -> None:
    """Two are let go, one is kept for good, the others wait on; nobody is told twice."""
    people = known(world)
    world.leave(*people[:11])
    world.tick()
    decide(world, APPROVED, *people[:2])
    decide(world, REJECTED, people[2])
    with capture_logs() as logs:
        world.tick()
        world.reconcile()
    assert [log["event"] for log in logs] == []
    assert [bool(world.reasons(one)) for one in people] == [True] * 2 + [False] * 10
    assert waiting(world) == {one.uid for one in people[3:11]}
    decide(world, REJECTED, *people[3:11])
    world.reconcile()
    assert (world.state().kept_back, batch(world).rejected) == ("", 9)
    assert batch(world).standing == "rejected"


def test_the_directory_moves_between_the_look_and_the_pass(world: SyncWorld) -> None:
    """Approved is what was shown: who came back stays in, and who would now be disabled too waits anew."""
    people = known(world)
    world.leave(*people[:11])
    world.tick()
    decide(world, APPROVED)
    world.join(people[0])
    disable(world, people[1])
    world.tick()
    assert world.reasons(people[0]) == []
    assert world.reasons(people[1]) == []
    assert locked(world, people, LOST) == 9
    (item,) = world.store.held_items(CORP)
    assert (item.name, item.after) == (people[1].uid, "affiliation: unaffiliated; locks: disabled, unaffiliated")


def test_a_week_later_it_is_told_anew(world: SyncWorld) -> None:
    """With another number; the old one can no longer be approved."""
    people = known(world)
    disable(world, *people[:11])
    world.tick()
    old = batch(world)
    world.clock.forward(WAITS + timedelta(seconds=1))
    with capture_logs() as logs:
        world.tick()
    assert [log["event"] for log in logs] == ["brake_keeps_back"]
    assert closed(world, old.id) is BatchState.EXPIRED
    assert batch(world).hash == old.hash
    assert locked(world, people, DISABLED) == 0


def test_after_an_undo_the_same_counts_once_more(world: SyncWorld) -> None:
    """Six were raised and taken back; six more of them within the hour are twelve."""
    people = known(world)
    disable(world, *people[:6])
    report = world.tick().report
    assert report.raised == 6
    assert len(undo(world.store, world.clock, OPERATOR, report.id)) == 6
    assert locked(world, people, DISABLED) == 0
    assert world.tick().report.kept_back == 6
    assert locked(world, people, DISABLED) == 0


def test_an_approved_pass_can_be_undone_and_does_not_come_back_by_itself(world: SyncWorld) -> None:
    """The approval is used up."""
    people = known(world)
    world.leave(*people[:11])
    world.tick()
    decide(world, APPROVED)
    report = world.tick().report
    assert len(undo(world.store, world.clock, OPERATOR, report.id)) == 11
    assert locked(world, people, LOST) == 0
    world.reconcile()
    assert (locked(world, people, LOST), len(waiting(world))) == (0, 11)


# --- other settings, another version ---------------------------------------------------------------------------------


def test_another_mapping_waits(world: SyncWorld) -> None:
    """Everybody's title would come from elsewhere; what changes later flows."""
    people = [world.person(f"p{n}", title="Old", employeeType="New") for n in range(3)]
    world.reconcile()
    world.configure(attributes={"title": "employeeType"})
    report = world.tick().report
    assert (report.kind, report.kept_back, report.changed) == (PassKind.RECONCILE, 3, 0)
    assert batch(world).why is Why.NEW_MEANING
    assert {(item.before, item.after) for item in world.store.held_items(CORP)} == {("title: Old", "title: New")}
    world.slapd.lock(people[0])
    newcomer = world.person("late", employeeType="New")
    world.tick()
    assert world.reasons(people[0]) == [ATTEMPTS]
    assert world.user(newcomer).profile.title == "New"
    decide(world, APPROVED)
    world.tick()
    assert {world.user(one).profile.title for one in people} == {"New"}
    assert world.store.held_batches() == ()


def test_another_base_waits(world: SyncWorld) -> None:
    """Below it are other people: those of before are not absent, and nobody new is there, before it is approved."""
    people = known(world, 4)
    deeper = f"ou=deeper,{world.unit}"
    with world.slapd.connected() as admin:
        admin.add(deeper, "organizationalUnit")
    stays = world.slapd.add_person(world.name("stays"), parent=deeper)
    world.join(stays)
    world.reconcile()
    newcomer = world.slapd.add_person(world.name("new"), parent=deeper)
    world.join(newcomer)
    world.configure(users={"base": deeper})
    world.tick()
    world.reconcile()
    assert world.find(newcomer) is None
    assert locked(world, people, ABSENT) == 0
    assert {item.name: item.after.partition(":")[0] for item in world.store.held_items(CORP)} == {
        **dict.fromkeys([one.uid for one in (*people, world.keeper)], "locks"),
        newcomer.uid: "user",
    }
    world.configure(users={"base": world.unit})
    world.tick()
    assert waiting(world) == {newcomer.uid}
    decide(world, APPROVED)
    world.tick()
    assert world.user(newcomer).tenant == "acme"
    assert world.reasons(people[0]) == []


def test_another_version_waits_only_where_it_means_something_else(world: SyncWorld) -> None:
    """Most versions change nothing, and then nobody is asked."""
    people = known(world, 3)
    world.version = "2"
    assert world.tick().report.kind is PassKind.RECONCILE
    assert world.store.held_batches() == ()
    assert world.tick().report.kind is PassKind.TICK
    world.leave(people[0])
    world.version = "3"
    world.tick()
    assert waiting(world) == {people[0].uid}
    assert "Lockstep changed from 2 to 3" in world.state().kept_back


def test_how_often_and_how_patiently_is_no_other_meaning(world: SyncWorld) -> None:
    """The tick stays a tick, and nothing waits."""
    people = known(world, 3)
    world.configure(schedule={"tick": 5}, receive_timeout=9, page_size=100)
    world.leave(people[0])
    assert world.tick().report.kind is PassKind.TICK
    assert world.reasons(people[0]) == [LOST]


# --- crashes and trials ----------------------------------------------------------------------------------------------


class Breaking:
    """A store whose last write of a pass fails."""

    def __init__(self, world: SyncWorld) -> None:
        self._store = world.store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, wanted: Any) -> Any:
        """Write, but for the batch that closes a pass."""
        if wanted.progress is not None and wanted.progress.report is not None:
            raise StoreUnusable("the disk is full")
        return self._store.apply(wanted)


def broken(world: SyncWorld) -> Run:
    """Return a run in such a store."""
    store: Any = Breaking(world)
    return world.run(store=store)


def test_a_crash_between_the_batches_is_repeated(world: SyncWorld) -> None:
    """Before the batch is there nobody slips through; after an approval nothing is done twice."""
    people = known(world)
    world.leave(*people[:11])
    with pytest.raises(StoreUnusable):
        tick(broken(world))
    assert (world.store.held_batches(), locked(world, people, LOST)) == ((), 0)
    world.tick()
    decide(world, APPROVED)
    with pytest.raises(StoreUnusable):
        reconcile(broken(world))
    raised = len(world.audit(Action.LOCK_RAISED))
    assert locked(world, people, LOST) == 11
    world.tick()
    assert len(world.audit(Action.LOCK_RAISED)) == raised
    assert world.store.held_batches() == ()


def test_a_trial_says_what_would_wait_and_keeps_nothing(world: SyncWorld) -> None:
    """A dry run, and what `lockstep enable` shows."""
    world.configure(mode="observe")
    people = known(world)
    disable(world, *people[:11])
    world.reconcile()
    revision = world.store.revision()
    result = world.reconcile(fence=None, mode=world.directory.mode.ENFORCE)
    assert {item.name for item in result.waits} == {one.uid for one in people[:11]}
    assert [found.text.split(" within")[0] for found in result.batches] == ["11 disabled accounts"]
    assert (world.store.revision(), world.store.held_batches()) == (revision, ())
