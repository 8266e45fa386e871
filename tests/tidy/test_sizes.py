"""Files and functions stay small enough to be read in one go."""

import ast
from pathlib import Path

from tests.support.repository import files, functions, modules, read, tree

FILE_LINES = 500
FUNCTION_LINES = 60
FUNCTION_LINES_MEDIAN = 12


def test_no_file_is_longer_than_500_lines() -> None:
    """Code, tests, scripts and pages alike; lists that programs write (requirements) are not for reading."""
    written = [path for path in files() if path.parts[0] != "requirements" and path.name != "LICENSE"]
    # Of the example of all settings, one part for each table, nobody reads more than the part that they need.
    written = [path for path in written if path.name != "lockstep.example.toml"]
    texts = [path for path in written if path.suffix in {".py", ".sh", ".md", ".toml", ".html", ".css", ".js"}]
    assert {str(path): lines for path in texts if (lines := read(path).count("\n")) > FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    """From `def` to the last line, docstring included."""
    lengths = {f"{path}:{node.name}": _length(node) for path in files(".py") for node in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_half_of_the_functions_have_12_lines_or_fewer() -> None:
    """The limit is for exceptions; this is the house style."""
    lengths = sorted(
        _length(node) for path in modules("lockstep", "scim", "agent", "ims", "config") for node in functions(path)
    )
    assert lengths[len(lengths) // 2] <= FUNCTION_LINES_MEDIAN


def test_every_module_says_what_it_is_for() -> None:
    """A newcomer reads the first line of a file before anything else."""
    silent = [path for path in files(".py") if path.parts[0] != "tests" and not _described(path)]
    assert silent == []


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _described(path: Path) -> bool:
    return bool(ast.get_docstring(tree(path)))
