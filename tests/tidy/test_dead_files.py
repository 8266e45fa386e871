"""No file without a use."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.support.repository import PARTS, dotted, files, imported, modules, read

ENTRY_POINTS = {"lockstep", "lockstep.__main__", "config.document"}
"""Started by a person (`config.document` writes the documents about settings); the rest is reached from there."""

MIGRATIONS = Path("ims/store/migrations")
"""Loaded by Alembic, which goes by their place and not by their name."""


def test_every_module_is_used_by_the_program() -> None:
    """Imported by another module, or named in a string by one that loads it (a worker, a command group)."""
    code = [path for path in modules(*PARTS) if not path.is_relative_to(MIGRATIONS)]
    dead = [str(path) for path in code if dotted(path) not in ENTRY_POINTS and not _used(path, code)]
    assert dead == []


def test_every_module_of_the_benchmarks_is_used() -> None:
    """By another one, by its name in a string (the work of a task), or by the Makefile."""
    code = modules("bench")
    started = read(Path("Makefile"))
    dead = [path for path in code if path.stem != "__main__" and not _used(path, code) and not _is_work(path, code)]
    assert [str(path) for path in dead if not re.search(rf"-m {re.escape(dotted(path))}\b", started)] == []


def test_every_other_file_of_the_parts_is_named_by_some_module() -> None:
    """A template, a schema, an example file: whoever reads it names it."""
    others = [path for path in files() if path.parts[0] in PARTS and path.suffix != ".py"]
    pages = [path for path in others if path.suffix in {".html", ".po"}]
    code = "\n".join(read(path) for path in (*modules(*PARTS), *pages))
    named = [path for path in others if path.name in code or (path in pages and f'"{path.stem}"' in code)]
    loaded_by_place = [path for path in others if path.is_relative_to(MIGRATIONS)]
    assert [str(path) for path in others if path not in (*loaded_by_place, *named)] == []


def test_every_script_is_called() -> None:
    """By the Makefile or by another script."""
    callers = [Path("Makefile"), *files(".sh"), Path(".ci/run")]
    text = "\n".join(read(path) for path in callers)
    assert [str(path) for path in files(".sh") if str(path) not in text] == []


def _is_work(path: Path, code: Sequence[Path]) -> bool:
    """Return whether some task names a module of bench/tasks, or a process is started with it."""
    texts = [read(other) for other in code if other != path]
    named = re.compile(rf'work="{path.stem}"|"{re.escape(dotted(path))}"')
    return any(named.search(text) for text in texts)


def _used(path: Path, code: Sequence[Path]) -> bool:
    name = dotted(path)
    if path.name == "__init__.py" and any(other.parent == path.parent and other != path for other in code):
        return True
    in_string = re.compile(rf'"{re.escape(name)}[":]')
    return any(name in imported(other) or in_string.search(read(other)) for other in code if other != path)
