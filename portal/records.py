"""The audit of a company account, and how well its directories are read."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import flask

from ims.audit import AuditEntry
from ims.passes import ChangeSource, DirectoryState
from ims.permits import Permission, require
from portal.downloads import as_csv, file
from portal.pages import page
from portal.visits import Visit

_SHOWN = 200
_EXPORTED = 10_000
_COLUMNS = ("at", "actor", "role", "channel", "action", "result", "subject", "before", "after", "detail", "reference")


class Form(StrEnum):
    """In which form rows leave."""

    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How well a directory is read, without anything of other company accounts in it."""

    name: str
    last: datetime | None
    next_run: datetime | None
    trouble_since: datetime | None
    waiting: bool
    at_once: bool
    """Whether the directory tells of changes as they happen."""


def audit(visit: Visit) -> flask.Response:
    """Show what happened, newest first."""
    return page("audit", visit, rows=visit.view.audit(limit=_SHOWN), shown=_SHOWN)


def export(visit: Visit, form: str) -> flask.Response:
    """Hand out what happened as a file."""
    rows = visit.view.audit(limit=_EXPORTED)
    if form == Form.CSV:
        return file(as_csv(_COLUMNS, map(_values, rows)), "text/csv", "audit.csv")
    return file(_as_lines(rows), "application/jsonl", "audit.jsonl")


def status(visit: Visit) -> flask.Response:
    """Show how well the directories of this company account are read."""
    require(visit.actor, Permission.READ_HEALTH)
    reached = visit.services.reaches.get(visit.session.tenant, ())
    readings = [_reading(state) for state in visit.services.directories.states() if state.name in reached]
    waiting = sum(len(part.items) for part in visit.view.held()) if visit.may(Permission.DECIDE) else 0
    return page("status", visit, readings=readings, waiting=waiting)


def _reading(state: DirectoryState) -> Reading:
    done = [at for at in (state.last_tick, state.last_reconcile) if at is not None]
    return Reading(
        name=state.name,
        last=max(done, default=None),
        next_run=state.next_run,
        trouble_since=state.error_since if state.error else None,
        waiting=bool(state.kept_back),
        at_once=state.told.source is ChangeSource.PUSH,
    )


def _values(row: AuditEntry) -> dict[str, str]:
    return {name: row.at.isoformat() if name == "at" else str(getattr(row, name)) for name in _COLUMNS}


def _as_lines(rows: Iterable[AuditEntry]) -> str:
    return "".join(json.dumps(_values(row)) + "\n" for row in rows)
