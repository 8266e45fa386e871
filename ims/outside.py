"""Unlocks made outside Lockstep: a lock is shown no more that had not run out and that no unlock of ours has ended.

When that happened nobody saw; it was between the last reading that still showed the lock and the one that does not.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ims.audit import Action, Result, Window
from ims.locks import BEGINNING, ENTRY_REASONS, Lock, LockId
from ims.passes import DirectoryState
from ims.people import DirectoryName, EntryLink, User, UserId
from ims.ports import Intent, Store

SKEW = timedelta(minutes=1)
"""How far two clocks may be apart: a lock this close to its end has run out, as far as anybody can tell."""
HALF_WAY = "the process ended half way"
"""How the row of an unlock begins whose process died: where it failed, the directory may be unlocked all the same."""
_LOOKED_AT = 20
"""How many of a user's newest audit rows are looked at: more than one person's unlocks within a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """What is known of when locks were seen, and of our own unlocks.

    `last` is each directory's last complete reading (BEGINNING for one that never was); of others nothing is claimed.
    `by` is when the newest reading was over. `ours` are locks that an unlock of ours has set out to end.
    """

    last: Mapping[DirectoryName, datetime]
    by: datetime
    ours: Collection[LockId] = ()


def unlocked_outside(before: User, after: User, sightings: Sightings) -> Mapping[LockId, Window]:
    """Return the locks that somebody else ended between two states of a user, each with the window of that.

    Where another lock is shown in one's place, nobody can say whether that was unlocked and locked again: a server may
    have moved the lock's beginning.
    """
    kept = {lock.id for lock in after.locks} | set(sightings.ours)
    places = {_place(lock) for lock in after.locks}
    gone = [lock for lock in before.locks if lock.id not in kept and lasts(lock, sightings.by)]
    windows = {lock.id: _window(lock, before, sightings) for lock in gone if _place(lock) not in places}
    return {lock_id: window for lock_id, window in windows.items() if window is not None}


def noticed(
    store: Store,
    before: User,
    after: User,
    *,
    ours: Collection[LockId],
    intent: Intent,
) -> Mapping[LockId, Window]:
    """Return what `unlocked_outside` does for the readings of an unlock. Raises StoreUnusable."""
    kept = {lock.id for lock in after.locks} | set(ours)
    gone = any(lock.id not in kept and lasts(lock, after.modified) for lock in before.locks)
    last = {link.directory: last_complete(store.directory(link.directory)) for link in before.entries if gone}
    if not gone or freed_by_us(store, [before], min(last.values(), default=BEGINNING), besides=intent):
        return {}
    return unlocked_outside(before, after, Sightings(last=last, by=after.modified, ours=ours))


def freed_by_us(
    store: Store,
    users: Iterable[User],
    since: datetime,
    besides: Intent | None = None,
) -> frozenset[UserId]:
    """Return those users whom an unlock of ours may have freed without having told so yet, or ever.

    It is under way; or a crash ended it since then, and what became of it could not be proved. Raises StoreUnusable.
    """
    asked = tuple(users)
    intents = store.open_intents() if asked else ()
    under_way = {one.user for one in intents if one.writing and (besides is None or one.id != besides.id)}
    return frozenset(user.id for user in asked if user.id in under_way or _left_half_way(store, user, since))


def last_complete(state: DirectoryState) -> datetime:
    """Return when a directory's last complete reading began; BEGINNING if there was none."""
    return max(state.last_tick or BEGINNING, state.last_reconcile or BEGINNING)


def shown_until(link: EntryLink, last: datetime | None) -> datetime:
    """Return until when readings are known to have shown the locks of an entry.

    Every complete reading looks at whoever is locked; the entry itself may have been read later, for an unlock.
    """
    return link.shown_until or max(link.seen_at, last or BEGINNING)


def lasts(lock: Lock, now: datetime) -> bool:
    """Return whether a lock that an entry shows has not run out by its own time."""
    return lock.reason in ENTRY_REASONS and (lock.until is None or lock.until > now + SKEW)


def _place(lock: Lock) -> tuple[str, str, str]:
    return lock.reason, lock.source, lock.server


def _window(lock: Lock, before: User, sightings: Sightings) -> Window | None:
    link = next((link for link in before.entries if link.directory == lock.source), None)
    if link is None or link.directory not in sightings.last:
        return None
    after = shown_until(link, sightings.last[link.directory])
    return None if _unproved_unlock(before, link, after) else Window(after=after, by=max(sightings.by, after))


def _unproved_unlock(user: User, link: EntryLink, after: datetime) -> bool:
    """Return whether an unlock of ours ended since then without proof of what became of it: it may be what shows now.

    One that could prove it has noted, with its end, that it has seen the entry.
    """
    last = user.last_unlock
    return last is not None and bool(last.failed) and last.at > link.seen_at and last.at >= after


def _left_half_way(store: Store, user: User, since: datetime) -> bool:
    rows = store.audit(user=user.id, limit=_LOOKED_AT)
    failed = [row for row in rows if row.action is Action.UNLOCK and row.result is Result.FAILED]
    return any(row.at >= since and row.detail.startswith(HALF_WAY) for row in failed)
