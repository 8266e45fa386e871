"""Tables that leave as files."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import flask

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would take for a formula."""


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return the rows as CSV (RFC 4180). What a spreadsheet would run is made harmless by an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"'{value}" if value.startswith(_FORMULA) else value for name, value in row.items()})
    return text.getvalue()


def file(text: str, media_type: str, name: str) -> flask.Response:
    """Return an answer that a browser saves under this name."""
    disposition = f'attachment; filename="lockstep-{name}"'
    return flask.Response(text, mimetype=media_type, headers={"Content-Disposition": disposition})
