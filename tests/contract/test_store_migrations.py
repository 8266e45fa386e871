"""Bringing a store up to date: from nothing, again, by two at once; and refusing what is not of this version."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ims.errors import StoreUnusable
from ims.store import SqlStore, migrate, open_store
from ims.store.engine import Database
from ims.store.tables import METADATA
from tests.support.batches import save
from tests.support.clock import HandClock
from tests.support.people import user
from tests.support.repository import ROOT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a store may be made; the folder's name is one that Alembic's own settings would stumble over."""
    folder = tmp_path / "100% of it"
    folder.mkdir()
    return folder / "store.db"


def pretend(file: Path, revision: str) -> None:
    """Make a store say that its tables are of this revision."""
    database = Database(f"sqlite:///{file}")
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    database.close()


def test_a_fresh_store_is_made_for_its_owner_only(file: Path) -> None:
    """It holds personal data and the digests of tokens."""
    migrate(f"sqlite:///{file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store = open_store(f"sqlite:///{file}", HandClock())
    save(store, user("ada"))
    store.check()
    store.close()


def test_a_second_migration_changes_nothing(file: Path) -> None:
    """It runs at every start."""
    migrate(f"sqlite:///{file}")
    store = open_store(f"sqlite:///{file}", HandClock())
    save(store, user("ada"))
    migrate(f"sqlite:///{file}")
    assert store.count() == 1
    store.close()


def test_processes_that_start_at_once_migrate_once(file: Path) -> None:
    """Whoever comes second waits, and finds nothing to do."""
    code = f"from ims.store import migrate; migrate('sqlite:///{file}')"
    starts = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ends = [(start.communicate(timeout=60)[1], start.returncode) for start in starts]
    assert ends == [("", 0)] * 4
    store = open_store(f"sqlite:///{file}", HandClock())
    assert store.revision() == 0
    store.close()


def test_the_migrations_make_the_tables_that_the_code_knows(store: SqlStore) -> None:
    """Columns, types, keys and indexes."""
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_a_store_of_a_newer_version_is_refused_and_left_alone(file: Path) -> None:
    """By `migrate`, when opened, and when checked; the message says what to do."""
    url = f"sqlite:///{file}"
    migrate(url)
    open_before = open_store(url, HandClock())
    pretend(file, "9999")
    for refused in (lambda: migrate(url), lambda: open_store(url, HandClock()), open_before.check):
        with pytest.raises(StoreUnusable, match=r"newer Lockstep \(its tables are 9999.*install that version"):
            refused()
    open_before.close()


def test_a_store_without_tables_is_refused(file: Path) -> None:
    """An empty file is no store yet."""
    file.touch()
    with pytest.raises(StoreUnusable, match="lockstep migrate"):
        open_store(f"sqlite:///{file}", HandClock())


def test_a_store_that_is_not_there_is_not_made_by_opening_it(file: Path) -> None:
    """A wrong path in the settings would look like an empty store."""
    with pytest.raises(StoreUnusable, match="lockstep migrate"):
        open_store(f"sqlite:///{file}", HandClock())
    assert not file.exists()
