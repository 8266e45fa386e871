"""What is written to a directory: conditional modifications, shown in `explain` exactly as they are sent."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a modification does (RFC 4511 section 4.6)."""

    ADD = "add"
    DELETE = "delete"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """One attribute's change. DELETE and REPLACE without values remove the attribute."""

    kind: Kind
    attribute: str
    values: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Modify:
    """One modify operation. With an `assertion` (a filter) the server does it only if the entry satisfies that now."""

    dn: str
    changes: tuple[Modification, ...]
    assertion: str = ""

    def lines(self) -> tuple[str, ...]:
        """Return the operation in words, one line per modification."""
        condition = (f"only if {self.assertion}",) if self.assertion else ()
        return (f"modify {self.dn}", *condition, *(_line(change) for change in self.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEntry:
    """The addition of an entry. Lockstep adds none: this is only ever rehearsed."""

    dn: str
    attributes: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEntry:
    """The removal of an entry. Lockstep removes none: this is only ever rehearsed."""

    dn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameEntry:
    """The change of an entry's own name. Lockstep renames none: this is only ever rehearsed."""

    dn: str
    rdn: str


Rehearsal = Modify | AddEntry | DeleteEntry | RenameEntry
"""What a directory may be asked to go through without doing it, to learn whether it would."""


def _line(change: Modification) -> str:
    values = ", ".join(value.decode(errors="backslashreplace") for value in change.values)
    return f"{change.kind} {change.attribute}: {values}" if values else f"{change.kind} {change.attribute}"
