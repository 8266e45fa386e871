"""COMMITs of a store that go wrong: not done and told so, or done and the answer lost."""

import sqlite3
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy import Connection, event

from ims.store import SqlStore


class Fault(Enum):
    """What becomes of a COMMIT."""

    NONE = "none"
    FULL = "full"
    """Refused, as by a disk without room: nothing is written."""
    CUT = "cut"
    """The connection ends before it: nothing is written."""
    LOST = "lost"
    """The connection ends after it: everything is written, and nobody is told."""


@dataclass
class Commits:
    """The COMMITs of one store. `faults` says what becomes of the next ones, and `always` of all after those."""

    always: Fault = Fault.NONE
    faults: list[Fault] = field(default_factory=list)
    count: int = 0

    @classmethod
    def of(cls, store: SqlStore) -> "Commits":
        """Return what decides about a store's COMMITs from now on: that all go well, until it is told otherwise."""
        commits = cls()
        event.listen(store._database._engine, "commit", commits.decide)
        return commits

    def decide(self, connection: Connection) -> None:
        """Let a COMMIT be done, or not, as it is its turn."""
        self.count += 1
        fault = self.faults.pop(0) if self.faults else self.always
        if fault is Fault.NONE:
            return
        if fault is Fault.LOST:
            connection.exec_driver_sql("COMMIT")
        error = sqlite3.OperationalError("the test says so")
        error.sqlite_errorname = "SQLITE_FULL" if fault is Fault.FULL else "SQLITE_IOERR"
        raise error
