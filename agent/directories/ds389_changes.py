"""What changed in 389 Directory Server, by update sequence numbers (the plug-in USN).

Every write of an entry, the server's own for a wrong password too, gives it the next number of its database; the root
DSE shows the last one given to whoever asks. A number means nothing on another server. Where the plug-in is off there
is only `modifyTimestamp`, which no wrong password moves; locks are then found by the search for them alone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.filters import at_least
from agent.directories.names import within
from agent.directories.watermarks import Watermark

STAMP = "modifyTimestamp"
NUMBER = "entryusn"
ROOT_ATTRIBUTES = ("lastusn", "nsBackendSuffix")
IN_FLIGHT = 32
"""How many numbers a reading goes back: a write that has its number may not be there yet when the last one is read."""
OVERLAP = timedelta(seconds=5)
"""How far a reading by times goes back: several writes happen in one second, and other suppliers' arrive late."""
_TIME = re.compile(r"\d{14}Z", re.ASCII)
_POSITION = re.compile(r"usn (\d{1,18}) (\S*)", re.ASCII)
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How far a server's numbers are. `database` holds the users; empty where one counter serves all databases."""

    last: int
    database: str = ""

    def encode(self) -> str:
        """Return it as the position in a watermark."""
        return f"usn {self.last} {self.database}"


def numbers_at(position: str) -> Numbers | None:
    """Return the numbers that a watermark's position holds, None where it holds a time or nothing."""
    found = _POSITION.fullmatch(position)
    return Numbers(last=int(found[1]), database=found[2]) if found else None


def numbers_of(client: Client, rules: ReadingRules) -> Numbers | None:
    """Return how far a server's numbers are now; None where it counts none, or counts the users in several databases.

    Raises Refused, Unreachable and ProtocolFault.
    """
    root = client.search_one("", ROOT_ATTRIBUTES)
    if root is None:
        return None
    counters = {name.partition(";")[2]: _last(values) for name, values in root.attributes.items() if _counts(name)}
    if "" in counters:
        return Numbers(last=counters[""])
    found = databases_of(root, rules.base) & counters.keys()
    return Numbers(last=counters[next(iter(found))], database=next(iter(found))) if len(found) == 1 else None


def databases_of(root: Entry, base: str) -> set[str]:
    """Return the databases that hold entries at or below a base: the closest above, and all below."""
    pairs = [text.partition(":")[::2] for text in root.texts("nsBackendSuffix")]
    above = [(len(suffix), name) for name, suffix in pairs if within(base, suffix)]
    below = {name.lower() for name, suffix in pairs if within(suffix, base)}
    return below | {max(above)[1].lower()} if above else below


def changed_after(position: str) -> str:
    """Return the filter for what changed since a position; empty where it is none."""
    numbers = numbers_at(position)
    if numbers is not None:
        return at_least(NUMBER, str(max(numbers.last - IN_FLIGHT, 0)))
    return at_least(STAMP, position) if is_past(position) else ""


def watermark_of(dialect: str, server: str, began: str, highest_stamp: str, took: timedelta) -> Watermark | None:
    """Return where to go on after a complete reading: at the number before it, else a while before the highest time."""
    if numbers_at(began) is not None:
        return Watermark(dialect=dialect, server=server, position=began)
    highest = highest_stamp.partition(" ")[0]
    if not is_past(highest):
        return None
    moment = datetime.strptime(highest, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC) - took - OVERLAP
    return Watermark(dialect=dialect, server=server, position=f"{moment:%Y%m%d%H%M%SZ}")


def is_past(stamp: str) -> bool:
    """Return whether this is a time, and not one of a clock that was wrong by more than a day."""
    tomorrow = datetime.now(UTC) + _A_DAY
    return _TIME.fullmatch(stamp) is not None and stamp < f"{tomorrow:%Y%m%d%H%M%SZ}"


def _counts(name: str) -> bool:
    return name.partition(";")[0].lower() == "lastusn"


def _last(values: Iterable[bytes]) -> int:
    """Return the last number given; before the first write the server shows -1, or nothing."""
    text = next(iter(values), b"").decode("ascii", errors="replace")
    return int(text) if text.isdigit() else 0
