"""PATCH (RFC 7644 section 3.5.2): from a body to operations, and from an operation to what it means.

Every path is resolved against the schema table; there is no other way from a client's text to a field. What the
operations make of a user or of a group is in `scim.user_patch` and `scim.group_patch`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from ims.query import Attribute
from scim.attributes import AttributePath, Document, Mutability, ResourceType, Schema
from scim.changes import Change, Op
from scim.errors import BadRequest, HttpProblem, ScimType
from scim.filters import compiled_inside
from scim.urns import PATCH_URN

OPERATIONS_MAX = 1_000
_PATH = re.compile(r"(?P<attribute>[^\[\]]+)(?:\[(?P<filter>.+)\](?:\.(?P<part>[^\[\]]+))?)?", re.DOTALL)
_UNHEARD = frozenset({"schemas"})
"""What clients send along with whatever they say of a resource; it says nothing that could be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation on one path. `spread` = the path was a name in the value of an operation that had no path."""

    op: Op
    path: str
    value: object = None
    spread: bool = False


def parse(document: Document, of: ResourceType) -> tuple[Operation, ...]:
    """Return the operations of a PatchOp, those without a path spread into one per attribute. Raises BadRequest."""
    members = {name.lower(): value for name, value in document.items()}
    schemas = members.get("schemas")
    if not isinstance(schemas, list) or PATCH_URN.lower() not in [str(urn).lower() for urn in schemas]:
        raise BadRequest(ScimType.INVALID_SYNTAX, f"schemas must be an array that holds {PATCH_URN}")
    operations = members.get("operations")
    if not isinstance(operations, list) or not operations:
        raise BadRequest(ScimType.INVALID_SYNTAX, "Operations must be an array that is not empty")
    if len(operations) > OPERATIONS_MAX:
        raise HttpProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"One PATCH takes {OPERATIONS_MAX} operations at most; send the others in another",
        )
    return tuple(
        operation
        for number, raw in enumerate(operations)
        for operation in _operations_in(raw, of, f"Operations[{number}]")
    )


def change_of(operation: Operation, of: ResourceType) -> Change | None:
    """Return what an operation means; None for a spread name that we do not know, which is ignored as in a POST.

    Raises BadRequest.
    """
    found = _PATH.fullmatch(operation.path)
    path = _resolved(found, of) if found else None
    if path is None and operation.spread:
        return None
    if found is None or path is None:
        raise BadRequest(ScimType.INVALID_PATH, f"There is no attribute {operation.path!r}")
    if path.read_only:
        raise read_only(operation.path)
    if path.target.mutability is Mutability.IMMUTABLE and operation.op is not Op.REMOVE:
        raise BadRequest(ScimType.MUTABILITY, f"{operation.path} is immutable; remove the element and add another")
    where = found["filter"]
    if where and not path.attribute.multi_valued:
        raise BadRequest(ScimType.INVALID_PATH, f"{path.attribute.name} has one value only; brackets select among many")
    return Change(
        op=operation.op,
        schema=path.schema,
        attribute=path.attribute,
        part=path.part,
        where=compiled_inside(of, path.attribute, where) if where else None,
        value=operation.value,
    )


def is_own_id(operation: Operation, resource_id: str, of: ResourceType) -> bool:
    """Return whether the client sent the resource's id along, which says nothing and changes nothing."""
    path = of.resolve(operation.path)
    is_id = path is not None and path.attribute.asks is Attribute.ID
    return is_id and operation.spread and operation.value == resource_id


def read_only(path: str) -> BadRequest:
    """Return the error for a path that nobody may write."""
    return BadRequest(ScimType.MUTABILITY, f"{path} is readOnly")


def _operations_in(raw: object, of: ResourceType, where: str) -> Iterator[Operation]:
    if not isinstance(raw, dict):
        raise BadRequest(ScimType.INVALID_SYNTAX, f"{where} must be an object")
    members = {name.lower(): value for name, value in raw.items()}
    op = _op(members.get("op"), where)
    path, value = members.get("path"), members.get("value")
    if path is None or path == "":
        yield from _spread(op, value, of, where)
        return
    if not isinstance(path, str):
        raise BadRequest(ScimType.INVALID_PATH, f"{where}.path must be a string")
    schema, rest = of.split_urn(path.strip())
    if schema is not None and not rest:
        yield from _of_schema(op, schema, value, where)
    else:
        yield Operation(op=op, path=path.strip(), value=value)


def _op(raw: object, where: str) -> Op:
    try:
        return Op(raw.lower() if isinstance(raw, str) else "")
    except ValueError as error:
        raise BadRequest(ScimType.INVALID_SYNTAX, f"{where}.op must be add, remove or replace") from error


def _spread(op: Op, value: object, of: ResourceType, where: str) -> Iterator[Operation]:
    """Yield an operation for each name in the value of one without a path; the names may be paths themselves."""
    if op is Op.REMOVE:
        raise BadRequest(ScimType.NO_TARGET, f"{where}: remove needs a path")
    if not isinstance(value, dict):
        raise BadRequest(ScimType.INVALID_VALUE, f"{where}.value must be an object, because there is no path")
    for name, member in value.items():
        schema, rest = of.split_urn(name.strip())
        if schema is not None and not rest:
            yield from _of_schema(op, schema, member, where)
        elif rest.lower() not in _UNHEARD:
            yield Operation(op=op, path=name.strip(), value=member, spread=True)


def _of_schema(op: Op, schema: Schema, value: object, where: str) -> Iterator[Operation]:
    """Yield an operation for each member of what is said of a whole schema; to remove one is to remove all of it."""
    if all(attribute.mutability is Mutability.READ_ONLY for attribute in schema.attributes):
        raise read_only(schema.id)
    if op is Op.REMOVE:
        names = dict.fromkeys((attribute.name for attribute in schema.attributes if not attribute.required), None)
    elif isinstance(value, dict):
        names = value
    else:
        raise BadRequest(ScimType.INVALID_VALUE, f"{where}: what is said of {schema.id} must be an object")
    for name, member in names.items():
        if name.lower() not in _UNHEARD:
            yield Operation(op=op, path=f"{schema.id}:{name}", value=member, spread=True)


def _resolved(found: re.Match[str], of: ResourceType) -> AttributePath | None:
    """Return the attribute that a path leads to; nothing but a whole attribute stands before brackets."""
    before = of.resolve(found["attribute"])
    if before is None or found["filter"] is None:
        return before
    if before.part is not None:
        return None
    return of.resolve(f"{found['attribute']}.{found['part']}") if found["part"] else before
