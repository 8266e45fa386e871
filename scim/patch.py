"""PATCH (RFC 7644 section 3.5.2): from a body to operations, and from operations to an edit. Nothing is written here.

An edit is computed on the user as they are and taken whole or not at all, so a PATCH is atomic by itself. Every path is
resolved against the schema table; there is no other way from a client's text to a field.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from ims.people import User, UserId
from ims.provisioning import Edit
from ims.query import Attribute
from scim.attributes import AttributePath, Document
from scim.changes import Change, Op, perform
from scim.errors import BadRequest, HttpProblem, ScimType
from scim.filters import compiled_inside
from scim.resources import profile_document, profile_of
from scim.schemas import LOCKSTEP, PATCH_URN, USER, resolve, split_urn
from scim.values import boolean

OPERATIONS_MAX = 1_000
_PATH = re.compile(r"(?P<attribute>[^\[\]]+)(?:\[(?P<filter>.+)\](?:\.(?P<part>[^\[\]]+))?)?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation on one path. `spread` = the path was a name in the value of an operation that had no path."""

    op: Op
    path: str
    value: object = None
    spread: bool = False


def parse(document: Document) -> tuple[Operation, ...]:
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
        operation for number, raw in enumerate(operations) for operation in _operations_in(raw, f"Operations[{number}]")
    )


def wanted_active(operations: tuple[Operation, ...], user_id: UserId) -> bool | None:
    """Return what a PATCH that sets `active` and nothing else sets it to; None for every other PATCH."""
    wanted: set[bool] = set()
    for operation in operations:
        if _is_own_id(operation, user_id):
            continue
        if not _is_active(operation) or operation.op is Op.REMOVE:
            return None
        wanted.add(boolean(operation.value, "active"))
    return wanted.pop() if len(wanted) == 1 else None


def touches_active(operations: tuple[Operation, ...]) -> bool:
    """Return whether any operation is about `active`."""
    return any(_is_active(operation) for operation in operations)


def edit_of(operations: tuple[Operation, ...], user: User) -> Edit:
    """Return what the operations, done in order, make of the user. Raises BadRequest; then nothing is to be done."""
    document = profile_document(user.profile)
    active: bool | None = None
    for operation in operations:
        change = None if _is_own_id(operation, user.id) else _change(operation)
        if change is None:
            continue
        if change.attribute.asks is Attribute.ACTIVE:
            active = _active(operation)
        else:
            perform(document, change)
    profile = profile_of(document)
    return Edit(profile=None if profile == user.profile else profile, active=active)


# --- reading ---------------------------------------------------------------------------------------------------------


def _operations_in(raw: object, where: str) -> Iterator[Operation]:
    if not isinstance(raw, dict):
        raise BadRequest(ScimType.INVALID_SYNTAX, f"{where} must be an object")
    members = {name.lower(): value for name, value in raw.items()}
    op = _op(members.get("op"), where)
    path = members.get("path")
    if path is None or path == "":
        yield from _spread(op, members.get("value"), where)
    elif isinstance(path, str):
        yield Operation(op=op, path=path.strip(), value=members.get("value"))
    else:
        raise BadRequest(ScimType.INVALID_PATH, f"{where}.path must be a string")


def _op(raw: object, where: str) -> Op:
    try:
        return Op(raw.lower() if isinstance(raw, str) else "")
    except ValueError as error:
        raise BadRequest(ScimType.INVALID_SYNTAX, f"{where}.op must be add, remove or replace") from error


def _spread(op: Op, value: object, where: str) -> Iterator[Operation]:
    """Yield an operation for each name in the value of one without a path; the names may be paths themselves."""
    if op is Op.REMOVE:
        raise BadRequest(ScimType.NO_TARGET, f"{where}: remove needs a path")
    if not isinstance(value, dict):
        raise BadRequest(ScimType.INVALID_VALUE, f"{where}.value must be an object, because there is no path")
    for name, member in value.items():
        if split_urn(name) == (USER, "") and isinstance(member, dict):
            yield from _spread(op, member, where)
        elif name.lower() != "schemas":
            yield Operation(op=op, path=name.strip(), value=member, spread=True)


def _is_own_id(operation: Operation, user_id: UserId) -> bool:
    """Return whether the client sent the resource's id along, which says nothing and changes nothing."""
    path = resolve(operation.path)
    is_id = path is not None and path.attribute.asks is Attribute.ID
    return is_id and operation.spread and operation.value == user_id


def _is_active(operation: Operation) -> bool:
    path = resolve(operation.path)
    return path is not None and path.attribute.asks is Attribute.ACTIVE


def _change(operation: Operation) -> Change | None:
    """Return what an operation means; None for a spread name that we do not know, which is ignored as in a POST."""
    if split_urn(operation.path) == (LOCKSTEP, ""):
        raise _read_only(operation.path)
    found = _PATH.fullmatch(operation.path)
    path = _resolved(found) if found else None
    if path is None and operation.spread:
        return None
    if found is None or path is None:
        raise BadRequest(ScimType.INVALID_PATH, f"There is no attribute {operation.path!r}")
    if path.read_only:
        raise _read_only(operation.path)
    where = found["filter"]
    if where and not path.attribute.multi_valued:
        raise BadRequest(ScimType.INVALID_PATH, f"{path.attribute.name} has one value only; brackets select among many")
    return Change(
        op=operation.op,
        attribute=path.attribute,
        part=path.part,
        where=compiled_inside(path.attribute, where) if where else None,
        value=operation.value,
    )


def _resolved(found: re.Match[str]) -> AttributePath | None:
    """Return the attribute that a path leads to; nothing but a whole attribute stands before brackets."""
    before = resolve(found["attribute"])
    if before is None or found["filter"] is None:
        return before
    if before.part is not None:
        return None
    return resolve(f"{found['attribute']}.{found['part']}") if found["part"] else before


def _read_only(path: str) -> BadRequest:
    return BadRequest(ScimType.MUTABILITY, f"{path} is readOnly")


def _active(operation: Operation) -> bool:
    if operation.op is Op.REMOVE:
        raise BadRequest(ScimType.INVALID_VALUE, "active cannot be removed; replace it by true or false")
    return boolean(operation.value, "active")
