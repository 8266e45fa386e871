"""Settling: what became of an unlock whose process died half way. It reads and records; it never writes again."""

from dataclasses import replace
from datetime import datetime

from ims.audit import Action, AuditEntry, Result
from ims.clearing import ledger_after, reasons_of
from ims.errors import DirectoryUnreachable
from ims.locks import locks_in_force
from ims.people import User
from ims.ports import Batch, Clock, Intent, Processes, Store, UserChange, WriteBack


def settle_open_intents(store: Store, write_back: WriteBack, processes: Processes, clock: Clock) -> int:
    """Settle every open intent whose owner is gone, and return how many were settled.

    An owner on another host counts as gone once the intent's deadline has passed: no unlock takes that long.
    """
    now = clock.now()
    settled = 0
    for intent in store.open_intents():
        gone = processes.gone(intent.owner)
        if gone or (gone is None and intent.deadline <= now):
            settled += settle_intent(store, write_back, clock, intent)
    return settled


def settle_intent(store: Store, write_back: WriteBack, clock: Clock, intent: Intent) -> bool:
    """Settle an unlock whose process is gone: read what became of it, record that, and never write again.

    Returns False if the directory cannot be read at the moment; the intent then stays open for the next attempt.
    """
    user = store.user(intent.user)
    if user is None or not intent.writing:
        row = _settlement(
            clock.now(), intent, user, Result.FAILED, "the process ended before the directory was written"
        )
        store.close_intent(intent.id, [row])
        return True
    try:
        readings = tuple(write_back.read(link, user.tenant) for link in user.entries)
    except DirectoryUnreachable:
        return False
    now = clock.now()
    done = not any(fact in reading.facts for fact in intent.seen for reading in readings)
    detail = "settled after a crash by reading: " + ("the directory was unlocked" if done else "it was not written")
    ledger = ledger_after(user, readings, now, intent.id)
    result = Result.DONE if done else Result.FAILED
    row = replace(
        _settlement(now, intent, user, result, detail),
        before=reasons_of(locks_in_force(user.locks, now)),
        after=reasons_of(locks_in_force(ledger, now)),
    )
    change = UserChange(user=replace(user, locks=ledger, modified=now), base=user.version, audit=(row,))
    return not store.apply(Batch(changes=(change,), closes=intent.id)).dropped


def _settlement(at: datetime, intent: Intent, user: User | None, result: Result, detail: str) -> AuditEntry:
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
