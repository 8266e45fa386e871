"""What an unlock does about each lock: pure decisions over a user's ledger and fresh readings of the directories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ims.locks import (
    ENTRY_REASONS,
    LedgerRules,
    Lock,
    LockFact,
    LockReason,
    Remedy,
    locks_in_force,
    remedy,
    settle,
    why_it_stays,
)
from ims.people import Affiliation, AffiliationStatus, User
from ims.ports import FreshReading, Readable


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

    def doing(self, step: Step) -> tuple[Lock, ...]:
        """Return the locks about which the unlock does this."""
        return tuple(lock for lock, planned in self.steps if planned is step)


def ledger_after(user: User, readings: Sequence[FreshReading], now: datetime, raised_by: str) -> tuple[Lock, ...]:
    """Return the user's ledger brought up to the fresh readings.

    Only what a reading proves changes: a lock it shows is there; a lock it does not show is gone if the reading could
    have shown it, and stays otherwise. Locks of sources that were not read stay.
    """
    ledger = user.locks
    for reading in readings:
        source = reading.link.directory
        held = tuple(lock for lock in ledger if lock.source == source and lock.reason in ENTRY_REASONS)
        others = tuple(lock for lock in ledger if lock not in held)
        proved = reading.present and reading.readable is Readable.PROVED and not reading.doubt
        change = settle(
            held,
            (fact for fact in reading.facts if not _lapsed(fact, now)),
            user=user.id,
            tenant=user.tenant,
            now=now,
            raised_by=raised_by,
            keep=frozenset() if proved else ENTRY_REASONS,
        )
        ledger = (*others, *change.after)
    return ledger


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
    reading = next((reading for reading in readings if reading.link.directory == lock.source), None)
    match remedy(lock.reason, rules):
        case Remedy.WRITE_BACK:
            return Step.WRITE if reading and fact_behind(lock, reading) else Step.STAY
        case Remedy.RESTORE:
            if any(reading.matched == user.tenant for reading in readings):
                return Step.DROP
            return Step.RESTORE if reading and reading.present else Step.STAY
        case Remedy.LEDGER:
            return Step.DROP
        case Remedy.NONE:
            return Step.STAY


def fact_behind(lock: Lock, reading: FreshReading) -> LockFact | None:
    """Return the marker in the reading that this ledger row stands for, or None if the reading does not show it."""
    return next(
        (
            fact
            for fact in reading.facts
            if (fact.reason, fact.source, fact.server) == (lock.reason, lock.source, lock.server)
            and fact.since in (None, lock.since)
        ),
        None,
    )


def affiliation_after(user: User, readings: Sequence[FreshReading], now: datetime) -> Affiliation | None:
    """Return the user's affiliation once an unlock has ended its un-affiliation."""
    rule = next((reading.rule for reading in readings if reading.matched == user.tenant), None)
    if user.affiliation is None or rule is None or user.affiliation.status is AffiliationStatus.AFFILIATED:
        return user.affiliation
    return replace(user.affiliation, status=AffiliationStatus.AFFILIATED, since=now, rule=rule)


def stays(lock: Lock, readings: Sequence[FreshReading], refusals: dict[str, str]) -> str:
    """Say why a lock is still there after an unlock: "reason: what to do".

    `refusals` maps a directory to what it answered to this unlock's write.
    """
    reading = next((reading for reading in readings if reading.link.directory == lock.source), None)
    if lock.source in refusals and lock.reason in (LockReason.PASSWORD_ATTEMPTS, LockReason.UNAFFILIATED):
        return f"{lock.reason}: {refusals[lock.source]}"
    if lock.reason is LockReason.PASSWORD_ATTEMPTS and reading and not fact_behind(lock, reading):
        return f"{lock.reason}: {lock.source} does not show the lock to the agent; have its read rights checked"
    return f"{lock.reason}: {why_it_stays(lock)}"


def reasons_of(locks: Sequence[Lock]) -> str:
    """Return the reasons of some locks as one short text for the audit."""
    return ", ".join(sorted({lock.reason.value for lock in locks})) or "none"


def _lapsed(fact: LockFact, now: datetime) -> bool:
    return fact.until is not None and fact.until <= now
