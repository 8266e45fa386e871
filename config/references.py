"""What no single table can know: whether the names in one exist in another, and whether two contradict each other.

These checks read the tree as it was written, not the finished types: so they also run where a table has mistakes of its
own, and everything is in one report. What is no table or no text is passed over; the types refuse it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from config.keys import ANY_NAME
from config.mistakes import KeyPath, did_you_mean
from config.names import dn_key, why_no_dn

Values = dict[str, Any]
"""The merged tree of plain values, as `config.sources` reads it."""


@dataclass(frozen=True, slots=True)
class Dangling:
    """A key whose value does not fit what stands elsewhere."""

    path: KeyPath
    text: str


def dangling(values: Values) -> tuple[Dangling, ...]:
    """Return everything in the tree that does not fit together."""
    return (
        *_nothing_to_do(values),
        *_unknown(values, ("directories", ANY_NAME, "rules", ANY_NAME, "tenant"), "tenants", "tenant"),
        *_unknown(values, ("connections", ANY_NAME, "tenant"), "tenants", "tenant"),
        *_unknown(values, ("tenants", ANY_NAME, "roles", ANY_NAME, "directory"), "directories", "directory"),
        *_restored_roles(values),
        *_shared_canaries(values),
    )


def _nothing_to_do(values: Values) -> Iterator[Dangling]:
    for name, example in (("tenants", "[tenants.acme]"), ("directories", "[directories.corp]")):
        if values.get(name, {}) == {}:
            yield Dangling(KeyPath((name,)), f"is missing: write at least one table, such as {example}")


def _unknown(values: Values, pattern: tuple[str, ...], where: str, what: str) -> Iterator[Dangling]:
    """Yield the keys at `pattern` that name a table which is not in the table `where`."""
    there = values.get(where, {})
    if not isinstance(there, dict):
        return
    for path, name in _texts(values, pattern):
        if name not in there:
            yield Dangling(path, f'there is no {what} "{name}"; {did_you_mean(name, there)}')


def _restored_roles(values: Values) -> Iterator[Dangling]:
    """Yield the rules that would add people to a group which makes them administrators."""
    for path, group in _texts(values, ("directories", ANY_NAME, "rules", ANY_NAME, "group")):
        rule = _at(values, path[:-1])
        if str(rule.get("restore", False)).lower() != "true":
            continue
        for role_path, role_group in _texts(values, ("tenants", ANY_NAME, "roles", ANY_NAME, "group")):
            same_directory = _at(values, role_path[:-1]).get("directory") == path[1]
            if same_directory and _same_dn(group, role_group):
                text = f'must not be true: the group gives the role "{role_path[3]}" in the tenant "{role_path[1]}"'
                yield Dangling(KeyPath((*path[:-1], "restore")), text)


def _shared_canaries(values: Values) -> Iterator[Dangling]:
    """Yield each canary that another directory names too: a sign of a copied table."""
    seen: dict[object, str] = {}
    for path, canary in _texts(values, ("directories", ANY_NAME, "canary")):
        if why_no_dn(canary):
            continue
        other = seen.setdefault(dn_key(canary), path[1])
        if other != path[1]:
            yield Dangling(path, f'is the canary of "{other}" too: each directory needs its own')


def _texts(values: Any, pattern: tuple[str, ...]) -> Iterator[tuple[KeyPath, str]]:  # noqa: ANN401 - a tree's node
    """Return every text at a pattern's paths, with its path."""
    if not pattern:
        if isinstance(values, str):
            yield KeyPath(()), values
        return
    if not isinstance(values, dict):
        return
    for name in list(values) if pattern[0] == ANY_NAME else [pattern[0]]:
        for path, text in _texts(values.get(name), pattern[1:]):
            yield KeyPath((name, *path)), text


def _at(values: Values, path: tuple[str, ...]) -> Values:
    """Return the table at a path that is known to hold one."""
    for part in path:
        values = values[part]
    return values


def _same_dn(one: str, other: str) -> bool:
    return not why_no_dn(one) and not why_no_dn(other) and dn_key(one) == dn_key(other)
