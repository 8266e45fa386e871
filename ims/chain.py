"""The audit's chain: how a row's hash is made, and how rows and heads look as lines of JSON.

Whoever has an export can make every hash again with this page alone (docs/adr/0021-audit-chain.md says it in words). A
format is never changed in place: another one gets another name, and rows keep the one they were written in.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ims.audit import AuditEntry
from ims.errors import InvalidInput

FORMAT = "lockstep audit 1"
FIELDS = (
    "at",
    "actor",
    "role",
    "channel",
    "action",
    "result",
    "subject",
    "tenant",
    "user",
    "before",
    "after",
    "detail",
    "reference",
)
"""What a row says, in the order in which it is hashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One row of the audit as it was found, trusted or not. `texts` are its `FIELDS`; hashes are hexadecimal."""

    number: int
    texts: tuple[str, ...]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain at one moment: what was exported proves later that nothing up to it was written anew."""

    store: str
    number: int
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What an export says of itself: after which row it begins, and where the chain ended when it was made.

    `tenant` is set where only one tenant's rows are in it; such an export has gaps and cannot be verified alone.
    """

    head: Head
    after: int
    previous: str
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain that is open to be walked. `last` is the highest number that the store ever gave to a row."""

    extract: Extract
    last: int
    links: Iterator[Link]


# --- hashes ----------------------------------------------------------------------------------------------------------


def first_previous(store: str) -> str:
    """Return what stands for the hash before row 1: it binds the chain to the one store that began it."""
    return _hash((FORMAT, store))


def hash_of(number: int, texts: Iterable[str], previous: str) -> str:
    """Return the hash of a row: over its number, all it says, and the hash of the row before."""
    return _hash((FORMAT, str(number), *texts, previous))


def _hash(parts: Iterable[str]) -> str:
    """Hash texts as netstrings, so that no two lists of texts give the same bytes.

    A surrogate, which no text of ours holds, is passed on: a tampered row is to be found, not to stop the search.
    """
    coded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return hashlib.sha256(b"".join([b"%d:%b," % (len(part), part) for part in coded])).hexdigest()


def texts_of(entry: AuditEntry) -> tuple[str, ...]:
    """Return what a row says as the texts that are hashed; unassigned is empty."""
    return (
        moment_text(entry.at),
        entry.actor,
        entry.role.value,
        entry.channel.value,
        entry.action.value,
        entry.result.value,
        entry.subject,
        entry.tenant or "",
        entry.user or "",
        entry.before,
        entry.after,
        entry.detail,
        entry.reference,
    )


def moment_text(at: datetime) -> str:
    """Return a moment in its one form: RFC 3339 in UTC, always to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# --- lines -----------------------------------------------------------------------------------------------------------


def line_of_link(link: Link) -> str:
    """Return a row as a line of an export."""
    fields = dict(zip(FIELDS, link.texts, strict=True))
    return _line({"number": link.number, **fields, "previous": link.previous, "hash": link.hash})


def link_of_line(line: str) -> Link:
    """Return the row that a line of an export holds. Raises InvalidInput."""
    found = _members(line, ("number", *FIELDS, "previous", "hash"), "a row of the audit")
    texts = tuple(_text(found[name]) for name in FIELDS)
    return Link(
        number=_whole(found["number"]),
        texts=texts,
        previous=_text(found["previous"]),
        hash=_text(found["hash"]),
    )


def line_of_head(head: Head) -> str:
    """Return a head as a line of a heads file."""
    return _line({"store": head.store, "number": head.number, "hash": head.hash, "at": moment_text(head.at)})


def head_of_line(line: str) -> Head:
    """Return the head that a line of a heads file holds. Raises InvalidInput."""
    found = _members(line, ("store", "number", "hash", "at"), "a head of the audit")
    return Head(
        store=_text(found["store"]),
        number=_whole(found["number"]),
        hash=_text(found["hash"]),
        at=_moment(found["at"]),
    )


def line_of_extract(extract: Extract) -> str:
    """Return the first line of an export."""
    head = extract.head
    return _line(
        {
            "format": FORMAT,
            "store": head.store,
            "after": extract.after,
            "previous": extract.previous,
            "last": head.number,
            "hash": head.hash,
            "at": moment_text(head.at),
            "tenant": extract.tenant,
        },
    )


def extract_of_line(line: str) -> Extract:
    """Return what the first line of an export says. Raises InvalidInput."""
    found = _members(
        line, ("format", "store", "after", "previous", "last", "hash", "at", "tenant"), "the first line of an export"
    )
    if found["format"] != FORMAT:
        raise InvalidInput(f"tells of the format {found['format']!r}; this version verifies {FORMAT!r}")
    head = Head(
        store=_text(found["store"]),
        number=_whole(found["last"]),
        hash=_text(found["hash"]),
        at=_moment(found["at"]),
    )
    return Extract(
        head=head,
        after=_whole(found["after"]),
        previous=_text(found["previous"]),
        tenant=_text(found["tenant"]),
    )


def _line(members: dict[str, str | int]) -> str:
    """Return one line of JSON, in ASCII: no program on the way takes a character in it for the end of the line."""
    return json.dumps(members, separators=(",", ":"))


def _members(line: str, names: tuple[str, ...], what: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or tuple(found) != names:
        raise InvalidInput(f"is not {what}: such a line is an object with {', '.join(names)}")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"holds {value!r} where a text belongs")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"holds {value!r} where a number belongs")
    return value


def _moment(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError:
        raise InvalidInput(f"holds {value!r} where a time belongs") from None
    if at.tzinfo is None:
        raise InvalidInput(f"holds {value!r}, a time without a zone")
    return at
