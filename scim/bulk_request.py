"""A BulkRequest, read (RFC 7644 section 3.7): its operations, and which of them need the ids of others first."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from scim.attributes import Document
from scim.errors import BadRequest, HttpProblem, ScimType
from scim.urns import BULK_REQUEST_URN

OPERATIONS_MAX = 1_000
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
_REFERENCE = re.compile(r"bulkId:(?P<id>[^/\"\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOperation:
    """One operation. `path` begins with the endpoint; `refers_to` are the bulkIds that it names."""

    method: str
    path: str
    bulk_id: str
    version: str
    data: Document
    refers_to: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRequest:
    """All of it. `fail_on_errors` = after so many errors the rest is left undone; 0 = never."""

    operations: tuple[BulkOperation, ...]
    fail_on_errors: int


def parse(document: Document) -> BulkRequest:
    """Return what a client asks for. Raises BadRequest, and HttpProblem (413) for too many operations."""
    members = {name.lower(): value for name, value in document.items()}
    schemas = members.get("schemas")
    if not isinstance(schemas, list) or BULK_REQUEST_URN.lower() not in [str(urn).lower() for urn in schemas]:
        raise _wrong(f"schemas must be an array that holds {BULK_REQUEST_URN}")
    raw = members.get("operations")
    if not isinstance(raw, list) or not raw:
        raise _wrong("Operations must be an array that is not empty")
    if len(raw) > OPERATIONS_MAX:
        raise HttpProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"One bulk request takes {OPERATIONS_MAX} operations at most"
        )
    limit = members.get("failonerrors", 0)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise _wrong("failOnErrors must be an integer that is not negative")
    operations = tuple(_operation(one, f"Operations[{number}]") for number, one in enumerate(raw))
    _demand_known(operations)
    return BulkRequest(operations=operations, fail_on_errors=limit)


def references_in(value: object) -> frozenset[str]:
    """Return the bulkIds that a value names, wherever they stand in it."""
    match value:
        case str():
            return frozenset(_REFERENCE.findall(value))
        case dict():
            return frozenset().union(*map(references_in, value.values()))
        case list():
            return frozenset().union(*map(references_in, value))
        case _:
            return frozenset()


def resolved(value: object, ids: dict[str, str]) -> object:
    """Return a value with the bulkIds that are known replaced by ids."""
    match value:
        case str():
            return _REFERENCE.sub(lambda found: ids.get(found["id"], found[0]), value)
        case dict():
            return {name: resolved(member, ids) for name, member in value.items()}
        case list():
            return [resolved(element, ids) for element in value]
        case _:
            return value


def _operation(raw: object, where: str) -> BulkOperation:
    if not isinstance(raw, dict):
        raise _wrong(f"{where} must be an object")
    members = {name.lower(): value for name, value in raw.items()}
    method, path = str(members.get("method", "")).upper(), members.get("path")
    if method not in _METHODS:
        raise _wrong(f"{where}.method must be one of {', '.join(_METHODS)}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise _wrong(f"{where}.path must begin with /")
    bulk_id, data = members.get("bulkid", ""), members.get("data")
    if not isinstance(bulk_id, str) or (method == "POST" and not bulk_id):
        raise _wrong(f"{where}.bulkId must be a text, and is required for POST")
    if not isinstance(data, dict) and method != "DELETE":
        raise _wrong(f"{where}.data must be an object")
    body = data if isinstance(data, dict) else {}
    return BulkOperation(
        method=method,
        path=path,
        bulk_id=bulk_id,
        version=str(members.get("version") or ""),
        data=body,
        refers_to=references_in(body) | references_in(path),
    )


def _demand_known(operations: tuple[BulkOperation, ...]) -> None:
    """Refuse a request that names one bulkId twice, or one that nothing makes."""
    made = [one.bulk_id for one in operations if one.method == "POST"]
    if len(made) != len(set(made)):
        raise _wrong("A bulkId names one operation only")
    missing = sorted(frozenset().union(*(one.refers_to for one in operations)) - set(made))
    if missing:
        raise BadRequest(ScimType.INVALID_VALUE, f"No operation makes bulkId:{missing[0]}")


def _wrong(message: str) -> BadRequest:
    return BadRequest(ScimType.INVALID_SYNTAX, message)
