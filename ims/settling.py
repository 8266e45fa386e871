"""Settling: what became of an unlock whose process died half way. It reads and records; it never writes again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ims.audit import Action, AuditEntry, Result, ledger_entries
from ims.clearing import Step, Tried, effect, proved_gone, reasons_of
from ims.errors import Conflict, DirectoryUnreachable, LockstepError, StoreUnusable
from ims.locks import Lock, LockReason, locks_in_force
from ims.outside import HALF_WAY, noticed
from ims.people import EntryLink, User
from ims.ports import (
    Batch,
    Clock,
    Directories,
    FreshReading,
    Intent,
    Processes,
    Store,
    UserChange,
    WriteBack,
)

GIVES_UP_AFTER = timedelta(days=1)
"""How long past its deadline an unlock waits for a reading that tells what became of it; then it has failed."""


def settle_open_intents(
    store: Store,
    write_back: WriteBack,
    processes: Processes,
    clock: Clock,
    directories: Directories,
) -> int:
    """Settle every open intent whose owner is gone, and return how many were settled.

    Past its deadline every owner counts as gone, on this host or another: no unlock writes after it, and the store
    lets none mark a write or commit whose intent is closed. One that cannot be settled, whyever, does not keep the
    others open. Raises StoreUnusable.
    """
    now = clock.now()
    settled = 0
    for intent in store.open_intents():
        if processes.gone(intent.owner) or intent.deadline <= now:
            settled += _settle_or_fail(store, write_back, clock, directories, intent)
    return settled


def _settle_or_fail(
    store: Store,
    write_back: WriteBack,
    clock: Clock,
    directories: Directories,
    intent: Intent,
) -> bool:
    """Settle one unlock; whatever stands in the way that no later try can mend is recorded as its outcome."""
    try:
        return settle_intent(store, write_back, clock, directories, intent)
    except StoreUnusable:
        raise
    except Exception as error:  # noqa: BLE001 - one poisoned unlock must not keep all others open for ever
        told = str(error) if isinstance(error, LockstepError) else type(error).__name__
        why = f"{HALF_WAY}, and what became of it cannot be told ({told}); the next pass reads the user"
        return store.close_intent(intent.id, [_row(intent, None, clock.now(), Result.FAILED, why)])


def settle_intent(
    store: Store,
    write_back: WriteBack,
    clock: Clock,
    directories: Directories,
    intent: Intent,
) -> bool:
    """Settle an unlock whose process is gone: read what became of it, record that, and never write again.

    Returns False if it could not be settled now: a directory cannot be read, or the user was written meanwhile (the
    intent then stays open for the next attempt, for a day at most), or another process has settled it.
    """
    user = store.user(intent.user)
    if user is None or not intent.writing:
        why = "the process ended before the directory was written" if user else "the user was removed meanwhile"
        return store.close_intent(intent.id, [_row(intent, user, clock.now(), Result.FAILED, why)])
    try:
        readings = tuple(write_back.read(link, user.tenant) for link in _concerned(user, intent, directories))
    except DirectoryUnreachable as error:
        if clock.now() < intent.deadline + GIVES_UP_AFTER:
            return False
        why = f"{HALF_WAY}, and nothing could be read for a day: {error}"
        return store.close_intent(intent.id, [_row(intent, user, clock.now(), Result.FAILED, why)])
    change = _change(store, user, readings, intent, clock.now())
    try:
        return not store.apply(Batch(changes=(change,), closes=intent.id)).dropped
    except Conflict:
        return False  # somebody else was faster; the store closes an intent once only


def _concerned(user: User, intent: Intent, directories: Directories) -> tuple[EntryLink, ...]:
    """Return the entries that the unlock may have written to: others prove nothing, and may be down for long."""
    sources = {fact.source for fact in intent.seen}
    return tuple(link for link in user.entries if link.directory in sources and directories.enforced(link.directory))


def _change(
    store: Store,
    user: User,
    readings: Sequence[FreshReading],
    intent: Intent,
    now: datetime,
) -> UserChange:
    tried = _tried(user, intent, now)
    after = replace(effect(user, readings, tried, now, intent.id), modified=now)
    outside = noticed(store, user, after, ours=tried.steps.keys(), intent=intent)
    done = all(proved_gone(fact, user.tenant, readings) for fact in intent.seen)
    found = "the directory was unlocked" if done else "nothing proves that the directory was unlocked"
    detail = f"{HALF_WAY}; settled by reading: {found}"
    row = _row(intent, user, now, Result.DONE if done else Result.FAILED, detail)
    summary = replace(
        row,
        before=reasons_of(locks_in_force(user.locks, now)),
        after=reasons_of(locks_in_force(after.locks, now)),
    )
    moved = after.affiliation is not None and after.affiliation != user.affiliation
    return UserChange(
        user=after,
        base=user.version,
        audit=(summary, *ledger_entries(row, user.locks, after.locks, outside)),
        history=(after.affiliation,) if after.affiliation and moved else (),
    )


def _tried(user: User, intent: Intent, now: datetime) -> Tried:
    """Return what the unlock was about to end in a directory. What it would have ended in the ledger only is not done.

    Whoever asked for that sees that it was not, and asks again: an unlock that cannot be done now is never done later.
    """
    seen = {(fact.reason, fact.source, fact.server) for fact in intent.seen}
    locks = [lock for lock in locks_in_force(user.locks, now) if (lock.reason, lock.source, lock.server) in seen]
    return Tried(steps={lock.id: (lock, _step(lock)) for lock in locks})


def _step(lock: Lock) -> Step:
    return Step.RESTORE if lock.reason is LockReason.UNAFFILIATED else Step.WRITE


def _row(intent: Intent, user: User | None, at: datetime, result: Result, detail: str) -> AuditEntry:
    actor = intent.actor
    return AuditEntry(
        at=at,
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=Action.UNLOCK,
        result=result,
        subject=user.profile.user_name if user else intent.user,
        tenant=intent.tenant,
        user=intent.user,
        detail=detail,
        reference=intent.id,
    )
