"""The first reading under another version, mapping or base: everything that follows from it waits."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from ims.batches import BatchState, Decision, Why
from ims.locks import LockReason
from ims.passes import Mode
from ims.people import EntryId
from tests.support.brake_world import BrakeWorld
from tests.support.sightings import CORP, OTHERS, STAFF, TEMPS

APPROVED, REJECTED = Decision.APPROVED, Decision.REJECTED
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS


def upgrade(world: BrakeWorld) -> None:
    """Install another version."""
    world.version = f"{world.version}.1"


def names(world: BrakeWorld) -> list[str]:
    """Return who waits."""
    return [item.name for item in world.items()]


# --- what waits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ({}, "2.0"),
        ({"base": "ou=more"}, "1.0"),
        ({"attributes": {"title": "employeeType"}}, "1.0"),
        ({"users": {"filter": "(objectClass=person)"}}, "1.0"),
    ],
    ids=["version", "base", "mapping", "filter"],
)
def test_one_change_is_enough_to_wait(brake_world: BrakeWorld, settings: dict[str, Any], version: str) -> None:
    """Of somebody known and of somebody new; the batch says what has changed."""
    one, *_ = brake_world.known(3)
    brake_world.change(one, title="new")
    (newcomer,) = brake_world.staff(1)
    brake_world.settings, brake_world.version = settings, version
    report = brake_world.tick().report
    assert (report.kind, report.kept_back, report.changed) == ("reconcile", 2, 0)
    batch = brake_world.batch()
    assert batch.why is Why.NEW_MEANING
    told = "Lockstep changed from 1.0 to 2.0" if version == "2.0" else "settings changed that decide what entries mean"
    assert told in batch.text
    assert [(item.name, item.after) for item in brake_world.items()] == [
        (one.name, "title: new"),
        (
            newcomer.name,
            f"user: {newcomer.name}; company account: acme; affiliation: corp/staff; entry: {dn(newcomer)}",
        ),
    ]
    assert brake_world.user(one).profile.title == ""
    assert EntryId(f"id-{newcomer.name}") not in brake_world.store.entry_ids(CORP)


def dn(one: Any) -> str:
    """Return where somebody's entry is."""
    return f"uid={one.name},ou=people"


def test_what_changes_no_meaning_keeps_nothing_back(brake_world: BrakeWorld) -> None:
    """How often to look, how long to wait for an answer, where the server is, and what an unlock may do."""
    one, *_ = brake_world.known(3)
    brake_world.settings = {
        "schedule": {"tick": "5m"},
        "receive_timeout": 20,
        "page_size": 500,
        "servers": ["ldap://127.0.0.1:10"],
        "rules": {"staff": {"tenant": "acme", "group": "cn=staff", "restore": True}},
    }
    brake_world.confirm = 60
    brake_world.change(one, title="new")
    brake_world.reconcile()
    assert brake_world.user(one).profile.title == "new"
    assert brake_world.store.held_batches() == ()


def test_the_very_first_import_never_waits(brake_world: BrakeWorld) -> None:
    """Nor does the one that follows when it was cut off."""
    brake_world.staff(3)
    brake_world.reconcile(complete=False)
    brake_world.staff(3)
    upgrade(brake_world)
    brake_world.reconcile()
    assert len(brake_world.store.entry_ids(CORP)) == 6
    assert brake_world.store.held_batches() == ()


def test_a_reading_that_changes_nothing_passes_in_silence(brake_world: BrakeWorld) -> None:
    """And from then on the directory flows as before."""
    one, *_ = brake_world.known(3)
    upgrade(brake_world)
    with capture_logs() as logs:
        brake_world.tick()
    assert (logs, brake_world.store.held_batches()) == ([], ())
    brake_world.change(one, title="new")
    brake_world.tick(one)
    assert brake_world.user(one).profile.title == "new"


def test_locks_by_wrong_passwords_flow(brake_world: BrakeWorld) -> None:
    """Raised and lifted, also of somebody whose title waits."""
    one, two, *_ = brake_world.known(3)
    brake_world.change(one, two, attempts=1)
    brake_world.reconcile()
    brake_world.change(one, attempts=0, title="new")
    brake_world.change(two, attempts=0)
    upgrade(brake_world)
    brake_world.reconcile()
    assert (brake_world.reasons(one), brake_world.reasons(two)) == ([], [])
    assert names(brake_world) == [one.name]
    brake_world.change(one, attempts=1)
    brake_world.tick(one)
    assert brake_world.reasons(one) == [ATTEMPTS]
    assert brake_world.user(one).profile.title == ""


def test_it_waits_in_an_observed_directory_too(brake_world: BrakeWorld) -> None:
    """Nobody is locked there, but people are shown to the applications of a company account."""
    brake_world.settings = {"mode": "observe"}
    one, *_ = brake_world.known(3)
    brake_world.settings |= {"users": {"filter": "(objectClass=person)"}}
    brake_world.change(one, rule=OTHERS)
    brake_world.reconcile()
    assert brake_world.user(one).tenant == "acme"
    (item,) = brake_world.items()
    assert item.tenant is None
    assert "company account: globex" in item.after


def test_enabling_a_directory_is_asked_for_and_changes_no_meaning(brake_world: BrakeWorld) -> None:
    """The limit holds all the same."""
    brake_world.settings = {"mode": "observe"}
    people = brake_world.known(13)
    brake_world.change(people[0], disabled=True)
    brake_world.reconcile()
    brake_world.settings = {"mode": Mode.ENFORCE.value}
    brake_world.tick()
    assert brake_world.locked() == [people[0].name]


# --- the next passes -------------------------------------------------------------------------------------------------


def test_the_second_pass_does_not_let_through_what_the_first_held_back(brake_world: BrakeWorld) -> None:
    """A tick that sees them again, a reconcile, another change of the same person; but others flow."""
    one, two, *_ = brake_world.known(3)
    brake_world.change(one, title="new")
    (newcomer,) = brake_world.staff(1)
    upgrade(brake_world)
    brake_world.reconcile()
    brake_world.tick(one, newcomer)
    brake_world.reconcile()
    brake_world.change(one, title="newer")
    brake_world.change(two, title="two")
    (late,) = brake_world.staff(1)
    brake_world.tick(one, two, late)
    assert brake_world.user(one).profile.title == ""
    assert brake_world.user(two).profile.title == "two"
    assert brake_world.user(late).profile.user_name == late.name
    assert [item.after for item in brake_world.items() if item.name == one.name] == ["title: newer"]
    assert names(brake_world) == [one.name, newcomer.name]


def test_an_incomplete_reading_is_not_the_first(brake_world: BrakeWorld) -> None:
    """What it saw waits, and so does what the complete one shows after it."""
    one, two, *_ = brake_world.known(3)
    upgrade(brake_world)
    brake_world.change(one, title="new")
    brake_world.reconcile(complete=False)
    assert names(brake_world) == [one.name]
    brake_world.change(two, title="two")
    brake_world.reconcile()
    assert names(brake_world) == [one.name, two.name]


def test_what_a_second_reading_would_show_is_part_of_the_batch(brake_world: BrakeWorld) -> None:
    """Or a wrong rule would un-affiliate its people ten minutes after the first reading, below the limit."""
    one, two, *_ = brake_world.known(4)
    brake_world.confirm = 600
    upgrade(brake_world)
    brake_world.change(one, staff=False)
    two.there = False
    brake_world.reconcile()
    assert {item.name: item.after for item in brake_world.items()} == {
        one.name: "affiliation: unaffiliated; locks: unaffiliated",
        two.name: "locks: absent",
    }
    for _ in range(3):
        brake_world.clock.forward(timedelta(hours=1))
        brake_world.tick(one)
        brake_world.reconcile()
    assert brake_world.locked() == []
    brake_world.decide(APPROVED)
    brake_world.tick()
    assert brake_world.locked() == [one.name, two.name]


def test_approved_newcomers_come_with_the_next_pass(brake_world: BrakeWorld) -> None:
    """Though a tick would not see them; who was rejected stays out."""
    brake_world.known(3)
    welcome, unwelcome = brake_world.staff(2)
    upgrade(brake_world)
    brake_world.reconcile()
    brake_world.decide(APPROVED, welcome)
    brake_world.decide(REJECTED, unwelcome)
    brake_world.tick()
    brake_world.reconcile()
    assert brake_world.user(welcome).affiliation is not None
    assert EntryId(f"id-{unwelcome.name}") not in brake_world.store.entry_ids(CORP)
    assert brake_world.batch().standing == "rejected"


def test_taking_the_change_back_closes_the_batch(brake_world: BrakeWorld) -> None:
    """The mapping was wrong, and is as before."""
    one, *_ = brake_world.known(3)
    brake_world.settings = {"users": {"filter": "(objectClass=person)"}}
    brake_world.change(one, rule=TEMPS)
    brake_world.reconcile()
    old = brake_world.batch()
    brake_world.settings = {}
    brake_world.change(one, rule=STAFF)
    brake_world.reconcile()
    found = brake_world.store.held_batch(old.id)
    assert found is not None
    assert found.state is BatchState.NO_LONGER_PROPOSED
    assert brake_world.store.held_batches() == ()


def test_what_had_been_too_many_joins_the_batch(brake_world: BrakeWorld) -> None:
    """One list to look at; a rejection of the same proposal stands."""
    people = brake_world.known(13)
    brake_world.change(*people[:11], disabled=True)
    brake_world.reconcile()
    old = brake_world.batch()
    brake_world.decide(REJECTED, people[0])
    brake_world.change(people[12], title="new")
    upgrade(brake_world)
    brake_world.reconcile()
    batch = brake_world.batch()
    assert (batch.why, batch.waiting, batch.rejected) == (Why.NEW_MEANING, 11, 1)
    found = brake_world.store.held_batch(old.id)
    assert found is not None
    assert (found.state, found.successor) == (BatchState.SUPERSEDED, batch.id)


def test_an_unlock_that_waits_is_not_forgotten(brake_world: BrakeWorld) -> None:
    """The entry's stamp proves it once; it is not used up before the unlock happens."""
    one, *_ = brake_world.known(3)
    brake_world.change(one, disabled=True)
    brake_world.reconcile()
    brake_world.change(one, disabled=False)
    upgrade(brake_world)
    brake_world.canary = False
    brake_world.reconcile()
    brake_world.reconcile()
    assert [item.after for item in brake_world.items()] == ["locks: none"]
    brake_world.decide(APPROVED)
    brake_world.tick()
    assert brake_world.reasons(one) == []
