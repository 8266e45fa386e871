"""Lists, page by page (RFC 7644 section 3.4.2.4)."""

from ims.query import Page
from scim.attributes import Document
from scim.parameters import Parameters
from scim.schemas import LIST_URN
from scim.services import Limits


def page_of(parameters: Parameters, limits: Limits) -> Page:
    """Return the part of the answer that is asked for, no longer than the limits allow."""
    wanted = limits.page_default if parameters.count is None else parameters.count
    return Page(limit=min(wanted, limits.page_max), offset=parameters.start_index - 1)


def list_response(resources: list[Document], total: int, start_index: int = 1) -> Document:
    """Return a ListResponse. `Resources` is there even when it is empty: some clients do not expect otherwise."""
    return {
        "schemas": [LIST_URN],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }
