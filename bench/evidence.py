"""Write into docs/evidence.md what `make test`, `make faults` and `make bench` showed: `make evidence`.

Each command leaves its result in a file. A section whose file is not there stays as it is: the page keeps the last run
of each, with its own date and machine.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as Xml  # noqa: ICN001 - reads only what pytest wrote here

from bench.catalogue import FIGURES
from bench.figures import Taken
from bench.machine import Machine, this_machine
from bench.measuring import ROOT
from bench.results import put, table

PAGE = ROOT / "docs" / "evidence.md"
TESTS = ROOT / "build" / "tests.xml"
COVERAGE = ROOT / "build" / "coverage.json"
FAULTS = ROOT / "build" / "faults.json"
FIGURES_FILE = ROOT / "bench" / "results" / "latest.json"
_MINUTE_S = 60


def main() -> int:
    """Bring every section up to date whose command has run here. Return 1 if there is none."""
    present = [name for name, (source, _) in SECTIONS.items() if source.exists()]
    for name in present:
        source, text = SECTIONS[name]
        put(PAGE, name, text(source))
    sys.stderr.write(f"{PAGE.relative_to(ROOT)}: {', '.join(present) or 'nothing has run yet'}\n")
    return 0 if present else 1


def tests(source: Path) -> str:
    """Return what `make test` came to: pytest's own report, and the coverage beside it."""
    suite = Xml.parse(source).getroot().find("testsuite")  # noqa: S314 - pytest's own
    if suite is None:
        return "pytest reported nothing."
    count = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    covered = (
        json.loads(COVERAGE.read_text(encoding="utf-8"))["totals"]["percent_covered"] if COVERAGE.exists() else None
    )
    rows = [
        ("tests", f"{count['tests']:,}"),
        ("failed", str(count["failures"] + count["errors"])),
        ("skipped", str(count["skipped"])),
        ("duration", _duration(float(suite.get("time", "0")))),
        ("branch coverage", "not measured" if covered is None else f"{covered:.1f} %"),
    ]
    return f"{_run_on(source)}\n\n| | |\n|---|---:|\n" + "\n".join(f"| {name} | {cell} |" for name, cell in rows)


def faults(source: Path) -> str:
    """Return what `make faults` came to: all of it in a line, then one row per scenario."""
    rows = json.loads(source.read_text(encoding="utf-8"))
    columns = list(rows[0])
    passed = sum(row["result"] == "passed" for row in rows)
    cases, seconds = (sum(row[column] for row in rows) for column in ("cases", "seconds"))
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(row[column]) for column in columns)} |" for row in rows]
    summary = f"{len(rows)} scenarios, {passed} passed; {cases:,} cases in {_duration(seconds)}."
    return f"{_run_on(source)} {summary}\n\n" + "\n".join(lines)


def figures(source: Path) -> str:
    """Return the table of `make bench`."""
    known = json.loads(source.read_text(encoding="utf-8"))
    machine = Machine(**json.loads((source.parent / "machine.json").read_text(encoding="utf-8")))
    taken = [Taken(figure, tuple(known[figure.name]["runs"])) for figure in FIGURES if figure.name in known]
    return f"{machine.sentence()}\n\n{table(taken)}"


SECTIONS: Mapping[str, tuple[Path, Callable[[Path], str]]] = {
    "tests": (TESTS, tests),
    "faults": (FAULTS, faults),
    "figures": (FIGURES_FILE, figures),
}


def _run_on(source: Path) -> str:
    """Say when a command left its file, and on what machine: this one, since it lies here."""
    machine = this_machine()
    left = datetime.fromtimestamp(source.stat().st_mtime, UTC)
    where = f"{machine.cores} cores ({machine.processor}), {machine.memory_gib} GiB, Python {machine.python}"
    return f"Run until {left:%Y-%m-%d %H:%M} UTC on {where}."


def _cell(value: object) -> str:
    """Return a cell of a table; a bar would end it."""
    return str(value).replace("|", "\\|")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {rest} s"


if __name__ == "__main__":
    sys.exit(main())
