"""One noun per thing, and nothing in the project that speaks of a machine, a registry or unfinished work.

The patterns are put together from pieces so that this file does not contain what it forbids.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import PARTS, files, modules, read, texts, tree
from tests.support.words import NOUNS

UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error")))
MACHINES = re.compile(
    "|".join(("/wo" + "rk/", "/ro" + "ot/", "/fa" + "rm/", r"/ho" + r"me/\w", r"/Use" + r"rs/\w+/\w"))
)
REGISTRIES = re.compile(
    "|".join(("py" + r"pi\.", "python" + "hosted", "npm" + r"js\.", "deb" + r"ian\.(org|net)", "crates" + r"\.io")),
)
UNEXPLAINED = re.compile(r"# noq" + r"a(?!: [A-Z]+[0-9]+)|# type: igno" + r"re(?!\[)|pragm" + "a: no cover")


@pytest.mark.parametrize("pattern", [UNFINISHED, MACHINES, REGISTRIES, UNEXPLAINED], ids=lambda p: p.pattern[:12])
def test_no_text_holds(pattern: re.Pattern[str]) -> None:
    """Work left open, a path of one machine, a package registry's host, a rule switched off without naming it."""
    assert list(_lines_with(pattern)) == []


def test_names_use_the_glossary_s_words() -> None:
    """A second word for a thing makes a reader look for a second thing."""
    wrong = {
        f"{path}:{line}: {name}": NOUNS[word]
        for path in modules(*PARTS)
        for name, line in _names(path)
        for word in _words(name)
        if word in NOUNS
    }
    assert wrong == {}


def test_files_are_named_in_plain_lower_case() -> None:
    """A name that a command line and every file system take as it is."""
    plain = re.compile(r"[a-z0-9_.-]+|Makefile|Containerfile|[A-Z]+(\.md)?")
    assert [path for path in files() if not all(plain.fullmatch(part) for part in path.parts)] == []


def _lines_with(pattern: re.Pattern[str]) -> Iterator[str]:
    for path in texts():
        for number, line in enumerate(read(path).splitlines(), 1):
            if pattern.search(line):
                yield f"{path}:{number}: {line.strip()[:120]}"


def _names(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the names that a file gives: functions, classes, arguments, variables."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, node.lineno


def _words(name: str) -> list[str]:
    """Split `snake_case` and `CamelCase`; a plural counts as its noun."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return [word.lower().removesuffix("s") for word in words]
