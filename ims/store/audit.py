"""The append-only record and its chain. No function here changes or removes a row, and SQLite refuses both by trigger.

A row's number and the hash of the row before are read in the transaction that appends it. The store has one writer at a
time, so that the chain never forks, whichever process writes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, column, func, select, table

from ims.audit import Action, AuditEntry, Result
from ims.chain import FIELDS, Chain, Extract, Head, Link, first_previous, hash_of, moment_text, texts_of
from ims.clearing import NOTHING_LOCKED
from ims.people import Channel, Role, TenantId, UserId
from ims.store.engine import Part, insert_tuples
from ims.store.tables import audit, chain, microseconds, moment_of

_NUMBERS_GIVEN = table("sqlite_sequence", column("name"), column("seq"))
"""Where SQLite keeps the highest number that it ever gave to a row of a table; removing the row does not lower it."""
_COLUMNS = ("number", *FIELDS, "previous", "hash")
_NOWHERE = "0" * 64
_LOWEST = -(2**63)
"""The lowest number that a row can have: a whole chain shows what somebody put before row 1, too."""


class SqlAuditLog(Part):
    """The audit as the store keeps it."""

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """Append rows. Raises StoreUnusable; whoever cannot record must not act."""
        with self._database.writing() as connection:
            append(connection, entries)

    def audit(
        self,
        *,
        tenant: TenantId | None = None,
        user: UserId | None = None,
        reference: str | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """Return the newest matching rows, newest first."""
        asked = select(audit).order_by(audit.c.number.desc()).limit(limit)
        for wanted_in, wanted in ((audit.c.tenant, tenant), (audit.c.user, user), (audit.c.reference, reference)):
            if wanted is not None:
                asked = asked.where(wanted_in == wanted)
        with self._database.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(asked).mappings())

    def unlocks(
        self,
        *,
        since: datetime,
        tenant: TenantId,
        actor: str | None = None,
        user: UserId | None = None,
    ) -> int:
        """Count the unlocks since then that ended a lock: by one actor, or of one user."""
        ended = (
            audit.c.action == Action.UNLOCK.value,
            audit.c.result == Result.DONE.value,
            audit.c.before != NOTHING_LOCKED,
        )
        asked = select(func.count()).where(audit.c.tenant == tenant, audit.c.at >= since, *ended)
        for wanted_in, wanted in ((audit.c.actor, actor), (audit.c.user, user)):
            if wanted is not None:
                asked = asked.where(wanted_in == wanted)
        with self._database.reading() as connection:
            return int(connection.execute(asked).scalar_one())

    def head(self) -> Head:
        """Return the end of the chain as it is now: row 0 where nothing was recorded yet."""
        with self._database.reading() as connection:
            return self._head(connection)

    @contextmanager
    def chain(
        self,
        *,
        after: int = 0,
        since: datetime | None = None,
        tenant: TenantId | None = None,
    ) -> Iterator[Chain]:
        """Open the chain as it is at this moment: all rows, or those after a number, or recorded at `since` or later.

        Rows are read while they are taken, whatever lies in them. Of one tenant's rows alone no chain can be verified.
        """
        with self._database.reading() as connection:
            head = self._head(connection)
            start = after if since is None else _last_before(connection, since, head)
            extract = Extract(head=head, after=start, previous=_hash_at(connection, start, head), tenant=tenant or "")
            yield Chain(extract=extract, last=_last_number(connection), links=_links(connection, start, tenant))

    def _head(self, connection: Connection) -> Head:
        number, ended = _end(connection)
        return Head(store=_store_id(connection), number=number, hash=ended, at=self._clock.now())


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Append rows in the writing transaction of what they tell of, each with the hash of the row before."""
    if not entries:
        return
    ended, previous = _end(connection)
    rows: list[tuple[object, ...]] = []
    for number, entry in enumerate(entries, max(ended, _last_number(connection)) + 1):
        texts = texts_of(entry)
        made = hash_of(number, texts, previous)
        rows.append((number, microseconds(entry.at), *texts[1:], bytes.fromhex(previous), bytes.fromhex(made)))
        previous = made
    insert_tuples(connection, audit, _COLUMNS, rows)


def _end(connection: Connection) -> tuple[int, str]:
    """Return the number and the hash of the last row; where somebody destroyed that hash, one that leads nowhere."""
    asked = select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)
    last = connection.execute(asked).first()
    if last is None:
        return 0, first_previous(_store_id(connection))
    return last.number, _hexadecimal(last.hash) if _is_hash(last.hash) else _NOWHERE


def _last_before(connection: Connection, since: datetime, head: Head) -> int:
    """Return the number before the first row that was recorded at `since` or later."""
    first = connection.execute(select(func.min(audit.c.number)).where(audit.c.at >= since)).scalar()
    return head.number if first is None else max(first - 1, 0)


def _hash_at(connection: Connection, number: int, head: Head) -> str:
    """Return the hash that the row after this number has to follow."""
    if number <= 0:
        return first_previous(head.store)
    return _hexadecimal(connection.execute(select(audit.c.hash).where(audit.c.number == number)).scalar())


def _last_number(connection: Connection) -> int:
    """Return the highest number that any row ever had."""
    asked = select(_NUMBERS_GIVEN.c.seq).where(_NUMBERS_GIVEN.c.name == audit.name)
    return int(connection.execute(asked).scalar() or 0)


def _store_id(connection: Connection) -> str:
    return connection.execute(select(chain.c.store)).scalar() or ""


# --- rows as they lie there ------------------------------------------------------------------------------------------


def _links(connection: Connection, after: int, tenant: TenantId | None) -> Iterator[Link]:
    """Read rows past SQLAlchemy: a value of a wrong type, or no UTF-8, has to come through to be found."""
    there: Any = connection.connection.driver_connection
    names = ", ".join(f'"{name}"' for name in _COLUMNS)
    first = after + 1 if after else _LOWEST
    condition = "AND tenant = ?" if tenant else ""
    statement = f"SELECT {names} FROM audit WHERE number >= ? {condition} ORDER BY number"  # noqa: S608 - names of ours
    as_found = there.text_factory
    there.text_factory = _text
    try:
        rows = there.execute(statement, (first, tenant) if tenant else (first,))
        for number, at, *texts, previous, hash_ in rows:
            yield Link(
                number=number,
                texts=(_moment(at), *map(_shown, texts)),
                previous=_hexadecimal(previous),
                hash=_hexadecimal(hash_),
            )
    finally:
        there.text_factory = as_found


def _text(found: bytes) -> str:
    return found.decode("utf-8", "surrogateescape")


def _moment(found: object) -> str:
    try:
        return moment_text(moment_of(found)) if isinstance(found, int) else repr(found)
    except OverflowError:
        return repr(found)


def _shown(found: object) -> str:
    return found if isinstance(found, str) else repr(found)


def _is_hash(found: object) -> bool:
    return isinstance(found, bytes) and len(found) == hashlib.sha256().digest_size


def _hexadecimal(found: object) -> str:
    return found.hex() if isinstance(found, bytes) else repr(found)


# --- entries ---------------------------------------------------------------------------------------------------------


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        at=row["at"],
        actor=row["actor"],
        role=Role(row["role"]),
        channel=Channel(row["channel"]),
        action=Action(row["action"]),
        result=Result(row["result"]),
        subject=row["subject"],
        tenant=row["tenant"] or None,
        user=row["user"] or None,
        before=row["before"],
        after=row["after"],
        detail=row["detail"],
        reference=row["reference"],
        number=row["number"],
    )
