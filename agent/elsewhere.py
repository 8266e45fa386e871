"""Locks that exist on one server only.

A consumer of OpenLDAP that forwards nothing keeps wrong passwords and their lock for itself: neither its provider nor
any change stamp shows them, and only a search on that server does. So every other server is asked for its locked set.
"""

from datetime import datetime

from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.dialect import Policies
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.reader import Pages, users
from agent.interpret import canary_seen, server_locks
from agent.sightings import OtherServer, ServerLocks
from ims.errors import DirectoryUnreachable
from ims.people import EntryId


def other_servers(client: Client, directory: ConfiguredDirectory, now: datetime) -> tuple[OtherServer, ...]:
    """Read the locked set of every server but the one that `client` is connected to."""
    return tuple(_read(client.connect_to(s), s, directory, now) for s in client.access.servers if s != client.server)


def _read(client: Client, server: str, directory: ConfiguredDirectory, now: datetime) -> OtherServer:
    try:
        with client:
            return _locked_set(client, server, directory, now)
    except DirectoryUnreachable as error:
        return OtherServer(server=server, why=str(error))


def _locked_set(client: Client, server: str, directory: ConfiguredDirectory, now: datetime) -> OtherServer:
    policies = directory.dialect.policies(client, directory.reading)
    canary = canary_seen(client, directory, policies, now)
    pages = Pages(client, users(directory.dialect, directory.reading, directory.dialect.locked_filter()))
    locked: dict[EntryId, tuple[str, ServerLocks]] = {}
    for page in pages:
        for entry in page:
            locked |= _locked(entry, server, directory, policies, now, canary=canary)
    if not pages.completeness.complete:
        return OtherServer(server=server, why=f"{server}: {pages.completeness.why}")
    return OtherServer(server=server, canary=canary, locked=locked)


def _locked(
    entry: Entry,
    server: str,
    directory: ConfiguredDirectory,
    policies: Policies,
    now: datetime,
    *,
    canary: bool,
) -> dict[EntryId, tuple[str, ServerLocks]]:
    """Return what one entry shows; nothing for one that cannot be trusted, which the pass itself will report."""
    dialect = directory.dialect
    try:
        reading = dialect.read_locks(entry, policies.of(entry, now), now)
        return {
            dialect.entry_id(entry): (dialect.state(entry), server_locks(reading, server, canary=canary, readable=True))
        }
    except BadEntry:
        return {}
