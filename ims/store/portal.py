"""What the portal keeps: sessions, devices, tries at passwords, pleas and operations."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from ims.audit import AuditEntry
from ims.operations import OperationId, UnlockOperation, UnlockOutcome, UnlockResult
from ims.people import Role, TenantId, UserId
from ims.pleas import Plea, PleaId
from ims.sessions import DeviceId, Patience, Session, SessionId, Standing, Try
from ims.store.audit import append
from ims.store.engine import Part
from ims.store.portal_tables import devices, operations, pleas, sessions, tries

OPERATIONS_LAST = timedelta(days=90)
"""How long the page that tells of an unlock can be read; the audit keeps it for good."""


class SqlPortal(Part):
    """Sessions and operations as the store keeps them."""

    def session(self, session_id: SessionId) -> Session | None:
        """Return a session, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == session_id)).mappings().first()
        if row is None:
            return None
        return Session(**{**row, "role": Role(row["role"]) if row["role"] else None})

    def open_session(self, session: Session, audit: Sequence[AuditEntry]) -> None:
        """Keep a new session, with the audit rows that tell of it, and forget those that are over."""
        row = asdict(session) | {"role": session.role.value if session.role else ""}
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= session.opened))
            connection.execute(insert(sessions), row)
            append(connection, audit)

    def touch_session(self, session_id: SessionId, at: datetime) -> None:
        """Remember that a session was used."""
        with self._database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.id == session_id).values(seen=at))

    def end_session(self, session_id: SessionId) -> None:
        """Forget a session; none to forget is no error."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.id == session_id))

    def end_sessions(self, user: UserId) -> int:
        """Forget all sessions of a person, and return how many there were."""
        with self._database.writing() as connection:
            return connection.execute(delete(sessions).where(sessions.c.user == user)).rowcount

    def take_try(self, key: str, now: datetime, patience: Patience) -> Try:
        """Take a try at a password for a name, unless there were too many, or one is under way."""
        with self._database.writing() as connection:
            connection.execute(delete(tries).where(tries.c.at <= now - patience.window))
            taken = connection.execute(select(tries.c.at, tries.c.under_way).where(tries.c.key == key)).all()
            last = max((row.at for row in taken), default=now)
            if any(row.under_way and row.at + patience.longest > now for row in taken):
                return Try(standing=Standing.BUSY, last=last)
            if len(taken) >= patience.tries:
                return Try(standing=Standing.TOO_MANY, last=last)
            connection.execute(insert(tries), {"key": key, "at": now, "under_way": True})
        return Try(standing=Standing.YOURS, last=now, before=len(taken))

    def settle_try(self, key: str) -> None:
        """Say that the try is over; it goes on counting."""
        with self._database.writing() as connection:
            connection.execute(update(tries).where(tries.c.key == key).values(under_way=False))

    def forget_tries(self, key: str) -> None:
        """Begin to count anew: the right password was given."""
        with self._database.writing() as connection:
            connection.execute(delete(tries).where(tries.c.key == key))

    def remember_device(self, device: DeviceId, user: UserId, at: datetime) -> None:
        """Remember that a person has signed in on a device."""
        with self._database.writing() as connection:
            connection.execute(delete(devices).where(devices.c.id == device, devices.c.user == user))
            connection.execute(insert(devices), {"id": device, "user": user, "seen": at})

    def knows_device(self, device: DeviceId, user: UserId) -> bool:
        """Return whether a person has signed in on this device before."""
        asked = select(devices.c.id).where(devices.c.id == device, devices.c.user == user)
        with self._database.reading() as connection:
            return connection.execute(asked).first() is not None

    def pleas(self, tenant: TenantId) -> tuple[Plea, ...]:
        """Return the pleas of a tenant that nobody has dismissed, oldest first."""
        asked = select(pleas).where(pleas.c.tenant == tenant, pleas.c.dismissed.is_(False)).order_by(pleas.c.at)
        with self._database.reading() as connection:
            return tuple(
                Plea(id=PleaId(row.id), user=UserId(row.user), tenant=TenantId(row.tenant), at=row.at, words=row.words)
                for row in connection.execute(asked)
            )

    def add_plea(self, plea: Plea, unless_since: datetime) -> bool:
        """Keep a plea, unless there is one of the same user since then, dismissed or not. Return whether it is kept."""
        lately = select(pleas.c.id).where(pleas.c.user == plea.user, pleas.c.at > unless_since)
        with self._database.writing() as connection:
            if connection.execute(lately).first() is not None:
                return False
            connection.execute(delete(pleas).where(pleas.c.user == plea.user))
            connection.execute(insert(pleas), asdict(plea) | {"dismissed": False})
        return True

    def dismiss_plea(self, plea: PleaId) -> bool:
        """Dismiss a plea. Return False if there is none, or it was dismissed before."""
        still = (pleas.c.id == plea, pleas.c.dismissed.is_(False))
        with self._database.writing() as connection:
            return connection.execute(update(pleas).where(*still).values(dismissed=True)).rowcount == 1

    def operation(self, operation: OperationId) -> UnlockOperation | None:
        """Return an operation, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(operations).where(operations.c.id == operation)).first()
        if row is None:
            return None
        return UnlockOperation(
            id=row.id,
            tenant=TenantId(row.tenant),
            actor=row.actor,
            at=row.at,
            results=tuple(_result(one) for one in json.loads(row.document)),
        )

    def add_operation(self, operation: UnlockOperation) -> None:
        """Keep an operation."""
        row = {
            "id": operation.id,
            "tenant": operation.tenant,
            "actor": operation.actor,
            "at": operation.at,
            "document": json.dumps([asdict(result) for result in operation.results]),
        }
        with self._database.writing() as connection:
            connection.execute(delete(operations).where(operations.c.at < operation.at - OPERATIONS_LAST))
            connection.execute(insert(operations), row)


def _result(document: dict[str, str]) -> UnlockResult:
    return UnlockResult(
        user=UserId(document["user"]),
        user_name=document["user_name"],
        outcome=UnlockOutcome(document["outcome"]),
        text=document["text"],
    )
