"""The store's tables through time: bringing a store up to date, and refusing one that is not."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ims.errors import StoreUnusable
from ims.store.engine import Database

_HERE = Path(__file__).parent


def migrate(url: str) -> None:
    """Create the store, or bring its tables up to date. Run it as often as you like, from any number of processes.

    The whole of it is one transaction of the one writer, so that a second process waits and then finds nothing to do.
    Raises StoreUnusable, also for a store that a newer Lockstep has used.
    """
    database = Database(url)
    try:
        database.create()
        with database.writing() as connection:
            if _revision_of(connection) not in (None, *_known()):
                raise _too_new(connection, database.name)
            command.upgrade(_config(connection), "head")
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
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _known() -> tuple[str, ...]:
    """Return the revisions that this program knows, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config(connection: Connection | None = None) -> Config:
    """Return Alembic's settings; a percent sign in the path would be taken for a placeholder."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
