"""SCIM filters as RFC 7644 section 3.4.2.2 explains them, on the JSON that a client sees: slow, plain, and not ours.

A filter is generated as a tree, written out as text for the service provider, and evaluated here on rendered resources.
Nothing of `scim` is used, so that both sides can only agree by being right.
"""

import json
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ims.names import key_of_name

LOCKSTEP = "urn:ietf:params:scim:schemas:extension:lockstep:2.0:User"
EXTENSION = ("locked", "locks", "affiliation", "directories")
CASE_EXACT = frozenset({"id", "externalId", "locks.id", "directories.entryId"})
DATES = frozenset(
    {"meta.created", "meta.lastModified", "locks.since", "locks.until", "affiliation.since", "directories.lastSeen"}
)
BOOLEANS = frozenset({"active", "locked", "emails.primary", "phoneNumbers.primary"})

Resource = dict[str, Any]


@dataclass(frozen=True)
class Asks:
    """`path op value`; `pr` has no value. The path is spelled as in the schema, without a URN."""

    path: str
    op: str
    value: object = None


@dataclass(frozen=True)
class Both:
    """Everything in `parts`."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True)
class Either:
    """Anything in `parts`."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True)
class Never:
    """Not `part`."""

    part: "Tree"


@dataclass(frozen=True)
class Within:
    """`attribute[part]`, whose tests name sub-attributes."""

    attribute: str
    part: "Tree"


@dataclass(frozen=True)
class Narrowed:
    """`attribute[part].sub op value`, as some clients write it; `asked` names the sub-attribute."""

    attribute: str
    part: "Tree"
    asked: Asks


Tree = Asks | Both | Either | Never | Within | Narrowed
Spell = Callable[[str], str]


def written(tree: Tree, spell: Spell) -> str:
    """Return the filter's text with no more brackets than it needs; `spell` changes the case of words."""
    match tree:
        case Asks(path, op, value):
            literal = "" if op == "pr" else f" {json.dumps(value)}"
            return f"{spell(path)} {spell(op)}{literal}"
        case Both(parts):
            return f" {spell('and')} ".join(_bracketed(part, spell, Either) for part in parts)
        case Either(parts):
            return f" {spell('or')} ".join(written(part, spell) for part in parts)
        case Never(part):
            return f"{spell('not')} ({written(part, spell)})"
        case Within(attribute, part):
            return f"{spell(attribute)}[{written(part, spell)}]"
        case Narrowed(attribute, part, asked):
            return f"{spell(attribute)}[{written(part, spell)}].{written(asked, spell)}"


def _bracketed(tree: Tree, spell: Spell, weaker: type) -> str:
    text = written(tree, spell)
    return f"({text})" if isinstance(tree, weaker) else text


def holds(tree: Tree, resource: Resource, inside: str = "") -> bool:
    """Return whether a resource, or one element of the attribute `inside`, matches."""
    match tree:
        case Both(parts):
            return all(holds(part, resource, inside) for part in parts)
        case Either(parts):
            return any(holds(part, resource, inside) for part in parts)
        case Never(part):
            return not holds(part, resource, inside)
        case Asks():
            return _asked(tree, resource, inside)
        case _:
            return _some_element(tree, resource)


def _some_element(tree: Within | Narrowed, resource: Resource) -> bool:
    elements = _value(resource, tree.attribute) or []
    chosen = [element for element in elements if holds(tree.part, element, tree.attribute)]
    if isinstance(tree, Within):
        return bool(chosen)
    answers = [_asked(tree.asked, element, tree.attribute) for element in chosen]
    has_no_value = tree.asked.op == "eq" and tree.asked.value is None
    return all(answers) if has_no_value else any(answers)


def _asked(test: Asks, resource: Resource, inside: str) -> bool:
    full_path = f"{inside}.{test.path}" if inside else test.path
    values = list(_values(resource, test.path, inside))
    has_value = any(value not in (None, "", []) for value in values)
    if test.op == "pr":
        return has_value
    if test.value is None:
        return has_value is (test.op == "ne")
    return any(_compared(test.op, value, test.value, full_path) for value in values)


def _values(resource: Resource, path: str, inside: str) -> Iterator[object]:
    """Yield the values that a path leads to: one, perhaps None, or one for each element of a multi-valued attribute."""
    name, _, sub = path.partition(".")
    held = resource.get(name) if inside else _value(resource, name)
    if isinstance(held, list):
        yield from (element if isinstance(element, str) else element.get(sub or "value") for element in held)
    elif isinstance(held, dict):
        yield held.get(sub)
    elif name not in ("emails", "phoneNumbers"):
        yield held


def _value(resource: Resource, name: str) -> Any:
    return resource.get(LOCKSTEP, {}).get(name) if name in EXTENSION else resource.get(name)


_MEANS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def _compared(op: str, held: object, wanted: object, path: str) -> bool:
    if held in (None, ""):
        return op == "ne"
    return _MEANS[op](_comparable(held, path), _comparable(wanted, path))


def _comparable(value: object, path: str) -> Any:
    if path in BOOLEANS:
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if path in DATES:
        return datetime.fromisoformat(str(value))
    if path in CASE_EXACT:
        return value
    return key_of_name(str(value)) if path == "userName" else str(value).casefold()
