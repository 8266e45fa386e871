"""The store put together from its parts."""

from datetime import UTC, datetime

from sqlalchemy import update

from ims.errors import StoreUnusable
from ims.ports import Clock
from ims.store.audit import SqlAuditLog
from ims.store.engine import Database
from ims.store.groups import SqlGroups
from ims.store.held import SqlHeldBatches
from ims.store.intents import SqlIntents
from ims.store.migrations import require_current
from ims.store.people import SqlPeople
from ims.store.portal import SqlPortal
from ims.store.sync_state import SqlSyncState
from ims.store.tables import revision
from ims.store.tokens import SqlTokens


class _MachineClock:
    """What the store goes by where its caller brings no clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SqlStore(SqlPeople, SqlAuditLog, SqlIntents, SqlTokens, SqlSyncState, SqlHeldBatches, SqlGroups, SqlPortal):
    """The identity store in a SQL database; usable from any number of threads."""

    def check(self) -> None:
        """Prove that the store can be read and written. Raises StoreUnusable."""
        with self._database.writing() as connection:
            require_current(connection, self._database.name)
            connection.execute(update(revision).values(number=revision.c.number))

    def close(self) -> None:
        """Release connections."""
        self._database.close()


def open_store(url: str, clock: Clock | None = None) -> SqlStore:
    """Open a store that `migrate` has prepared. Raises StoreUnusable, also for tables of another version.

    A store that is not there is not made: a wrong path in the settings would look like one with nobody in it.
    """
    database = Database(url)
    if not database.file.exists():
        raise StoreUnusable(f"There is no store {database.name} yet; run `lockstep migrate`")
    store = SqlStore(database, clock or _MachineClock())
    try:
        with database.reading() as connection:
            require_current(connection, database.name)
    except BaseException:
        database.close()
        raise
    return store
