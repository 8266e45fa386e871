"""Deciding on what the brake keeps back: approve it or reject it, whole or user by user.

The operator decides on the machine about all of it; a tenant's Account Administrator about what concerns that tenant
alone. Nothing happens here but the decision: the next pass plans afresh, and does what was approved and is still so.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ims.audit import Action, AuditEntry, Result
from ims.batches import BatchId, Decision, HeldBatch, HeldItem, Why
from ims.errors import Conflict, Forbidden, InvalidInput, NotFound
from ims.names import key_of_name
from ims.people import Actor, TenantId
from ims.ports import Clock, HeldBatches

_ACTIONS = {Decision.APPROVED: Action.BATCH_APPROVED, Decision.REJECTED: Action.BATCH_REJECTED}
_TOLD = {
    Why.TOO_MANY: "more people would lose their access at once than the limit lets",
    Why.NEW_MEANING: "the settings of the directory, or Lockstep itself, have changed",
}
"""What a tenant's own people read: the whole sentence may name other tenants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A batch as somebody may see it: whole, or a tenant's part of it."""

    batch: HeldBatch
    items: tuple[HeldItem, ...]


def parts(store: HeldBatches, tenant: TenantId | None = None) -> tuple[Part, ...]:
    """Return the open batches, oldest first; of a tenant its own part of each, and no batch without one."""
    found = (_part(store, batch, tenant) for batch in store.held_batches())
    return tuple(part for part in found if part.items)


def part(store: HeldBatches, batch_id: BatchId, tenant: TenantId | None = None) -> Part:
    """Return an open batch, or a tenant's part of it. Raises NotFound, also where a tenant has no part in it.

    A closed batch is shown to the operator without items: they are in the audit, under its number.
    """
    batch = store.held_batch(batch_id)
    found = _part(store, batch, tenant) if batch is not None else None
    if found is None or (tenant is not None and not found.items):
        raise NotFound(f"There is no batch {batch_id}; `lockstep brake list` shows what waits")
    return found


def chosen(found: Part, names: Collection[str], decision: Decision) -> tuple[HeldItem, ...]:
    """Return the items to decide on: those of the named users, or without names all on which nobody has decided yet.

    A name is a user name, in whatever case, or the key of an item. Raises NotFound for one that is not among them,
    InvalidInput for one of several, and Conflict where there is nothing left to decide.
    """
    if names:
        return tuple(dict.fromkeys(_named(found, name) for name in names))
    waiting = tuple(item for item in found.items if item.decision is Decision.WAITING)
    rest = waiting or tuple(item for item in found.items if item.decision is not decision)
    if not rest:
        newer = f"; {found.batch.successor} has taken its place" if found.batch.successor else ""
        standing = found.batch.standing.replace("_", " ")
        raise Conflict(f"Nothing waits in the batch {found.batch.id}: it is {standing}{newer}")
    return rest


def decide(
    store: HeldBatches,
    clock: Clock,
    actor: Actor,
    found: Part,
    items: Sequence[HeldItem],
    decision: Decision,
) -> None:
    """Record a decision on some items of a batch, as they were shown.

    Raises Forbidden for whoever is among them, and Conflict where the batch has expired or was closed meanwhile (the
    directory moved), or somebody else has decided meanwhile.
    """
    if decision is Decision.WAITING:
        raise InvalidInput("A decision is to approve or to reject")
    if any(actor.user is not None and item.user == actor.user for item in items):
        raise Forbidden("Nobody decides on what happens to themselves; have somebody else do it, or name the others")
    now = clock.now()
    if found.batch.expires <= now and any(item.decision is Decision.WAITING for item in items):
        raise Conflict(
            f"The batch {found.batch.id} expired on {found.batch.expires:%Y-%m-%d %H:%M} UTC, because nobody decided "
            f"on it; the next pass of {found.batch.directory} tells anew what is still so"
        )
    whole = len(items) == len(found.items) or (len(items) > _EACH and _all_that_wait(found, items))
    rows = _rows_by_tenant(actor, found, items, now) if whole else _rows_by_user(actor, found, items, now)
    audit = [replace(row, action=_ACTIONS[decision]) for row in rows]
    store.decide(found.batch.id, items, decision, actor.name, now, audit)


_EACH = 100
"""Up to so many users have a row of their own in the audit; a batch may hold a whole company.

More of them share a row only where the decision is on all that waited: who that is can be told from the rows of the
others. A row that named nobody out of many would prove nothing.
"""


def _all_that_wait(found: Part, items: Sequence[HeldItem]) -> bool:
    """Return whether these are the very ones on whom nobody has decided yet."""
    waiting = {item.key for item in found.items if item.decision is Decision.WAITING}
    return {item.key for item in items} == waiting


def _part(store: HeldBatches, batch: HeldBatch, tenant: TenantId | None) -> Part:
    is_open = batch.closed is None
    items = store.held_items(batch.directory, tenant) if is_open else ()
    own = tuple(item for item in items if item.why is batch.why)
    if tenant is None:
        return Part(batch=batch, items=own)
    counts = Counter(item.decision for item in own)
    seen = replace(
        batch,
        text=_TOLD[batch.why],
        tenant=tenant,
        size=len(own),
        waiting=counts[Decision.WAITING],
        approved=counts[Decision.APPROVED],
        rejected=counts[Decision.REJECTED],
    )
    return Part(batch=seen, items=own)


def _named(found: Part, name: str) -> HeldItem:
    same = [item for item in found.items if item.key == name or key_of_name(item.name) == key_of_name(name)]
    if not same:
        raise NotFound(f"There is no {name} in the batch {found.batch.id}; `lockstep brake show` lists who is")
    if len(same) > 1:
        keys = ", ".join(item.key for item in same)
        raise InvalidInput(f"There are several {name} in the batch {found.batch.id}; say which by id: {keys}")
    return same[0]


def _rows_by_tenant(actor: Actor, found: Part, items: Iterable[HeldItem], now: datetime) -> Iterable[AuditEntry]:
    counts = Counter(item.tenant for item in items)
    for tenant, count in sorted(counts.items(), key=lambda counted: counted[0] or ""):
        row = _row(actor, found.batch, now)
        hashed = f"SHA-256 of the batch: {found.batch.hash}"
        yield replace(row, tenant=tenant, before=found.batch.why.value, after=f"{count} users", detail=hashed)


def _rows_by_user(actor: Actor, found: Part, items: Iterable[HeldItem], now: datetime) -> Iterable[AuditEntry]:
    for item in items:
        row = replace(_row(actor, found.batch, now), subject=item.name, tenant=item.tenant, user=item.user)
        yield replace(row, before=item.before, after=item.after, detail=f"SHA-256 of the proposal: {item.hash}")


def _row(actor: Actor, batch: HeldBatch, now: datetime) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=Action.BATCH_APPROVED,
        result=Result.DONE,
        subject=batch.directory,
        reference=batch.id,
    )
