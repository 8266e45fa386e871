"""`ims.query` on groups, as SQL, and who belongs to which group through others."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, func, or_, select, true

from ims.errors import InvalidInput
from ims.groups import MemberKind
from ims.query import Attribute, Collection, Compare, Member, Present, Query, Some, Sort
from ims.store.operands import Condition, Operand, Text, asked, combined, identical, moment
from ims.store.tables import Text as TextColumn
from ims.store.tables import group_members, groups

_OPERANDS: dict[Attribute | Member, Operand] = {
    Attribute.ID: Text(groups.c.id, identical),
    Attribute.EXTERNAL_ID: Text(groups.c.external_id, identical),
    Attribute.DISPLAY_NAME: Text(groups.c.display_name_key),
    Attribute.CREATED: moment(groups.c.created),
    Attribute.LAST_MODIFIED: moment(groups.c.modified),
}
_MEMBER: dict[Attribute | Member, Operand] = {
    Member.VALUE: Text(group_members.c.member),
    Member.TYPE: Text(func.lower(group_members.c.kind)),
}
_SORTED: dict[Attribute | Collection, ColumnElement[Any]] = {
    Attribute.ID: groups.c.id,
    Attribute.EXTERNAL_ID: groups.c.external_id,
    Attribute.DISPLAY_NAME: groups.c.display_name_key,
    Attribute.CREATED: groups.c.created,
    Attribute.LAST_MODIFIED: groups.c.modified,
}


def compiled(query: Query) -> Condition:
    """Return the condition on a row of `groups`. Raises InvalidInput for a question that makes no sense."""
    match query:
        case Some(Collection.MEMBERS, where):
            inside = select(group_members.c.group).where(_of_member(where))
            return groups.c.number.in_(inside)
        case Some(collection):
            raise InvalidInput(f"{collection.value} cannot be asked of a group")
        case Compare() | Present():
            return asked(query, _OPERANDS.get(query.left))
        case _:
            return combined(query, compiled)


def _of_member(query: Query | None) -> Condition:
    match query:
        case None:
            return true()
        case Some(collection):
            raise InvalidInput(f"{collection.value} cannot be asked for inside another collection")
        case Compare() | Present():
            return asked(query, _MEMBER.get(query.left))
        case _:
            return combined(query, _of_member)


def in_order(sort: Sort | None) -> tuple[ColumnElement[Any], ...]:
    """Return by what groups are ordered; those without a value come last, or first where the order descends."""
    if sort is None:
        return (groups.c.id,)
    column = _SORTED.get(sort.by)
    if column is None:
        raise InvalidInput(f"Groups cannot be sorted by {sort.by.value}")
    missing = missing_in(column)
    if sort.descending:
        return missing.desc(), column.desc(), groups.c.id
    return missing, column, groups.c.id


def missing_in(column: ColumnElement[Any]) -> Condition:
    """Return whether there is nothing to sort by: no text, or an empty one, or no moment."""
    return or_(column.is_(None), column == "") if isinstance(column.type, TextColumn) else column.is_(None)


def nested() -> CTE:
    """Return which group (`above`) holds all that another (`below`) holds: itself, or a group above it, in any depth.

    UNION ends the recursion where groups hold each other in a circle.
    """
    each = select(groups.c.number.label("below"), groups.c.number.label("above")).cte("nested", recursive=True)
    inner = groups.alias("inner_groups")
    holds = and_(group_members.c.kind == MemberKind.GROUP.value, group_members.c.member == inner.c.id)
    more = (
        select(each.c.below, group_members.c.group)
        .join(inner, inner.c.number == each.c.above)
        .join(group_members, holds)
    )
    return each.union(more)
