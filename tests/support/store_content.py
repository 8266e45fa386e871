"""What a store holds, table by table, for tests that say that nothing changed."""

from sqlalchemy import select

from ims.store import SqlStore
from ims.store.tables import METADATA

OF_THE_PASSES = frozenset({"passes", "batches", "directories", "revision", "leases"})
"""What every pass writes, whatever it finds."""


def content(store: SqlStore, but: frozenset[str] = OF_THE_PASSES) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, but for the tables named."""
    with store._database.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
            if table.name not in but
        }
