"""How far a domain controller is, and what changed since: uSNChanged, which each controller counts for itself.

The number is asked before a reading, so that nothing is missed that comes during it. It means something only on the
very database that gave it: the invocationId says which, and changes when a controller is restored from a backup
(MS-ADTS 3.1.1.1.9, MS-DRSR 4.1.10).
"""

import re
import uuid
from dataclasses import dataclass

from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused

STAMP = "uSNChanged"
_ROOT = ("dsServiceName", "dnsHostName", "highestCommittedUSN", "isSynchronized")
_POSITION = re.compile(r"(?P<name>[^ ]+) (?P<database>[0-9a-f-]{36}) (?P<number>[0-9]{1,19})")
_WIDTH = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far one controller is: its name, the database that counts, and the number of its last change."""

    name: str
    database: uuid.UUID
    number: int

    def __str__(self) -> str:
        """Return the text that a watermark keeps."""
        return f"{self.name} {self.database} {self.number}"


def position_of(client: Client) -> Position | None:
    """Return how far the controller is now; None where it does not tell. Raises Unreachable or ProtocolFault."""
    try:
        root = client.search_one("", _ROOT)
        service = root.text("dsServiceName") if root is not None else ""
        settings = client.search_one(service, ("invocationId",)) if service else None
        if root is None or settings is None:
            return None
        return Position(
            name=root.text("dnsHostName") or "?",
            database=uuid.UUID(bytes_le=settings.single("invocationId") or b""),
            number=int(root.text("highestCommittedUSN")),
        )
    except (Refused, BadEntry, ValueError):
        return None


def position_in(text: str) -> Position | None:
    """Return the position that a watermark keeps, None where it keeps none."""
    found = _POSITION.fullmatch(text)
    if found is None:
        return None
    try:
        return Position(name=found["name"], database=uuid.UUID(found["database"]), number=int(found["number"]))
    except ValueError:
        return None


def why_not_from(before: Position, now: Position | None) -> str:
    """Say why a controller cannot tell what changed since a position; empty = it can."""
    if now is None:
        return "the domain controller does not tell how far it is"
    if now.database != before.database:
        return f"the last reading was of another database: of {before.name}, or of {now.name} before it was restored"
    if now.number < before.number:
        return (
            f"{now.name} is behind: its last change has the number {now.number}, and changes up to {before.number} "
            "were read before; nobody is taken for absent or free by what it shows"
        )
    return ""


def half_filled(client: Client) -> str:
    """Say that a controller has not been filled yet; empty = it has, or does not tell."""
    try:
        root = client.search_one("", _ROOT)
        filled = root is None or root.text("isSynchronized").upper() != "FALSE"
    except (Refused, BadEntry):
        return ""
    return "" if filled else f"{client.server} has not yet got everything from the other domain controllers"


def stamp_of(entry: Entry) -> str:
    """Return an entry's uSNChanged in a form in which a later one is greater; empty where it is not shown."""
    text = entry.text(STAMP)
    return text.zfill(_WIDTH) if text.isascii() and text.isdigit() else ""
