"""kill -9 at every statement of every migration: the store is as it was, or up to date, and never between."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ims.store import migrate, open_store
from tests.support.migration_work import dump, make, tables, versions
from tests.support.prefork import Order, Prefork

OLDER = versions()[:-1]
LONG = os.environ.get("LOCKSTEP_FAULTS") == "long"
MOST = 1000
"""More statements than any migration has."""


def killed(runner: Prefork, file: Path, statement: int) -> bool:
    """Bring a store up to date in a process that dies before its nth statement. Return False if it has not so many."""
    order = Order(
        work="tests.support.migration_work:interrupted",
        output=str(file.parent / "output"),
        arguments={"url": f"sqlite:///{file}", "statement": statement},
    )
    code = runner.run(order)
    assert code in (0, -signal.SIGKILL), (file.parent / "output").read_text()
    return code != 0


def statements(step: int) -> range:
    """Return at which statements to die: all of them in a long run."""
    return range(1, MOST, 1 if LONG else step)


@pytest.mark.parametrize("version", OLDER)
def test_f49_killed_while_a_store_is_brought_up_to_date(
    runner: Prefork, tmp_path: Path, version: str, record_property: Callable[[str, object], None]
) -> None:
    """From each older version: nothing was done, or everything; and the next start does it, with all rows there."""
    start, ready, file = tmp_path / "start.db", tmp_path / "ready.db", tmp_path / "store.db"
    make(start, version)
    shutil.copy(start, ready)
    migrate(f"sqlite:///{ready}")
    before, wanted = dump(start), tables(ready)
    number = 0
    for number in statements(1 if version == OLDER[0] else 3):
        shutil.copy(start, file)
        if not killed(runner, file, number):
            break
        assert dump(file) == before or tables(file) == wanted
        migrate(f"sqlite:///{file}")
        assert tables(file) == wanted
        file.unlink()
    record_property("cases", number)
    assert 1 < number < MOST


def test_f49_killed_while_a_store_is_made(
    runner: Prefork, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """There is none, or an empty file, or a store; whatever it is, the next start makes a store of it."""
    ready = tmp_path / "ready.db"
    migrate(f"sqlite:///{ready}")
    wanted = tables(ready)
    number = 0
    for number in statements(5):
        file = tmp_path / f"{number}.db"
        if not killed(runner, file, number):
            break
        assert not file.exists() or tables(file) in ({}, wanted)
        migrate(f"sqlite:///{file}")
        assert tables(file) == wanted
        open_store(f"sqlite:///{file}").close()
    record_property("cases", number)
    assert 1 < number < MOST
