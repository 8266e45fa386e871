"""The tests themselves: each proves something, none is skipped, none waits for a fixed time."""

import ast

import pytest

from tests.support.repository import Function, collected, dotted, functions, imported, modules, tree

PROOFS = ("raises", "warns", "wait_until")
"""Calls that fail when what they are about does not happen."""

EVASIONS = {"skip", "skipif", "importorskip", "x" + "fail"}


def test_every_test_asserts_something() -> None:
    """In itself, or through a helper that is called assert_…, expect_… or must_…."""
    empty = [
        f"{path}:{node.lineno}: {node.name}"
        for path in collected()
        for node in functions(path)
        if node.name.startswith("test_") and not _proves(node)
    ]
    assert empty == []


def test_no_test_is_skipped() -> None:
    """A missing server is a failure; a test that cannot run proves nothing."""
    evaded = [
        f"{path}:{node.lineno}"
        for path in modules("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in EVASIONS and _is_pytest(node.value)
    ]
    assert evaded == []


def test_no_test_sleeps_for_a_fixed_time() -> None:
    """A test polls a condition with a deadline: tests/support may sleep between two looks, a test may not."""
    asleep = [
        f"{path}:{node.lineno}"
        for path in collected()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert asleep == []


def test_nothing_that_runs_is_mocked() -> None:
    """Real slapd, real SQLite: a mock proves what its author believed."""
    assert [path for path in modules("tests") if any(name.startswith("unittest") for name in imported(path))] == []


def test_every_support_module_supports_something() -> None:
    """A helper that no test uses is dead; `python tests/support/….py` in the Makefile counts as use."""
    used = frozenset().union(*(imported(path) for path in modules("tests")))
    scripts = {"tests.support.leave_nothing"}
    support = {dotted(path) for path in modules("tests") if path.parts[1] == "support"}
    assert support - used - scripts == set()


def test_this_suite_sees_the_tests() -> None:
    """Guards the guards: a wrong path would make every test above pass on nothing."""
    assert pytest.__name__ in imported(next(path for path in collected() if path.name == "test_tests.py"))


def _proves(node: Function) -> bool:
    return any(
        isinstance(inner, ast.Assert) or (isinstance(inner, ast.Call) and _is_proof(inner.func))
        for inner in ast.walk(node)
    )


def _is_proof(function: ast.expr) -> bool:
    name = ast.unparse(function).rpartition(".")[2]
    return name in PROOFS or name.startswith(("assert_", "expect_", "must_"))


def _is_pytest(value: ast.expr) -> bool:
    return ast.unparse(value) in {"pytest", "pytest.mark"}
