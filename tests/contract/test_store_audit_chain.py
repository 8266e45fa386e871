"""The audit's chain: whatever was done to the rows behind Lockstep's back is found, where it was done."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ims.audit import AuditEntry
from ims.chain import Head
from ims.store import SqlStore, open_store
from ims.verifying import BreakKind, Verified
from lockstep.verification import verify_chain
from tests.contract.conftest import NewStore, Opener
from tests.support.batches import audited, save
from tests.support.clock import NOON, HandClock
from tests.support.people import GLOBEX, user
from tests.support.tampering import Expected, Tamperer

ROWS = 36
HEADS_AT = (9, 24, ROWS)
SEED = 20261123


def rows(count: int = ROWS) -> list[AuditEntry]:
    """Return rows of two tenants, in many alphabets."""
    people = (user("ada"), user("bo", tenant=GLOBEX), user("Åsa 😀"))
    return [
        replace(audited(people[n % 3], f"row {n}: ü, 0,", f"pass-{n % 5}"), at=NOON + timedelta(seconds=n))
        for n in range(count)
    ]


def verified(store: SqlStore, heads: tuple[Head, ...] = ()) -> Verified:
    """Return what a walk along a store's chain comes to."""
    with store.chain() as chain:
        return verify_chain(chain, heads)


@pytest.fixture(scope="module")
def tampered(new_store_url: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlStore, Tamperer]]:
    """Return a store with rows, written in several batches, and somebody who changes its file."""
    folder = tmp_path_factory.mktemp("tampered")
    url = new_store_url(folder)
    store = open_store(url, HandClock())
    for start in range(0, ROWS, 6):
        store.record(rows()[start : start + 6])
    tamperer = Tamperer(Path(url.removeprefix("sqlite:///")), SEED)
    yield store, tamperer
    tamperer.close()
    store.close()


@pytest.fixture(scope="module")
def heads(tampered: tuple[SqlStore, Tamperer]) -> tuple[Head, ...]:
    """Return the heads that were exported while the rows were written."""
    store, _ = tampered
    with store.chain() as chain:
        links = {link.number: link for link in chain.links}
        store_id = chain.extract.head.store
    return tuple(Head(store=store_id, number=n, hash=links[n].hash, at=NOON) for n in HEADS_AT)


# --- 1,000 tampers, 1,000 found --------------------------------------------------------------------------------------

WAYS: tuple[tuple[Callable[[Tamperer], Expected], int], ...] = (
    (Tamperer.edit, 330),
    (Tamperer.edit_and_hash, 120),
    (Tamperer.delete, 80),
    (Tamperer.delete_and_renumber, 80),
    (Tamperer.swap, 100),
    (Tamperer.insert, 80),
    (Tamperer.insert_anything, 60),
    (Tamperer.append_anything, 20),
    (Tamperer.truncate, 60),
)


def test_a_thousand_tampers_are_planned() -> None:
    """Those below, with those that only an exported head shows."""
    assert sum(times for _, times in WAYS) + 2 * 40 >= 1000


@pytest.mark.parametrize(("way", "times"), WAYS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_tamper_is_found_where_it_was_done(
    tampered: tuple[SqlStore, Tamperer],
    heads: tuple[Head, ...],
    way: Callable[[Tamperer], Expected],
    times: int,
) -> None:
    """With its kind, as the first break, by the store alone; heads that were exported change nothing in that."""
    store, tamperer = tampered
    for round_ in range(times):
        wanted = way(tamperer)
        found = verified(store, heads if round_ % 2 else ()).breaks[0]
        tamperer.restore()
        assert (found.kind, found.first, found.last) == (wanted.kind, wanted.first, wanted.last)
    assert verified(store, heads).holds


def test_a_chain_written_anew_is_found_by_an_exported_head(
    tampered: tuple[SqlStore, Tamperer],
    heads: tuple[Head, ...],
) -> None:
    """All later hashes are right again; between the last head it leads to and the next one, it was changed."""
    store, tamperer = tampered
    for _ in range(40):
        wanted = tamperer.rewrite()
        alone, found = verified(store), verified(store, heads)
        tamperer.restore()
        assert alone.holds
        assert {one.kind for one in found.breaks} == {BreakKind.REWRITTEN}
        assert found.breaks[0].first <= wanted.first <= found.breaks[0].last
        assert found.breaks[0].first - 1 in (0, *HEADS_AT)


def test_a_forgotten_end_is_found_by_an_exported_head(
    tampered: tuple[SqlStore, Tamperer],
    heads: tuple[Head, ...],
) -> None:
    """The store itself no longer knows that there were more."""
    store, tamperer = tampered
    for _ in range(40):
        wanted = tamperer.truncate_and_forget()
        alone, found = verified(store), verified(store, heads)
        tamperer.restore()
        assert alone.holds
        assert [(b.kind, b.first, b.last) for b in found.breaks] == [(wanted.kind, wanted.first, wanted.last)]


def test_every_break_is_named(tampered: tuple[SqlStore, Tamperer]) -> None:
    """Not the first one only."""
    store, tamperer = tampered
    tamperer.sql("DELETE FROM audit WHERE number IN (1, 12, 13, 36)")
    tamperer.sql("UPDATE audit SET actor = 'nobody' WHERE number IN (5, 20, 21)")
    tamperer.sql("UPDATE audit SET number = -3 WHERE number = 30")
    found = verified(store).breaks
    tamperer.restore()
    assert [(one.kind.value, one.first, one.last) for one in found] == [
        ("inserted", -3, -3),
        ("missing", 1, 1),
        ("edited", 5, 5),
        ("missing", 12, 13),
        ("edited", 20, 21),
        ("missing", 30, 30),
        ("truncated", 36, 36),
    ]


def test_another_store_s_audit_is_no_stand_in(tampered: tuple[SqlStore, Tamperer], heads: tuple[Head, ...]) -> None:
    """A chain begins with the id of its store, and a head names it."""
    store, tamperer = tampered
    tamperer.sql("UPDATE chain SET store = 'another'")
    found = verified(store, heads)
    tamperer.restore()
    assert found.breaks[0].kind is BreakKind.EDITED
    assert found.breaks[0].last == 0
    assert {one.kind for one in found.breaks[1:]} == {BreakKind.FOREIGN_HEAD}


def test_a_store_from_a_backup_is_behind_its_heads(
    tampered: tuple[SqlStore, Tamperer],
    heads: tuple[Head, ...],
) -> None:
    """And rows written since then lead elsewhere than the ones that were lost."""
    store, tamperer = tampered
    tamperer.sql("DELETE FROM audit WHERE number > 20")
    tamperer.sql("UPDATE sqlite_sequence SET seq = 20 WHERE name = 'audit'")
    store.record([replace(row, detail="after the restore") for row in rows(10)])
    found = verified(store, heads)
    tamperer.restore()
    assert [(one.kind.value, one.first, one.last) for one in found.breaks] == [
        ("rewritten", 10, 24),
        ("truncated", 31, 36),
    ]


# --- the chain as it grows -------------------------------------------------------------------------------------------


def test_an_empty_chain_holds(store: SqlStore) -> None:
    """Its head is row 0, and a head that was exported then is led to by all that follows."""
    head = store.head()
    assert (head.number, head.at) == (0, NOON)
    assert verified(store, (head,)).holds
    store.record(rows(3))
    after = verified(store, (head, store.head()))
    assert (after.holds, after.heads, after.rows, after.number, after.hash) == (True, 2, 3, 3, store.head().hash)


def test_rows_know_their_number(store: SqlStore) -> None:
    """In the order in which they were recorded."""
    store.record(rows(2))
    store.record(rows(1))
    assert [row.number for row in store.audit()] == [3, 2, 1]


def test_what_is_recorded_with_a_user_is_part_of_the_chain(store: SqlStore) -> None:
    """Whoever appends: there is one way to."""
    save(store, user("ada"))
    store.record(rows(4))
    assert verified(store).holds


def test_numbers_that_were_cut_off_are_not_given_again(store: SqlStore, store_url: str) -> None:
    """So that the gap stays, however much is recorded afterwards."""
    store.record(rows(10))
    tamperer = Tamperer(Path(store_url.removeprefix("sqlite:///")), SEED)
    tamperer.sql("DELETE FROM audit WHERE number > 7")
    tamperer.close()
    store.record(rows(2))
    assert [row.number for row in store.audit(limit=3)] == [12, 11, 7]
    assert [(one.kind.value, one.first, one.last) for one in verified(store).breaks] == [("missing", 8, 10)]


def test_many_writers_extend_one_chain(another: Opener) -> None:
    """Stores of their own, as processes have them, all at once: no row is lost, and the chain never forks."""
    stores = [another() for _ in range(4)]
    threads = [
        threading.Thread(target=lambda store=store: [store.record(rows(n)) for n in range(1, 12)]) for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verified(another())
    assert found.holds
    assert found.rows == 4 * sum(range(1, 12))


def test_a_chain_can_be_taken_up_at_a_time(store: SqlStore) -> None:
    """From the first row of that time on, whatever comes after it."""
    store.record(rows(9))
    with store.chain(since=NOON + timedelta(seconds=5)) as chain:
        numbers = [link.number for link in chain.links]
        assert (chain.extract.after, numbers) == (5, [6, 7, 8, 9])
    with store.chain(since=NOON + timedelta(days=1)) as chain:
        assert (chain.extract.after, list(chain.links)) == (9, [])
        assert chain.extract.previous == chain.extract.head.hash == store.head().hash


def test_one_tenant_s_rows_are_given_with_their_numbers(store: SqlStore) -> None:
    """And say whose they are: they are no chain."""
    store.record(rows(9))
    with store.chain(tenant=GLOBEX) as chain:
        assert chain.extract.tenant == GLOBEX
        assert [link.number for link in chain.links] == [2, 5, 8]


def test_reading_a_chain_leaves_the_store_as_it_was(store: SqlStore) -> None:
    """Also where nobody reads it to its end: text is text again for whoever comes next."""
    store.record(rows(5))
    with store.chain() as chain:
        next(chain.links)
    assert [row.subject for row in store.audit(limit=2)] == ["bo", "ada"]


def test_a_destroyed_hash_at_the_end_stops_nobody(store: SqlStore, store_url: str) -> None:
    """What comes next is recorded all the same, and the break stays where it is."""
    store.record(rows(3))
    tamperer = Tamperer(Path(store_url.removeprefix("sqlite:///")), SEED)
    tamperer.sql("UPDATE audit SET hash = 'gone' WHERE number = 3")
    tamperer.close()
    assert store.head().number == 3
    store.record(rows(2))
    assert [(one.kind.value, one.first, one.last) for one in verified(store).breaks] == [("edited", 3, 3)]
