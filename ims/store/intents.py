"""Unlocks under way. A row is there exactly as long as its intent is open; what became of it is in the audit."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select, update

from ims.audit import AuditEntry
from ims.errors import Conflict
from ims.locks import LockFact
from ims.ports import Intent, IntentId
from ims.store.audit import append
from ims.store.codec import decode, encode
from ims.store.engine import Part
from ims.store.tables import intents


class SqlIntents(Part):
    """The intents as the store keeps them."""

    def open_intent(self, intent: Intent) -> None:
        """Commit an intent. Raises StoreUnusable."""
        with self._database.writing() as connection:
            row = {"id": intent.id, "opened": intent.opened, "document": encode(intent)}
            connection.execute(insert(intents), row)

    def mark_writing(self, intent: IntentId, seen: Sequence[LockFact]) -> None:
        """Commit that the directory write comes next and what it removes.

        Raises Conflict if the intent is closed: its owner was taken for dead and must not write any more.
        """
        with self._database.writing() as connection:
            require_open(connection, intent)
            asked = select(intents.c.document).where(intents.c.id == intent)
            marked = replace(decode(Intent, connection.execute(asked).scalar_one()), writing=True, seen=tuple(seen))
            connection.execute(update(intents).where(intents.c.id == intent).values(document=encode(marked)))

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents that nobody has closed, oldest first."""
        asked = select(intents.c.document).order_by(intents.c.opened, intents.c.id)
        with self._database.reading() as connection:
            return tuple(decode(Intent, document) for document in connection.execute(asked).scalars())

    def close_intent(self, intent: IntentId, audit: Sequence[AuditEntry]) -> bool:
        """Close an intent that changed no user, with its audit rows. Return False if somebody closed it before."""
        with self._database.writing() as connection:
            closed = close(connection, intent)
            append(connection, audit if closed else ())
        return closed


def require_open(connection: Connection, intent: IntentId) -> None:
    """Raise Conflict unless the intent is open, and keep it so until the transaction ends."""
    asked = select(intents.c.id).where(intents.c.id == intent).with_for_update()
    if connection.execute(asked).first() is None:
        raise Conflict("This unlock was settled already by another process; look at the user again, then decide anew")


def close(connection: Connection, intent: IntentId) -> bool:
    """Close an intent. Return False if it was closed before."""
    return connection.execute(delete(intents).where(intents.c.id == intent)).rowcount == 1
