"""The settings' documents, made from their types: lockstep.example.toml and docs/settings.md.

`python -m config.document example` and `python -m config.document reference` print them; a test compares the files.
"""

import json
import sys
import textwrap
from collections.abc import Iterator
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.keys import ANY_NAME, Key, KeyKind, TableType, all_keys, all_tables, limits_of, members
from config.kinds import duration_text
from config.mistakes import KeyPath, dotted, variable
from config.rules import Rule
from config.servers import Server

ALTERNATIVES = {"password_env": "password_file", "password": "password_file", "reconcile_every": "reconcile_at"}
"""Keys of which only one may be there, and the one that the example shows first."""
RULE_SAMPLES = {
    "staff": ("tenant", "group", "via", "restore"),
    "contractors": ("tenant", "attribute", "value"),
    "guests": ("tenant", "subtree"),
}
"""The three ways to write a rule, as one rule holds one criterion only."""
_KIND_NAMES = {
    bool: "`true` or `false`",
    int: "number",
    str: "text",
    time: "time of day",
    timedelta: "length of time",
}
_WIDTH = 110

EXAMPLE_HEAD = """\
# The settings of Lockstep. Every key there is, with what it means, its default, and its environment variable.
#
# A line of text begins with "# ". A line that begins with "#" alone is a key or a table: take the "#" away to use it.
# A line that begins with "#or " stands for the key above it: use one of them.
#
# `lockstep check` reports every mistake at once. docs/settings.md says the same as tables, and explains how texts,
# lists, lengths of time, files, secrets and variables are read.
"""

REFERENCE_HEAD = """\
# Settings

One TOML file holds the settings: `--config` or the variable `LOCKSTEP_CONFIG` names it. `config/lockstep.example.toml`
has every key to copy from. `lockstep check` reports all mistakes at once, each with its line and what would be right.

**Variables.** Every key can also be an environment variable, which counts more than the file: `LOCKSTEP_`, then the
tables and the key in capitals with two underscores between them, as in `LOCKSTEP_DIRECTORIES__CORP__BASE`. An empty
variable counts as not set; an unknown one is a mistake. `<NAME>` below is a name that you choose: a-z, 0-9 and single
underscores. What Kubernetes places for a service that is called lockstep (`LOCKSTEP_SERVICE_HOST` …) is passed over.

**Lists** are TOML lists. A text is taken too, which is how a variable gives them: items between commas, or JSON
(`["one", "two"]`). A list of DNs is JSON or one DN, as DNs are full of commas.

**Lengths of time** are whole seconds, or texts such as `"30s"`, `"10m"`, `"1h30m"`, `"24h"`, `"7d"`.

**Files.** A relative path starts at the folder of the settings file; in a variable, at the working directory.

**Secrets** are given in one of three ways: `password_file` (the file that holds it; one line end is taken off; read
anew whenever it is needed, so that a change needs no restart), `password_env` (the name of the variable that holds it)
or `password` itself. No report, log or error ever shows one.
"""


def example_toml() -> str:
    """Return the text of lockstep.example.toml."""
    blocks = [EXAMPLE_HEAD]
    explained: set[KeyPath] = set()
    for table in all_tables():
        keys = [key for key in all_keys() if key.path[:-1] == table.path]
        samples = RULE_SAMPLES if table.type is Rule else {"": tuple(key.path[-1] for key in keys)}
        for name, wanted in samples.items():
            chosen = [key for key in keys if key.path[-1] in wanted]
            if table.path:
                blocks.append(_heading(table, name, explained=table.path in explained))
            blocks += [_example_of(key, name, explained=key.path in explained) for key in chosen]
            explained |= {table.path, *(key.path for key in chosen)}
    return "\n".join(blocks)


def reference_md() -> str:
    """Return the text of docs/settings.md."""
    blocks = [REFERENCE_HEAD]
    for table in all_tables():
        keys = [key for key in all_keys() if key.path[:-1] == table.path]
        if keys:
            blocks.append("\n".join([*_section(table), *map(_row, keys), ""]))
    return "\n".join(blocks)


def as_toml(value: Any) -> str:  # noqa: ANN401 - any setting's value
    """Return a value as it is written in TOML: JSON's texts are TOML's, but for one control character."""
    if isinstance(value, timedelta):
        return json.dumps(duration_text(value))
    if isinstance(value, time):
        return json.dumps(value.strftime("%H:%M"))
    if isinstance(value, tuple | list):
        return f"[{', '.join(as_toml(item) for item in value)}]"
    text = json.dumps(str(value) if isinstance(value, Path | Server) else value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def default_of(field: FieldInfo) -> str:
    """Return a key's default as TOML, "required", or "none" for one that may be left out."""
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=False)
    return "none" if default is None or default is PydanticUndefined else as_toml(default)


# --- the example -----------------------------------------------------------------------------------------------------


def _heading(table: TableType, name: str, *, explained: bool) -> str:
    text = "" if explained else _comment(_purpose(table))
    return f"\n{text}#[{dotted(_named(table.path, name))}]\n"


def _example_of(key: Key, name: str, *, explained: bool) -> str:
    """Return a key's lines: what it means, its default and variable, and the key itself with a value that loads."""
    own = key.path[-1]
    line = f"{'#or ' if own in ALTERNATIVES else '#'}{dotted([own])} = {_sample(key)}\n"
    if explained:
        return line
    default = default_of(key.field)
    fact = {"required": "Required.", "none": "Optional."}.get(default, f"Default: {default}.")
    return f"{_comment(_meaning(key))}# {fact} Variable: {_variable(key, name)}\n{line}"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False))


def _sample(key: Key) -> str:
    if key.kind is KeyKind.SECRET:
        return as_toml("better in a file")
    if key.kind is KeyKind.SECRET_VARIABLE:
        return as_toml("CORP_BIND_PASSWORD")
    if key.field.examples:
        return as_toml(key.field.examples[0])
    return default_of(key.field)


def _named(path: KeyPath, last: str) -> KeyPath:
    """Return a path with the example's names where names are chosen; `last` (if any) is the innermost one."""
    named: list[str] = []
    for at, part in enumerate(path):
        field = (
            next(table.field for table in all_tables() if table.path == path[: at + 1]) if part == ANY_NAME else None
        )
        named.append(field.examples[0] if field is not None and field.examples else part)
    if last:
        named[-1] = last
    return KeyPath(tuple(named))


def _variable(key: Key, name: str) -> str:
    chosen = _named(KeyPath(key.path[:-1]), name)
    parts = (own if part == ANY_NAME else part for part, own in zip(key.parts[:-1], chosen, strict=True))
    return variable((*parts, key.parts[-1]))


# --- the reference ---------------------------------------------------------------------------------------------------


def _section(table: TableType) -> list[str]:
    title = dotted("NAME" if part == ANY_NAME else part for part in table.path)
    return [
        f"## `[{title}]`",
        "",
        _purpose(table),
        "",
        "| Key | Value | Default | Meaning | Variable |",
        "|---|---|---|---|---|",
    ]


def _row(key: Key) -> str:
    cells = (f"`{dotted([key.path[-1]])}`", _values(key), _default_cell(key), _meaning(key), f"`{key.variable}`")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default_cell(key: Key) -> str:
    default = default_of(key.field)
    return {"required": "required", "none": "–"}.get(default, f"`{default}`")  # noqa: RUF001 - a dash for "none"


def _values(key: Key) -> str:
    """Return what kind of value a key takes, with its limits."""
    if key.kind is not KeyKind.VALUE:
        return "file" if key.kind in {KeyKind.FILE, KeyKind.SECRET_FILE} else "text"
    kind = members(key.field.annotation)[0]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f'`"{member}"`' for member in kind)
    return _KIND_NAMES.get(kind, "list") + _limits(key.field)


def _limits(field: FieldInfo) -> str:
    bounds = zip(("from", "to"), limits_of(field), strict=True)
    shown = [f"{word} {limit}" for word, limit in bounds if limit is not None]
    return f", {' '.join(shown)}" if shown else ""


def _meaning(key: Key) -> str:
    """Return what a key means; the forms of a secret each say their own."""
    text = key.field.description or ""
    if key.kind is KeyKind.SECRET_VARIABLE:
        return f"The name of the variable that holds it, instead of {key.path[-1].removesuffix('_env')}_file."
    if key.kind is KeyKind.SECRET:
        return f"The secret itself, instead of {key.path[-1]}_file."
    return text


def _purpose(table: TableType) -> str:
    """Return what a table is for: its type's words, or its own where several tables share the type."""
    shared = sum(other.type is table.type for other in all_tables()) > 1
    if shared and table.field is not None and table.field.description:
        return table.field.description
    return " ".join((table.type.__doc__ or "").strip().split("\n\n")[0].split())


def _printed() -> Iterator[str]:
    makers = {"example": example_toml, "reference": reference_md}
    if len(sys.argv) != 2 or sys.argv[1] not in makers:  # noqa: PLR2004 - the program and its one word
        raise SystemExit("usage: python -m config.document example|reference")
    yield makers[sys.argv[1]]()


if __name__ == "__main__":
    sys.stdout.writelines(_printed())
