"""Lists, page by page (RFC 7644 sections 3.4.2 and 3.4.3, RFC 9865): of one resource type, or of several one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ims.query import EVERYTHING, Attribute, Collection, Page, Query, Sort
from scim import cursors, filters
from scim.attributes import Document, ResourceType
from scim.calls import Call
from scim.cursors import Cursor
from scim.errors import BadRequest, ScimType
from scim.parameters import Parameters
from scim.urns import LIST_URN


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of resources as they are shown, how many there are in all, and the id of the last one on the page."""

    documents: list[Document]
    total: int
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The resources of one type that the caller may see."""

    of: ResourceType
    find: Callable[[Query, Page], Found]


def listed(call: Call, parameters: Parameters, listings: Sequence[Listing]) -> Document:
    """Return the ListResponse to a question. Raises BadRequest.

    Of several types, those that know nothing of an attribute in the filter have nothing that satisfies it.
    """
    asked = _asked(call, parameters, listings)
    if parameters.cursor is not None:
        return _by_cursor(call, parameters, asked)
    return _by_index(call, parameters, asked)


def list_response(resources: list[Document], total: int, start_index: int = 1) -> Document:
    """Return a ListResponse. `Resources` is there even when it is empty: some clients do not expect otherwise."""
    return {
        "schemas": [LIST_URN],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


# --- what is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    listing: Listing
    query: Query
    sort: Sort | None


def _asked(call: Call, parameters: Parameters, listings: Sequence[Listing]) -> list[_Asked]:
    asked: list[_Asked] = []
    refused: list[BadRequest] = []
    for listing in listings:
        try:
            query = _query(call, parameters, listing.of)
            asked.append(_Asked(listing=listing, query=query, sort=_sort(parameters, listing.of)))
        except BadRequest as error:
            refused.append(error)
    if not asked:
        raise refused[0]
    return asked


def _query(call: Call, parameters: Parameters, of: ResourceType) -> Query:
    if parameters.filter is None:
        return EVERYTHING
    return filters.compiled(parameters.filter, of, evidence=call.view.sees_evidence)


def _sort(parameters: Parameters, of: ResourceType) -> Sort | None:
    """Return the order that is asked for; a multi-valued attribute stands for its primary value, or the first."""
    if not parameters.sort_by:
        return None
    path = of.resolve(parameters.sort_by, evidence=False)
    by = None if path is None else path.attribute.asks if path.attribute.multi_valued else path.target.asks
    if path is not None and path.part is None and path.attribute.bare and not path.attribute.multi_valued:
        value = path.attribute.part("value")
        by = value.asks if value else None
    if path is None or not isinstance(by, Attribute | Collection) or (path.part and path.part.name not in _SORTABLE):
        raise BadRequest(ScimType.INVALID_VALUE, f"Resources cannot be sorted by {parameters.sort_by}")
    return Sort(by=by, descending=parameters.descending)


_SORTABLE = frozenset({"value", "formatted", "familyName", "givenName", "middleName", "honorificPrefix"}) | {
    "honorificSuffix",
    "created",
    "lastModified",
    "status",
    "since",
}
"""Sub-attributes by which resources are sorted; of a multi-valued attribute it is the value."""


# --- pages -----------------------------------------------------------------------------------------------------------


def _size(call: Call, parameters: Parameters) -> int:
    limits = call.services.limits
    return min(limits.page_default if parameters.count is None else parameters.count, limits.page_max)


def _by_index(call: Call, parameters: Parameters, asked: Sequence[_Asked]) -> Document:
    """Return a page by number, of one type after the other."""
    left, skip = _size(call, parameters), parameters.start_index - 1
    documents: list[Document] = []
    total = 0
    for one in asked:
        found = one.listing.find(one.query, Page(limit=left, offset=skip, sort=one.sort))
        documents += found.documents
        total += found.total
        left -= len(found.documents)
        skip = max(0, skip - found.total)
    return list_response(documents, total, parameters.start_index)


def _by_cursor(call: Call, parameters: Parameters, asked: Sequence[_Asked]) -> Document:
    """Return the page after a cursor, with the next cursor if there is more."""
    if len(asked) > 1:
        raise BadRequest(ScimType.INVALID_CURSOR, "A query of several resource types is paged by startIndex only")
    (one,) = asked
    cursor = _cursor(call, parameters, one)
    page = Page(limit=cursor.count, offset=cursor.offset, after=cursor.after or None, sort=one.sort)
    found = one.listing.find(one.query, replace(page, limit=cursor.count + 1 if cursor.count else 0))
    document: Document = {"schemas": [LIST_URN], "totalResults": found.total}
    shown = found.documents[: cursor.count]
    if len(found.documents) > cursor.count:
        document["nextCursor"] = _next(cursor, one, str(shown[-1]["id"])).text(call.cursor_key)
    return document | {"itemsPerPage": len(shown), "Resources": shown}


def _cursor(call: Call, parameters: Parameters, one: _Asked) -> Cursor:
    order = f"{parameters.sort_by.lower()} {parameters.descending}"
    question = cursors.question_of(one.listing.of.name, parameters.filter or "", order)
    if not parameters.cursor:
        return Cursor(question=question, count=_size(call, parameters), issued=int(call.view.now().timestamp()))
    count = None if parameters.count is None else min(parameters.count, call.services.limits.page_max)
    return cursors.read(parameters.cursor, call.cursor_key, question, count, call.view.now())


def _next(cursor: Cursor, one: _Asked, last: str) -> Cursor:
    if one.sort is None:
        return replace(cursor, after=last)
    return replace(cursor, offset=cursor.offset + cursor.count)
