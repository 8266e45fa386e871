"""What a run leaves behind: `latest.json`, the machine beside it, and the table for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.errors import BenchProblem
from bench.figures import Taken
from bench.machine import Machine

BEGIN, END = "<!-- {name}: begin -->", "<!-- {name}: end -->"
_HEADING = "| figure | unit | median | min | max | target | |\n|---|---|---:|---:|---:|---|---|"


def as_json(taken: Sequence[Taken]) -> str:
    """Return the figures as other programs read them."""
    figures = {
        one.figure.name: {
            "value": _rounded(one.value),
            "unit": one.figure.unit,
            "target": str(one.figure.target) if one.figure.target else None,
            "against": one.figure.against or None,
            "runs": [_rounded(run) for run in one.runs],
        }
        for one in taken
    }
    return json.dumps(figures, indent=2) + "\n"


def save(folder: Path, taken: Sequence[Taken], machine: Machine) -> None:
    """Write `latest.json` and `machine.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(as_json(taken), encoding="utf-8")
    (folder / "machine.json").write_text(json.dumps(asdict(machine), indent=2) + "\n", encoding="utf-8")


def table(taken: Sequence[Taken]) -> str:
    """Return the figures as a Markdown table, those with a target first."""
    with_target = [one for one in taken if one.figure.target is not None]
    without = [one for one in taken if one.figure.target is None]
    return "\n".join([_HEADING, *(_row(one) for one in (*with_target, *without))])


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between a page's two markers. Raises BenchProblem where they are missing."""
    old = page.read_text(encoding="utf-8")
    begin, end = BEGIN.format(name=name), END.format(name=name)
    head, found, rest = old.partition(f"{begin}\n")
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise BenchProblem(f"{page} has no place for the table: a line {begin} and a line {end}")
    page.write_text(f"{head}{found}{text.rstrip()}\n{closed}{tail}", encoding="utf-8")


def _row(one: Taken) -> str:
    figure = one.figure
    numbers = (one.value, min(one.runs), max(one.runs))
    cells = [f"`{figure.name}`: {figure.what}", figure.unit, *(shown(number) for number in numbers)]
    target = str(figure.target).replace("<=", "≤").replace(">=", "≥") if figure.target else ""
    return f"| {' | '.join([*cells, target, one.verdict])} |"


def shown(number: float) -> str:
    """Return a number with three digits that count, and no more."""
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"  # noqa: PLR2004 - three digits


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")
