"""docs/rfc-coverage.md: every rule has its row, and every test that a row names is there."""

import ast
import re

from tests.support.repository import ROOT

RULES = 74
_ROW = re.compile(r"\| (?P<rule>\d+) \| [^|]+ \| (?:MUST|SHOULD|MAY) \| [^|]+ \| (?P<shown>[^|]+) \|")
_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)`")


def rows() -> dict[int, str]:
    """Return what shows each rule, by the rule's number."""
    text = (ROOT / "docs" / "rfc-coverage.md").read_text(encoding="utf-8")
    return {int(found["rule"]): found["shown"] for found in map(_ROW.fullmatch, text.splitlines()) if found}


def test_every_rule_has_a_row() -> None:
    assert sorted(rows()) == list(range(1, RULES + 1))


def test_every_test_that_is_named_exists() -> None:
    """By its file and its function; a rule without a test says in words why it has none."""
    for rule, shown in rows().items():
        named = _TEST.fullmatch(shown)
        if named is None:
            assert "::" not in shown, rule
            continue
        tree = ast.parse((ROOT / named["file"]).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert named["name"] in functions, (rule, shown)
