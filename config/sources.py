"""Where settings come from: the text of a TOML file, and environment variables. Each becomes a tree of plain values.

A tree knows where each of its values stands, holds secrets as `Secret` already, and whole paths only; what is wrong is
noted, not raised, so that one report can hold all of it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.keys import ANY_NAME, SECRET_FORMS, Key, KeyKind, all_keys, matches
from config.mistakes import KeyPath, Mistake, closest, dotted, variable
from config.secrets import HIDDEN, Secret, SecretUnreadable, why_unusable

ENVIRONMENT = "the environment"
PREFIX = "LOCKSTEP_"
CONFIG_VARIABLE = "LOCKSTEP_CONFIG"
NOT_SETTINGS = frozenset({CONFIG_VARIABLE})
"""Variables with our prefix that are no keys."""

_PLACED_BY_KUBERNETES = re.compile(
    r"LOCKSTEP(_\w+?)??_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|(?P<port>PORT))",
)
_HINTS = {
    "Invalid value": "a text needs quotation marks, and true and false are written small",
    "Unescaped '\\' in a string": "write a text with backslashes in single quotation marks: 'C:\\path'",
    "Illegal character '\\n'": "a quotation mark that opens must close on the same line",
    'Expected "\'"': "a quotation mark that opens must close on the same line",
    "Cannot declare": "each [table] may be there once: put the keys together",
    "Cannot overwrite a value": "the same key is given twice",
}


@dataclass(slots=True, kw_only=True)
class Tree:
    """What one source says: nested tables of plain values, where each key stands, and what is wrong with them.

    `lines` (counted from 1) is filled for a file, `variables` for the environment.
    """

    place: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    variables: dict[KeyPath, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, path: KeyPath, text: str) -> Mistake:
        """Return the mistake at a key: under its variable, or in the line of the key or of the table it is in."""
        lines = (self.lines.get(KeyPath(path[:length])) for length in range(len(path), 0, -1))
        line = next((line for line in lines if line is not None), 0)
        return Mistake(key=self.variables.get(path, dotted(path)), place=self.place, text=text, line=line)

    def reach(self, path: KeyPath) -> int:
        """Return how much of a path is there: its length if the key itself is."""
        values: Any = self.values
        for length, part in enumerate(path):
            if not isinstance(values, dict) or part not in values:
                return length
            values = values[part]
        return len(path)


def tree_of_text(text: str, place: str) -> Tree:
    """Read the text of a TOML file."""
    tree = Tree(place=place)
    text = text.removeprefix("\ufeff")
    try:
        tree.values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        tree.mistakes.append(_broken(error, place))
    else:
        tree.lines = dict(_lines(text))
    return tree


def tree_of_variables(environ: Mapping[str, str]) -> Tree:
    """Read the environment. An empty variable counts as not set: that is how Compose files leave one out."""
    tree = Tree(place=ENVIRONMENT)
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or name in NOT_SETTINGS or _is_kubernetes(name, environ[name]):
            continue
        path = _path_of(name)
        if path is None:
            text = f"no such setting; {_meant(name)}"
            tree.mistakes.append(Mistake(key=name, place=ENVIRONMENT, text=text))
        elif environ[name].strip():
            _put(tree.values, path, environ[name])
            tree.variables[path] = name
    return tree


def resolve(tree: Tree, folder: Path, environ: Mapping[str, str]) -> None:
    """Make relative paths whole, seen from `folder`, and each secret's three keys one `Secret`."""
    resolver = _Resolver(folder, environ)
    for key in all_keys():
        for table, path in list(_tables_at(tree.values, key.path[:-1])):
            if key.kind is KeyKind.FILE:
                _anchor(table, key.path[-1], folder)
            elif key.kind is KeyKind.SECRET:
                _fold(table, KeyPath((*path, key.path[-1])), tree, resolver)


@dataclass(frozen=True, slots=True)
class _Resolver:
    folder: Path
    environ: Mapping[str, str]

    def secret(self, kind: KeyKind, value: object) -> Secret:
        """Return the secret that a key names. Raises ValueError, SecretUnreadable; neither shows the secret."""
        if not isinstance(value, str):
            raise ValueError("must be a text in quotation marks")  # noqa: TRY004 - one error for all that is typed wrong
        if kind is KeyKind.SECRET_FILE:
            return self._from_file(value)
        return self._from_variable(value) if kind is KeyKind.SECRET_VARIABLE else _sound(value, "")

    def _from_file(self, value: str) -> Secret:
        secret = Secret(file=self.folder / value)
        try:
            secret.read()
        except SecretUnreadable as error:
            if "/" not in value:  # it may be the password itself, put into the wrong key
                raise ValueError(f"no readable file of that name in {self.folder}") from None
            raise ValueError(str(error)) from None
        return secret

    def _from_variable(self, value: str) -> Secret:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) or value not in self.environ:
            raise ValueError("must be the name of an environment variable that is set; the one given is not")
        return _sound(self.environ[value], "the variable ")


def _sound(text: str, what: str) -> Secret:
    problem = why_unusable(text)
    if problem:
        raise ValueError(f"{what}{problem}")
    return Secret(text)


def _anchor(table: dict[str, Any], name: str, folder: Path) -> None:
    if isinstance(table.get(name), str):
        table[name] = str(folder / table[name])


def _fold(table: dict[str, Any], path: KeyPath, tree: Tree, resolver: _Resolver) -> None:
    """Replace the three keys of a secret by one; a mistake leaves a stand-in, lest it be reported as missing too."""
    name = path[-1]
    given = [(kind, name + ending) for kind, ending in SECRET_FORMS if name + ending in table]
    if not given:
        return
    values = {own: table.pop(own) for _, own in given}
    kind, own = given[0]
    try:
        table[name] = resolver.secret(kind, values[own])
        if len(given) > 1:
            tree.mistakes.append(tree.mistake(path, f"is given {len(given)} times ({', '.join(values)}): keep one"))
    except ValueError as error:
        tree.mistakes.append(tree.mistake(KeyPath((*path[:-1], own)), str(error)))
        table[name] = Secret(HIDDEN)


def _tables_at(
    values: Any,  # noqa: ANN401 - whatever an administrator wrote there
    pattern: tuple[str, ...],
) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Return the tables at a pattern's paths, each with its path; what is no table is left to the types to refuse."""
    if not isinstance(values, dict):
        return
    if not pattern:
        yield values, ()
        return
    for name in list(values) if pattern[0] == ANY_NAME else [pattern[0]]:
        for table, path in _tables_at(values.get(name), pattern[1:]):
            yield table, (name, *path)


def _put(values: dict[str, Any], path: KeyPath, value: str) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
    values[path[-1]] = value


def _path_of(name: str) -> KeyPath | None:
    """Return the key that a variable names, spelled as in TOML, or None."""
    parts = tuple(name.removeprefix(PREFIX).lower().split("__"))
    if not name.startswith(PREFIX) or name != name.upper() or "" in parts:
        return None
    key = next((key for key in all_keys() if matches(KeyPath(key.parts), parts)), None)
    if key is None:
        return None
    return KeyPath(tuple(own if part == ANY_NAME else part for part, own in zip(key.path, parts, strict=True)))


def _meant(name: str) -> str:
    """Return what an unknown variable was probably meant to be; all that there are would be too many to list."""
    parts = tuple(name.upper().removeprefix(PREFIX).lower().split("__"))
    meant = closest(name, (_filled(key, parts) for key in all_keys()))
    return f"did you mean {meant}?" if meant else "docs/settings.md lists all"


def _filled(key: Key, parts: tuple[str, ...]) -> str:
    """Return a key's variable with the unknown variable's own words where names go."""
    words = (
        (parts[at] if at < len(parts) else "name") if part == ANY_NAME else part for at, part in enumerate(key.parts)
    )
    return variable(words)


def _is_kubernetes(name: str, value: str) -> bool:
    """Return whether Kubernetes or Docker placed the variable, as they do for a service that is called lockstep."""
    placed = _PLACED_BY_KUBERNETES.fullmatch(name)
    return placed is not None and (placed["port"] is None or "://" in value)


def _broken(error: Exception, place: str) -> Mistake:
    message = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "nested too deeply"
    at = re.search(r" \(at (line (\d+), column \d+|end of document)\)", message)
    what = message.replace(at.group(0), "") if at else message
    line = f", {at.group(1)}" if at else ""
    hint = next((f" ({hint})" for start, hint in _HINTS.items() if what.startswith(start)), "")
    return Mistake(key="", place=place, text=f"is no valid TOML{line}: {what[:1].lower()}{what[1:]}{hint}")


def _lines(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Return each key and table with its line, as far as lines alone tell: good enough to point at."""
    header: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        is_header = stripped.startswith("[")
        path = _path_in(stripped if is_header else stripped.partition("=")[0] + "= 0")
        if path is None or (not is_header and "=" not in stripped):
            continue
        header = path if is_header else header
        yield KeyPath(path if is_header else (*header, *path)), number


def _path_in(line: str) -> tuple[str, ...] | None:
    """Return the dotted key in a line of TOML, read by the TOML reader itself, or None."""
    try:
        found: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    path: tuple[str, ...] = ()
    while isinstance(found, dict) and len(found) == 1:
        name, found = next(iter(found.items()))
        path = (*path, name)
    return path or None
