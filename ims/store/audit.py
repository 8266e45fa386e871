"""The append-only record. No function here changes or removes a row, and SQLite refuses both by trigger."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, insert, select

from ims.audit import Action, AuditEntry, Result
from ims.people import Channel, Role, TenantId, UserId
from ims.store.engine import Part
from ims.store.tables import audit


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
        for column, wanted in ((audit.c.tenant, tenant), (audit.c.user, user), (audit.c.reference, reference)):
            if wanted is not None:
                asked = asked.where(column == wanted)
        with self._database.reading() as connection:
            return tuple(_entry(row) for row in connection.execute(asked).mappings())


def append(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Append rows in the transaction of what they tell of."""
    if entries:
        connection.execute(insert(audit), [_row(entry) for entry in entries])


def _row(entry: AuditEntry) -> dict[str, object]:
    return {
        "at": entry.at,
        "actor": entry.actor,
        "role": entry.role.value,
        "channel": entry.channel.value,
        "action": entry.action.value,
        "result": entry.result.value,
        "subject": entry.subject,
        "tenant": entry.tenant or "",
        "user": entry.user or "",
        "before": entry.before,
        "after": entry.after,
        "detail": entry.detail,
        "reference": entry.reference,
    }


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
    )
