"""The types' refusals in our own words: which key, what would be right, and what was probably meant.

The library's sentences speak of models and inputs; an administrator has tables and keys. No sentence here shows a value
of a key that holds a secret, nor of one that is unknown: it may be a secret under a misspelled name.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.keys import ANY_NAME, all_keys, all_tables, key_at, limits_of, matches, names_in
from config.kinds import RELATION, shown
from config.mistakes import KeyPath, closest, dotted

_SHAPES = {
    "string_type": "must be a text in quotation marks",
    "path_type": "must be a text in quotation marks",
    "string_too_short": "must not be empty",
    "too_short": "must hold at least one",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "list_type": 'must be a list, such as ["one", "two"]',
    "tuple_type": 'must be a list, such as ["one", "two"]',
}
"""What is said of a value of the wrong shape: nothing of it is shown."""
_KEY_OF_A_TABLE = "[key]"
"""How the library marks that a table's name is refused, not what is in it."""


def refusals(error: ValidationError) -> Iterator[tuple[KeyPath, str]]:
    """Return each refusal as the path of its key, and what is wrong with it."""
    for detail in error.errors(include_url=False):
        path = KeyPath(tuple(part for part in detail["loc"] if isinstance(part, str) and part != _KEY_OF_A_TABLE))
        place = KeyPath(path[:-1]) if detail["type"] == RELATION else path
        yield place, _item(detail) + _sentence(detail, path)


def _item(detail: ErrorDetails) -> str:
    """Return which item of a list is meant, counted as people do."""
    at = next((part for part in detail["loc"] if isinstance(part, int)), None)
    return "" if at is None else f"item {at + 1} "


def _sentence(detail: ErrorDetails, path: KeyPath) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            text = _missing(path)
        case "extra_forbidden":
            text = _unknown(path)
        case "enum":
            text = f"must be {context['expected'].replace(chr(39), chr(34))}, not {shown(detail['input'])}"
        case "int_parsing" | "int_type" | "int_parsing_size":
            text = f"must be a whole number, not {shown(detail['input'])}"
        case "greater_than_equal":
            text = f"must be at least {_limits(path)[0]}"
        case "less_than_equal":
            text = f"must be at most {_limits(path)[1]}"
        case kind:
            text = _SHAPES.get(kind, detail["msg"])
    return text


def _limits(path: KeyPath) -> tuple[str | None, str | None]:
    """Return a key's limits in our own form: the library gives lengths of time in two others."""
    key = key_at(path)
    return limits_of(key.field) if key is not None else (None, None)


def _missing(path: KeyPath) -> str:
    table = next((table for table in all_tables() if matches(table.path, path)), None)
    if table is not None:
        return f"is missing: a table [{dotted(path)}]"
    named = next((table for table in all_tables() if matches(table.path, (*path, ANY_NAME))), None)
    if named is not None:
        return f"is missing: at least one table [{dotted((*path, _example(named.field)))}]"
    key = key_at(path)
    example = _example(key.field) if key else ""
    return f"is missing; for example {path[-1]} = {_as_toml(example)}"


def _example(field: FieldInfo | None) -> Any:  # noqa: ANN401 - a text or a list
    return (field.examples or [""])[0] if field is not None else ""


def _as_toml(value: Any) -> str:  # noqa: ANN401 - a text or a list
    return f"[{', '.join(map(_as_toml, value))}]" if isinstance(value, list) else shown(value)


def _unknown(path: KeyPath) -> str:
    """Return what an unknown key was probably meant to be: a neighbour, or the same word in another table."""
    here = names_in(path[:-1])
    meant = closest(path[-1], here)
    if meant is not None:
        return f'no such key; did you mean "{meant}"?'
    elsewhere = [key.path for key in all_keys() if key.path[-1] == path[-1]]
    if elsewhere:
        place = dotted("<name>" if part == ANY_NAME else part for part in elsewhere[0])
        return f"no such key in this table; did you mean {place.replace(chr(39), '')}?"
    return f"no such key; known here: {', '.join(sorted(here))}"
