"""Locks that exist on one server only.

A consumer of OpenLDAP that forwards nothing keeps wrong passwords and their lock for itself: neither its provider nor
any change stamp shows them, and only a search on that server does. So every other server is asked for its locked set.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from agent.clocks import clock_of
from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.errors import BadEntry
from agent.directories.reader import Pages, users
from agent.interpret import canary_seen, server_locks
from agent.sightings import OtherServer, ServerLocks
from ims.errors import DirectoryUnreachable
from ims.people import EntryId

_Now = Callable[[], datetime]


def other_servers(client: Client, directory: ConfiguredDirectory, now: _Now) -> tuple[OtherServer, ...]:
    """Read the locked set of every server but the one that `client` is connected to. `now` is our clock."""
    return tuple(_read(client.connect_to(s), s, directory, now) for s in client.access.servers if s != client.server)


def _read(client: Client, server: str, directory: ConfiguredDirectory, now: _Now) -> OtherServer:
    try:
        with client:
            return _locked_set(client, server, directory, now)
    except DirectoryUnreachable as error:
        return OtherServer(server=server, why=str(error))


def _locked_set(client: Client, server: str, directory: ConfiguredDirectory, now: _Now) -> OtherServer:
    policies = directory.dialect.policies(client, directory.reading)
    clock, at = clock_of(client, directory, now), now()
    canary = canary_seen(client, directory, policies, at)
    pages = Pages(client, users(directory.dialect, directory.reading, directory.dialect.locked_filter()))
    locked: dict[EntryId, tuple[str, ServerLocks]] = {}
    for page in pages:
        for entry in page:
            with suppress(BadEntry):  # which the pass itself will report
                reading = clock.read_locks(directory.dialect, entry, policies.of(entry, clock.there(at)), at)
                shown = server_locks(reading, server, canary=canary, readable=True)
                locked[directory.dialect.entry_id(entry)] = (directory.dialect.state(entry), shown)
    if not pages.completeness.complete:
        return OtherServer(server=server, why=f"{server}: {pages.completeness.why}")
    return OtherServer(server=server, canary=canary, locked=locked, clock_warning=clock.warning)
