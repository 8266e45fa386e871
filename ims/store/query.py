"""`ims.query` as SQL with bound parameters.

The logic is two-valued, as the algebra wants it: texts are never NULL (empty = no value), and every comparison with a
column that may be NULL says so first, so that NOT is safe everywhere. Texts are folded here, in Python, as the stored
keys were; substrings are found by position and prefixes by range, so that no character is a wildcard.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Integer, Table, and_, false, func, literal, not_, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ims.errors import InvalidInput
from ims.names import key_of_name
from ims.query import And, Attribute, Collection, Compare, Member, Not, Operator, Or, Present, Query, Some, Value
from ims.store.tables import FOLDED, contacts, entries, locks, users

Condition = ColumnElement[bool]
_LAST_CHARACTER = "\U0010ffff"


class _Position(FunctionElement[int]):
    """Where a text begins inside another, from 1; 0 = nowhere. Engines disagree on the name of this function."""

    type = Integer()
    inherit_cache = True


@compiles(_Position)
def _strpos(element: _Position, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - its signature
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(_Position, "sqlite")
def _instr(element: _Position, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - its signature
    return f"instr({compiler.process(element.clauses, **options)})"


class _Operand(Protocol):
    """Something that has a value and can be compared with one."""

    def present(self) -> Condition: ...

    def compare(self, operator: Operator, value: Value) -> Condition: ...


def _identical(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class _Text:
    """A text column whose values were folded by `fold` when they were written; an empty one has no value."""

    column: ColumnElement[str]
    fold: Callable[[str], str] = str.casefold

    def present(self) -> Condition:
        return self.column != ""

    def compare(self, operator: Operator, value: Value) -> Condition:
        if not isinstance(value, str):
            raise InvalidInput(f"{value!r} cannot be compared with a text")
        wanted = self.fold(value)
        if operator is Operator.NE:
            return self.column != wanted if wanted else true()
        return and_(self.present(), self._positive(operator, wanted))

    def _positive(self, operator: Operator, wanted: str) -> Condition:
        match operator:
            case Operator.EQ:
                return self.column == wanted
            case Operator.CO:
                return _Position(self.column, literal(wanted, self.column.type)) > 0
            case Operator.SW:
                return _begins_with(self.column, wanted)
            case Operator.EW:
                return func.substr(self.column, func.length(self.column) - len(wanted) + 1) == wanted
            case _:
                return _ordered(self.column, operator, wanted)


@dataclass(frozen=True, slots=True)
class _Flag:
    """A condition as a boolean attribute; it always has a value."""

    condition: Condition

    def present(self) -> Condition:
        return true()

    def compare(self, operator: Operator, value: Value) -> Condition:
        if not isinstance(value, bool) or operator not in (Operator.EQ, Operator.NE):
            raise InvalidInput(f"A boolean is true or false; it cannot be asked with {operator.value} {value!r}")
        return self.condition if value is (operator is Operator.EQ) else not_(self.condition)


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment, said by two conditions: that it is later than another, and that it is not earlier."""

    has_value: Condition
    after: Callable[[datetime], Condition]
    not_before: Callable[[datetime], Condition]

    def present(self) -> Condition:
        return self.has_value

    def compare(self, operator: Operator, value: Value) -> Condition:
        if not isinstance(value, datetime):
            raise InvalidInput(f"{value!r} cannot be compared with a date and time")
        match operator:
            case Operator.GT:
                return self.after(value)
            case Operator.GE:
                return self.not_before(value)
            case Operator.LT:
                return and_(self.has_value, not_(self.not_before(value)))
            case Operator.LE:
                return and_(self.has_value, not_(self.after(value)))
            case Operator.EQ:
                return and_(self.not_before(value), not_(self.after(value)))
            case Operator.NE:
                return not_(and_(self.not_before(value), not_(self.after(value))))
            case _:
                raise InvalidInput(f"A date and time cannot be asked with {operator.value}")


def _moment(column: ColumnElement[datetime]) -> _Moment:
    known = column.is_not(None)
    return _Moment(known, lambda value: and_(known, column > value), lambda value: and_(known, column >= value))


def _begins_with(column: ColumnElement[str], prefix: str) -> Condition:
    """Return a range that an index answers: from the prefix to the first text behind all that begin with it."""
    stem = prefix.rstrip(_LAST_CHARACTER)
    if not stem:
        return column >= prefix
    following = ord(stem[-1]) + 1
    beyond_surrogates = 0xE000 if following == 0xD800 else following  # noqa: PLR2004 - the gap in Unicode's code points
    return and_(column >= prefix, column < stem[:-1] + chr(beyond_surrogates))


def _ordered(column: ColumnElement[str], operator: Operator, wanted: str) -> Condition:
    match operator:
        case Operator.GT:
            return column > wanted
        case Operator.GE:
            return column >= wanted
        case Operator.LT:
            return column < wanted
        case _:
            return column <= wanted


def compiled(query: Query, now: datetime) -> Condition:
    """Return the condition on a row of `users`. Raises InvalidInput for a question that makes no sense."""
    match query:
        case Some(collection, where):
            return _some(collection, where, now)
        case Compare() | Present():
            return _asked(query, _user_operand(query.left, now))
        case _:
            return _combined(query, lambda part: compiled(part, now))


def _asked(query: Compare | Present, operand: _Operand | None) -> Condition:
    if operand is None:
        raise InvalidInput(f"{query.left.value} cannot be asked for here")
    return operand.compare(query.operator, query.value) if isinstance(query, Compare) else operand.present()


def _combined(query: And | Or | Not, compile_part: Callable[[Query], Condition]) -> Condition:
    match query:
        case And(parts):
            return and_(true(), *map(compile_part, parts))
        case Or(parts):
            return or_(false(), *map(compile_part, parts))
        case Not(part):
            return not_(compile_part(part))


# --- what can be asked of a user -------------------------------------------------------------------------------------

_TEXTS: dict[Attribute | Member, _Operand] = {
    Attribute.ID: _Text(users.c.id, _identical),
    Attribute.EXTERNAL_ID: _Text(users.c.external_id, _identical),
    Attribute.USER_NAME: _Text(users.c.user_name_key, key_of_name),
    Attribute.AFFILIATION_STATUS: _Text(users.c.affiliation_status_key),
    Attribute.DELETED_BY: _Text(users.c.deleted_by_key),
    Attribute.CREATED: _moment(users.c.created),
    Attribute.AFFILIATION_SINCE: _moment(users.c.affiliation_since),
    **{Attribute(name): _Text(users.c[f"{name}_key"]) for name in FOLDED},
}


def _user_operand(left: Attribute | Member, now: datetime) -> _Operand | None:
    match left:
        case Attribute.ACTIVE:
            return _Flag(_active(now))
        case Attribute.LOCKED:
            return _Flag(not_(_active(now)))
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


def _last_modified(now: datetime) -> _Moment:
    """Return the later of the last write and the last moment up to `now` at which a lock began or ended."""
    return _Moment(
        true(),
        lambda value: or_(users.c.modified > value, *_passed(now, lambda column: column > value)),
        lambda value: or_(users.c.modified >= value, *_passed(now, lambda column: column >= value)),
    )


def _passed(now: datetime, condition: Callable[[ColumnElement[datetime]], Condition]) -> list[Condition]:
    return [
        _owns(locks, and_(column.is_not(None), column <= now, condition(column)))
        for column in (locks.c.since, locks.c.until)
    ]


# --- what can be asked of an element of a collection -----------------------------------------------------------------

_CONTACT: dict[Attribute | Member, _Operand] = {
    Member.VALUE: _Text(contacts.c.value_key),
    Member.TYPE: _Text(contacts.c.type_key),
    Member.DISPLAY: _Text(contacts.c.display_key),
    Member.PRIMARY: _Flag(contacts.c.primary.is_(true())),
}
_LOCK: dict[Attribute | Member, _Operand] = {
    Member.ID: _Text(locks.c.id, _identical),
    Member.VALUE: _Text(locks.c.reason_key),
    Member.DISPLAY: _Text(locks.c.display_key),
    Member.SOURCE: _Text(locks.c.source_key),
    Member.SERVER: _Text(locks.c.server_key),
    Member.SINCE: _moment(locks.c.since),
    Member.UNTIL: _moment(locks.c.until),
}
_DIRECTORY: dict[Attribute | Member, _Operand] = {
    Member.VALUE: _Text(entries.c.directory_key),
    Member.ENTRY_ID: _Text(entries.c.entry_id, _identical),
    Member.DN: _Text(entries.c.dn_key),
    Member.LAST_SEEN: _moment(entries.c.seen_at),
}


def _some(collection: Collection, where: Query | None, now: datetime) -> Condition:
    """Return whether the user is among the owners of the elements that satisfy `where`."""
    match collection:
        case Collection.EMAILS | Collection.PHONE_NUMBERS:
            of_kind = contacts.c.kind == collection.value
            return _owns(contacts, and_(of_kind, _of_element(where, _CONTACT)))
        case Collection.LOCKS:
            return _owns(locks, and_(_in_force(now), _of_element(where, _LOCK)))
        case Collection.DIRECTORIES:
            return _owns(entries, _of_element(where, _DIRECTORY))


def _owns(elements: Table, condition: Condition) -> Condition:
    """Return whether the user has such an element.

    The owners are listed by id, which is what pages are ordered by: SQLite then looks them up in that order, instead of
    going through the whole tenant.
    """
    owner = users.alias()
    owners = select(owner.c.id).join(elements, elements.c.user == owner.c.number).where(condition)
    return users.c.id.in_(owners)


def _of_element(query: Query | None, operands: dict[Attribute | Member, _Operand]) -> Condition:
    match query:
        case None:
            return true()
        case Some(collection):
            raise InvalidInput(f"{collection.value} cannot be asked for inside another collection")
        case Compare() | Present():
            return _asked(query, operands.get(query.left))
        case _:
            return _combined(query, lambda part: _of_element(part, operands))
