"""A directory's lock attributes as settings describe them, and what they mean. Pure.

A marker is an attribute that says by itself whether somebody is locked: no policy is read. What its values mean is its
syntax; what an unlock leaves in its place is named beside it.
"""

from collections import abc
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from agent.directories.dialect import Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.filetime import Endless, Unset, parse_filetime
from agent.directories.filters import all_of, at_least, equal, none_of, present
from agent.directories.times import Invalid, Moment, Permanent
from ims.locks import NEVER, LockFact, LockReason

_TRUTHS = {"TRUE": True, "FALSE": False}


class Syntax(StrEnum):
    """What the values of a marker say."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    SINCE = "since"
    UNTIL = "until"
    FILETIME = "filetime"


class IdSyntax(StrEnum):
    """How the id of an entry is written: as text, or as octets that are no text."""

    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """An attribute that locks. `least` is the number from which one of syntax INTEGER does.

    `duration` is how long one with a beginning lasts, zero = for good; `ends` an attribute with the time of the end.
    An unlock leaves `free` in its place, nothing where it is empty, and each of `resets` with the value named there.
    """

    attribute: str
    syntax: Syntax
    least: int = 1
    duration: timedelta = timedelta(0)
    ends: str = ""
    free: str = ""
    resets: abc.Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the attributes that it takes to understand it, and to undo it."""
        return tuple(dict.fromkeys((self.attribute, *((self.ends,) if self.ends else ()), *self.resets)))

    def filter(self) -> str:
        """Return a filter that finds everybody who may be locked by it."""
        match self.syntax:
            case Syntax.BOOLEAN:
                return equal(self.attribute, "TRUE")
            case Syntax.INTEGER:
                return at_least(self.attribute, str(self.least))
            case Syntax.FILETIME:
                return all_of(present(self.attribute), none_of(equal(self.attribute, "0")))
            case _:
                return present(self.attribute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """How a directory without a dialect of its own spells what Lockstep needs. Attributes not named do not exist there.

    `failures` counts wrong passwords in a row, and `most` of them lock, zero = nobody knows. `asserts` = the server
    takes the assertion control (RFC 4528), so that an unlock can be bound to the entry as it was read.
    """

    lock: Marker
    disabled: Marker | None = None
    expired: Marker | None = None
    id: str = "entryUUID"
    id_syntax: IdSyntax = IdSyntax.TEXT
    failures: str = ""
    most: int = 0
    asserts: bool = False

    @property
    def markers(self) -> dict[LockReason, Marker]:
        """Return the markers by what they lock for."""
        named = {
            LockReason.PASSWORD_ATTEMPTS: self.lock,
            LockReason.DISABLED: self.disabled,
            LockReason.EXPIRED: self.expired,
        }
        return {reason: marker for reason, marker in named.items() if marker is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Return all attributes of locks."""
        counted = (self.failures,) if self.failures else ()
        return tuple(dict.fromkeys([name for one in self.markers.values() for name in one.names] + list(counted)))


def read_locks(mapping: Mapping, source: str, entry: Entry, now: datetime) -> Reading:
    """Return what an entry's markers mean. Raises BadEntry where one holds what its syntax does not know."""
    facts = tuple(_facts(mapping, source, entry))
    moments = [moment for fact in facts for moment in (fact.since, fact.until) if moment is not None and now <= moment]
    return Reading(
        facts=tuple(fact for fact in facts if not _is_over(fact, now)),
        lapsed=tuple(fact for fact in facts if _is_over(fact, now)),
        marker=bool(facts),
        same_until=min(moments, default=NEVER),
    )


def failures_of(mapping: Mapping, entry: Entry) -> int:
    """Return how many wrong passwords the entry counts; none where nothing counts them. Raises BadEntry."""
    return _number(entry, mapping.failures) if mapping.failures and entry.values(mapping.failures) else 0


def _facts(mapping: Mapping, source: str, entry: Entry) -> Iterator[LockFact]:
    for reason, marker in mapping.markers.items():
        found = _since_and_until(marker, entry) if entry.values(marker.attribute) else None
        if found is not None:
            evidence = tuple((name, entry.text(name)) for name in marker.names if entry.values(name))
            yield LockFact(reason=reason, source=source, since=found[0], until=found[1], evidence=evidence)


def _since_and_until(marker: Marker, entry: Entry) -> tuple[datetime | None, datetime | None] | None:
    """Return from when and until when a marker locks; None where it does not."""
    match marker.syntax:
        case Syntax.BOOLEAN:
            return (None, _moment(entry, marker.ends)) if _truth(entry, marker.attribute) else None
        case Syntax.INTEGER:
            reached = _number(entry, marker.attribute) >= marker.least
            return (None, _moment(entry, marker.ends)) if reached else None
        case Syntax.UNTIL:
            return None, _moment(entry, marker.attribute)
        case Syntax.SINCE:
            return _lasting(_moment(entry, marker.attribute), marker, entry)
        case Syntax.FILETIME:
            time = parse_filetime(entry.single(marker.attribute) or b"")
            if isinstance(time, Invalid):
                raise BadEntry(entry.dn, f"{marker.attribute}: {time.why}")
            return None if isinstance(time, Unset | Endless) else _lasting(time.at, marker, entry)


def _lasting(since: datetime | None, marker: Marker, entry: Entry) -> tuple[datetime | None, datetime | None]:
    """Return a lock with a beginning; one that began with time itself ("000001010000Z") has no end either."""
    if marker.ends and entry.values(marker.ends):
        return since, _moment(entry, marker.ends)
    return since, since + marker.duration if since is not None and marker.duration else None


def _is_over(fact: LockFact, now: datetime) -> bool:
    return fact.until is not None and fact.until <= now


def _moment(entry: Entry, name: str) -> datetime | None:
    time: Moment | Permanent | None = entry.time(name) if name else None
    return time.at if isinstance(time, Moment) else None


def _truth(entry: Entry, name: str) -> bool:
    found = _TRUTHS.get(entry.text(name).upper())
    if found is None:
        raise BadEntry(entry.dn, f"{name} is neither TRUE nor FALSE")
    return found


def _number(entry: Entry, name: str) -> int:
    text = entry.text(name)
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise BadEntry(entry.dn, f"{name} is no number")
    return int(text)
