"""The query parameters of a request (RFC 7644 sections 3.4.2 and 3.9); their names are taken in any case."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from scim.errors import BadRequest, ScimType
from scim.projection import EVERYTHING_SHOWN, Projection

_START_MAX = 1_000_000_000
"""No list is longer; a greater number would leave the range of the stores' integers."""
_INTEGER = re.compile(r"\s*(-?[0-9]{1,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a client asks of a list, or of a resource. `count` None = as many as we like."""

    filter: str | None = None
    start_index: int = 1
    count: int | None = None
    projection: Projection = EVERYTHING_SHOWN


def parameters_of(pairs: Iterable[tuple[str, str]]) -> Parameters:
    """Return the parameters in a query string. Raises BadRequest. Unknown ones are ignored, as the RFC advises."""
    given: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        if key in given and key in _KNOWN:
            raise BadRequest(ScimType.INVALID_VALUE, f"The parameter {name} is given twice")
        given[key] = value
    count = _integer(given, "count")
    start = _integer(given, "startindex")
    return Parameters(
        filter=given.get("filter"),
        start_index=1 if start is None else min(max(start, 1), _START_MAX),
        count=None if count is None else max(count, 0),
        projection=_projection(given),
    )


_KNOWN = frozenset({"filter", "startindex", "count", "attributes", "excludedattributes"})


def _integer(given: dict[str, str], name: str) -> int | None:
    if name not in given:
        return None
    found = _INTEGER.fullmatch(given[name])
    if found is None:
        raise BadRequest(ScimType.INVALID_VALUE, f"{name} must be an integer")
    return int(found[1])


def _projection(given: dict[str, str]) -> Projection:
    wanted, unwanted = given.get("attributes", "").strip(), given.get("excludedattributes", "").strip()
    if wanted and unwanted:
        raise BadRequest(
            ScimType.INVALID_VALUE, "attributes and excludedAttributes exclude each other; send one of them"
        )
    return Projection.of(wanted=wanted, unwanted=unwanted)
