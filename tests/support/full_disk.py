"""A disk that can be filled and freed: a tmpfs of 1 MiB where one can be mounted, and refused COMMITs everywhere.

A full disk shows at the COMMIT (SQLite's log takes no more): refusing that one needs no right, and the tmpfs shows that
the real thing looks the same.
"""

import errno
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ims.store import SqlStore
from tests.support.commits import Commits, Fault

_BLOCK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where a store can be; `fill` leaves no room for its next write, `free` gives it back."""

    folder: Path
    fill: Callable[[SqlStore], None]
    free: Callable[[SqlStore], None]


@contextmanager
def refused_commits(folder: Path) -> Iterator[Disk]:
    """Use a folder of the ordinary disk, where a store's COMMITs are refused as those on a full one are."""
    known: dict[int, Commits] = {}

    def decide(store: SqlStore, fault: Fault) -> None:
        if id(store) not in known:
            known[id(store)] = Commits.of(store)
        known[id(store)].always = fault

    yield Disk(
        folder=folder,
        fill=lambda store: decide(store, Fault.FULL),
        free=lambda store: decide(store, Fault.NONE),
    )


@contextmanager
def small_tmpfs(folder: Path) -> Iterator[Disk]:
    """Mount a tmpfs of 1 MiB; it is full when a file has taken what is left."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True, capture_output=True)
    filler = place / "filler"
    try:
        yield Disk(folder=place, fill=lambda store: _fill(filler, store), free=lambda _: filler.unlink())
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


def disks() -> dict[str, Callable[[Path], AbstractContextManager[Disk]]]:
    """Return the kinds of disk that there can be here."""
    kinds: dict[str, Callable[[Path], AbstractContextManager[Disk]]] = {"refused": refused_commits}
    if mounts():
        kinds["tmpfs"] = small_tmpfs
    return kinds


def mounts() -> bool:
    """Return whether this process may mount something."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True, capture_output=True)
    return True


def _fill(filler: Path, store: SqlStore) -> None:
    """Take the last byte; the room that SQLite's log has kept for itself is given back first."""
    with closing(sqlite3.connect(store._database.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(_BLOCK))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
