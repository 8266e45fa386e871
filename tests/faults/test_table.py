"""Every fault scenario has a test, every test its scenario, and the page and the report say the same."""

import json
from pathlib import Path

import pytest

from tests.support import fault_report
from tests.support.fault_report import Report, Tried, in_columns, numbers, rows_of, write
from tests.support.fault_table import FOLDER, PAGE, SCENARIOS, every_test, numbers_of, page
from tests.support.repository import read

WANTED = {*range(1, 19), *range(20, 29), *range(31, 37), *range(38, 43), *range(44, 47), 49, 50}
"""The scenarios that concern one OpenLDAP directory and SQLite."""


def test_every_scenario_is_there_once() -> None:
    """In the order of their numbers."""
    assert [scenario.number for scenario in SCENARIOS] == sorted(WANTED)


def test_every_scenario_has_a_test() -> None:
    """One that is there."""
    known = set(every_test())
    assert [scenario.name for scenario in SCENARIOS if not scenario.tests] == []
    assert [test for scenario in SCENARIOS for test in scenario.elsewhere if test not in known] == []


def test_no_test_claims_a_scenario_that_there_is_not() -> None:
    """The numbers in the names of tests/faults are those of the table, and a few that are not asked for."""
    claimed = {number for test in every_test() for number in numbers_of(test)}
    assert claimed - WANTED <= {19}, "19: a server restored from a backup"


def test_the_page_is_what_the_table_says() -> None:
    """`python -m tests.support.fault_table page > build/page && mv build/page docs/faults.md` writes it anew."""
    assert read(PAGE) == page()


def test_a_test_belongs_to_the_numbers_in_its_name() -> None:
    """Or to those that name it."""
    assert numbers_of(f"{FOLDER}test_x.py::test_f04_f15_a_right_that_is_lost") == (4, 15)
    assert numbers(f"{FOLDER}test_x.py::test_f31_killed[unlock.mark-0]") == (31,)
    assert numbers(f"{SCENARIOS[0].elsewhere[0]}[x]") == (1,)
    assert numbers_of("tests/e2e/test_crash.py::test_f31_elsewhere") == ()
    assert numbers(f"{FOLDER}test_table.py::test_a_test_belongs") == ()


def test_the_report_counts_cases_and_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that a test counts by itself; what was not tried is said in capital letters."""
    monkeypatch.setattr(fault_report, "BUILT", tmp_path)
    report = Report()
    for number, outcome, properties in ((31, "passed", []), (31, "failed", []), (49, "passed", [("cases", 28)])):
        report.pytest_runtest_logreport(
            pytest.TestReport(
                nodeid=f"{FOLDER}test_x.py::test_f{number}_x[1]",
                location=("", 0, ""),
                keywords={},
                outcome=outcome,  # type: ignore[arg-type]  # a literal, in a loop
                longrepr=None,
                when="call",
                user_properties=properties,
                duration=1.5,
            )
        )
    rows = rows_of(report.tried)
    write(rows, tmp_path)
    assert json.loads((tmp_path / "faults.json").read_text()) == rows
    found = {row["F"]: (row["cases"], row["result"], row["seconds"]) for row in rows}
    assert found["F31"] == (2, "1 FAILED", 3.0)
    assert found["F49"] == (28, "passed", 1.5)
    assert found["F32"] == (0, Tried().result, 0.0)
    assert len(in_columns(rows)) == len((tmp_path / "faults.md").read_text().splitlines()) - 1 == len(rows) + 1
