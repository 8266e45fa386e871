"""The store's tables through time: bringing a store up to date, and refusing one that is not."""

from functools import cache
from pathlib import Path
from pkgutil import iter_modules

from sqlalchemy import Connection, inspect

from ims.errors import StoreUnusable
from ims.store.engine import Database


def migrate(url: str) -> None:
    """Create the store, or bring its tables up to date. Run it as often as you like, from any number of processes.

    The whole of it is one transaction of the one writer, so that a second process waits and then finds nothing to do.
    Raises StoreUnusable, also for a store that a newer Lockstep has used.
    """
    from ims.store.migrations.upgrading import upgrade  # noqa: PLC0415 - 11 MiB that only a migration needs

    database = Database(url)
    try:
        database.create()
        with database.writing() as connection:
            if _revision_of(connection) not in (None, *_known()):
                raise _too_new(connection, database.name)
            upgrade(connection)
    finally:
        database.close()


def require_current(connection: Connection, name: str) -> None:
    """Raise StoreUnusable unless the tables are those this program was written for."""
    found = _revision_of(connection)
    if found == _known()[0]:
        return
    if found is None or found in _known():
        raise StoreUnusable(f"The store {name} is empty or of an older version; run `lockstep migrate`")
    raise _too_new(connection, name)


def _too_new(connection: Connection, name: str) -> StoreUnusable:
    found = _revision_of(connection)
    return StoreUnusable(
        f"The store {name} was used by a newer Lockstep (its tables are {found}, this one knows up to {_known()[0]}); "
        "install that version again, or restore the backup from before the upgrade",
    )


def _revision_of(connection: Connection) -> str | None:
    """Return the revision that the tables say they are of, None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


@cache
def _known() -> tuple[str, ...]:
    """Return the revisions that this program knows, newest first: each module is named after its own."""
    modules = iter_modules([str(Path(__file__).parent / "versions")])
    return tuple(sorted((module.name[1:5] for module in modules), reverse=True))
