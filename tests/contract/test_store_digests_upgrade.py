"""A store of the first version keeps what its documents tell when moments are told in another form."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ims.store import migrate, open_store
from ims.store.engine import Database
from ims.store.migrations.upgrading import upgrade
from tests.support.batches import CORP
from tests.support.clock import NOON, HandClock
from tests.support.people import ACME

LATER = NOON + timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment as the first version told it."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a store of version 0001 with a directory's state and 2,001 users, one of whom has a lock and an entry."""
    file = tmp_path / "store.db"
    database = Database(f"sqlite:///{file}")
    database.create()
    with database.writing() as connection:
        upgrade(connection, "0001")
    database.close()
    entry = {"directory": CORP, "entry_id": "e1", "dn": "uid=at", "seen_at": microseconds(NOON), "stamp": "since"}
    lock = {"id": "l", "user": "u0", "tenant": "acme", "reason": "held", "source": "x", "since": microseconds(LATER)}
    told = {"affiliation": {"status": "affiliated", "since": microseconds(NOON), "rule": "corp/1"}, "entries": [entry]}
    documents = [json.dumps({**told, "locks": [lock]}), *["{}"] * 2000]
    state = json.dumps({"name": CORP, "watermark": '{"at":1}', "entries": 7, "last_tick": microseconds(LATER)})
    with closing(sqlite3.connect(file)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(users)")]
        for number, standing in enumerate(documents):
            profile = json.dumps({"userName": f"n{number}"})
            known = {"number": number + 1, "id": f"u{number}", "tenant": "acme", "user_name_key": f"n{number}"}
            known |= {"profile": profile, "standing": standing, "affiliation_since": None}
            numbers = dict.fromkeys(
                ("version", "created", "modified", "locked_until", "locks_at", "next_transition"), 1
            )
            row = [({**numbers, **known}).get(name, "") for name in names]
            connection.execute(f"INSERT INTO users VALUES ({', '.join('?' * len(names))})", row)
        connection.execute("INSERT INTO directories VALUES (?, '', ?)", (CORP, state))
        connection.commit()
    return file


def test_moments_are_what_they_were(old: Path) -> None:
    """And nothing else is taken for one."""
    migrate(f"sqlite:///{old}")
    store = open_store(f"sqlite:///{old}", HandClock())
    try:
        user = store.named(ACME, ["n0"])["n0"]
        (link,), (lock,) = user.entries, user.locks
        assert (link.seen_at, link.dn, link.stamp) == (NOON, "uid=at", "since")
        assert (lock.since, lock.until) == (LATER, None)
        assert user.affiliation is not None
        assert user.affiliation.since == NOON
        state = store.directory(CORP)
        assert (state.last_tick, state.watermark, state.entries) == (LATER, '{"at":1}', 7)
        assert store.count() == 2001
        assert store.known_entries(CORP, NOON).digests == set()
    finally:
        store.close()
