"""Reading many entries as a stream of pages that knows, at its end, whether it showed everything there is.

    pages = Pages(client, search)
    for page in pages: ...
    pages.completeness

The result code and the cookie of every page are looked at: success may mean "cut short". ldap3 sends the requests; the
answers are received and decoded by us, which takes a small part of the time (`framing`, `answers`, `decoding`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from agent.directories.access import ReadingRules
from agent.directories.answers import RawEntry
from agent.directories.client import Client
from agent.directories.dialect import Dialect
from agent.directories.entry import Entry
from agent.directories.errors import ProtocolFault, Refused
from agent.directories.filters import all_of
from agent.directories.searches import Completeness, Ended, Search, completeness_after
from agent.directories.session import Asked
from ims.people import EntryId

DIGEST_OCTETS = 16
_MOST_EMPTY_PAGES = 1000
"""One after another. A server may send some; a search that brings nothing but cookies would never end."""


@dataclass(slots=True, kw_only=True)
class Unchanged:
    """Digests of entries that were read before and still mean what they meant: an entry found here is not decoded.

    `key` is the fingerprint of all that decides what an entry means. An entry of `known` that is seen is taken out, so
    that what is left after a complete reading changed or is gone; `passed` counts those that were taken out.
    """

    key: bytes
    known: set[bytes]
    passed: int = 0

    def sift(self, raws: Iterable[RawEntry]) -> Iterator[RawEntry]:
        """Take out the entries that are known, and yield the others with their digests.

        The digest is that of an entry and its controls as they came, without the number of the message.
        """
        known, key = self.known, self.key
        for data, start, end, _ in raws:
            digest = blake2b(data[start:end], digest_size=DIGEST_OCTETS, key=key).digest()
            if digest in known:
                known.remove(digest)
                self.passed += 1
            else:
                yield data, start, end, digest


class Pages:
    """One search, read page by page. Iterate once; then ask for `completeness`.

    Entries that came before a limit are yielded like any others: what was seen is true, what is missing means nothing.
    With `unchanged`, those that are found there are passed over, and the others carry their digest. A broken connection
    raises Unreachable or ProtocolFault in the middle of the iteration.
    """

    def __init__(self, client: Client, search: Search, unchanged: Unchanged | None = None) -> None:
        self._client = client
        self._search = search
        self._unchanged = unchanged
        self._completeness = Completeness(ended=Ended.UNFINISHED, why="the search was not read to its end")

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield the pages in the server's order. The next one is asked for before this one is decoded."""
        seen, empty = 0, 0
        asked: Asked | None = self._client.ask(self._search)
        while asked is not None:
            page, answer = asked, self._client.receive(asked)
            more = answer.result.ok and bool(answer.cookie)
            asked = self._client.ask(self._search, answer.cookie or b"") if more else None
            seen, empty = seen + len(answer.entries), 0 if answer.entries else empty + 1
            entries = self._client.decode(page, self._changed(answer.entries))
            if empty > _MOST_EMPTY_PAGES:
                raise ProtocolFault(f"{self._client.server}: searching {self._search.base}: pages without end")
            if not more:
                self._completeness = completeness_after(answer, seen)
            yield entries

    def _changed(self, raws: Iterable[RawEntry]) -> Iterable[RawEntry]:
        return raws if self._unchanged is None else self._unchanged.sift(raws)

    @property
    def completeness(self) -> Completeness:
        """Return whether everything was shown; UNFINISHED until the iteration has come to its end."""
        return self._completeness


def read_all(client: Client, search: Search) -> tuple[tuple[Entry, ...], Completeness]:
    """Return what a small search finds, with its completeness."""
    pages = Pages(client, search)
    entries = tuple(entry for page in pages for entry in page)
    return entries, pages.completeness


def find_one(client: Client, search: Search) -> Entry | None:
    """Return the one entry that a search finds, None if there is none.

    Raises Refused where the search was cut short or finds several: the first of several is nobody in particular.
    """
    page = client.page(search)
    completeness = completeness_after(page, len(page.entries))
    if not completeness.complete:
        raise Refused(f"{client.server}: searching {search.base}: {completeness.why}", page.result)
    if len(page.entries) > 1:
        raise Refused(f"{client.server}: searching {search.base}: several entries satisfy {search.filter}", page.result)
    return page.entries[0] if page.entries else None


# --- the searches that are always the same ---------------------------------------------------------------------------


def users(dialect: Dialect, rules: ReadingRules, *conditions: str) -> Search:
    """Return the search for the users of a directory, with all that is read of them; `conditions` narrow it."""
    return Search(
        base=rules.base,
        filter=all_of(rules.filter, *conditions),
        scope=rules.scope,
        attributes=attributes(dialect, rules),
    )


def user_with_id(dialect: Dialect, rules: ReadingRules, entry_id: EntryId) -> Search:
    """Return the search for one entry by its id, wherever it moved below the base, user or not."""
    return Search(base=rules.base, filter=dialect.entry_filter(entry_id), attributes=attributes(dialect, rules))


def attributes(dialect: Dialect, rules: ReadingRules) -> tuple[str, ...]:
    """Return what to ask for, each attribute once: RFC 4511 section 4.5.1.8 wants no name twice in a request."""
    once = {name.lower(): name for name in (*dialect.wanted_attributes(), *rules.attributes)}
    return tuple(once.values())
