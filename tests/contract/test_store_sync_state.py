"""What the sync remembers: directories, leases with their fences, circuits."""

from dataclasses import replace
from datetime import timedelta

from ims.passes import Circuit, DirectoryState, Fence, Mode, RuleGroup
from ims.people import EntryId
from ims.store import SqlStore
from tests.support.batches import CORP, LAB
from tests.support.clock import NOON
from tests.support.fake_directory import FakeProcesses

TTL = timedelta(seconds=30)


def test_a_directory_that_was_never_read_has_a_fresh_state(store: SqlStore) -> None:
    """Nothing known, no mode of its own."""
    assert store.directory(CORP) == DirectoryState(name=CORP)


def test_a_directory_s_state_comes_back(store: SqlStore) -> None:
    """Every field, and a second state replaces the first."""
    state = DirectoryState(
        name=CORP,
        mode=Mode.ENFORCE,
        watermark='{"csn": "2026"}',
        fingerprint="f",
        groups=(
            RuleGroup(dn="cn=staff", entry_id=EntryId("g1"), members=3, stamp="s"),
            RuleGroup(dn="x", entry_id=EntryId("y")),
        ),
        server="ldap://a",
        entries=12,
        last_tick=NOON,
        last_reconcile=NOON - timedelta(hours=1),
        next_run=NOON + TTL,
        error="refused",
        error_since=NOON,
        kept_back="too many",
        would_lock=("ada: disabled", "bo: expired"),
    )
    store.save_directory(state)
    assert store.directory(CORP) == state
    store.save_directory(replace(state, mode=None, error="", groups=()))
    assert store.directory(CORP) == replace(state, mode=None, error="", groups=())
    assert store.directory(LAB) == DirectoryState(name=LAB)


def test_a_lease_is_one_owner_s(store: SqlStore) -> None:
    """Until its time is over; renewing keeps the number."""
    first = store.take_lease(CORP, "one", TTL, NOON)
    assert first == Fence(directory=CORP, number=1)
    assert store.take_lease(CORP, "two", TTL, NOON + TTL / 2) is None
    assert store.take_lease(CORP, "one", TTL, NOON + TTL / 2) == first
    assert store.take_lease(CORP, "two", TTL, NOON + TTL) is None
    assert store.take_lease(LAB, "two", TTL, NOON) == Fence(directory=LAB, number=1)


def test_a_new_owner_gets_a_higher_number(store: SqlStore) -> None:
    """From the very moment at which the lease ends; the old one starts anew above that."""
    store.take_lease(CORP, "one", TTL, NOON)
    assert store.take_lease(CORP, "two", TTL, NOON + TTL) == Fence(directory=CORP, number=2)
    assert store.take_lease(CORP, "one", TTL, NOON + TTL) is None
    assert store.take_lease(CORP, "one", TTL, NOON + 2 * TTL) == Fence(directory=CORP, number=3)


def test_a_lease_of_a_process_that_is_known_to_be_gone_is_free_at_once(store: SqlStore) -> None:
    """With a higher number, so that it would be fenced off if it were not gone; one that may live keeps its own."""
    processes = FakeProcesses(name="two", dead={"one"}, elsewhere={"three"})
    store.take_lease(CORP, "one", TTL, NOON)
    assert store.take_lease(CORP, "two", TTL, NOON) is None, "without knowing the processes nobody is taken for dead"
    assert store.take_lease(CORP, "two", TTL, NOON, processes) == Fence(directory=CORP, number=2)
    for owner in ("three", "four"):
        store.take_lease(LAB, owner, TTL, NOON + TTL)
        assert store.take_lease(LAB, "two", TTL, NOON + TTL, processes) is None
        store.drop_lease(Fence(directory=LAB, number=1))


def test_a_lease_given_back_is_free_at_once(store: SqlStore) -> None:
    """With a higher number even for whoever gave it back: a pass of theirs may still be running."""
    fence = store.take_lease(CORP, "one", TTL, NOON)
    assert fence is not None
    store.drop_lease(fence)
    again = store.take_lease(CORP, "one", TTL, NOON)
    assert again == Fence(directory=CORP, number=2)
    store.drop_lease(fence)
    assert store.take_lease(CORP, "two", TTL, NOON) is None


def test_a_circuit_stays_open_until_it_is_closed(store: SqlStore) -> None:
    """One per secret; the first refusal is the one that is told."""
    first = Circuit(secret="f1", directory=CORP, opened=NOON, why="invalidCredentials")
    other = Circuit(secret="f2", directory=LAB, opened=NOON - TTL, why="x")
    store.open_circuit(first)
    store.open_circuit(replace(first, opened=NOON + TTL, why="again"))
    store.open_circuit(other)
    assert store.circuit("f1") == first
    assert store.circuits() == (other, first)
    store.close_circuit("f1")
    store.close_circuit("f1")
    assert store.circuit("f1") is None
    assert store.circuits() == (other,)
