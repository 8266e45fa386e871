"""The database behind the store: connections, transactions, and SQLAlchemy's errors turned into ours.

SQLite is one file in WAL mode: readers never wait, and one writer at a time takes the lock before it reads anything,
so that nothing it decided on can change under it.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    create_engine,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError, StatementError
from sqlalchemy.pool import ConnectionPoolEntry

from ims.errors import InvalidInput, LockstepError, NotUnique, StoreUnusable
from ims.ports import Clock
from ims.store.tables import NO_NUL, NUL, Text

BUSY_SECONDS = 10.0
"""How long a writer waits for another one before it gives up; a batch of 2,000 users takes well under one second."""
HELD_SECONDS = 0.2
"""How long it waits while the store is known to be held: whoever comes next shall be told, not queue up."""
CHUNK = 500
"""How many values one statement lists."""
_SCANNING_KIB = -1000
"""How much of a table is kept while it is looked through once (SQLite counts KiB downwards)."""
_WRITES = "lockstep_writes"
_PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", "cache_size=-16000")
"""FULL: a power cut takes no commit back. With NORMAL an unlock could be in the directory and its audit row be lost."""

_ADVICE = {
    "SQLITE_BUSY": "another program keeps it locked; look for a backup or a shell that holds it open, then repeat",
    "SQLITE_LOCKED": "another program keeps it locked; look for a backup or a shell that holds it open, then repeat",
    "SQLITE_FULL": "the disk is full; free some space, nothing else is needed",
    "SQLITE_READONLY": "it is read-only; make the file and its folder writable for the user Lockstep runs as",
    "SQLITE_CANTOPEN": "it cannot be opened; make sure that its folder exists and that Lockstep may write there",
    "SQLITE_PERM": "access is denied; make the file and its folder writable for the user Lockstep runs as",
    "SQLITE_IOERR": "the disk does not answer properly; look at the system's log, then at the disk",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup",
    "SQLITE_NOTADB": "it is not a SQLite database; look at the store's address in the settings",
}
_TOO_MUCH = "That is too much for one question; ask in smaller parts"
_TOO_LARGE = ("Expression tree is too large", "too many SQL variables", "parser stack overflow", "too big")


class Database:
    """One database with its connections, for any number of threads. Close it when done."""

    def __init__(self, url: str) -> None:
        self._url = _supported(url)
        self._engine = create_engine(self._url)
        self._writer = self._engine.execution_options(**{_WRITES: True})
        self._refused_until = 0.0
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", self._begin)

    @property
    def name(self) -> str:
        """Return what to call this database in a message; it holds no secret."""
        return str(self._url.set(query={}))

    @property
    def file(self) -> Path:
        """Return the file that holds everything."""
        return Path((self._url.database or "").removeprefix("file:"))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the store and changes nothing. Raises StoreUnusable."""
        with self._in_our_words(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that commits at its end, or leaves everything as it was. Raises StoreUnusable."""
        with self._in_our_words(), self._writer.begin() as connection:
            yield connection

    def create(self) -> None:
        """Make the file, readable by its owner only, and switch it to WAL mode, which then stays."""
        with self._in_our_words():
            self._make_file()
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()

    def close(self) -> None:
        """Close every connection that no thread is using."""
        self._engine.dispose()

    def _begin(self, connection: Connection) -> None:
        """Begin a transaction. A writer waits for another one, but not where one has just waited for nothing."""
        if not connection.get_execution_options().get(_WRITES, False):
            connection.exec_driver_sql("BEGIN")
            return
        usual = float(str(self._url.query["timeout"]))
        patience = min(HELD_SECONDS, usual) if time.monotonic() < self._refused_until else usual
        connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience * 1000)}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            self._refused_until = time.monotonic() + usual
            raise
        self._refused_until = 0.0

    def _make_file(self) -> None:
        if self.file.exists():
            return
        try:
            self.file.touch(mode=0o600)
        except OSError as error:
            raise StoreUnusable(f"The store {self.name} cannot be created: {error.strerror}") from error

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            raise InvalidInput("A text with half of a surrogate pair cannot be stored or looked for") from error
        except RecursionError as error:
            raise InvalidInput(_TOO_MUCH) from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self._explained(error) from error

    def _explained(self, error: SQLAlchemyError | sqlite3.Error) -> LockstepError:
        cause = error.orig if isinstance(error, StatementError) else error
        if isinstance(cause, LockstepError):
            return cause
        if any(text in str(cause) for text in _TOO_LARGE):
            return InvalidInput(_TOO_MUCH)
        name = getattr(cause, "sqlite_errorname", "")
        if isinstance(error, IntegrityError) and name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"):
            return NotUnique(f"The store holds this already ({cause}); read it again, then repeat")
        advice = _ADVICE.get("_".join(name.split("_")[:2]), str(cause))
        return StoreUnusable(f"The store {self.name} is unusable: {advice}")


def _supported(url: str) -> URL:
    """Return the parsed address, with a busy timeout. The message never repeats it: it may hold a password."""
    wanted = "the address of a store is that of a SQLite file, such as sqlite:////var/lib/lockstep/store.db"
    try:
        parsed = make_url(url)
        float(str(parsed.query.get("timeout", BUSY_SECONDS)))
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(f"{wanted} (with ?timeout=SECONDS if you like); this one cannot be read") from error
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite") or parsed.database in (None, "", ":memory:"):
        raise InvalidInput(f"{wanted}, not {parsed.drivername}")
    return parsed if "timeout" in parsed.query else parsed.update_query_dict({"timeout": str(BUSY_SECONDS)})


def _prepare(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    """Set up a new connection: transactions begin where we say so, and never implicitly."""
    connection.isolation_level = None
    try:
        with closing(connection.cursor()) as cursor:
            for pragma in _PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise


class Part:
    """One part of the store: what it needs to do its work."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock


@contextmanager
def scanning(connection: Connection) -> Iterator[None]:
    """Look through a whole table without filling the cache with pages that nobody needs again."""
    usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size={_SCANNING_KIB}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={usual}")


def looked_through(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column as it is compared in a statement that wants nearly every row.

    The planner thinks that a value is that of a few rows, and would go through an index to find each of them.
    """
    return column.concat("")


def among(column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of many values, however many there are.

    They come as one parameter, so that there is one statement for any number of them, which is compiled once.
    """
    listed = func.json_each(json.dumps(list(values), ensure_ascii=False)).table_valued("value")
    return column.in_(select(listed.c.value))


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Cut values into lists that fit into one statement, since engines limit the number of bound parameters."""
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert rows that all have the same columns.

    SQLAlchemy builds the statement and the conversions, and the rows are converted here: its own handling of one row
    after the other costs as much time as SQLite's insert, which is felt with 100,000 users.
    """
    listed = list(rows)
    if not listed:
        return
    statement, conversions = _insertion(table, tuple(listed[0]), connection.dialect)
    converted = [tuple([bind(row[name]) if bind else row[name] for name, bind in conversions]) for row in listed]
    connection.exec_driver_sql(statement, converted)


def insert_tuples(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
) -> None:
    """Insert rows whose values are as the database keeps them, in the order of `names`.

    Nothing is converted here, and NUL is looked for once in each row. Raises InvalidInput where there is one.
    """
    if not rows:
        return
    statement, texts = _plain_insertion(table, names, connection.dialect)
    for row in rows:
        if NUL in "".join(texts(row)):
            raise InvalidInput(NO_NUL)
    connection.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=64)
def _plain_insertion(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, Callable[[Any], Any]]:
    """Return the statement, and what takes the texts out of a row."""
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    order = tuple(compiled.positiontup or ())
    if order != names:
        raise AssertionError(f"{table.name} takes {order}, not {names}")
    return str(compiled), itemgetter(*(at for at, name in enumerate(names) if isinstance(table.c[name].type, Text)))


_Conversion = tuple[str, Callable[[object], object] | None]


@lru_cache(maxsize=64)
def _insertion(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, list[_Conversion]]:
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    types = {name: table.c[name].type.dialect_impl(dialect) for name in names}
    return str(compiled), [(name, types[name].bind_processor(dialect)) for name in compiled.positiontup or ()]
