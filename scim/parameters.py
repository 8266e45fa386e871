"""What a request asks of a list, or of a resource (RFC 7644 sections 3.4.2, 3.4.3 and 3.9, RFC 9865 section 2).

The same comes as query parameters, whose names are taken in any case, or as a SearchRequest.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scim.attributes import Document, ResourceType
from scim.errors import BadRequest, ScimType
from scim.projection import Projection
from scim.urns import SEARCH_URN

_START_MAX = 1_000_000_000
"""No list is longer; a greater number would leave the range of the stores' integers."""
_INTEGER = re.compile(r"\s*(-?[0-9]{1,18})\s*", re.ASCII)
_KNOWN = frozenset(
    {"filter", "startindex", "count", "attributes", "excludedattributes", "sortby", "sortorder", "cursor"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a client asks for. `count` None = as many as we like; `cursor` None = pages by index, "" = the first page.

    `wanted` and `unwanted` are attribute names as they were sent: what they mean depends on the resource type.
    """

    filter: str | None = None
    start_index: int = 1
    count: int | None = None
    sort_by: str = ""
    descending: bool = False
    cursor: str | None = None
    wanted: str = ""
    unwanted: str = ""

    def projection(self, of: ResourceType) -> Projection:
        """Return which attributes of such a resource to show."""
        return Projection.parse(of, wanted=self.wanted, unwanted=self.unwanted)


def parameters_of(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Return the parameters in a query string. Raises BadRequest. Unknown ones are ignored, as the RFC advises."""
    given: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if key in given and key in _KNOWN:
            raise BadRequest(ScimType.INVALID_VALUE, f"The parameter {name} is given twice")
        given[key] = value
    return _parameters(given)


def parameters_in(document: Document) -> Parameters:
    """Return the parameters in a SearchRequest. Raises BadRequest."""
    members = {name.lower(): value for name, value in document.items()}
    schemas = members.pop("schemas", None)
    if not isinstance(schemas, list) or SEARCH_URN.lower() not in [str(urn).lower() for urn in schemas]:
        raise BadRequest(ScimType.INVALID_SYNTAX, f"schemas must be an array that holds {SEARCH_URN}")
    return _parameters(
        {name: _text(name, value) for name, value in members.items() if name in _KNOWN and value is not None}
    )


def _text(name: str, value: object) -> str:
    """Return a member of a SearchRequest as it would stand in a query string."""
    if isinstance(value, list) and name in ("attributes", "excludedattributes"):
        return ",".join(str(one) for one in value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise BadRequest(ScimType.INVALID_VALUE, f"{name} has a value of the wrong type")


def _parameters(given: Mapping[str, str]) -> Parameters:
    count = _integer(given, "count")
    start = _integer(given, "startindex")
    wanted, unwanted = given.get("attributes", "").strip(), given.get("excludedattributes", "").strip()
    if wanted and unwanted:
        raise BadRequest(
            ScimType.INVALID_VALUE, "attributes and excludedAttributes exclude each other; send one of them"
        )
    return Parameters(
        filter=given.get("filter"),
        start_index=1 if start is None else min(max(start, 1), _START_MAX),
        count=None if count is None else max(count, 0),
        sort_by=given.get("sortby", "").strip(),
        descending=_descending(given.get("sortorder", "")),
        cursor=given.get("cursor"),
        wanted=wanted,
        unwanted=unwanted,
    )


def _descending(order: str) -> bool:
    if order.strip().lower() not in ("", "ascending", "descending"):
        raise BadRequest(ScimType.INVALID_VALUE, "sortOrder must be ascending or descending")
    return order.strip().lower() == "descending"


def _integer(given: Mapping[str, str], name: str) -> int | None:
    if name not in given:
        return None
    found = _INTEGER.fullmatch(given[name])
    if found is None:
        raise BadRequest(ScimType.INVALID_VALUE, f"{name} must be an integer")
    return int(found[1])
