"""What the commands print: data on standard output, for people or as JSON; everything else on standard error.

What comes from a directory is somebody else's text. Control characters in it are shown, not obeyed: a display name must
not move the cursor of the administrator who reads it.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Cell = str | int | bool | datetime | None | tuple[str, ...]
"""What a table may hold: it is what JSON can hold, but for times, which become RFC 3339 texts in UTC."""

_PIPED_WIDTH = 10_000
"""Columns where no terminal limits them: a table in a pipe or a file must not lose its right half."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, as_json: bool, empty: str) -> None:
    """Print one row per thing. `columns` are the names in JSON and, with spaces, in the table's head.

    People see no column in which no row has anything. `empty` is what they read where there are no rows at all; JSON
    gives an empty list.
    """
    found = [tuple(row) for row in rows]
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in found])
    elif found:
        _console().print(_table(columns, found))
    else:
        click.echo(empty)


def show_record(fields: Sequence[tuple[str, Cell]], *, as_json: bool) -> None:
    """Print one thing, a line for each of its fields; fields without a value are left out for people."""
    if as_json:
        show_json(dict(fields))
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields:
        text = _shown(value)
        if text:
            grid.add_row(Text(name.replace("_", " ")), Text(text))
    _console().print(grid)


def show_lines(title: str, lines: Iterable[str]) -> None:
    """Print a title, and below it lines that belong to it; for people only."""
    click.echo(f"\n{visible(title)}")
    for line in lines:
        click.echo(f"  {visible(line)}")


def show_json(document: object) -> None:
    """Print one JSON document."""
    click.echo(for_json(document))


def for_json(document: object) -> str:
    """Return a document as JSON; times become RFC 3339 texts in UTC."""
    return json.dumps(document, default=_time, ensure_ascii=False, indent=2)


def say(sentence: str) -> None:
    """Tell people something on standard error, where it does not get between the data."""
    click.echo(visible(sentence), err=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something takes its time, and how long it has taken; elsewhere show nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(visible(what), total=None)
        yield


def visible(text: str) -> str:
    r"""Return the text with everything that does not print, but for line ends, written as an escape such as \x1b."""
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )


def moment(at: datetime | None) -> str:
    """Return a time as people read it here: to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""


def _console() -> Console:
    terminal = sys.stdout.isatty()
    return Console(highlight=False, markup=False, emoji=False, width=None if terminal else _PIPED_WIDTH)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown = [[_shown(value) for value in row] for row in rows]
    used = [place for place in range(len(columns)) if any(row[place] for row in shown)]
    for place in used:
        table.add_column(columns[place].replace("_", " "), overflow="fold")
    for row in shown:
        table.add_row(*(Text(row[place]) for place in used))
    return table


def _shown(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return moment(value)
        case tuple():
            return "\n".join(visible(item) for item in value)
        case _:
            return visible(str(value))


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no JSON form")
