"""Whether one element of a multi-valued attribute satisfies a value filter in a PATCH path."""

from collections.abc import Callable

from ims.query import And, Attribute, Compare, Member, Not, Operator, Or, Present, Query, Some
from scim.attributes import Document

ON_TEXTS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.EQ: str.__eq__,
    Operator.NE: str.__ne__,
    Operator.CO: str.__contains__,
    Operator.SW: str.startswith,
    Operator.EW: str.endswith,
    Operator.GT: str.__gt__,
    Operator.GE: str.__ge__,
    Operator.LT: str.__lt__,
    Operator.LE: str.__le__,
}
"""What each operator means between two folded texts."""


def matches(query: Query, element: Document) -> bool:
    """Return whether `element`, e.g. one e-mail address, satisfies the query, by the rules of `ims.query`."""
    match query:
        case And(parts):
            return all(matches(part, element) for part in parts)
        case Or(parts):
            return any(matches(part, element) for part in parts)
        case Not(part):
            return not matches(part, element)
        case Present(left):
            return _held(element, left) not in (None, "")
        case Compare():
            return _compared(query, element)
        case Some():
            raise ValueError("a value filter asks for sub-attributes only")


def _compared(query: Compare, element: Document) -> bool:
    if query.left is Member.PRIMARY:
        return (element.get("primary", False) is query.value) is (query.operator is Operator.EQ)
    held = str(_held(element, query.left) or "").casefold()
    wanted = str(query.value).casefold()
    if query.operator is Operator.NE:
        return held != wanted
    return held != "" and ON_TEXTS[query.operator](held, wanted)


def _held(element: Document, left: Attribute | Member) -> object:
    """Return a sub-attribute's value; its name in SCIM is ours without underscores."""
    wanted = left.value.replace("_", "")
    return next((value for name, value in element.items() if name.lower() == wanted), None)
