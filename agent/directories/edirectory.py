"""NetIQ eDirectory: a mapping that is known, and the intruder detection of the container that somebody is in.

`lockedByIntruder` locks until `loginIntruderResetTime`; clearing it is all that the vendor's own console does, and the
count and the time go with it. `loginDisabled` is an administrator's. No server can be had here: it was tried on slapd
with these attributes.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policies, Policy
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.generic import Generic
from agent.directories.mapping import IdSyntax, Mapping, Marker, Syntax
from agent.directories.names import parent_of
from ims.people import DirectoryName

MAPPING = Mapping(
    id="GUID",
    id_syntax=IdSyntax.BINARY,
    lock=Marker(attribute="lockedByIntruder", syntax=Syntax.BOOLEAN, ends="loginIntruderResetTime", free="FALSE"),
    disabled=Marker(attribute="loginDisabled", syntax=Syntax.BOOLEAN, free="FALSE"),
    expired=Marker(attribute="loginExpirationTime", syntax=Syntax.SINCE),
    failures="loginIntruderAttempts",
)
_DETECTS, _LOCKS = "detectIntruder", "lockoutAfterDetection"
_MOST, _WINDOW, _LENGTH = "loginIntruderLimit", "intruderAttemptResetInterval", "intruderLockoutResetInterval"
POLICY_ATTRIBUTES = (_DETECTS, _LOCKS, _MOST, _WINDOW, _LENGTH)


class EDirectory(Generic):
    """The dialect of eDirectory. `source` is the directory's name, which its locks carry."""

    def __init__(self, source: DirectoryName) -> None:
        super().__init__(source, MAPPING)

    def policies(self, client: Client, rules: ReadingRules) -> Policies:  # noqa: ARG002 - the protocol's
        """Return the containers' intruder detection; each is read once."""
        return _Containers(client)


class _Containers:
    """The intruder detection of containers. No lock depends on it: only how many tries the portal lets through."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Policy] = {}

    def fingerprint(self) -> bytes:
        """Return the same always: what is read of an entry does not depend on its container."""
        return hashlib.blake2b(b"intruder detection").digest()

    def of(self, entry: Entry, now: datetime) -> Policy:  # noqa: ARG002 - the protocol's
        """Return what the entry's container says. Raises Unreachable or ProtocolFault."""
        container = parent_of(entry.dn)
        if container not in self._known:
            self._known[container] = replace(self._read(container), fingerprinted=True)
        return self._known[container]

    def _read(self, dn: str) -> Policy:
        unknown = Policy(knowledge=Knowledge.UNKNOWN, source=f"{dn} does not show its intruder detection")
        try:
            entry = self._client.search_one(dn, POLICY_ATTRIBUTES)
            if entry is None or not entry.values(_DETECTS):
                return unknown
            return Policy(
                knowledge=Knowledge.KNOWN,
                source=f"intruder detection of {dn}",
                lockout=entry.flag(_DETECTS) and entry.flag(_LOCKS),
                max_failures=int(entry.text(_MOST) or 0),
                duration=_seconds(entry, _LENGTH),
                failure_window=_seconds(entry, _WINDOW),
            )
        except (Refused, BadEntry, ValueError, OverflowError):
            return unknown


def _seconds(entry: Entry, name: str) -> timedelta:
    return timedelta(seconds=int(entry.text(name) or 0))
