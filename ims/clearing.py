"""What an unlock does about each lock, and what it came to: pure rules over a user's ledger and fresh readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from ims.locks import (
    ENTRY_REASONS,
    NEVER,
    LedgerRules,
    Lock,
    LockFact,
    LockId,
    LockReason,
    Remedy,
    locks_in_force,
    remedy,
    says_the_same,
    settle,
    why_it_stays,
)
from ims.people import Affiliation, AffiliationStatus, EntryLink, LastUnlock, TenantId, User
from ims.ports import FreshReading, Readable

NOTHING_LOCKED = "none"
"""What the audit says of somebody whom nothing keeps out."""


class Step(StrEnum):
    """What the unlock does about one lock that is in force."""

    WRITE = "write"
    """Remove its marker from the directory."""
    RESTORE = "restore"
    """Add the affiliation back in the directory."""
    DROP = "drop"
    """End it in the ledger only: the directory already agrees, or never knew of it."""
    STAY = "stay"
    """Leave it: this unlock may not end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is in force by the fresh readings, and what the unlock does about each."""

    in_force: tuple[Lock, ...]
    steps: tuple[tuple[Lock, Step], ...]
    lapsed: tuple[tuple[FreshReading, LockFact], ...]
    """Markers whose time has run out: removed too, or one more wrong password would lock again at once."""

    @property
    def writes(self) -> bool:
        """Return whether the unlock has anything to write to a directory."""
        return bool(self.doing(Step.WRITE) or self.doing(Step.RESTORE) or self.lapsed)

    def planned(self, *steps: Step) -> dict[LockId, tuple[Lock, Step]]:
        """Return the locks about which the unlock does one of these, by id."""
        return {lock.id: (lock, step) for lock, step in self.steps if step in steps}

    def doing(self, step: Step) -> tuple[Lock, ...]:
        """Return the locks about which the unlock does this."""
        return tuple(lock for lock, planned in self.steps if planned is step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What an unlock set out to end, in all its tries, and what stood in its way (by directory, in words)."""

    steps: Mapping[LockId, tuple[Lock, Step]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)
    """Writes that got no answer: they may have been done, and only the reading that followed tells."""

    def to_end(self, lock: Lock) -> bool:
        """Return whether the unlock tried to end this lock, or an earlier one in its place."""
        return any(_place(lock) == _place(other) for other, _ in self.steps.values())


# --- before the writes -----------------------------------------------------------------------------------------------


def decide(
    user: User,
    readings: Sequence[FreshReading],
    rules: LedgerRules,
    now: datetime,
    raised_by: str,
) -> Decision:
    """Decide what an unlock does about each lock in force, as the fresh readings show them."""
    in_force = locks_in_force(ledger_after(user, readings, now, raised_by), now)
    return Decision(
        in_force=in_force,
        steps=tuple((lock, _step(lock, user, readings, rules)) for lock in in_force),
        lapsed=tuple(
            (reading, fact)
            for reading in readings
            for fact in reading.facts
            if fact.reason is LockReason.PASSWORD_ATTEMPTS and _lapsed(fact, now)
        ),
    )


def _step(lock: Lock, user: User, readings: Sequence[FreshReading], rules: LedgerRules) -> Step:
    reading = _reading_of(lock, readings)
    match remedy(lock.reason, rules):
        case Remedy.WRITE_BACK:
            return Step.WRITE if reading and fact_behind(lock, reading) else Step.STAY
        case Remedy.RESTORE if _affiliated(user.tenant, readings):
            return Step.DROP
        case Remedy.RESTORE:
            return Step.RESTORE if reading and reading.present and not _elsewhere(readings) else Step.STAY
        case Remedy.LEDGER:
            return Step.DROP
        case Remedy.NONE:
            return Step.STAY


def fact_behind(lock: Lock, reading: FreshReading) -> LockFact | None:
    """Return the marker in the reading that this ledger row stands for, or None if the reading does not show it.

    One that tells the same beginning comes before one that tells none, and one that lasts longer before another.
    """
    return max(_behind(lock, reading), key=lambda fact: (fact.since is not None, fact.until or NEVER), default=None)


def _behind(lock: Lock, reading: FreshReading) -> tuple[LockFact, ...]:
    return tuple(f for f in reading.facts if _place(f) == _place(lock) and _is_about(f, lock))


# --- after a reading -------------------------------------------------------------------------------------------------


def _is_about(fact: LockFact, lock: Lock) -> bool:
    return fact.since in (None, lock.since) or says_the_same(lock, fact)


def ledger_after(user: User, readings: Sequence[FreshReading], now: datetime, raised_by: str) -> tuple[Lock, ...]:
    """Return the user's ledger brought up to the fresh readings.

    Only what a reading proves changes: a lock it shows is there; one whose marker it shows lapsed is over; a lock it
    does not show is gone if the reading could have shown it, and stays otherwise. Locks of sources that were not read
    stay.
    """
    ledger = user.locks
    for reading in readings:
        held = tuple(lock for lock in ledger if lock.source == reading.link.directory and lock.reason in ENTRY_REASONS)
        others = tuple(lock for lock in ledger if lock not in held)
        change = settle(
            tuple(lock for lock in held if not _shown_lapsed(lock, reading, now)),
            (fact for fact in reading.facts if not _lapsed(fact, now)),
            user=user.id,
            tenant=user.tenant,
            now=now,
            raised_by=raised_by,
            keep=frozenset() if _conclusive(reading) else ENTRY_REASONS,
        )
        ledger = (*others, *change.after)
    return ledger


def brought_up(user: User, readings: Sequence[FreshReading], now: datetime, raised_by: str) -> User:
    """Return the user with their ledger and their entries as the fresh readings show them.

    An entry's stamp goes along with the ledger: it is what later proves that a lock could have been seen.
    """
    by_entry = {(reading.link.directory, reading.link.entry_id): reading for reading in readings}
    entries = tuple(
        _link_after(link, by_entry.get((link.directory, link.entry_id)), user.tenant, now) for link in user.entries
    )
    return replace(user, entries=entries, locks=ledger_after(user, readings, now, raised_by))


def _link_after(link: EntryLink, reading: FreshReading | None, tenant: TenantId, now: datetime) -> EntryLink:
    if reading is None or not _conclusive(reading):
        return link
    fresh = replace(link, dn=reading.link.dn, stamp=reading.stamp, seen_at=now)
    return replace(fresh, rule=reading.rule, unmatched_since=None) if reading.matched == tenant else fresh


def proved_gone(fact: LockFact, tenant: TenantId, readings: Sequence[FreshReading]) -> bool:
    """Return whether the readings prove that this very marker is no longer there; one in its place may be.

    A marker that tells no beginning cannot be told from one that came later, and counts as the same. An un-affiliation
    has no marker: it is gone when the person matches the tenant's rule again.
    """
    if fact.reason is LockReason.UNAFFILIATED:
        return _affiliated(tenant, readings)
    reading = next((reading for reading in readings if reading.link.directory == fact.source), None)
    there = reading and any(_place(f) == _place(fact) and f.since == fact.since for f in reading.facts)
    return reading is not None and _conclusive(reading) and not there


def affiliation_after(user: User, readings: Sequence[FreshReading], now: datetime) -> Affiliation | None:
    """Return the user's affiliation once an unlock has ended its un-affiliation."""
    rule = next((reading.rule for reading in readings if reading.matched == user.tenant), None)
    if user.affiliation is None or rule is None or user.affiliation.status is AffiliationStatus.AFFILIATED:
        return user.affiliation
    return replace(user.affiliation, status=AffiliationStatus.AFFILIATED, since=now, rule=rule)


# --- what it came to -------------------------------------------------------------------------------------------------


def effect(user: User, readings: Sequence[FreshReading], tried: Tried, now: datetime, raised_by: str) -> User:
    """Return the user after an unlock: as the last readings show them, without the locks that end in the ledger.

    `last_unlock` says what was cleared, what remains and what failed, each with what to do. A directory or a refusal
    that no remaining lock speaks of is named by itself, so that nothing that went wrong is passed over.
    """
    fresh = brought_up(user, readings, now, raised_by)
    ended = _ended_in_ledger(fresh, readings, tried)
    ledger = tuple(lock for lock in fresh.locks if lock not in ended)
    remaining = locks_in_force(ledger, now)
    failed = tuple(lock for lock in remaining if tried.to_end(lock) or lock.source in tried.unreachable)
    told = {lock.source for lock in failed}
    doubts: dict[str, str] = {reading.link.directory: reading.doubt for reading in readings if reading.doubt}
    untold = {**doubts, **tried.refused, **tried.unreachable}
    returned = any(lock.reason is LockReason.UNAFFILIATED for lock in ended)
    return replace(
        fresh,
        locks=ledger,
        affiliation=affiliation_after(fresh, readings, now) if returned else fresh.affiliation,
        last_unlock=LastUnlock(
            at=now,
            cleared=tuple(dict.fromkeys(lock.reason.value for lock in _cleared(tried, remaining))),
            remaining=tuple(stays(lock, readings, {}) for lock in remaining if lock not in failed),
            failed=(
                *(_why_failed(lock, readings, tried) for lock in failed),
                *(f"{name}: {why}" for name, why in untold.items() if name not in told),
            ),
        ),
    )


def achieved(user: User, tried: Tried, now: datetime) -> bool:
    """Return whether an unlock cleared something, or fresh readings showed that there was nothing to clear."""
    cleared = user.last_unlock.cleared if user.last_unlock else ()
    return bool(cleared) or not (tried.unreachable or locks_in_force(user.locks, now))


def stays(lock: Lock, readings: Sequence[FreshReading], hindrances: Mapping[str, str]) -> str:
    """Say why a lock is still there after an unlock: "reason: what to do".

    `hindrances` maps a directory to what stood in the way of this unlock's write.
    """
    reading = _reading_of(lock, readings)
    if lock.source in hindrances:
        return f"{lock.reason}: {hindrances[lock.source]}"
    if lock.reason is not LockReason.PASSWORD_ATTEMPTS or reading is None or fact_behind(lock, reading):
        return f"{lock.reason}: {why_it_stays(lock)}"
    if not reading.present:
        return (
            f"{lock.reason}: {lock.source} does not find the entry; the next complete reading tells whether it is gone"
        )
    if reading.doubt:
        return f"{lock.reason}: {lock.source}: {reading.doubt}"
    return f"{lock.reason}: {lock.source} does not show the lock to the agent; have its read rights checked"


def reasons_of(locks: Sequence[Lock]) -> str:
    """Return the reasons of some locks as one short text for the audit."""
    return ", ".join(sorted({lock.reason.value for lock in locks})) or NOTHING_LOCKED


def _ended_in_ledger(user: User, readings: Sequence[FreshReading], tried: Tried) -> tuple[Lock, ...]:
    """Return the locks that end although no reading lifts them: held ones, and an un-affiliation that is over.

    The un-affiliation must be over by the last readings, whatever an earlier one or the write's answer said.
    """
    returned = _affiliated(user.tenant, readings)
    ending = {lock_id for lock_id, (_, step) in tried.steps.items() if step in (Step.DROP, Step.RESTORE)}
    return tuple(
        lock for lock in user.locks if lock.id in ending and (returned or lock.reason is not LockReason.UNAFFILIATED)
    )


def _cleared(tried: Tried, remaining: Sequence[Lock]) -> tuple[Lock, ...]:
    """Return the locks that this unlock ended: those it tried to end, unless one is in force in the same place."""
    taken = {_place(lock) for lock in remaining}
    return tuple(lock for lock, _ in tried.steps.values() if _place(lock) not in taken)


def _why_failed(lock: Lock, readings: Sequence[FreshReading], tried: Tried) -> str:
    reading = _reading_of(lock, readings)
    hindrances = {**tried.unanswered, **tried.unreachable, **tried.refused}
    if lock.source in hindrances or reading is None or fact_behind(lock, reading) is None:
        return stays(lock, readings, hindrances)
    if lock.id in tried.steps:
        return f"{lock.reason}: {lock.source} still shows the lock after the write; repeat the unlock in a minute"
    return (
        f"{lock.reason}: locked again in {lock.source} during the unlock; something keeps sending a wrong password: "
        "find that device or program first"
    )


# ---------------------------------------------------------------------------------------------------------------------


def _reading_of(lock: Lock, readings: Sequence[FreshReading]) -> FreshReading | None:
    return next((reading for reading in readings if reading.link.directory == lock.source), None)


def _affiliated(tenant: TenantId, readings: Sequence[FreshReading]) -> bool:
    return any(reading.matched == tenant for reading in readings)


def _elsewhere(readings: Sequence[FreshReading]) -> bool:
    """Return whether a reading shows the person in a company account (asked where it is known not to be the user's)."""
    return any(reading.matched is not None for reading in readings)


def _conclusive(reading: FreshReading) -> bool:
    """Return whether what this reading does not show is not there."""
    return reading.present and reading.readable is Readable.PROVED and not reading.doubt


def _shown_lapsed(lock: Lock, reading: FreshReading, now: datetime) -> bool:
    """Return whether the reading shows this lock's marker, and that its time has run out."""
    behind = _behind(lock, reading)
    return bool(behind) and lock.since <= now and all(_lapsed(fact, now) for fact in behind)


def _lapsed(fact: LockFact, now: datetime) -> bool:
    return fact.until is not None and fact.until <= now


def _place(of: Lock | LockFact) -> tuple[LockReason, str, str]:
    return of.reason, of.source, of.server
