"""What a lock is: the ledger's rows, when they are in force, and who may clear them. Pure functions without a clock.

A lock is a fact with times, never "is locked now": a timed lock ends with no write anywhere, so only the reader's clock
knows. A user is locked while any lock is in force; no reason ever overwrites another.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NewType

from ims.people import TenantId, UserId

LockId = NewType("LockId", str)

NEVER = datetime.max.replace(tzinfo=UTC, microsecond=0)
"""Later than everything: the end of a lock that has none, and the start of a next lock that is not planned."""
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
"""Earlier than everything: the end of the last lock of a user who is not locked."""

_LOCK_IDS = uuid.UUID("9d1f2f0e-5c1c-4c8e-9a1e-3f6a0c7b51d4")


class LockReason(StrEnum):
    """Why a user is locked. The values are part of the SCIM extension and never change their meaning."""

    PASSWORD_ATTEMPTS = "password_attempts"  # noqa: S105 -- a reason, no password
    UNAFFILIATED = "unaffiliated"
    DISABLED = "disabled"
    EXPIRED = "expired"
    IDLE = "idle"
    ABSENT = "absent"
    DEPROVISIONED = "deprovisioned"
    HELD = "held"


ENTRY_REASONS = frozenset(
    {LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED, LockReason.EXPIRED, LockReason.IDLE},
)
"""Reasons that one reading of a directory entry decides by itself; the others need history or come from elsewhere."""

DIRECTORY_REASONS = ENTRY_REASONS | {LockReason.UNAFFILIATED, LockReason.ABSENT}
"""Reasons whose source is a directory."""


class Clearer(StrEnum):
    """Who, or what, can end a lock; shown as `clearableBy`."""

    CO_ADMINISTRATOR = "co_administrator"
    DIRECTORY = "directory"
    CONNECTION = "connection"
    TIME = "time"


class Remedy(StrEnum):
    """What an unlock has to do to end a lock."""

    WRITE_BACK = "write_back"
    RESTORE = "restore"
    LEDGER = "ledger"
    NONE = "none"


class Stickiness(StrEnum):
    """When an `unaffiliated` lock ends by the person's coming back (settings: `affiliation.clears`)."""

    WITHIN_GRACE = "within_grace"
    ON_RETURN = "on_return"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRules:
    """The settings that decide who may clear what."""

    disabled_by_write: bool = False
    deprovisioned_by_unlock: bool = False
    grace: timedelta = timedelta(hours=24)
    stickiness: Stickiness = Stickiness.WITHIN_GRACE


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFact:
    """One lock as one reading saw it, before it belongs to a user.

    `source` is the directory or connection that says so; `server` is set where only that server holds it. `since` is
    None where the source does not tell the beginning. `until` is None for a lock without an end of its own.
    `evidence` holds the raw values that were seen: an unlock deletes exactly those.
    """

    reason: LockReason
    source: str
    server: str = ""
    since: datetime | None = None
    until: datetime | None = None
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One row of the ledger."""

    id: LockId
    user: UserId
    tenant: TenantId
    reason: LockReason
    source: str
    since: datetime
    server: str = ""
    until: datetime | None = None
    evidence: tuple[tuple[str, str], ...] = ()
    raised_by: str = ""
    """The pass or the actor that raised it: what `undo` removes, and what a Co-Administrator's comment says."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """What the clock needs to know of a user's locks, computed once per write.

    A user is active while `locked_until <= now < locks_at`. That holds until `next_transition` has passed; then the
    state is computed anew (until it is, an error is on the locked side only).
    """

    locked_until: datetime
    locks_at: datetime
    next_transition: datetime

    def active(self, now: datetime) -> bool:
        """Return whether the user may sign in at `now`."""
        return self.locked_until <= now < self.locks_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChange:
    """How one reading moves a user's ledger. `after` is the whole ledger afterwards."""

    after: tuple[Lock, ...]
    raised: tuple[Lock, ...] = ()
    updated: tuple[Lock, ...] = ()
    lifted: tuple[Lock, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything moved."""
        return bool(self.raised or self.updated or self.lifted)


def in_force(lock: Lock, now: datetime) -> bool:
    """Return whether `lock` keeps its user out at `now`: begun and not over. Both ends are decided by the clock."""
    return lock.since <= now and not is_over(lock, now)


def is_over(lock: Lock, now: datetime) -> bool:
    """Return whether a lock's own time has run out at `now`: it neither keeps its user out, nor ever will."""
    return lock.until is not None and lock.until <= now


def locks_in_force(locks: Iterable[Lock], now: datetime) -> tuple[Lock, ...]:
    """Return the locks in force at `now`, oldest first, so that every view lists them in the same order."""
    return tuple(sorted((lock for lock in locks if in_force(lock, now)), key=lambda lock: (lock.since, lock.id)))


def state_of(locks: Iterable[Lock], now: datetime) -> LockState:
    """Compute when the user is next free and when next locked, as seen at `now`.

    Overlapping and touching locks count as one period, so that the end of the first is not taken for freedom.
    """
    periods = sorted((lock.since, lock.until or NEVER) for lock in locks if (lock.until or NEVER) > now)
    locked_until = BEGINNING
    locks_at = NEVER
    for start, end in periods:
        if start <= max(now, locked_until):
            locked_until = max(locked_until, end)
        else:
            locks_at = start
            break
    ahead = [moment for moment in (locked_until, locks_at) if moment > now]
    return LockState(locked_until=locked_until, locks_at=locks_at, next_transition=min(ahead, default=NEVER))


def last_transition(locks: Iterable[Lock], now: datetime) -> datetime:
    """Return the latest moment up to `now` at which a lock began or ended; BEGINNING if there was none.

    Past it `active`, the ETag and `lastModified` differ although nobody wrote anything.
    """
    moments = (moment for lock in locks for moment in (lock.since, lock.until) if moment is not None)
    return max((moment for moment in moments if moment <= now), default=BEGINNING)


def lock_of(fact: LockFact, user: UserId, tenant: TenantId, now: datetime, raised_by: str) -> Lock:
    """Make the ledger row for a fact. A fact without a beginning begins now, when it was first seen.

    The id is derived from what makes the lock this lock, so that a replayed batch raises it once only. A beginning that
    is only the moment of the reading counts apart from the same moment told by the source: those are two locks.
    """
    since = fact.since or now
    told = "" if fact.since else "first seen "
    mark = f"{user}|{fact.reason}|{fact.source}|{fact.server}|{told}{since.astimezone(UTC).isoformat()}"
    return Lock(
        id=LockId(str(uuid.uuid5(_LOCK_IDS, mark))),
        user=user,
        tenant=tenant,
        reason=fact.reason,
        source=fact.source,
        server=fact.server,
        since=since,
        until=fact.until,
        evidence=fact.evidence,
        raised_by=raised_by,
    )


def settle(
    held: tuple[Lock, ...],
    seen: Iterable[LockFact],
    *,
    user: UserId,
    tenant: TenantId,
    now: datetime,
    raised_by: str,
    keep: frozenset[LockReason] = frozenset(),
) -> LedgerChange:
    """Bring the locks `held` from one source to what a reading of that source has `seen`.

    The caller passes only the locks of that source and of the reasons it read. `keep` names the reasons whose absence
    proves nothing in this reading (unreadable attribute, unknown policy): their locks stay. A lock keeps its row while
    it is the same lock: same reason, source and server, and the same beginning where the source tells one, or the same
    evidence by another clock. A fact that
    tells none has begun by now, so it is no lock that lies ahead; and facts that tell theirs choose their rows first,
    so that one that does not can never take another's.
    """
    open_rows = list(held)
    taken = {row.id for row in open_rows}
    after: list[Lock] = []
    raised: list[Lock] = []
    updated: list[Lock] = []
    for fact, row in _paired(_one_for_each_lock(seen), open_rows, now):
        if row is None:
            raised.append(_with_own_id(lock_of(fact, user, tenant, now, raised_by), taken))
            after.append(raised[-1])
            continue
        since = row.since if row.since == fact.since else fact.since or min(row.since, now)
        fresh = replace(row, tenant=tenant, since=since, until=fact.until, evidence=fact.evidence)
        after.append(fresh)
        if fresh != row:
            updated.append(fresh)
    kept = [lock for lock in open_rows if lock.reason in keep]
    lifted = [lock for lock in open_rows if lock.reason not in keep]
    return LedgerChange(after=(*after, *kept), raised=tuple(raised), updated=tuple(updated), lifted=tuple(lifted))


def _one_for_each_lock(seen: Iterable[LockFact]) -> tuple[LockFact, ...]:
    """Return the facts without repetition: of two that tell of one lock, the one that lasts longer."""
    facts: dict[tuple[LockReason, str, str, datetime | None], LockFact] = {}
    for fact in seen:
        known = facts.setdefault((fact.reason, fact.source, fact.server, fact.since), fact)
        if (known.until or NEVER) < (fact.until or NEVER):
            facts[fact.reason, fact.source, fact.server, fact.since] = fact
    return tuple(facts.values())


def _paired(facts: Iterable[LockFact], rows: list[Lock], now: datetime) -> Iterator[tuple[LockFact, Lock | None]]:
    """Yield each fact with the row that it is about, or None, and take that row out of `rows`.

    By its beginning first, and only then by what stands in the source: a fact with another beginning must not take the
    row that another fact tells of to the second. The same evidence with another beginning is the same lock by another
    clock: the source's and ours have come apart, or together again.
    """
    left: list[LockFact] = []
    for fact in sorted(facts, key=lambda fact: fact.since is None):
        row = next((lock for lock in rows if _same_place(lock, fact) and _same_beginning(lock, fact, now)), None)
        if row is None:
            left.append(fact)
            continue
        rows.remove(row)
        yield fact, row
    for fact in left:
        row = next((lock for lock in rows if _same_place(lock, fact) and says_the_same(lock, fact)), None)
        if row is not None:
            rows.remove(row)
        yield fact, row


def _same_place(lock: Lock, fact: LockFact) -> bool:
    return (lock.reason, lock.source, lock.server) == (fact.reason, fact.source, fact.server)


def _same_beginning(lock: Lock, fact: LockFact, now: datetime) -> bool:
    return lock.since <= now if fact.since is None else lock.since == fact.since


def _with_own_id(lock: Lock, taken: set[LockId]) -> Lock:
    """Return a new lock under an id that no row has: one that was recognised by its evidence keeps the id of before."""
    while lock.id in taken:
        lock = replace(lock, id=LockId(str(uuid.uuid5(uuid.NAMESPACE_URL, lock.id))))
    taken.add(lock.id)
    return lock


def says_the_same(lock: Lock, fact: LockFact) -> bool:
    """Return whether a lock rests on the very values that a fact rests on."""
    return bool(fact.evidence) and lock.evidence == fact.evidence


def remedy(reason: LockReason, rules: LedgerRules) -> Remedy:
    """Return what a Co-Administrator's unlock would have to do about a lock with this reason."""
    match reason:
        case LockReason.PASSWORD_ATTEMPTS:
            return Remedy.WRITE_BACK
        case LockReason.UNAFFILIATED:
            return Remedy.RESTORE
        case LockReason.DISABLED if rules.disabled_by_write:
            return Remedy.WRITE_BACK
        case LockReason.DEPROVISIONED if rules.deprovisioned_by_unlock:
            return Remedy.LEDGER
        case LockReason.HELD:
            return Remedy.LEDGER
        case _:
            return Remedy.NONE


def clearable_by(lock: Lock, rules: LedgerRules) -> tuple[Clearer, ...]:
    """Return who may end this lock, in the order in which a reader should think of them."""
    clearers: list[Clearer] = []
    if remedy(lock.reason, rules) is not Remedy.NONE:
        clearers.append(Clearer.CO_ADMINISTRATOR)
    if lock.reason in ENTRY_REASONS | {LockReason.ABSENT}:
        clearers.append(Clearer.DIRECTORY)
    if lock.reason is LockReason.UNAFFILIATED and rules.stickiness is Stickiness.ON_RETURN:
        clearers.append(Clearer.DIRECTORY)
    if lock.reason is LockReason.DEPROVISIONED:
        clearers.append(Clearer.CONNECTION)
    if lock.until is not None:
        clearers.append(Clearer.TIME)
    return tuple(clearers)


def ends_by_return(lock: Lock, now: datetime, rules: LedgerRules) -> bool:
    """Return whether an `unaffiliated` lock ends because the person matches the rule again at `now`."""
    in_time = rules.stickiness is Stickiness.ON_RETURN or now - lock.since <= rules.grace
    return lock.reason is LockReason.UNAFFILIATED and in_time


_DISPLAY = {
    LockReason.PASSWORD_ATTEMPTS: "Locked in {place} after too many wrong passwords",
    LockReason.UNAFFILIATED: "Unaffiliated from the company account",
    LockReason.DISABLED: "Disabled in {place} by its administrators",
    LockReason.EXPIRED: "Outside the validity dates that {place} sets",
    LockReason.IDLE: "Unused for longer than {place} allows",
    LockReason.ABSENT: "No longer found in {place}",
    LockReason.DEPROVISIONED: "Deactivated by the connection {place}",
    LockReason.HELD: "Locked by a Co-Administrator",
}

_ELSEWHERE = {
    LockReason.PASSWORD_ATTEMPTS: "it ends when it is unlocked there",
    LockReason.UNAFFILIATED: "ask the directory's administrators to put the person back into the company account",
    LockReason.DISABLED: "ask them to enable the account there",
    LockReason.EXPIRED: "ask its administrators to extend them",
    LockReason.IDLE: "ask its administrators to reset the password",
    LockReason.ABSENT: "it ends when the entry comes back",
    LockReason.DEPROVISIONED: "activate the user there",
    LockReason.HELD: "a Co-Administrator of the company account ends it",
}


def display(lock: Lock) -> str:
    """Say in one sentence why the user is locked: the padlock's text."""
    place = f"{lock.source} ({lock.server})" if lock.server else lock.source
    text = _DISPLAY[lock.reason].format(place=place)
    return f"{text}: {lock.note}" if lock.note else text


def why_it_stays(lock: Lock) -> str:
    """Say what has to happen elsewhere before this lock, which an unlock could not clear, goes away."""
    return f"{display(lock)}; {_ELSEWHERE[lock.reason]}"
