"""Reading many entries as a stream of pages that knows, at its end, whether it showed everything there is.

    pages = Pages(client, search)
    for page in pages: ...
    pages.completeness

Behind it is ldap3's paged search, page by page, so that the result code and the cookie of every page are seen: ldap3's
own generator ends silently where a server's size limit cuts a search short.
"""

from collections.abc import Iterator

from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.dialect import Dialect
from agent.directories.entry import Entry
from agent.directories.errors import Refused
from agent.directories.filters import all_of
from agent.directories.searches import Completeness, Ended, Search, completeness_after
from ims.people import EntryId


class Pages:
    """One search, read page by page. Iterate once; then ask for `completeness`.

    Entries that came before a limit are yielded like any others: what was seen is true, what is missing means nothing.
    A broken connection raises Unreachable or ProtocolFault in the middle of the iteration.
    """

    def __init__(self, client: Client, search: Search) -> None:
        self._client = client
        self._search = search
        self._completeness = Completeness(ended=Ended.UNFINISHED, why="the search was not read to its end")

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield the pages in the server's order."""
        cookie, entries = b"", 0
        while True:
            page = self._client.page(self._search, cookie)
            entries += len(page.entries)
            cookie = page.cookie or b""
            if not page.result.ok or not cookie:
                self._completeness = completeness_after(page, entries)
            yield page.entries
            if not page.result.ok or not cookie:
                return

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
