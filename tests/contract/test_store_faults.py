"""A store that cannot be used says why and what to do, acknowledges nothing, and works again afterwards."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from ims.errors import InvalidInput, StoreUnusable
from ims.store import SqlStore, migrate, open_store
from tests.support.batches import audited, save
from tests.support.clock import HandClock
from tests.support.people import user


def path_of(url: str) -> str:
    """Return the file behind a store's address."""
    return url.removeprefix("sqlite:///")


def opened(url: str) -> SqlStore:
    """Open a store."""
    return open_store(url, HandClock())


@pytest.fixture
def impatient(store_url: str) -> Iterator[SqlStore]:
    """Return a store whose writers wait a tenth of a second for another one."""
    store = opened(f"{store_url}?timeout=0.1")
    yield store
    store.close()


def test_a_locked_store_is_unusable_and_recovers(impatient: SqlStore, store_url: str) -> None:
    """A writer waits as long as it may, then says so; readers never wait."""
    other = sqlite3.connect(path_of(store_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnusable, match="another program keeps it locked"):
        save(impatient, user("ada"))
    with pytest.raises(StoreUnusable, match="another program keeps it locked"):
        impatient.record([audited(user("ada"))])
    assert impatient.count() == 0
    other.execute("ROLLBACK")
    other.close()
    save(impatient, user("ada"))
    assert impatient.count() == 1


def test_where_one_writer_waited_for_nothing_the_next_does_not(store_url: str) -> None:
    """Whoever comes while the store is known to be held is told soon; when it is free, everybody waits as ever."""
    store = opened(f"{store_url}?timeout=1")
    with closing(sqlite3.connect(path_of(store_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waited = [seconds_refused(store) for _ in range(3)]
        other.execute("ROLLBACK")
        store.check()
        other.execute("BEGIN IMMEDIATE")
        waited.append(seconds_refused(store))
    store.close()
    assert [seconds >= 1 for seconds in waited] == [True, False, False, True]


def seconds_refused(store: SqlStore) -> float:
    """Return how long it takes until a store that is held says so."""
    began = time.monotonic()
    with pytest.raises(StoreUnusable, match="another program keeps it locked"):
        store.check()
    return time.monotonic() - began


def test_a_full_disk_is_unusable_and_recovers(store: SqlStore) -> None:
    """SQLite's own limit of pages answers as a full disk does; nothing of the batch is there."""
    pages = [200]

    @event.listens_for(store._database._engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages[0]}").close()

    crowd = [user(f"p{number}") for number in range(2000)]
    with pytest.raises(StoreUnusable, match="the disk is full; free some space"):
        save(store, *crowd)
    assert store.count() == 0
    assert store.revision() == 0
    pages[0] = 1_000_000
    save(store, *crowd)
    assert store.count() == 2000


def test_a_read_only_store_is_unusable_for_writing(store_url: str) -> None:
    """Reading goes on."""
    store = opened(f"sqlite:///file:{path_of(store_url)}?mode=ro&uri=true")
    assert store.count() == 0
    for write in (store.check, lambda: save(store, user("ada"))):
        with pytest.raises(StoreUnusable, match="it is read-only; make the file"):
            write()
    store.close()


def test_a_file_that_is_no_database_is_unusable(tmp_path: Path) -> None:
    """Neither opened nor overwritten."""
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary, " * 100)
    for use in (opened, migrate):
        with pytest.raises(StoreUnusable, match="it is not a SQLite database"):
            use(f"sqlite:///{file}")
    assert file.read_text().startswith("Dear diary")


def test_a_damaged_store_is_unusable(store: SqlStore, store_url: str) -> None:
    """Pages overwritten behind its back."""
    save(store, *(user(f"p{number}") for number in range(500)))
    store.close()
    with Path(path_of(store_url)).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    with pytest.raises(StoreUnusable, match=r"damaged; restore it|not a SQLite database"):
        opened(store_url).count()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before anything is created."""
    with pytest.raises(StoreUnusable, match="cannot be created: No such file or directory"):
        migrate(f"sqlite:///{tmp_path}/missing/store.db")


@pytest.mark.parametrize(
    "url",
    ["", "store.db", "sqlite://", "sqlite:///:memory:", "oracle://scott:tiger@db/x", "sqlite:///x.db?timeout=soon"],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    """It may hold a password."""
    for use in (opened, migrate):
        with pytest.raises(InvalidInput, match=r"sqlite:////var/lib/lockstep/store\.db") as refused:
            use(url)
        assert "tiger" not in str(refused.value)


def test_check_proves_that_the_store_can_be_written(impatient: SqlStore, store_url: str) -> None:
    """And says what is wrong if not."""
    impatient.check()
    other = sqlite3.connect(path_of(store_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnusable):
        impatient.check()
    other.close()
    impatient.check()
