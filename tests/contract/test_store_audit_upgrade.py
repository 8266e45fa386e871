"""An audit from before it was a chain: its rows stay as they are, and are chained."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from ims.audit import Action, Result
from ims.errors import StoreUnusable
from ims.people import Channel, Role
from ims.store import SqlStore, migrate, open_store
from ims.store.engine import Database
from ims.store.migrations.upgrading import _config
from lockstep.verification import verify_chain
from tests.support.batches import audited
from tests.support.clock import HandClock
from tests.support.people import user

OLD = [(1_763_900_000_000_000 + n, f"Zoë {n}", f"a, b: {n}\n", "acme" if n % 2 else "") for n in range(7)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a store of revision 0003 without rows."""
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.create()
    with database.writing() as connection:
        command.upgrade(_config(connection), "0003")
    database.close()
    return tmp_path / "store.db"


def fill(file: Path) -> None:
    """Record rows as the version before did; the last two were removed by somebody."""
    names = "at, actor, detail, tenant, role, channel, action, result, subject, user, before, after, reference"
    values = "'agent', 'sync', 'lock_raised', 'done', 'zoe', '', '', 'held', 'pass-1'"
    with closing(sqlite3.connect(file)) as there:
        rows = [*OLD, OLD[0], OLD[1]]
        there.executemany(f"INSERT INTO audit ({names}) VALUES (?, ?, ?, ?, {values})", rows)
        there.execute("DROP TRIGGER audit_refuses_delete")
        there.execute("DELETE FROM audit WHERE number > 7")
        there.execute(
            "CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
        )
        there.commit()


@pytest.fixture
def upgraded(file: Path) -> Iterator[SqlStore]:
    """Return a store with rows, brought up to date."""
    fill(file)
    migrate(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}", HandClock())
    yield store
    store.close()


def test_rows_are_as_they_were(upgraded: SqlStore) -> None:
    """Every one, under its number, with all it said."""
    found = list(reversed(upgraded.audit()))
    assert [(row.number, row.actor, row.detail, row.tenant or "") for row in found] == [
        (n, actor, detail, tenant) for n, (_, actor, detail, tenant) in enumerate(OLD, 1)
    ]
    row = found[0]
    assert (row.role, row.channel, row.action, row.result) == (
        Role.AGENT,
        Channel.SYNC,
        Action.LOCK_RAISED,
        Result.DONE,
    )


def test_old_and_new_rows_are_one_chain(upgraded: SqlStore) -> None:
    """Numbers that were given before are not given again: what was removed before shows."""
    upgraded.record([audited(user("ada"))])
    with upgraded.chain() as chain:
        verified = verify_chain(chain, ())
    assert verified.rows == len(OLD) + 1
    assert [(one.kind.value, one.first, one.last) for one in verified.breaks] == [("missing", 8, 9)]


def test_the_audit_is_append_only_again(upgraded: SqlStore, file: Path) -> None:
    """Its rows, and the id with which the chain begins; and no number is ever reused."""
    changes = ("UPDATE audit SET detail = ''", "DELETE FROM audit", "UPDATE chain SET store = ''", "DELETE FROM chain")
    for change in changes:
        with pytest.raises(StoreUnusable, match=r"append-only|never changes"), upgraded._database.writing() as there:
            there.exec_driver_sql(change)
    with closing(sqlite3.connect(file)) as there:
        (made,) = there.execute("SELECT sql FROM sqlite_master WHERE name = 'audit'").fetchone()
    assert re.search("AUTOINCREMENT", made)


def test_an_empty_store_begins_an_empty_chain(file: Path) -> None:
    """With an id of its own: two stores never have the same."""
    migrate(f"sqlite:///{file}")
    other = file.with_name("other.db")
    migrate(f"sqlite:///{other}")
    heads = []
    for one in (file, other):
        store = open_store(f"sqlite:///{one}", HandClock())
        heads.append(store.head())
        store.close()
    assert [head.number for head in heads] == [0, 0]
    assert heads[0].store != heads[1].store
    assert heads[0].hash != heads[1].hash
