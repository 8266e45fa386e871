"""What the operations of a PATCH make of a user: an edit, computed on the user as they are, so that it is atomic."""

from ims.people import User, UserId
from ims.provisioning import Edit
from ims.query import Attribute
from scim.attributes import Document
from scim.changes import Op, perform
from scim.errors import BadRequest, ScimType
from scim.patch import Operation, change_of, is_own_id
from scim.profiles import profile_document, profile_of
from scim.schemas import USERS
from scim.values import boolean


def wanted_active(operations: tuple[Operation, ...], user_id: UserId) -> bool | None:
    """Return what a PATCH that sets `active` and nothing else sets it to; None for every other PATCH."""
    wanted: set[bool] = set()
    for operation in operations:
        if is_own_id(operation, user_id, USERS):
            continue
        if not _is_active(operation) or operation.op is Op.REMOVE:
            return None
        wanted.add(boolean(operation.value, "active"))
    return wanted.pop() if len(wanted) == 1 else None


def touches_active(operations: tuple[Operation, ...]) -> bool:
    """Return whether any operation is about `active`."""
    return any(_is_active(operation) for operation in operations)


def edit_of(operations: tuple[Operation, ...], user: User, *, creates: bool) -> Edit:
    """Return what the operations, done in order, make of the user. Raises BadRequest; then nothing is to be done.

    `creates` is whether a path's filter that selects nothing makes the element it describes (see `scim.changes`).
    """
    document = profile_document(user.profile)
    active: bool | None = None
    for operation in operations:
        change = None if is_own_id(operation, user.id, USERS) else change_of(operation, USERS)
        if change is None:
            continue
        if change.attribute.asks is Attribute.ACTIVE:
            active = _active(operation)
        elif change.schema is USERS.schema:
            perform(document, change, creates=creates)
        else:
            held = document.get(change.schema.id)
            extension: Document = dict(held) if isinstance(held, dict) else {}
            perform(extension, change, creates=creates)
            document[change.schema.id] = extension
    profile = profile_of(document)
    return Edit(profile=None if profile == user.profile else profile, active=active)


def _is_active(operation: Operation) -> bool:
    path = USERS.resolve(operation.path)
    return path is not None and path.attribute.asks is Attribute.ACTIVE


def _active(operation: Operation) -> bool:
    if operation.op is Op.REMOVE:
        raise BadRequest(ScimType.INVALID_VALUE, "active cannot be removed; replace it by true or false")
    return boolean(operation.value, "active")
