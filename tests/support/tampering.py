"""Somebody with the store's file in hand and time: takes the triggers off and changes the audit, one way or another."""

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ims.chain import FIELDS, hash_of, moment_text
from ims.store.tables import moment_of
from ims.verifying import BreakKind

COLUMNS = (*FIELDS, "previous", "hash")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The first break that a tamper must be found as."""

    kind: BreakKind
    first: int
    last: int


class Tamperer:
    """Changes rows of an open database; `restore` brings back what was there when it was made."""

    def __init__(self, file: Path, seed: int) -> None:
        self._there = sqlite3.connect(file, isolation_level=None)
        self._pristine = sqlite3.connect(":memory:")
        for trigger in ("audit_refuses_update", "audit_refuses_delete", "chain_refuses_update", "chain_refuses_delete"):
            self._there.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        self._there.backup(self._pristine)
        self.random = random.Random(seed)
        self.last: int = self._there.execute("SELECT max(number) FROM audit").fetchone()[0]

    def close(self) -> None:
        """Close both databases."""
        self._there.close()
        self._pristine.close()

    def restore(self) -> None:
        """Bring back every row as it was."""
        self._pristine.backup(self._there)

    # --- tools -------------------------------------------------------------------------------------------------------

    def sql(self, statement: str, *values: object) -> None:
        """Run one statement."""
        self._there.execute(statement, values)

    def rows(self, condition: str = "TRUE") -> list[Row]:
        """Return rows, by number."""
        with closing(self._there.cursor()) as cursor:
            cursor.row_factory = lambda c, row: {d[0]: v for d, v in zip(c.description, row, strict=True)}
            asked = f"SELECT * FROM audit WHERE {condition} ORDER BY number"
            found: list[Row] = cursor.execute(asked).fetchall()
        return found

    def row(self, number: int) -> Row:
        """Return one row."""
        return self.rows(f"number = {number}")[0]

    def write(self, rows: Sequence[Row], *, keep_sequence: bool = True) -> None:
        """Put these rows in place of all."""
        names = ("number", *COLUMNS)
        marks = ", ".join("?" for _ in names)
        quoted = ", ".join(f'"{name}"' for name in names)
        sequence = self._there.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").fetchone()[0]
        self._there.execute("BEGIN")
        self._there.execute("DELETE FROM audit")
        values = [[row[name] for name in names] for row in rows]
        self._there.executemany(f"INSERT INTO audit ({quoted}) VALUES ({marks})", values)
        if keep_sequence:
            self._there.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'audit'", (sequence,))
        self._there.execute("COMMIT")

    def any_row(self, first: int = 1, last: int = 0) -> int:
        """Return a number from `first` to `last`, by default of any row."""
        return self.random.randint(first, last or self.last)

    def forged(self, number: int, previous: bytes) -> Row:
        """Return a row that nobody of ours wrote, rightly chained to what comes before."""
        row = self.row(self.any_row()) | {"number": number, "detail": f"forged {self.random.random()}"}
        return rehashed(row | {"previous": previous})

    # --- ways to tamper, each with what has to be found ---------------------------------------------------------------

    def edit(self) -> Expected:
        """Change one value of one row."""
        number, column = self.any_row(), self.random.choice(COLUMNS)
        self.sql(f'UPDATE audit SET "{column}" = ? WHERE number = ?', self._another(self.row(number), column), number)
        return Expected(kind=BreakKind.EDITED, first=number, last=number)

    def edit_and_hash(self) -> Expected:
        """Change one value and make the row's own hash right; the last row has nobody behind it who would notice."""
        number, column = self.any_row(last=self.last - 1), self.random.choice(COLUMNS[:-1])
        row = self.row(number)
        row[column] = row["previous"][::-1] if column == "previous" else row[column] + (1 if column == "at" else "x")
        self.write([*self.rows(f"number != {number}"), rehashed(row)])
        return Expected(kind=BreakKind.EDITED, first=number, last=number)

    def delete(self) -> Expected:
        """Remove some rows from anywhere but the end."""
        first = self.any_row(last=self.last - 1)
        last = self.any_row(first, min(first + 5, self.last - 1))
        self.sql("DELETE FROM audit WHERE number BETWEEN ? AND ?", first, last)
        return Expected(kind=BreakKind.MISSING, first=first, last=last)

    def delete_and_renumber(self) -> Expected:
        """Remove some rows, and number those behind so that no number is missing."""
        first = self.any_row(last=self.last - 1)
        last = self.any_row(first, min(first + 5, self.last - 1))
        rows = self.rows(f"number NOT BETWEEN {first} AND {last}")
        self.write([row | {"number": number} for number, row in enumerate(rows, 1)])
        return Expected(kind=BreakKind.MISSING, first=first, last=last)

    def swap(self) -> Expected:
        """Let two rows change places."""
        one, two = sorted(self.random.sample(range(1, self.last + 1), 2))
        places = {one: two, two: one}
        self.write([row | {"number": places.get(row["number"], row["number"])} for row in self.rows()])
        return Expected(kind=BreakKind.SWAPPED, first=one, last=two)

    def insert(self) -> Expected:
        """Put rows between two others, rightly chained to what comes before, and number those behind anew."""
        return self._insert(lambda number, rows: self.forged(number, rows[-1]["hash"] if rows else self._start()))

    def insert_anything(self) -> Expected:
        """Put rows between two others, with any hashes."""
        noise = self.random.randbytes
        return self._insert(lambda number, _: self.forged(number, noise(32)) | {"hash": noise(32)})

    def append_anything(self) -> Expected:
        """Put a row at the end as somebody would who knows nothing of the chain."""
        self.write([*self.rows(), self.forged(self.last + 1, b"") | {"hash": b""}])
        return Expected(kind=BreakKind.INSERTED, first=self.last + 1, last=self.last + 1)

    def truncate(self) -> Expected:
        """Cut rows off at the end."""
        first = self.any_row()
        self.sql("DELETE FROM audit WHERE number >= ?", first)
        return Expected(kind=BreakKind.TRUNCATED, first=first, last=self.last)

    def truncate_and_forget(self) -> Expected:
        """Cut rows off at the end, and let SQLite forget that they ever were."""
        expected = self.truncate()
        self.sql("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", expected.first - 1)
        return expected

    def rewrite(self) -> Expected:
        """Change one row, and chain all rows behind it anew: nothing in the store itself shows that."""
        number = self.any_row()
        rows = self.rows()
        rows[number - 1]["detail"] += " not"
        for at in range(number - 1, len(rows)):
            rows[at] = rehashed(rows[at] | ({"previous": rows[at - 1]["hash"]} if at else {}))
        self.write(rows)
        return Expected(kind=BreakKind.REWRITTEN, first=number, last=self.last)

    # -----------------------------------------------------------------------------------------------------------------

    def _insert(self, forged: Callable[[int, list[Row]], Row]) -> Expected:
        first, many = self.any_row(), self.random.randint(1, 3)
        rows = self.rows()
        kept = rows[: first - 1]
        for number in range(first, first + many):
            kept.append(forged(number, kept))
        behind = [row | {"number": row["number"] + many} for row in rows[first - 1 :]]
        self.write([*kept, *behind])
        return Expected(kind=BreakKind.INSERTED, first=first, last=first + many - 1)

    def _start(self) -> bytes:
        found: bytes = self._pristine.execute("SELECT previous FROM audit WHERE number = 1").fetchone()[0]
        return found

    def _another(self, row: Row, column: str) -> object:
        """Return any other value for a column, of any type that SQLite takes there."""
        old = row[column]
        if column == "at":
            return self.random.choice([old + 1, old - 1, 0, 2**62, "yesterday", b"\0", old + 0.5])
        if isinstance(old, bytes):
            flipped = bytes([old[0] ^ 1 << self.random.randrange(8)]) + old[1:]
            return self.random.choice([flipped, b"", old[:-1], old.hex(), old[::-1]])
        return self.random.choice([f"{old} ", f"{old}\0", old.encode(), b"\xff\xfe", "\U0001f600", 7])


def rehashed(row: Row) -> Row:
    """Return a row with the hash that it would have had, had it been written like that."""
    texts = (moment_text(moment_of(row["at"])), *(row[name] for name in FIELDS[1:]))
    return row | {"hash": bytes.fromhex(hash_of(row["number"], texts, row["previous"].hex()))}
