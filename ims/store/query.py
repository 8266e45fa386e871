"""`ims.query` on users, as SQL with bound parameters (see `ims.store.operands` for what a comparison means)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, func, not_, or_, select, true

from ims.errors import InvalidInput
from ims.groups import MemberKind
from ims.names import key_of_name
from ims.people import CONTACT_LISTS, ENTERPRISE_TEXTS
from ims.query import Attribute, Collection, Compare, Member, Operator, Present, Query, Some, Sort, Value
from ims.store.group_query import missing_in, nested
from ims.store.operands import Condition, Flag, Moment, Operand, Text, asked, combined, identical, moment
from ims.store.tables import (
    ADDRESS_PARTS,
    FOLDED,
    addresses,
    contacts,
    entries,
    group_members,
    groups,
    locks,
    users,
)


def compiled(query: Query, now: datetime) -> Condition:
    """Return the condition on a row of `users`. Raises InvalidInput for a question that makes no sense."""
    match query:
        case Some(collection, where):
            return _some(collection, where, now)
        case Compare() | Present():
            return asked(query, _user_operand(query.left, now))
        case _:
            return combined(query, lambda part: compiled(part, now))


# --- what can be asked of a user -------------------------------------------------------------------------------------

_TEXTS: dict[Attribute | Member, Operand] = {
    Attribute.ID: Text(users.c.id, identical),
    Attribute.EXTERNAL_ID: Text(users.c.external_id, identical),
    Attribute.USER_NAME: Text(users.c.user_name_key, key_of_name),
    Attribute.AFFILIATION_STATUS: Text(users.c.affiliation_status_key),
    Attribute.DELETED_BY: Text(users.c.deleted_by_key),
    Attribute.CREATED: moment(users.c.created),
    Attribute.AFFILIATION_SINCE: moment(users.c.affiliation_since),
    **{Attribute(name): Text(users.c[f"{name}_key"]) for name in FOLDED},
}


def _user_operand(left: Attribute | Member, now: datetime) -> Operand | None:
    if left.value in ENTERPRISE_TEXTS:
        return _Listed(left.value)
    match left:
        case Attribute.ACTIVE:
            return Flag(_active(now))
        case Attribute.LOCKED:
            return Flag(not_(_active(now)))
        case Attribute.LAST_MODIFIED:
            return _last_modified(now)
        case _:
            return _TEXTS.get(left)


def _active(now: datetime) -> Condition:
    """Return whether the user has no lock in force: by the indexed columns, unless a transition has made them old."""
    current = and_(users.c.next_transition > now, users.c.locked_until <= now, users.c.locks_at > now)
    return or_(current, and_(users.c.next_transition <= now, not_(_owns(locks, _in_force(now)))))


def _in_force(now: datetime) -> Condition:
    return and_(locks.c.since <= now, or_(locks.c.until.is_(None), locks.c.until > now))


def _last_modified(now: datetime) -> Moment:
    """Return the later of the last write and the last moment up to `now` at which a lock began or ended."""
    return Moment(
        true(),
        lambda value: or_(users.c.modified > value, *_passed(now, lambda column: column > value)),
        lambda value: or_(users.c.modified >= value, *_passed(now, lambda column: column >= value)),
    )


def _passed(now: datetime, condition: Callable[[ColumnElement[datetime]], Condition]) -> list[Condition]:
    return [
        _owns(locks, and_(column.is_not(None), column <= now, condition(column)))
        for column in (locks.c.since, locks.c.until)
    ]


@dataclass(frozen=True, slots=True)
class _Listed:
    """A text that is kept as a row of `contacts` of its own kind, and has none where it is empty."""

    kind: str

    def present(self) -> Condition:
        return _owns(contacts, contacts.c.kind == self.kind)

    def compare(self, operator: Operator, value: Value) -> Condition:
        if operator is Operator.NE:
            return not_(self.compare(Operator.EQ, value))
        return _owns(contacts, and_(contacts.c.kind == self.kind, Text(contacts.c.value_key).compare(operator, value)))


# --- what can be asked of an element of a collection -----------------------------------------------------------------

_CONTACT: dict[Attribute | Member, Operand] = {
    Member.VALUE: Text(contacts.c.value_key),
    Member.TYPE: Text(contacts.c.type_key),
    Member.DISPLAY: Text(contacts.c.display_key),
    Member.PRIMARY: Flag(contacts.c.primary.is_(true())),
}
_ADDRESS: dict[Attribute | Member, Operand] = {
    **{Member(part): Text(addresses.c[f"{part}_key"]) for part in ADDRESS_PARTS},
    Member.PRIMARY: Flag(addresses.c.primary.is_(true())),
}
_LOCK: dict[Attribute | Member, Operand] = {
    Member.ID: Text(locks.c.id, identical),
    Member.VALUE: Text(locks.c.reason_key),
    Member.DISPLAY: Text(locks.c.display_key),
    Member.SOURCE: Text(locks.c.source_key),
    Member.SERVER: Text(locks.c.server_key),
    Member.SINCE: moment(locks.c.since),
    Member.UNTIL: moment(locks.c.until),
}
_DIRECTORY: dict[Attribute | Member, Operand] = {
    Member.VALUE: Text(entries.c.directory_key),
    Member.ENTRY_ID: Text(entries.c.entry_id, identical),
    Member.DN: Text(entries.c.dn_key),
    Member.LAST_SEEN: moment(entries.c.seen_at),
}


def _some(collection: Collection, where: Query | None, now: datetime) -> Condition:
    """Return whether the user is among the owners of the elements that satisfy `where`."""
    match collection:
        case Collection.ADDRESSES:
            return _owns(addresses, _of_element(where, _ADDRESS))
        case Collection.GROUPS:
            return _belongs(where)
        case Collection.LOCKS:
            return _owns(locks, and_(_in_force(now), _of_element(where, _LOCK)))
        case Collection.DIRECTORIES:
            return _owns(entries, _of_element(where, _DIRECTORY))
        case _:
            of_kind = contacts.c.kind == collection.value
            return _owns(contacts, and_(of_kind, _of_element(where, _CONTACT)))


def _belongs(where: Query | None) -> Condition:
    """Return whether the user belongs to such a group, by itself or through others."""
    nest = nested()
    own = group_members.alias("own_members")
    itself = select(own.c.member).where(own.c.group == groups.c.number, own.c.member == group_members.c.member)
    direct = itself.exists()
    operands: dict[Attribute | Member, Operand] = {
        Member.VALUE: Text(groups.c.id),
        Member.DISPLAY: Text(groups.c.display_name_key),
        Member.TYPE: Text(case((direct, "direct"), else_="indirect")),
    }
    belong = (
        select(group_members.c.member)
        .join(nest, nest.c.below == group_members.c.group)
        .join(groups, groups.c.number == nest.c.above)
        .where(group_members.c.kind == MemberKind.USER.value, _of_element(where, operands))
    )
    return users.c.id.in_(belong)


def _owns(elements: Table, condition: Condition) -> Condition:
    """Return whether the user has such an element.

    The owners are listed by id, which is what pages are ordered by: SQLite then looks them up in that order, instead of
    going through the whole tenant.
    """
    owner = users.alias()
    owners = select(owner.c.id).join(elements, elements.c.user == owner.c.number).where(condition)
    return users.c.id.in_(owners)


def _of_element(query: Query | None, operands: dict[Attribute | Member, Operand]) -> Condition:
    match query:
        case None:
            return true()
        case Some(collection):
            raise InvalidInput(f"{collection.value} cannot be asked for inside another collection")
        case Compare() | Present():
            return asked(query, operands.get(query.left))
        case _:
            return combined(query, lambda part: _of_element(part, operands))


# --- in which order --------------------------------------------------------------------------------------------------

_SORTED: dict[Attribute | Collection, ColumnElement[Any]] = {
    Attribute.ID: users.c.id,
    Attribute.EXTERNAL_ID: users.c.external_id,
    Attribute.USER_NAME: users.c.user_name_key,
    Attribute.CREATED: users.c.created,
    Attribute.AFFILIATION_STATUS: users.c.affiliation_status_key,
    Attribute.AFFILIATION_SINCE: users.c.affiliation_since,
    **{Attribute(name): users.c[f"{name}_key"] for name in FOLDED},
}


def in_order(sort: Sort | None, now: datetime) -> tuple[ColumnElement[Any], ...]:
    """Return by what users are ordered: those without a value last (RFC 7644 section 3.4.2.3), then by id.

    Of a multi-valued attribute the primary value counts, or else the first. Raises InvalidInput.
    """
    if sort is None:
        return (users.c.id,)
    key = _sort_key(sort.by, now)
    if sort.by is Attribute.USER_NAME:  # everybody has one, and its index is in this order
        return key.desc() if sort.descending else key, users.c.id
    missing = missing_in(key)
    if sort.descending:
        return missing.desc(), key.desc(), users.c.id
    return missing, key, users.c.id


def _sort_key(by: Attribute | Collection, now: datetime) -> ColumnElement[Any]:
    if by.value in ENTERPRISE_TEXTS or by.value in CONTACT_LISTS:
        mine = and_(contacts.c.user == users.c.number, contacts.c.kind == by.value)
        best = (
            select(contacts.c.value_key).where(mine).order_by(contacts.c.primary.desc(), contacts.c.position).limit(1)
        )
        return best.scalar_subquery()
    match by:
        case Attribute.ACTIVE:
            return case((_active(now), 1), else_=0)
        case Attribute.LOCKED:
            return case((_active(now), 0), else_=1)
        case Attribute.LAST_MODIFIED:
            return _shown_modified(now)
        case _ if by in _SORTED:
            return _SORTED[by]
    raise InvalidInput(f"Users cannot be sorted by {by.value}")


def _shown_modified(now: datetime) -> ColumnElement[Any]:
    """Return the later of the last write and the last moment up to `now` at which a lock began or ended."""
    moments = [
        func.coalesce(
            select(func.max(column)).where(locks.c.user == users.c.number, column <= now).scalar_subquery(),
            users.c.modified,
        )
        for column in (locks.c.since, locks.c.until)
    ]
    latest: ColumnElement[Any] = users.c.modified
    for moment_of_lock in moments:
        latest = case((moment_of_lock > latest, moment_of_lock), else_=latest)
    return latest
