"""Alembic, and nothing else of the store: whoever only opens a store that is up to date never loads it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_HERE = Path(__file__).parent


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, in the transaction of the caller."""
    command.upgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    """Return Alembic's settings; a percent sign in the path would be taken for a placeholder."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
