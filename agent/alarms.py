"""What people hear of the brake: a warning in the log when a batch appears, its audit rows, a line in the status."""

from collections import Counter
from collections.abc import Iterable

import structlog

from agent.changes import agent_of
from agent.holding import Replanned
from agent.run import Start
from ims.audit import Action, AuditEntry, Result
from ims.batches import Decision, HeldBatch, HeldItem
from ims.passes import DirectoryState

_log = structlog.get_logger("lockstep.brake")


def kept_back(open_batches: Iterable[HeldBatch]) -> str:
    """Say for the directory's state what waits for a person, and what to type; empty = nothing does."""
    return "; ".join(
        f"since {batch.created:%Y-%m-%d %H:%M} UTC for {batch.waiting} users: {batch.text} "
        f"(`lockstep brake show {batch.id}`, then `lockstep brake approve` or `reject`)"
        for batch in open_batches
        if batch.waiting
    )


def held_rows(replanned: Replanned, start: Start) -> tuple[AuditEntry, ...]:
    """Return the audit rows for new batches, with their hashes: one for each tenant that is concerned."""
    return tuple(
        row
        for batch in replanned.change.opened
        for row in _rows(batch, [item for item in replanned.items if item.why is batch.why], start)
    )


def tell(replanned: Replanned, before: DirectoryState, after: DirectoryState) -> None:
    """Log what is new, once it is written: batches that wait, approvals that came to nothing, a wave of locks."""
    for batch in replanned.alarms:
        _log.warning(
            "brake_keeps_back",
            directory=batch.directory,
            tenant=batch.tenant or "several",
            users=batch.waiting,
            why=batch.text,
            batch=batch.id,
            what_to_do=f"lockstep brake show {batch.id}; then lockstep brake approve {batch.id}, or reject",
        )
    if replanned.lapsed:
        _log.warning("approvals_lapsed", directory=after.name, users=replanned.lapsed)
    if after.attempts and not before.attempts:
        _log.warning("many_password_attempts", directory=after.name, why=after.attempts)


def _rows(batch: HeldBatch, items: Iterable[HeldItem], start: Start) -> Iterable[AuditEntry]:
    actor = agent_of(batch.directory)
    waiting = Counter(item.tenant for item in items if item.decision is Decision.WAITING)
    for tenant, count in sorted(waiting.items(), key=lambda counted: counted[0] or ""):
        yield AuditEntry(
            at=start.now,
            actor=actor.name,
            role=actor.role,
            channel=actor.channel,
            action=Action.BATCH_HELD,
            result=Result.DONE,
            subject=batch.directory,
            tenant=tenant,
            after=f"{count} users wait",
            detail=f"{batch.text}; SHA-256 of the batch: {batch.hash}",
            reference=batch.id,
        )
