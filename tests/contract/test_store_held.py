"""What the brake keeps back: written with a pass, decided on by people, remembered for an hour."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.batches import BatchId, BatchState, Closing, Decision, Difference, HeldChange, Why
from ims.errors import Conflict, FenceLost, NotFound, StoreUnusable
from ims.locks import LockReason
from ims.people import DirectoryName
from ims.ports import Batch
from ims.store import SqlStore, held
from tests.support.batches import CORP, LAB, audited, change, lease, link, progress, report, save
from tests.support.clock import NOON, HandClock
from tests.support.held import batch_of, counted, hold, item, write
from tests.support.people import ACME, GLOBEX, user

APPROVED, REJECTED = Decision.APPROVED, Decision.REJECTED
HOUR = timedelta(hours=1)
ALL = tuple(LockReason)


def test_a_batch_comes_back_as_it_was_written(store: SqlStore) -> None:
    """All of its fields, and all of its items', in the order of names."""
    bo = item("bo", tenant=None, differences=(Difference(what="title", before="ä", after="“b”"),), counts=())
    ada = item("ada", user=None, key="entry-ada")
    batch = hold(store, bo, ada)
    assert store.held_batches() == (batch,)
    assert store.held_batch(batch.id) == batch
    assert store.held_items(CORP) == (ada, bo)
    assert store.held_items(CORP, ACME) == (ada,)
    assert store.held_items(CORP, GLOBEX) == ()
    assert store.held_items(LAB) == ()


def test_batches_are_asked_for_by_directory(store: SqlStore) -> None:
    hold(store, item())
    assert store.held_batches(CORP) == store.held_batches()
    assert store.held_batches(LAB) == ()
    assert store.held_batch(BatchId("none")) is None


def test_it_is_written_with_the_pass_or_not_at_all(store: SqlStore) -> None:
    """Under a stale fence nothing is."""
    stale = lease(store)
    assert store.take_lease(CORP, "agent-2", HOUR, NOON + timedelta(minutes=1)) is not None
    late = replace(progress(stale), held=HeldChange(opened=(batch_of([item()]),), put=(item(),)))
    with pytest.raises(FenceLost):
        store.apply(Batch(progress=late))
    assert (store.held_batches(), store.held_items(CORP)) == ((), ())


def test_an_item_is_replaced_and_dropped_by_its_key(store: SqlStore) -> None:
    """Another proposal for the same person takes the place of the old one, and no decision stays with it."""
    batch = hold(store, item("ada"), item("bo"), item("cy"))
    store.decide(batch.id, [item("ada"), item("bo")], APPROVED, "op", NOON, ())
    other = item("ada", hash="other")
    write(store, HeldChange(put=(other,), dropped=("user-cy",)))
    left = store.held_items(CORP)
    assert left[0] == other
    assert [(one.name, one.decision) for one in left] == [("ada", Decision.WAITING), ("bo", APPROVED)]


def test_a_closed_batch_is_remembered_without_items(store: SqlStore) -> None:
    """Who comes with its number learns what became of it."""
    old = hold(store, item())
    new = batch_of([item(hash="new")], id=BatchId("batch-2"))
    closing = Closing(id=old.id, state=BatchState.SUPERSEDED, at=NOON + HOUR, successor=new.id)
    write(store, HeldChange(opened=(new,), closed=(closing,), put=(item(hash="new"),)))
    assert store.held_batches() == (new,)
    found = store.held_batch(old.id)
    assert found is not None
    assert (found.state, found.closed, found.successor) == (BatchState.SUPERSEDED, NOON + HOUR, new.id)
    assert (found.standing, found.waiting) == ("superseded", 0)


def test_old_closed_batches_are_let_go(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that moves every minute would fill the disk."""
    monkeypatch.setattr(held, "KEPT_BATCHES", 2)
    for number in range(4):
        batch = hold(store, item(), id=BatchId(f"batch-{number}"))
        write(store, HeldChange(closed=(Closing(id=batch.id, state=BatchState.DONE, at=NOON),), dropped=(item().key,)))
    known = [number for number in range(4) if store.held_batch(BatchId(f"batch-{number}")) is not None]
    assert known == [2, 3]


# --- decisions -------------------------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_who_and_when_and_its_audit(store: SqlStore) -> None:
    """And shows in the batch's counts."""
    batch = hold(store, item("ada"), item("bo"), item("cy"))
    row = audited(user("ada"))
    store.decide(batch.id, [item("ada")], APPROVED, "root", NOON + HOUR, [row])
    store.decide(batch.id, [item("bo")], REJECTED, "root", NOON + HOUR, ())
    ada, bo, cy = store.held_items(CORP)
    assert (ada.decision, ada.decided_by, ada.decided_at) == (APPROVED, "root", NOON + HOUR)
    assert (bo.decision, cy.decision) == (REJECTED, Decision.WAITING)
    (found,) = store.held_batches()
    assert (found.waiting, found.approved, found.rejected, found.standing) == (1, 1, 1, "waiting")
    assert store.audit() == (row,)


def test_another_decision_takes_the_place_of_the_first(store: SqlStore) -> None:
    """Until a pass has used it, somebody may change their mind."""
    batch = hold(store, item())
    store.decide(batch.id, [item()], REJECTED, "root", NOON, ())
    assert store.held_batches()[0].standing == "rejected"
    store.decide(batch.id, store.held_items(CORP), APPROVED, "eve", NOON, ())
    assert store.held_batches()[0].standing == "approved"
    assert store.held_items(CORP)[0].decided_by == "eve"


def test_of_two_who_look_at_the_same_the_later_is_told(store: SqlStore) -> None:
    """Whoever saw that it waits does not overrule a decision that was made meanwhile without knowing it."""
    batch = hold(store, item("ada"), item("bo"))
    shown = store.held_items(CORP)
    store.decide(batch.id, shown[:1], APPROVED, "root", NOON, ())
    for late in (REJECTED, APPROVED):
        with pytest.raises(Conflict, match="somebody else has decided"):
            store.decide(batch.id, shown, late, "eve", NOON, [audited(user("ada"))])
    assert [(one.decision, one.decided_by) for one in store.held_items(CORP)] == [
        (APPROVED, "root"),
        (Decision.WAITING, ""),
    ]
    assert store.audit() == ()


def test_all_or_nothing_is_decided(store: SqlStore) -> None:
    """An item that has left the batch, a closed batch, none at all: no decision, no audit row."""
    batch = hold(store, item("ada"), item("bo"))
    row = audited(user("ada"))
    with pytest.raises(Conflict, match="does not hold all of them"):
        store.decide(batch.id, [item("ada"), item("gone")], APPROVED, "root", NOON, [row])
    with pytest.raises(NotFound, match="There is no batch none"):
        store.decide(BatchId("none"), [item("ada")], APPROVED, "root", NOON, [row])
    write(store, HeldChange(closed=(Closing(id=batch.id, state=BatchState.NO_LONGER_PROPOSED, at=NOON),)))
    with pytest.raises(Conflict, match="is no longer proposed"):
        store.decide(batch.id, [item("ada")], APPROVED, "root", NOON, [row])
    assert {one.decision for one in store.held_items(CORP)} == {Decision.WAITING}
    assert store.audit() == ()


def test_an_item_of_another_reason_is_not_of_this_batch(store: SqlStore) -> None:
    """Two batches of one directory: whoever decides on one leaves the other alone."""
    first = hold(store, item("ada"))
    second = hold(store, item("bo", why=Why.NEW_MEANING), id=BatchId("batch-2"), why=Why.NEW_MEANING)
    with pytest.raises(Conflict):
        store.decide(first.id, [item("bo")], APPROVED, "root", NOON, ())
    store.decide(second.id, [item("bo", why=Why.NEW_MEANING)], APPROVED, "root", NOON, ())
    assert [(batch.id, batch.approved) for batch in store.held_batches()] == [(first.id, 0), (second.id, 1)]


def test_many_items_go_in_one_decision(store: SqlStore) -> None:
    """More than one statement takes."""
    items = [item(f"p{number:04}") for number in range(1200)]
    batch = hold(store, *items)
    store.decide(batch.id, items, APPROVED, "root", NOON, ())
    assert store.held_batches()[0].approved == 1200


# --- what was raised lately ------------------------------------------------------------------------------------------


def test_what_counts_is_written_with_the_change_and_dropped_with_it(store: SqlStore) -> None:
    """A change that the store drops has raised nothing."""
    save(store, user("ada"))
    save(store, user("ada"))
    kept = replace(change(user("bo")), counted=(counted("bo"),))
    dropped = replace(change(user("ada"), base=1), counted=(counted("ada"),))
    store.apply(Batch(changes=(kept, dropped), progress=progress(lease(store))))
    assert store.counted(CORP, NOON - HOUR, ALL) == (counted("bo"),)


def test_what_counts_is_asked_for_by_time_and_reason(store: SqlStore) -> None:
    """Later than a moment, of some reasons, of one directory."""
    rows = (counted("a", minutes=0), counted("b", minutes=30), counted("c", LockReason.ABSENT, minutes=60))
    store.apply(Batch(changes=(replace(change(user("ada")), counted=rows),)))
    assert store.counted(CORP, NOON, ALL) == rows[1:]
    assert store.counted(CORP, NOON - HOUR, [LockReason.ABSENT]) == rows[2:]
    assert store.counted(DirectoryName("lab"), NOON - HOUR, ALL) == ()
    elsewhere = replace(counted("d", minutes=40), directory=LAB)
    store.apply(Batch(changes=(replace(change(user("bo")), counted=(elsewhere,)),)))
    assert store.counted(None, NOON, ALL) == (*rows[1:], elsewhere)


def test_what_is_long_ago_is_forgotten(store: SqlStore) -> None:
    """By the first pass that ends a day later."""
    rows = (counted("a", minutes=0), counted("b", minutes=30))
    store.apply(Batch(changes=(replace(change(user("ada")), counted=rows),)))
    late = report(seconds=int((held.KEPT_COUNTED + timedelta(minutes=10)).total_seconds()))
    store.apply(Batch(progress=progress(lease(store), report=late)))
    assert store.counted(CORP, NOON - HOUR, ALL) == rows[1:]


def test_who_is_kept_back_is_not_read_again_by_every_tick(store: SqlStore) -> None:
    """Their entries have told already what they have to tell; a person is waited for."""
    pending = [user(name, entries=[replace(link(name), unmatched_since=NOON)]) for name in ("ada", "bo")]
    save(store, *pending)
    assert store.to_reread(CORP, NOON) == {"entry-ada", "entry-bo"}
    hold(store, item("ada"))
    assert store.to_reread(CORP, NOON) == {"entry-bo"}


def test_a_store_that_is_gone_says_so(store: SqlStore, clock: HandClock) -> None:
    """As for every other question."""
    batch = hold(store, item())
    with store._database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE held_items")
    with pytest.raises(StoreUnusable):
        store.held_items(CORP)
    with pytest.raises(StoreUnusable):
        store.decide(batch.id, [item()], APPROVED, "root", clock.now(), ())
