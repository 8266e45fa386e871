"""Bringing a store up to date in a process that ends at a statement; and stores of older versions with something in."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Engine, event

from ims.store import migrate
from ims.store.engine import Database
from ims.store.migrations import _known
from ims.store.migrations.upgrading import _config
from tests.support.failpoints import die

AUDIT = {"role": "operator", "channel": "command_line", "action": "read_on_the_box", "result": "done"}
"""What an audit row must hold in columns that know their values."""
DOCUMENTS = ("profile", "standing", "document", "dropped")
"""Columns that hold JSON; a moment in it was a number in the first version."""


def versions() -> tuple[str, ...]:
    """Return the versions of the tables that this program knows, oldest first."""
    return tuple(reversed(_known()))


def interrupted(url: str, statement: int) -> None:
    """Bring a store up to date, and die before its nth statement; COMMIT is the one after the last."""
    left = [statement]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            die()

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    migrate(url)


def make(file: Path, version: str) -> None:
    """Make a store of a version, with a row in every table that the first one had."""
    database = Database(f"sqlite:///{file}")
    try:
        database.create()
        with database.writing() as connection:
            command.upgrade(_config(connection), versions()[0])
        _fill(file)
        with database.writing() as connection:
            command.upgrade(_config(connection), version)
    finally:
        database.close()


def dump(file: Path) -> tuple[str, ...]:
    """Return everything that a store holds, as SQL."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return tuple(connection.iterdump())


def tables(file: Path) -> dict[str, tuple[str, int]]:
    """Return how each table, index and trigger is made, and how many rows each table has."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        return {name: (sql, _rows(connection, name) if kind == "table" else 0) for kind, name, sql in found}


def _rows(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


def _fill(file: Path) -> None:
    """Put one row into every table; three into the audit."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in tables(file):
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            if not columns or table.startswith("sqlite_") or _rows(connection, table):
                continue
            for number in range(3 if table == "audit" else 1):
                row = [_value(name, kind, number) for _, name, kind, *_ in columns]
                marks = ", ".join("?" * len(row))
                connection.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)


def _value(name: str, kind: str, number: int) -> object:
    if name in AUDIT:
        return AUDIT[name]
    if name in DOCUMENTS:
        return '{"since":1763900000000000,"note":"none"}'
    match kind.split("(", maxsplit=1)[0]:
        case "TEXT":
            return f"{name} {number}"
        case "BLOB":
            return b"\0" * 32
        case _:
            return number + 1
