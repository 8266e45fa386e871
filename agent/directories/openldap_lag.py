"""How far a server of OpenLDAP is: its contextCSN against what was read before.

A copy that is still being filled, one that lost its provider, and a server that was restored from a backup all answer
every search with success, and show a directory of the past. The contextCSN of the suffix is the stamp of the last
change that a server has (slapo-syncprov(5)); a copy has none before it has everything.
"""

import re

from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.errors import BadEntry, MalformedName, NotTold, Refused
from agent.directories.names import within
from agent.directories.watermarks import Watermark

_CONTEXT = "contextCSN"
_SUFFIXES = "namingContexts"
_STAMP = re.compile(r"\d{14}\.\d{6}Z#.*", re.ASCII)


def lag(client: Client, rules: ReadingRules, mark: Watermark) -> str:
    """Say why this server is older than what was read up to `mark`; empty = it is not, or nobody can tell.

    A server that tells nothing is believed as long as the last reading was of the same one, or of one that the settings
    name no longer: without replication none keeps a contextCSN. Raises Unreachable or ProtocolFault.
    """
    newest = _newest(client, rules)
    if newest >= mark.position:
        return ""
    if newest:
        return (
            f"{client.server} is behind: its last change is of {_shown(newest)}, and changes up to "
            f"{_shown(mark.position)} were read before; nobody is taken for absent or free by what it shows"
        )
    if mark.server == client.server or mark.server not in client.access.servers:
        return ""
    return (
        f"{client.server} does not tell how far it is: let the agent read {_CONTEXT} of the suffix, if it is complete; "
        "until then nobody is taken for absent or free by what it shows"
    )


def cookie(client: Client, rules: ReadingRules) -> str:
    """Return where the server is, as content synchronization goes on from it: without, it would send everything first.

    Raises NotTold where the server does not say, Unreachable and ProtocolFault.
    """
    for dn in sorted(_suffixes(client, rules), key=len, reverse=True):
        try:
            entry = client.search_one(dn, (_CONTEXT,))
            stamps = entry.texts(_CONTEXT) if entry is not None else ()
        except (Refused, BadEntry):
            continue
        if stamps and all(map(_STAMP.fullmatch, stamps)):
            return f"rid=000,csn={';'.join(stamps)}"
    raise NotTold(f"{client.server} does not tell how far it is: let the agent read {_CONTEXT} of the suffix")


def _newest(client: Client, rules: ReadingRules) -> str:
    """Return the stamp of the last change that the server has, of all providers; empty where it does not say."""
    stamps: list[str] = []
    for dn in _suffixes(client, rules):
        try:
            entry = client.search_one(dn, (_CONTEXT,))
            stamps += entry.texts(_CONTEXT) if entry is not None else ()
        except (Refused, BadEntry):
            continue
    return max(filter(_STAMP.fullmatch, stamps), default="")


def _suffixes(client: Client, rules: ReadingRules) -> list[str]:
    """Return the suffixes of the databases that hold the users."""
    try:
        root = client.search_one("", (_SUFFIXES,))
        named = root.texts(_SUFFIXES) if root is not None else ()
        return [dn for dn in named if dn and within(rules.base, dn)]
    except (Refused, BadEntry, MalformedName):
        return []


def _shown(stamp: str) -> str:
    day, time = stamp[:8], stamp[8:14]
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]} UTC"
