"""Every key there is, found by walking the types: for variables' names, for "did you mean", and for the documents.

The types are the only list of keys; whatever else names keys is made from this walk or checked against it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.kinds import duration_text
from config.mistakes import KeyPath, variable
from config.secrets import Secret
from config.settings import Settings

ANY_NAME = "*"
"""Stands in a path for the name of a named table, which the administrator chooses."""


class KeyKind(StrEnum):
    """What a key holds, as far as reading it is concerned."""

    VALUE = "value"
    FILE = "file"
    SECRET = "secret"  # noqa: S105 - a kind of key, no password
    SECRET_FILE = "secret_file"  # noqa: S105 - a kind of key, no password
    SECRET_VARIABLE = "secret_variable"  # noqa: S105 - a kind of key, no password


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. `path` spells it as TOML does, `parts` as variables do; `table` is the type of the table it is in."""

    path: KeyPath
    parts: tuple[str, ...]
    kind: KeyKind
    field: FieldInfo
    table: type[BaseModel]

    @property
    def variable(self) -> str:
        """The name of its environment variable, with <NAME> for each chosen name."""
        return variable("<NAME>" if part == ANY_NAME else part for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableType:
    """One table, or each of a set of named tables (its path ends in ANY_NAME)."""

    path: KeyPath
    field: FieldInfo | None
    type: type[BaseModel]


SECRET_FORMS = ((KeyKind.SECRET_FILE, "_file"), (KeyKind.SECRET_VARIABLE, "_env"), (KeyKind.SECRET, ""))
"""The three keys that a field of type Secret stands for, the best one first, and how their names end."""


@cache
def all_keys() -> tuple[Key, ...]:
    """Return every key, in the order of the types."""
    return tuple(key for key in _walk(Settings, KeyPath(()), ()) if isinstance(key, Key))


@cache
def all_tables() -> tuple[TableType, ...]:
    """Return every table, in the order of the types, the whole first."""
    root = TableType(path=KeyPath(()), field=None, type=Settings)
    return (root, *(table for table in _walk(Settings, KeyPath(()), ()) if isinstance(table, TableType)))


def matches(pattern: KeyPath, path: tuple[str, ...]) -> bool:
    """Return whether `path` is one of those that `pattern` stands for."""
    return len(pattern) == len(path) and all(part in {ANY_NAME, own} for part, own in zip(pattern, path, strict=True))


def key_at(path: tuple[str, ...]) -> Key | None:
    """Return the key that a path names, or None."""
    return next((key for key in all_keys() if matches(key.path, path)), None)


def names_in(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the table at `path` may hold: the names of its keys and of the tables in it."""
    inside = [*(key.path for key in all_keys()), *(table.path for table in all_tables())]
    return tuple(
        dict.fromkeys(
            found[len(path)]
            for found in inside
            if len(found) > len(path) and matches(KeyPath(found[: len(path)]), path) and found[len(path)] != ANY_NAME
        ),
    )


def limits_of(field: FieldInfo) -> tuple[str | None, str | None]:
    """Return the least and the greatest value that a key may have, as texts."""
    least = next((found.ge for found in field.metadata if isinstance(found, Ge)), None)
    greatest = next((found.le for found in field.metadata if isinstance(found, Le)), None)
    return _limit_text(least), _limit_text(greatest)


def _limit_text(limit: object) -> str | None:
    if limit is None:
        return None
    return duration_text(limit) if isinstance(limit, timedelta) else str(limit)


def _walk(table: type[BaseModel], path: KeyPath, parts: tuple[str, ...]) -> Iterator[Key | TableType]:
    """Return what is in a table: its own keys first, as TOML wants them, then the tables in it."""
    inner: list[tuple[str, FieldInfo, type[BaseModel]]] = []
    for name, field in table.model_fields.items():
        kind = _table_in(field.annotation)
        if kind is None:
            yield from _keys_of(name, field, table, path, parts)
        else:
            inner.append((name, field, kind))
    for name, field, kind in inner:
        named = (ANY_NAME,) if get_origin(field.annotation) is dict else ()
        below = KeyPath((*path, _spelled(name, field), *named))
        yield TableType(path=below, field=field, type=kind)
        yield from _walk(kind, below, (*parts, name, *named))


def _keys_of(
    name: str,
    field: FieldInfo,
    table: type[BaseModel],
    path: KeyPath,
    parts: tuple[str, ...],
) -> Iterator[Key]:
    forms = SECRET_FORMS if Secret in members(field.annotation) else ((_kind_of(field), ""),)
    for kind, ending in forms:
        yield Key(
            path=KeyPath((*path, _spelled(name, field) + ending)),
            parts=(*parts, name + ending),
            kind=kind,
            field=field,
            table=table,
        )


def _spelled(name: str, field: FieldInfo) -> str:
    """Return how TOML spells a field: an alias is a SCIM path, which no variable's name could hold."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _kind_of(field: FieldInfo) -> KeyKind:
    return KeyKind.FILE if Path in members(field.annotation) else KeyKind.VALUE


def _table_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - an annotation may be anything
    """Return the table type that an annotation holds: itself, optional, or as the values of a dict."""
    found = get_args(annotation)[1] if get_origin(annotation) is dict else annotation
    return next((kind for kind in members(found) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def members(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - an annotation may be anything
    """Return the members of a union, or the one type itself, each without its metadata."""
    union = get_origin(annotation) in {Union, type(int | None)}
    return tuple(_bare(member) for member in (get_args(annotation) if union else (annotation,)))


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - an annotation may be anything
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
