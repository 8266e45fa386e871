"""The identity store in a SQL database: SQLAlchemy and Alembic end here, and their errors become ours."""

from ims.store.migrations import migrate
from ims.store.store import SqlStore, open_store

__all__ = ["SqlStore", "migrate", "open_store"]
