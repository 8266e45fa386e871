"""The stores that passes write to, and what was written there, counted by the database itself."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.errors import BenchProblem
from ims.store import migrate

CONTENT = ("users", "contacts", "locks", "entries", "affiliations", "audit", "quarantine")
"""The tables of what Lockstep knows. The others keep account of passes, leases and the like: a few rows per pass."""
_WRITES = ("INSERT", "UPDATE", "DELETE")


def new_store(file: Path) -> Path:
    """Make an empty store."""
    migrate(f"sqlite:///{file}")
    return file


def remove_store(file: Path) -> None:
    """Remove a store with what SQLite keeps beside it."""
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def count_rows(file: Path, table: str) -> int:
    """Return how many rows a table has."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def watch(file: Path) -> None:
    """Let the database count every row that anybody inserts, updates or deletes in the tables of content from now on.

    A row that is rewritten as it was counts too: comparing contents would not see it.
    """
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bench_writes (number INTEGER)")
        connection.execute("INSERT INTO bench_writes VALUES (0)")
        for table in CONTENT:
            for write in _WRITES:
                connection.execute(
                    f"CREATE TRIGGER bench_{table}_{write} AFTER {write} ON {table} "
                    "BEGIN UPDATE bench_writes SET number = number + 1; END"
                )
        connection.commit()


def rows_written(file: Path) -> int:
    """Return how many rows were written since `watch`."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT number FROM bench_writes").fetchone()[0])


def must_hold(file: Path, users: int) -> None:
    """Raise BenchProblem unless a store holds so many users, each with an entry, and audited how they came in."""
    found = {table: count_rows(file, table) for table in ("users", "entries", "audit")}
    if found["users"] != users or found["entries"] != users or not found["audit"]:
        raise BenchProblem(f"a store was to hold {users} users, and holds {found}")
