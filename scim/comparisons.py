"""What a filter asks of one attribute, as `ims.query` says it: types checked, and null given its meaning.

The RFC's rules (RFC 7644 section 3.4.2.2): a multi-valued attribute matches if any value does; an attribute that is
compared as a whole stands for its `value`; ordering booleans is an error. Ours: `eq null` is "has no value".
"""

from ims.people import ENTERPRISE_TEXTS
from ims.query import (
    EVERYTHING,
    NOTHING,
    And,
    Attribute,
    Collection,
    Compare,
    Not,
    Operator,
    Or,
    Present,
    Query,
    Some,
    Value,
)
from scim import times
from scim.attributes import AttributePath, Kind, ScimAttribute
from scim.errors import BadRequest, ScimType
from scim.matching import ON_TEXTS

Literal = str | bool | int | float | None
"""A JSON value in a filter; None is null."""

_ORDERED = frozenset({Operator.EQ, Operator.NE, Operator.GT, Operator.GE, Operator.LT, Operator.LE})
_EQUALITY = frozenset({Operator.EQ, Operator.NE})
_ALWAYS_THERE = frozenset({Kind.BOOLEAN})
"""Every boolean that we serve has a value, if only false (RFC 7643 section 2.4 for `primary`)."""


HAS_ENTERPRISE = Or(tuple(Present(Attribute(name)) for name in ENTERPRISE_TEXTS))
"""Whether a user has the one schema that only some have."""


def refused(message: str) -> BadRequest:
    """Return the error for a filter that cannot be answered."""
    return BadRequest(ScimType.INVALID_FILTER, message)


def compare(path: AttributePath, operator: Operator, literal: Literal, among: Query = EVERYTHING) -> Query:
    """Return the query for `path operator literal`; `among` narrows the elements of a collection. Raises BadRequest."""
    if literal is None:
        return _compare_with_null(path, operator, among)
    collection = path.attribute.asks
    if isinstance(collection, Collection):
        leaf = path.part or _value_of(path.attribute)
        return Some(collection, _both(among, compare_leaf(leaf, operator, literal)))
    target = path.target
    if target.kind is Kind.COMPLEX and target.bare:
        target = _value_of(target)
    return compare_leaf(target, operator, literal)


def present(path: AttributePath, among: Query = EVERYTHING) -> Query:
    """Return the query for `path pr`. Raises BadRequest."""
    collection = path.attribute.asks
    if isinstance(collection, Collection):
        return Some(collection, _both(among, present_leaf(path.part) if path.part else EVERYTHING))
    return present_leaf(path.target)


def compare_leaf(attribute: ScimAttribute, operator: Operator, literal: Literal) -> Query:
    """Return the query that compares an attribute that is no collection. Raises BadRequest."""
    _demand_filterable(attribute)
    if literal is None:
        return _null(present_leaf(attribute), operator)
    value = _typed(attribute, operator, literal)
    if attribute.constant:
        return _constant(attribute, operator, value)
    if attribute.asks is None or isinstance(attribute.asks, Collection):
        raise refused(f"{attribute.name} cannot be compared; name one of its sub-attributes")
    return Compare(attribute.asks, operator, value)


def present_leaf(attribute: ScimAttribute) -> Query:
    """Return the query for the presence of an attribute that is no collection. Raises BadRequest."""
    _demand_filterable(attribute)
    if attribute.constant or attribute.kind in _ALWAYS_THERE:
        return EVERYTHING
    if attribute.asks is None or isinstance(attribute.asks, Collection):
        return Or(tuple(present_leaf(part) for part in attribute.parts if part.asks or part.constant))
    return Present(attribute.asks)


def _compare_with_null(path: AttributePath, operator: Operator, among: Query) -> Query:
    if isinstance(path.attribute.asks, Collection) and path.part is None:
        return _null(present(path, _both(among, present_leaf(_value_of(path.attribute)))), operator)
    return _null(present(path, among), operator)


def _null(is_present: Query, operator: Operator) -> Query:
    match operator:
        case Operator.EQ:
            return Not(is_present)
        case Operator.NE:
            return is_present
        case _:
            raise refused(f"null is compared with eq or ne, not with {operator.value}")


def _typed(attribute: ScimAttribute, operator: Operator, literal: str | float) -> Value:
    """Return the literal as a value of the attribute's type."""
    match attribute.kind:
        case Kind.BOOLEAN:
            return _boolean(attribute, operator, literal)
        case Kind.DATE_TIME:
            return _moment(attribute, operator, literal)
        case Kind.COMPLEX:
            raise refused(f"{attribute.name} cannot be compared; name one of its sub-attributes")
        case Kind.BINARY if operator not in _EQUALITY:
            raise refused(f"{attribute.name} is binary: it is compared with eq or ne, not with {operator.value}")
        case _ if isinstance(literal, str):
            return literal
        case _:
            raise refused(f"{attribute.name} is compared with a text in quotes")


def _boolean(attribute: ScimAttribute, operator: Operator, literal: str | float) -> bool:
    if operator not in _EQUALITY:
        raise refused(f"{attribute.name} is true or false: it is compared with eq or ne, not with {operator.value}")
    if isinstance(literal, bool):
        return literal
    if isinstance(literal, str) and literal.lower() in ("true", "false"):
        return literal.lower() == "true"
    raise refused(f"{attribute.name} is compared with true or false")


def _moment(attribute: ScimAttribute, operator: Operator, literal: str | float) -> Value:
    if operator not in _ORDERED:
        raise refused(f"{attribute.name} is a date and time: {operator.value} is for texts")
    if not isinstance(literal, str):
        raise refused(f"{attribute.name} is compared with a date and time in quotes")
    try:
        return times.read(literal)
    except ValueError as error:
        raise refused(f"{attribute.name}: {error}") from error


def _constant(attribute: ScimAttribute, operator: Operator, value: Value) -> Query:
    """Decide a comparison with values that are the same for every user."""
    wanted = str(value).casefold()
    holds = [
        held for held in (*attribute.constant, *attribute.sometimes) if ON_TEXTS[operator](held.casefold(), wanted)
    ]
    if any(held in attribute.constant for held in holds):
        return EVERYTHING
    return HAS_ENTERPRISE if holds else NOTHING


def _demand_filterable(attribute: ScimAttribute) -> None:
    parts = any(part.asks or part.constant for part in attribute.parts)
    if not (attribute.asks or attribute.constant or parts):
        raise refused(f"{attribute.name} cannot be used in a filter")


def _value_of(attribute: ScimAttribute) -> ScimAttribute:
    """Return the sub-attribute that stands for the whole (RFC 7643 section 2.4)."""
    value = attribute.part("value")
    if value is None:
        raise refused(f"{attribute.name} cannot be compared; name one of its sub-attributes")
    return value


def _both(one: Query, other: Query) -> Query:
    if one == EVERYTHING:
        return other
    return one if other == EVERYTHING else And((one, other))
