"""What is asked of a directory, and what came back: values that no library of LDAP appears in."""

from dataclasses import dataclass
from enum import StrEnum

from agent.directories.access import Scope
from agent.directories.answers import Answer
from agent.directories.entry import Entry
from agent.directories.results import LIMITS, Result

ANY = "(objectClass=*)"
Control = tuple[str, bool, bytes | None]
"""OID, criticality and value."""
NOTHING = ("1.1",)
"""The attribute list that asks for no attribute (RFC 4511 section 4.5.1.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search. `page_size` None = as the directory's settings say."""

    base: str
    filter: str = ANY
    scope: Scope = Scope.SUBTREE
    attributes: tuple[str, ...] = NOTHING
    page_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A search that does not end: by the control, the server tells of changes for as long as somebody listens."""

    search: Search
    control: Control


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search. `cookie` asks for the next one; empty = that was all, None = the server did not say."""

    entries: tuple[Entry, ...]
    result: Result
    cookie: bytes | None


class Ended(StrEnum):
    """How a search ended."""

    COMPLETE = "complete"
    LIMITED = "limited"
    REFUSED = "refused"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Whether a search showed everything there is. Only then does absence mean anything.

    `why` says what is missing, in words: the result's name, never the server's text.
    """

    ended: Ended
    entries: int = 0
    why: str = ""

    @property
    def complete(self) -> bool:
        """Return whether every page ended in success and the last one's cookie was empty."""
        return self.ended is Ended.COMPLETE


def completeness_after(page: Page | Answer, entries: int) -> Completeness:
    """Judge a search by its last page."""
    if page.result.code in LIMITS:
        return Completeness(ended=Ended.LIMITED, entries=entries, why=f"cut short by the server: {page.result.name}")
    if not page.result.ok:
        return Completeness(ended=Ended.REFUSED, entries=entries, why=f"refused by the server: {page.result.name}")
    if page.cookie is None:
        return Completeness(ended=Ended.UNFINISHED, entries=entries, why="the server did not say whether that was all")
    if page.cookie:
        return Completeness(ended=Ended.UNFINISHED, entries=entries, why="there are more pages")
    return Completeness(ended=Ended.COMPLETE, entries=entries)
