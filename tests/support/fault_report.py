"""What `make faults` tells at its end: one row per scenario, on the terminal, in build/faults.json and build/faults.md.

A plugin for pytest (`-p tests.support.fault_report`). A scenario without a test that ran is a failure.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.fault_table import SCENARIOS, Scenario, numbers_of
from tests.support.repository import ROOT

BUILT = ROOT / "build"
Row = dict[str, str | int | float]


@dataclass
class Tried:
    """What became of the tests of one scenario."""

    cases: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def result(self) -> str:
        """Say it in a word or two."""
        if not self.cases:
            return "NOT TRIED"
        return f"{self.failed} FAILED" if self.failed else "passed"


@dataclass
class Report:
    """The plugin: listens to every test's end."""

    tried: dict[int, Tried] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of a test; its call is the case, unless its setup has failed already."""
        for number in numbers(report.nodeid):
            one = self.tried.setdefault(number, Tried())
            one.seconds += report.duration
            one.failed += report.failed
            if report.when == "call" or (report.when == "setup" and report.failed):
                one.cases += int(str(dict(report.user_properties).get("cases", 1)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table, and write it down."""
        rows = rows_of(self.tried)
        write(rows, BUILT)
        terminalreporter.section("fault scenarios")
        for line in in_columns(rows):
            terminalreporter.write_line(line)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail where a scenario was not tried."""
        if any(row["result"] == Tried().result for row in rows_of(self.tried)) and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    """Listen where the table is made: in the process that starts the others."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(), "fault report")


def numbers(nodeid: str) -> tuple[int, ...]:
    """Return the scenarios that a test belongs to: by its name, or because the table names it."""
    test = nodeid.partition("[")[0]
    return numbers_of(test) or tuple(scenario.number for scenario in SCENARIOS if test in scenario.elsewhere)


def rows_of(tried: dict[int, Tried], scenarios: Iterable[Scenario] = SCENARIOS) -> list[Row]:
    """Return the table."""
    return [_row(scenario, tried.get(scenario.number, Tried())) for scenario in scenarios]


def _row(scenario: Scenario, tried: Tried) -> Row:
    return {
        "F": scenario.name,
        "injection": scenario.injection,
        "expected": scenario.expected,
        "cases": tried.cases,
        "result": tried.result,
        "seconds": round(tried.seconds, 1),
    }


def write(rows: list[Row], folder: Path) -> None:
    """Write the table as JSON and as Markdown."""
    folder.mkdir(exist_ok=True)
    (folder / "faults.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in rows]
    (folder / "faults.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def in_columns(rows: list[Row]) -> list[str]:
    """Return the table for a terminal."""
    widths = {column: max(len(column), *(len(str(row[column])) for row in rows)) for column in rows[0]}
    table: list[Mapping[str, object]] = [dict(zip(widths, widths, strict=True)), *rows]
    return ["  ".join(str(row[column]).ljust(width) for column, width in widths.items()).rstrip() for row in table]
