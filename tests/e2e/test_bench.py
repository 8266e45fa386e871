"""The benchmark works: on a few hundred people it takes every figure, and leaves a whole and valid result.

No time is asserted: what a busy machine makes of it says nothing.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bench.catalogue import FIGURES
from bench.machine import Machine
from tests.support.repository import ROOT

MAY_BE_ZERO = {"rows", "s"}
"""Units of which a small run may have none: rows are not written, and a server's CPU is counted in hundredths."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the benchmark once, with everything it writes in one folder, and return that."""
    folder = tmp_path_factory.mktemp("bench")
    done = _bench("--size", "500", "--pairs", "1", "--cache", str(folder / "kept"), "--results", str(folder))
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout, encoding="utf-8")
    return folder


def test_every_figure_is_taken_in_the_documented_form(run: Path) -> None:
    """Other programs read this file: each figure has its five keys and one value per round."""
    results = _results(run)
    assert list(results) == [figure.name for figure in FIGURES]
    assert {tuple(figure) for figure in results.values()} == {("value", "unit", "target", "against", "runs")}
    assert [name for name, figure in results.items() if figure["runs"] != [figure["value"]]] == []


def test_figures_are_what_figures_can_be(run: Path) -> None:
    """A ratio, a peak of memory, a time per user: none is nothing, whatever the machine does besides."""
    results = _results(run)
    wrong = {name: one["value"] for name, one in results.items() if one["value"] < 0}
    nothing = {name for name, one in results.items() if not one["value"] and one["unit"] not in MAY_BE_ZERO}
    assert (wrong, nothing - {"one_entry_peak_above_idle", "read_peak_above_idle"}) == ({}, set())


def test_an_unchanged_pass_writes_no_row(run: Path) -> None:
    """The one figure that is no matter of speed, counted by the database itself."""
    assert _results(run)["unchanged_reconcile_rows"]["value"] == 0


def test_the_machine_is_named_and_the_table_says_met_or_missed(run: Path) -> None:
    """Seconds without a machine, and targets without a verdict, are of no use to anybody."""
    machine = Machine(**json.loads((run / "machine.json").read_text(encoding="utf-8")))
    printed = (run / "printed").read_text(encoding="utf-8")
    assert machine.sentence() in printed
    rows = [line for line in printed.splitlines() if line.startswith("| `")]
    verdicts = [row.rsplit("|", 2)[1].strip() for row in rows]
    assert len(rows) == len(FIGURES)
    assert sum(verdict in {"met", "**missed**"} for verdict in verdicts) == sum(f.target is not None for f in FIGURES)


def test_a_trial_leaves_the_committed_figures_alone(run: Path) -> None:
    """Five hundred people are no hundred thousand."""
    assert run.is_dir()
    unchanged = (ROOT / "bench/results/latest.json").read_bytes()
    assert json.loads(unchanged) != _results(run)
    assert "500 people" not in (ROOT / "bench/README.md").read_text(encoding="utf-8")


def test_a_directory_is_made_once(run: Path) -> None:
    """A second run goes on with the first one's, and one figure needs its own contest only."""
    kept = [(path, path.stat().st_mtime_ns) for path in (run / "kept").glob("*/slapd.conf")]
    where = ("--cache", str(run / "kept"), "--results", str(run / "again"))
    done = _bench("--size", "500", "--pairs", "2", "--only", "one_entry_wall", *where)
    assert done.returncode == 0, done.stderr
    assert [(path, path.stat().st_mtime_ns) for path in (run / "kept").glob("*/slapd.conf")] == kept
    (only,) = _results(run / "again").items()
    assert (only[0], len(only[1]["runs"])) == ("one_entry_wall", 2)


def test_an_unknown_figure_is_refused_by_name() -> None:
    """With the names that there are."""
    done = _bench("--only", "speed")
    assert done.returncode == 2
    assert "no figure is called speed" in done.stderr
    assert "read_wall" in done.stderr


def test_the_machine_s_sentence_names_every_field() -> None:
    """A field that nobody reads is not worth taking."""
    values = {field.name: f"of-{field.name}" for field in fields(Machine)}
    machine = Machine(**{**values, "load": 1.5})  # type: ignore[arg-type]  # texts that can be told apart
    told = {name for name, value in values.items() if value in machine.sentence()} | {"load"}
    assert told == set(values)


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _results(folder: Path) -> Mapping[str, Any]:
    results: Mapping[str, Any] = json.loads((folder / "latest.json").read_text(encoding="utf-8"))
    return results
