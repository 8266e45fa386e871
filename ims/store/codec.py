"""Frozen dataclasses as JSON and back: what the store keeps whole and never asks about.

A field equal to its default is left out, and a field that is missing gets its default, so that a field with a default
can be added without a migration. Moments are microseconds since 1970, enums their values, tuples arrays. Each type is
looked at once; after that, a value costs a function call.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ims.store.tables import microseconds, moment_of

_T = TypeVar("_T")
_Step = Callable[[Any], Any]

dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Return a document's text: compact, and readable in any script."""


def encode(value: object) -> str:
    """Return the JSON text of a dataclass."""
    kind: Any = type(value)
    return dumps(_form(kind).write(value))


def decode(kind: Callable[..., _T], text: str) -> _T:
    """Return the value of this type whose JSON text this is."""
    value: _T = _form(kind).read(json.loads(text))
    return value


@dataclass(frozen=True, slots=True)
class _Form:
    """How a value of one type is turned into its JSON form, and how that is turned back."""

    write: _Step
    read: _Step


def _same(value: object) -> object:
    return value


@cache
def _form(kind: Any) -> _Form:  # noqa: ANN401 - any type form: a class, a union, a NewType
    kind = getattr(kind, "__supertype__", kind)
    if get_origin(kind) in (Union, UnionType):
        return _optional(kind)
    if get_origin(kind) is tuple:
        return _sequence(get_args(kind))
    if kind is datetime:
        return _Form(microseconds, moment_of)
    if is_dataclass(kind):
        return _record(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Form(attrgetter("value"), kind)
    return _Form(_same, _same)


def _optional(kind: Any) -> _Form:  # noqa: ANN401 - a union is no class
    (inner,) = (_form(part) for part in get_args(kind) if part is not type(None))
    return _Form(
        lambda value: None if value is None else inner.write(value),
        lambda value: None if value is None else inner.read(value),
    )


def _sequence(parts: tuple[Any, ...]) -> _Form:
    if parts[-1] is Ellipsis:
        inner = _form(parts[0])
        return _Form(lambda value: [*map(inner.write, value)], lambda value: tuple(map(inner.read, value)))
    inners = tuple(map(_form, parts))
    return _Form(
        lambda value: [form.write(part) for form, part in zip(inners, value, strict=True)],
        lambda value: tuple(form.read(part) for form, part in zip(inners, value, strict=True)),
    )


def _record(kind: Any) -> _Form:  # noqa: ANN401 - a dataclass, which the type system cannot say
    forms = {name: _form(hint) for name, hint in get_type_hints(kind).items()}
    columns = [(field.name, _default(field), forms[field.name].write) for field in fields(kind)]
    readers = {name: form.read for name, form in forms.items()}

    def write(value: object) -> dict[str, object]:
        parts = ((name, getattr(value, name), default, form) for name, default, form in columns)
        return {name: form(part) for name, part, default, form in parts if part != default}

    return _Form(write, lambda value: kind(**{name: readers[name](part) for name, part in value.items()}))


def _default(field: Field[object]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()
