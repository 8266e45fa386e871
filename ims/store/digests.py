"""The digests by which a pass recognises entries that it need not look at: beside the users, and no part of them.

A digest is as good as the row that it stands in. Whoever writes a user, whyever, writes the user's entries anew and
without it, so that the next complete reading looks at those entries; nobody has to remember to forget a digest.
"""

from collections.abc import Container
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, false, or_, select, update

from ims.people import DirectoryName, EntryId
from ims.ports import Digests, KnownEntries
from ims.store.engine import looked_through, scanning
from ims.store.tables import entries, locks, users


def known_entries(
    connection: Connection,
    directory: DirectoryName,
    now: datetime,
    but_not: Container[EntryId] = (),
) -> KnownEntries:
    """Return what is known of a directory's entries: the digests that count at `now`, and the others' ids.

    An entry is the one or the other. Of those `but_not` to be passed over no digest counts.
    """
    found = KnownEntries(digests=set(), others=set())
    with scanning(connection):
        for usable, entry_id in _rows(connection, case((_usable(directory, now), entries.c.digest)), directory):
            if usable is None or entry_id in but_not:
                found.others.add(entry_id)
            else:
                found.digests.add(usable)
    return found


def entries_with(connection: Connection, directory: DirectoryName, digests: Container[bytes]) -> set[EntryId]:
    """Return the entries of a directory whose digest is one of these."""
    with scanning(connection):
        rows = _rows(connection, entries.c.digest, directory)
        return {entry_id for digest, entry_id in rows if digest in digests}


def _rows(connection: Connection, digest: ColumnElement[Any], directory: DirectoryName) -> Any:  # noqa: ANN401
    """Return the digest and the id of every entry: the driver's own rows, since with 100,000 of them that is felt."""
    asked = select(digest, entries.c.entry_id).where(looked_through(entries.c.directory) == directory)
    return connection.execute(asked).cursor


def save_digests(connection: Connection, digests: Digests) -> None:
    """Keep the digests of entries whose users were not written after the state on which they were planned."""
    not_moved = select(users.c.number).where(users.c.number == entries.c.user, users.c.version <= bindparam("base"))
    statement = (
        update(entries)
        .where(
            entries.c.directory == bindparam("here"),
            entries.c.entry_id == bindparam("entry"),
            not_moved.exists(),
        )
        .values(digest=bindparam("seen"), digest_until=bindparam("until"))
    )
    rows = [
        {
            "here": one.directory,
            "entry": one.entry_id,
            "base": digests.base,
            "seen": one.digest,
            "until": one.until,
        }
        for one in digests.entries
    ]
    if rows:
        connection.execute(statement, rows)


def _usable(directory: DirectoryName, now: datetime) -> ColumnElement[bool]:
    """Return the condition that the same bytes still mean the same: nobody is locked, or waits to be confirmed."""
    locked = select(locks.c.user).where(locks.c.source == directory)
    return and_(
        entries.c.digest.is_not(None),
        or_(entries.c.digest_until.is_(None), entries.c.digest_until > now),
        entries.c.to_confirm == false(),
        entries.c.user.not_in(locked),
    )
