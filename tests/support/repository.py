"""The repository as the tidy tests read it: which files are its own, and what their syntax trees say."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

PARTS = ("lockstep", "scim", "portal", "agent", "ims", "config")
"""The folders that are installed, in the order of the layers."""

NOT_OURS = {"__pycache__", "var", "build", "dist"}
"""Folders that commands make; hidden folders but for .ci are not ours either."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*suffixes: str) -> tuple[Path, ...]:
    """Return the repository's own files (with these suffixes, or all), relative to its root."""
    return tuple(sorted(path for path in _walk(ROOT) if not suffixes or path.suffix in suffixes))


def texts() -> tuple[Path, ...]:
    """Return every file that people write or read as text."""
    return tuple(path for path in files() if not _is_binary(path))


def modules(*folders: str) -> tuple[Path, ...]:
    """Return the Python files below these top-level folders."""
    return tuple(path for path in files(".py") if path.parts[0] in folders)


def collected() -> tuple[Path, ...]:
    """Return the files that pytest collects."""
    return tuple(path for path in modules("tests") if path.name.startswith("test_"))


@cache
def read(path: Path) -> str:
    """Return a file's text."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse(read(path), filename=str(path))


def functions(path: Path) -> Iterator[Function]:
    """Yield every function and method of a Python file, nested ones too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def dotted(path: Path) -> str:
    """Return the name by which a Python file is imported."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def project() -> dict[str, Any]:
    """Return what pyproject.toml says."""
    return tomllib.loads(read(Path("pyproject.toml")))


def declared() -> set[str]:
    """Return the names of the run-time dependencies."""
    return {normal(specifier) for specifier in project()["project"]["dependencies"]}


@cache
def imported(path: Path) -> frozenset[str]:
    """Return what a file imports; `from a.b import c` counts as both a.b and a.b.c, since c may be a module."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def pinned(requirements: str) -> dict[str, str]:
    """Return the packages of a requirements file, by normalised name, with everything that pins each."""
    blocks = re.split(r"\n(?=\S)", read(Path("requirements", requirements)).strip())
    return {normal(block): block for block in blocks}


def normal(requirement: str) -> str:
    """Return the package's name in a requirement as the packaging specifications compare it (PEP 503)."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        hidden = path.name.startswith(".") and path.name != ".ci"
        if path.is_symlink() or path.name in NOT_OURS:
            continue
        if path.is_dir() and not hidden:
            yield from _walk(path)
        elif path.is_file() and not path.name.startswith(".coverage"):
            yield path.relative_to(ROOT)


def _is_binary(path: Path) -> bool:
    with (ROOT / path).open("rb") as file:
        return b"\0" in file.read(8192)
