"""When a lock is in force, and what the clock needs to know of a user's locks."""

from datetime import datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ims.locks import (
    BEGINNING,
    NEVER,
    Lock,
    LockReason,
    LockState,
    in_force,
    is_over,
    last_transition,
    locks_in_force,
    state_of,
)
from tests.support.clock import NOON
from tests.support.people import lock

MINUTE = timedelta(minutes=1)
HORIZON = 40


def at(minute: int) -> datetime:
    """Return a minute of the short time in which these tests play; NOON is its middle."""
    return NOON + (minute - HORIZON // 2) * MINUTE


minutes = st.integers(min_value=0, max_value=HORIZON)
moments = minutes.map(at)
ends = st.one_of(st.none(), moments)


@st.composite
def some_locks(draw: st.DrawFn) -> tuple[Lock, ...]:
    """Draw locks of any reason that overlap, touch, lie ahead, have no end, or end before they begin."""
    drawn = draw(
        st.lists(st.tuples(st.sampled_from(LockReason), moments, ends), max_size=6, unique_by=lambda one: one[:2])
    )
    return tuple(lock(reason, since=since, until=until) for reason, since, until in drawn)


def naive_locked(locks: tuple[Lock, ...], moment: datetime) -> bool:
    """Return whether somebody is locked, as one would say it to a child."""
    return any(one.since <= moment and (one.until is None or moment < one.until) for one in locks)


@given(some_locks(), minutes)
def test_active_is_right_until_the_next_transition(locks: tuple[Lock, ...], start: int) -> None:
    """From its computation until its next transition a state tells the truth, minute by minute."""
    state = state_of(locks, at(start))
    for minute in range(start, HORIZON + 2):
        if at(minute) < state.next_transition:
            assert state.active(at(minute)) is not naive_locked(locks, at(minute))


@given(some_locks(), minutes)
def test_a_stale_state_errs_on_the_locked_side_only(locks: tuple[Lock, ...], start: int) -> None:
    """Past the transition, before anybody computed anew, nobody who is locked counts as active."""
    state = state_of(locks, at(start))
    for minute in range(start, HORIZON + 2):
        if naive_locked(locks, at(minute)):
            assert not state.active(at(minute))


@given(some_locks(), moments)
def test_a_state_is_told_by_instants_too(locks: tuple[Lock, ...], now: datetime) -> None:
    """The microsecond before an end is locked, the end itself is not; likewise at a beginning."""
    state = state_of(locks, now)
    instant = timedelta(microseconds=1)
    edges = {edge for one in locks for edge in (one.since, one.until) if edge is not None}
    for moment in (shifted for edge in edges for shifted in (edge - instant, edge, edge + instant)):
        if now <= moment < state.next_transition:
            assert state.active(moment) is not naive_locked(locks, moment)


@given(some_locks(), moments)
def test_the_next_transition_lies_ahead(locks: tuple[Lock, ...], now: datetime) -> None:
    """A state that was just computed is true for at least a moment; without anything ahead, for ever."""
    state = state_of(locks, now)
    assert now < state.next_transition
    if not any(edge > now for one in locks for edge in (one.since, one.until) if edge is not None):
        assert state.next_transition == NEVER


@given(some_locks(), moments, st.randoms(use_true_random=False))
def test_the_order_of_locks_does_not_matter(locks: tuple[Lock, ...], now: datetime, random: Random) -> None:
    """A ledger is a set: the store may hand it out in any order."""
    shuffled = list(locks)
    random.shuffle(shuffled)
    assert state_of(shuffled, now) == state_of(locks, now)
    assert last_transition(shuffled, now) == last_transition(locks, now)
    assert locks_in_force(shuffled, now) == locks_in_force(locks, now)


@given(some_locks(), moments)
def test_the_last_transition_is_the_latest_edge_behind_us(locks: tuple[Lock, ...], now: datetime) -> None:
    """It is what moves an ETag without a write: so it must never lie ahead, and never miss an edge."""
    edges = [edge for one in locks for edge in (one.since, one.until) if edge is not None and edge <= now]
    assert last_transition(locks, now) == max(edges, default=BEGINNING)


@given(some_locks(), moments)
def test_locks_in_force_are_those_in_force_oldest_first(locks: tuple[Lock, ...], now: datetime) -> None:
    """Every view lists the same locks in the same order."""
    found = locks_in_force(locks, now)
    assert list(found) == sorted(found, key=lambda one: (one.since, one.id))
    assert sorted(found, key=str) == sorted((one for one in locks if in_force(one, now)), key=str)
    assert bool(found) is naive_locked(locks, now)


@given(some_locks(), moments)
def test_a_lock_is_ahead_or_in_force_or_over(locks: tuple[Lock, ...], now: datetime) -> None:
    """Whoever is over is not in force; whoever is neither begins later."""
    for one in locks:
        assert not (in_force(one, now) and is_over(one, now))
        assert in_force(one, now) or is_over(one, now) or one.since > now


def test_nobody_without_locks_is_locked() -> None:
    """An empty ledger is active for ever."""
    state = state_of((), NOON)
    assert state == LockState(locked_until=BEGINNING, locks_at=NEVER, next_transition=NEVER)
    assert state.active(NOON)
    assert state.active(BEGINNING)


def test_a_lock_without_an_end_locks_for_ever() -> None:
    state = state_of([lock()], NOON)
    assert state == LockState(locked_until=NEVER, locks_at=NEVER, next_transition=NEVER)
    assert not state.active(NOON + timedelta(days=365 * 100))


def test_touching_locks_are_one_period() -> None:
    """The end of the first is not taken for freedom, however they are ordered."""
    first = lock(until=NOON + 5 * MINUTE)
    second = lock(LockReason.DISABLED, since=NOON + 5 * MINUTE, until=NOON + 9 * MINUTE)
    state = state_of([second, first], NOON)
    assert state.locked_until == NOON + 9 * MINUTE
    assert state.locks_at == NEVER


def test_a_gap_between_locks_is_freedom() -> None:
    """Active between an end and the next beginning, with both edges known in advance."""
    first = lock(until=NOON + 5 * MINUTE)
    second = lock(LockReason.EXPIRED, since=NOON + 7 * MINUTE)
    state = state_of([first, second], NOON)
    assert (state.locked_until, state.locks_at) == (NOON + 5 * MINUTE, NOON + 7 * MINUTE)
    assert [state.active(NOON + n * MINUTE) for n in range(9)] == [False] * 5 + [True] * 2 + [False] * 2
    assert state.next_transition == NOON + 5 * MINUTE


def test_a_lock_ahead_is_not_in_force_yet() -> None:
    """Validity that ends next week is known today, and locks nobody today."""
    ahead = lock(LockReason.EXPIRED, since=NOON + MINUTE)
    assert not in_force(ahead, NOON)
    assert in_force(ahead, NOON + MINUTE)
    assert state_of([ahead], NOON).next_transition == NOON + MINUTE


def test_both_ends_are_decided_by_the_clock() -> None:
    """A lock holds from its first instant, and no more at its last."""
    timed = lock(until=NOON + MINUTE)
    assert [in_force(timed, NOON + n * MINUTE) for n in (-1, 0, 1)] == [False, True, False]
    assert [is_over(timed, NOON + n * MINUTE) for n in (-1, 0, 1)] == [False, False, True]
