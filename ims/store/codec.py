"""Frozen dataclasses as JSON and back: what the store keeps whole and never asks about. msgspec ends here.

A field equal to its default is left out, and a field that is missing gets its default, so that a field with a default
can be added without a migration. Moments are written as RFC 3339 says, in UTC, enums as their values, tuples as arrays.
Each type is looked at once; after that, msgspec does the work, which is felt with 100,000 users.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from threading import Lock
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from ims.errors import InvalidInput

_T = TypeVar("_T")
_Writer = Callable[[Any], object]


class Document(msgspec.Struct, omit_defaults=True, rename="camel", gc=False):
    """A document whose names are those of ours in SCIM's spelling ("user_name" is "userName")."""


def dumps(value: object) -> str:
    """Return a document's text: compact, and readable in any script. Raises UnicodeEncodeError for half a surrogate."""
    return msgspec.json.encode(value).decode()


def reader(kind: Callable[..., _T]) -> Callable[[str], _T]:
    """Return what reads documents of a type."""
    decode: Callable[[str], _T] = _decoder(kind).decode
    return decode


def encode(value: object) -> str:
    """Return the JSON text of a dataclass. Raises InvalidInput for a time without a zone."""
    kind: Any = type(value)
    return dumps(_record(kind)(value))


def decode(kind: Callable[..., _T], text: str) -> _T:
    """Return the value of this type whose JSON text this is."""
    value: _T = _decoder(kind).decode(text)
    return value


_one_looks = Lock()
"""Held by whoever looks at a type: msgspec keeps what it knows of the dataclasses in it while it is still looking.

Another thread that meets such a half-known dataclass ends the whole process (a segmentation fault in msgspec 0.22).
"""


@cache
def _decoder(kind: Any) -> Any:  # noqa: ANN401 - any type, and a decoder of it
    with _one_looks:
        return msgspec.json.Decoder(kind)


@cache
def _record(kind: Any) -> _Writer:  # noqa: ANN401 - a dataclass, which the type system cannot say
    """Return what turns a dataclass into a structure of msgspec's, which knows how to leave out defaults."""
    known = fields(kind)
    hints = get_type_hints(kind)
    structure: Any = msgspec.defstruct(
        kind.__name__,
        [(field.name, object, msgspec.field(default=_default(field))) for field in known],
        omit_defaults=True,
        gc=False,
    )
    writers = [(at, writer) for at, field in enumerate(known) if (writer := _writer(hints[field.name])) is not None]
    parts = attrgetter(*(field.name for field in known))
    if len(known) == 1:
        return lambda value: structure(parts(value) if not writers else writers[0][1](parts(value)))

    def write(value: object) -> object:
        values = list(parts(value))
        for at, writer in writers:
            if values[at]:
                values[at] = writer(values[at])
        return structure(*values)

    return write


def _writer(kind: Any) -> _Writer | None:  # noqa: ANN401 - any type form: a class, a union, a NewType
    """Return what makes values of a type, other than none and empty ones, ready; None where msgspec takes them so."""
    kind = getattr(kind, "__supertype__", kind)
    if get_origin(kind) in (Union, UnionType):
        (inner,) = (_writer(part) for part in get_args(kind) if part is not type(None))
        return inner
    if get_origin(kind) is tuple:
        each = _writer(get_args(kind)[0]) if get_args(kind)[-1] is Ellipsis else None
        return _for_each(each) if each is not None else None
    if kind is datetime:
        return _moment
    record: Any = kind
    return _record(record) if is_dataclass(kind) else None


def _for_each(writer: _Writer) -> _Writer:
    return lambda values: [writer(value) for value in values]


def _moment(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise InvalidInput(f"The time {value} has no time zone, so nobody can tell which moment it is")
    return value.astimezone(UTC)


def _default(field: Field[object]) -> object:
    """Return a field's default; one without any gets a value that nothing is equal to, so that it is always written."""
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else _REQUIRED


_REQUIRED = object()
