"""What the brake keeps back, and what it has counted lately.

`held_items` holds what waits now, one row for each person, and nothing else: an item that was let through or is no
longer proposed leaves no row, only the audit. A batch's own row stays for a while after it was closed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, insert, select, update

from ims.audit import AuditEntry
from ims.batches import BatchId, BatchState, Closing, Counted, Decision, HeldBatch, HeldChange, HeldItem, Why
from ims.errors import Conflict, NotFound
from ims.locks import LockReason
from ims.people import DirectoryName, TenantId
from ims.store.audit import append
from ims.store.codec import decode, encode
from ims.store.engine import Part, chunks, insert_rows
from ims.store.tables import counted, held_batches, held_items

_Values = Mapping[str, Any]

KEPT_BATCHES = 200
"""How many closed batches are remembered of each directory: who comes with an old number learns what became of it."""
KEPT_COUNTED = timedelta(days=1)
"""The brake looks back one hour; the rest is for an agent whose clock is wrong by some hours."""


class SqlHeldBatches(Part):
    """The held batches as the store keeps them."""

    def held_batches(self, directory: DirectoryName | None = None) -> tuple[HeldBatch, ...]:
        """Return the open batches, oldest first."""
        asked = held_batches.c.state == BatchState.OPEN.value
        if directory is not None:
            asked = and_(asked, held_batches.c.directory == directory)
        with self._database.reading() as connection:
            return _batches(connection, asked)

    def held_batch(self, batch: BatchId) -> HeldBatch | None:
        """Return a batch, open or not, or None."""
        with self._database.reading() as connection:
            return next(iter(_batches(connection, held_batches.c.id == batch)), None)

    def held_items(self, directory: DirectoryName, tenant: TenantId | None = None) -> tuple[HeldItem, ...]:
        """Return what waits in a directory, all of it or what concerns one tenant alone, in the order of names."""
        asked = select(held_items).where(held_items.c.directory == directory)
        if tenant is not None:
            asked = asked.where(held_items.c.tenant == tenant)
        with self._database.reading() as connection:
            found = connection.execute(asked.order_by(held_items.c.name, held_items.c.key)).mappings()
            return tuple(map(_item_of, found))

    def decide(
        self,
        batch: BatchId,
        items: Sequence[HeldItem],
        decision: Decision,
        by: str,
        at: datetime,
        audit: Sequence[AuditEntry],
    ) -> None:
        """Record what was decided on these items of an open batch. Raises NotFound, or Conflict: nothing was decided.

        What a batch holds never changes: where the directory moves it is closed, and another one has its items. What
        changes is who has decided: of two who look at the same, the later one is told, and looks again.
        """
        values = {"decision": decision.value, "decided_by": by, "decided_at": at}
        with self._database.writing() as connection:
            here = _require_open(connection, batch)
            for shown in Decision:
                keys = [item.key for item in items if item.decision is shown]
                same = and_(here, held_items.c.decision == shown.value)
                if _update_items(connection, same, keys, values) != len(keys):
                    raise Conflict(
                        f"The batch {batch} does not hold all of them as they were shown: the directory has moved, or "
                        "somebody else has decided; look at it again, then decide"
                    )
            append(connection, audit)

    def counted(self, of: DirectoryName | None, since: datetime, reasons: Iterable[LockReason]) -> tuple[Counted, ...]:
        """Return what counts of what passes of one directory, or of any, have raised after `since`; oldest first."""
        wanted = [reason.value for reason in reasons]
        asked = select(counted).where(counted.c.at > since, counted.c.reason.in_(wanted)).order_by(counted.c.number)
        if of is not None:
            asked = asked.where(counted.c.directory == of)
        with self._database.reading() as connection:
            return tuple(
                Counted(
                    directory=row.directory,
                    tenant=row.tenant,
                    user=row.user,
                    reason=LockReason(row.reason),
                    at=row.at,
                    pass_id=row.pass_id,
                )
                for row in connection.execute(asked)
            )


# --- in the transaction of a pass ------------------------------------------------------------------------------------


def save_held(connection: Connection, directory: DirectoryName, change: HeldChange) -> None:
    """Write what a pass changes of what is kept back in its directory."""
    for closing in change.closed:
        _close(connection, closing)
    for some in chunks((*change.dropped, *(item.key for item in change.put))):
        here = held_items.c.directory == directory
        connection.execute(delete(held_items).where(here, held_items.c.key.in_(some)))
    insert_rows(connection, held_items, map(_item_row, change.put))
    for batch in change.opened:
        connection.execute(insert(held_batches), _batch_row(batch))
    if change.closed:
        _forget_closed(connection, directory)


def counted_rows(locks: Iterable[Counted]) -> Iterator[_Values]:
    """Yield the rows of `counted` for the locks that a change raises."""
    for lock in locks:
        yield {
            "directory": lock.directory,
            "tenant": lock.tenant,
            "user": lock.user,
            "reason": lock.reason.value,
            "at": lock.at,
            "pass_id": lock.pass_id,
        }


def forget_counted(connection: Connection, directory: DirectoryName, now: datetime) -> None:
    """Forget what is too long ago to count."""
    old = and_(counted.c.directory == directory, counted.c.at < now - KEPT_COUNTED)
    connection.execute(delete(counted).where(old))


def _close(connection: Connection, closing: Closing) -> None:
    values = {"state": closing.state.value, "closed": closing.at, "successor": closing.successor or ""}
    connection.execute(update(held_batches).where(held_batches.c.id == closing.id).values(values))


def _forget_closed(connection: Connection, directory: DirectoryName) -> None:
    closed = and_(held_batches.c.directory == directory, held_batches.c.state != BatchState.OPEN.value)
    oldest = select(held_batches.c.number).where(closed).order_by(held_batches.c.number.desc())
    number = oldest.limit(1).offset(KEPT_BATCHES).scalar_subquery()
    connection.execute(delete(held_batches).where(closed, held_batches.c.number <= number))


def _update_items(connection: Connection, which: ColumnElement[bool], keys: Sequence[str], values: _Values) -> int:
    """Change the items with these keys of which a condition holds, and return how many those are."""
    statements = (update(held_items).where(which, held_items.c.key.in_(some)).values(values) for some in chunks(keys))
    return sum(connection.execute(statement).rowcount for statement in statements)


# --- rows ------------------------------------------------------------------------------------------------------------


def _require_open(connection: Connection, batch: BatchId) -> ColumnElement[bool]:
    """Return the condition by which an open batch's items are found. Raises NotFound or Conflict."""
    row = connection.execute(select(held_batches).where(held_batches.c.id == batch)).mappings().first()
    if row is None:
        raise NotFound(f"There is no batch {batch}; `lockstep brake list` shows what waits")
    if row["state"] != BatchState.OPEN.value:
        newer = f": {row['successor']} has taken its place" if row["successor"] else ""
        state = BatchState(row["state"]).value.replace("_", " ")
        raise Conflict(f"The batch {batch} is {state}{newer}; `lockstep brake list` shows what waits now")
    return and_(held_items.c.directory == row["directory"], held_items.c.why == row["why"])


def _batches(connection: Connection, asked: ColumnElement[bool]) -> tuple[HeldBatch, ...]:
    rows = connection.execute(select(held_batches).where(asked).order_by(held_batches.c.number)).mappings().all()
    counts = _counts(connection) if any(row["state"] == BatchState.OPEN.value for row in rows) else {}
    return tuple(_batch_of(row, counts) for row in rows)


_Counts = Mapping[tuple[str, str, str], tuple[int, datetime | None]]
"""How many items there are by directory, reason and decision, and when the last of them was decided on."""


def _counts(connection: Connection) -> _Counts:
    by = (held_items.c.directory, held_items.c.why, held_items.c.decision)
    found = connection.execute(select(*by, func.count(), func.max(held_items.c.decided_at)).group_by(*by))
    return {(directory, why, decision): (count, last) for directory, why, decision, count, last in found}


def _batch_of(row: RowMapping, counts: _Counts) -> HeldBatch:
    of = (row["directory"], row["why"]) if row["state"] == BatchState.OPEN.value else ("", "")
    waiting, approved, rejected = (counts.get((*of, one.value), (0, None)) for one in Decision)
    return HeldBatch(
        id=row["id"],
        directory=row["directory"],
        why=Why(row["why"]),
        text=row["text"],
        created=row["created"],
        expires=row["expires"],
        hash=row["hash"],
        pass_id=row["pass_id"],
        size=row["size"],
        tenant=row["tenant"] or None,
        state=BatchState(row["state"]),
        closed=row["closed"],
        successor=row["successor"] or None,
        waiting=waiting[0],
        approved=approved[0],
        rejected=rejected[0],
        approved_at=approved[1],
    )


def _batch_row(batch: HeldBatch) -> _Values:
    return {
        "id": batch.id,
        "directory": batch.directory,
        "why": batch.why.value,
        "state": batch.state.value,
        "text": batch.text,
        "hash": batch.hash,
        "pass_id": batch.pass_id,
        "tenant": batch.tenant or "",
        "successor": batch.successor or "",
        "size": batch.size,
        "created": batch.created,
        "expires": batch.expires,
        "closed": batch.closed,
    }


def _item_of(row: RowMapping) -> HeldItem:
    item = decode(HeldItem, row["document"])
    decided = (row["decision"], row["decided_by"], row["decided_at"])
    if decided == (item.decision.value, item.decided_by, item.decided_at):
        return item  # nobody has decided since it was written: nearly all of them, and a pass reads every one
    return replace(item, decision=Decision(decided[0]), decided_by=decided[1], decided_at=decided[2])


def _item_row(item: HeldItem) -> _Values:
    return {
        "directory": item.directory,
        "key": item.key,
        "why": item.why.value,
        "entry_id": item.entry_id,
        "tenant": item.tenant or "",
        "name": item.name,
        "document": encode(item),
        "decision": item.decision.value,
        "decided_by": item.decided_by,
        "decided_at": item.decided_at,
    }
