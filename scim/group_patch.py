"""What the operations of a PATCH make of a group: its texts, and what becomes of its members.

Members are not read unless a path's filter asks for more than an id: a group of 100,000 gains one without being loaded.
"""

from collections.abc import Callable, Iterable

from ims.grouping import GroupEdit
from ims.groups import Group, GroupMember, MemberEdit
from ims.query import Collection, Compare, Member, Operator, Query
from scim.attributes import Document
from scim.changes import Change, Op, given_elements, perform
from scim.errors import BadRequest, ScimType
from scim.groups_document import group_document, text_edit
from scim.matching import matches
from scim.patch import Operation, change_of, is_own_id
from scim.schemas import GROUPS

Members = Callable[[], Iterable[GroupMember]]
"""Reads the members that the group has in the store."""


def edit_of(operations: tuple[Operation, ...], group: Group, members: Members) -> GroupEdit:
    """Return what the operations, done in order, make of the group. Raises BadRequest; then nothing is to be done."""
    document = group_document(group)
    edit = MemberEdit()
    for operation in operations:
        change = None if is_own_id(operation, group.id, GROUPS) else change_of(operation, GROUPS)
        if change is None:
            continue
        if change.attribute.asks is Collection.MEMBERS:
            edit = _changed(edit, change, members)
        else:
            perform(document, change, creates=False)
    return text_edit(document, edit)


def ids_in(elements: Iterable[Document]) -> frozenset[str]:
    """Return whom the elements of `members` name. Raises BadRequest for an element without a value."""
    ids = [element.get("value") for element in elements]
    if not all(isinstance(one, str) and one for one in ids):
        raise BadRequest(ScimType.INVALID_VALUE, "every element of members needs a value: the id of a user or a group")
    return frozenset(str(one) for one in ids)


def _changed(edit: MemberEdit, change: Change, members: Members) -> MemberEdit:
    if change.where is not None:
        return _selected(edit, change, members)
    if change.part is not None:
        raise BadRequest(ScimType.INVALID_PATH, 'members has many values; say which: members[value eq "..."]')
    match change.op:
        case Op.ADD:
            return edit.then_add(ids_in(given_elements(change)))
        case Op.REPLACE:
            return edit.then_replace(ids_in(given_elements(change)))
        case Op.REMOVE if change.value is None:
            return edit.then_replace(())
        case Op.REMOVE:
            # With a value, remove means those members: some clients send it, and must never empty the group.
            return edit.then_remove(ids_in(given_elements(change)))


def _selected(edit: MemberEdit, change: Change, members: Members) -> MemberEdit:
    if change.op is not Op.REMOVE or change.part is not None:
        raise BadRequest(ScimType.MUTABILITY, "A member is immutable; remove it and add another")
    named = _named(change.where)
    if named is not None:
        return edit.then_remove([named])
    held = {one.id: {"value": one.id, "type": one.kind.value, "display": one.display} for one in members()}
    left = (set() if edit.empties else held.keys() - edit.removed) | edit.added
    known: dict[str, Document] = {one: {**held.get(one, {"value": one})} for one in left}
    return edit.then_remove([one for one, element in known.items() if change.where and matches(change.where, element)])


def _named(where: Query | None) -> str | None:
    """Return the id where a filter asks for nothing but one id."""
    match where:
        case Compare(Member.VALUE, Operator.EQ, str(wanted)):
            return wanted
        case _:
            return None
