"""What time it is for a server, where it keeps an entry that tells it to whoever may read that."""

from collections.abc import Callable
from datetime import datetime, timedelta

from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.times import Moment

ONE_SECOND = timedelta(seconds=1)


def told_by(client: Client, dn: str, attribute: str, now: Callable[[], datetime]) -> timedelta | None:
    """Return how far the server's clock is ahead of ours, by an entry of its own; None where we may not see it.

    Raises Unreachable or ProtocolFault.
    """
    before = now()
    try:
        entry = client.search_one(dn, (attribute,))
        return ahead(entry, attribute, before, now())
    except Refused:
        return None


def ahead(entry: Entry | None, name: str, before: datetime, after: datetime) -> timedelta | None:
    """Return how far a clock that tells whole seconds is ahead of ours, zero where both may be the same."""
    try:
        told = entry.time(name) if entry is not None else None
    except BadEntry:
        return None
    if not isinstance(told, Moment):
        return None
    least, most = told.at - after, told.at + ONE_SECOND - before
    if least > timedelta(0):
        return least
    return min(timedelta(0), most)
