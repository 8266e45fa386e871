"""What a query compares, as SQL: texts, flags and moments, each with its own meaning of every operator.

The logic is two-valued, as the algebra wants it: texts are never NULL (empty = no value), and every comparison with a
column that may be NULL says so first, so that NOT is safe everywhere. Texts are folded here, in Python, as the stored
keys were; substrings are found by position and prefixes by range, so that no character is a wildcard.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Integer, and_, false, func, literal, not_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ims.errors import InvalidInput
from ims.query import And, Compare, Not, Operator, Or, Present, Query, Value

Condition = ColumnElement[bool]
_LAST_CHARACTER = "\U0010ffff"


class Position(FunctionElement[int]):
    """Where a text begins inside another, from 1; 0 = nowhere. Engines disagree on the name of this function."""

    type = Integer()
    inherit_cache = True


@compiles(Position)
def _strpos(element: Position, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - its signature
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(Position, "sqlite")
def _instr(element: Position, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - its signature
    return f"instr({compiler.process(element.clauses, **options)})"


class Operand(Protocol):
    """Something that has a value and can be compared with one."""

    def present(self) -> Condition:
        """Return whether it has a value."""
        ...

    def compare(self, operator: Operator, value: Value) -> Condition:
        """Return whether `value` compares so with it. Raises InvalidInput for what cannot be compared."""
        ...


def identical(text: str) -> str:
    """Return the text: how what is compared octet by octet is folded."""
    return text


@dataclass(frozen=True, slots=True)
class Text:
    """A text column whose values were folded by `fold` when they were written; an empty one has no value."""

    column: ColumnElement[str]
    fold: Callable[[str], str] = str.casefold

    def present(self) -> Condition:
        """Return whether it has a value."""
        return self.column != ""

    def compare(self, operator: Operator, value: Value) -> Condition:
        """Return whether `value` compares so with it. Raises InvalidInput for what cannot be compared."""
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
                return Position(self.column, literal(wanted, self.column.type)) > 0
            case Operator.SW:
                return _begins_with(self.column, wanted)
            case Operator.EW:
                return func.substr(self.column, func.length(self.column) - len(wanted) + 1) == wanted
            case _:
                return _ordered(self.column, operator, wanted)


@dataclass(frozen=True, slots=True)
class Flag:
    """A condition as a boolean attribute; it always has a value."""

    condition: Condition

    def present(self) -> Condition:
        """Return whether it has a value."""
        return true()

    def compare(self, operator: Operator, value: Value) -> Condition:
        """Return whether `value` compares so with it. Raises InvalidInput for what cannot be compared."""
        if not isinstance(value, bool) or operator not in (Operator.EQ, Operator.NE):
            raise InvalidInput(f"A boolean is true or false; it cannot be asked with {operator.value} {value!r}")
        return self.condition if value is (operator is Operator.EQ) else not_(self.condition)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, said by two conditions: that it is later than another, and that it is not earlier."""

    has_value: Condition
    after: Callable[[datetime], Condition]
    not_before: Callable[[datetime], Condition]

    def present(self) -> Condition:
        """Return whether it has a value."""
        return self.has_value

    def compare(self, operator: Operator, value: Value) -> Condition:
        """Return whether `value` compares so with it. Raises InvalidInput for what cannot be compared."""
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


def moment(column: ColumnElement[datetime]) -> Moment:
    """Return a column of moments, which may be NULL."""
    known = column.is_not(None)
    return Moment(known, lambda value: and_(known, column > value), lambda value: and_(known, column >= value))


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


def asked(query: Compare | Present, operand: Operand | None) -> Condition:
    """Return what a comparison comes to. Raises InvalidInput where there is nothing to compare."""
    if operand is None:
        raise InvalidInput(f"{query.left.value} cannot be asked for here")
    return operand.compare(query.operator, query.value) if isinstance(query, Compare) else operand.present()


def combined(query: And | Or | Not, compile_part: Callable[[Query], Condition]) -> Condition:
    """Return the parts of a query, each compiled, put together."""
    match query:
        case And(parts):
            return and_(true(), *map(compile_part, parts))
        case Or(parts):
            return or_(false(), *map(compile_part, parts))
        case Not(part):
            return not_(compile_part(part))
