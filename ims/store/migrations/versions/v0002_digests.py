"""What each entry looked like when it was last read, so that an unchanged one is passed over.

Documents tell their moments as RFC 3339 has them from now on: what reads them then needs no step of ours for each.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_DOCUMENTS = (
    ("users", "number", "standing"),
    ("directories", "name", "document"),
    ("passes", "number", "document"),
    ("intents", "id", "document"),
)
_MOMENTS = frozenset(
    {
        "at",
        "deadline",
        "ended",
        "error_since",
        "last_reconcile",
        "last_tick",
        "missing_since",
        "next_run",
        "opened",
        "seen_at",
        "since",
        "started",
        "unmatched_since",
        "until",
    },
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PORTION = 2000


def upgrade() -> None:
    """Bring the tables of version 0001 to 0002."""
    op.add_column("entries", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("entries", sa.Column("digest_until", sa.BigInteger(), nullable=True))
    op.drop_index("ix_entries_directory_to_confirm", "entries")
    waiting = sa.text("to_confirm IS TRUE")
    op.create_index("ix_entries_to_confirm", "entries", ["directory"], sqlite_where=waiting, postgresql_where=waiting)
    for table, key, document in _DOCUMENTS:
        _rewrite(table, key, document)


def _rewrite(name: str, key: str, document: str) -> None:
    """Write the documents of one table anew, some at a time."""
    table = sa.table(name, sa.column(key), sa.column(document))
    connection, found = op.get_bind(), sa.select(table.c[key], table.c[document]).order_by(table.c[key])
    change = sa.update(table).where(table.c[key] == sa.bindparam("row")).values({document: sa.bindparam("text")})
    rows = connection.execute(found.limit(_PORTION)).all()
    while rows:
        connection.execute(change, [{"row": row, "text": _with_moments(text)} for row, text in rows])
        rows = connection.execute(found.where(table.c[key] > rows[-1][0]).limit(_PORTION)).all()


def _with_moments(text: str) -> str:
    return json.dumps(json.loads(text, object_hook=_told), ensure_ascii=False, separators=(",", ":"))


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a document with its moments told, where they were microseconds since 1970."""
    return {name: _moment(value) if name in _MOMENTS else value for name, value in values.items()}


def _moment(value: object) -> object:
    if not isinstance(value, int):
        return value
    return (_EPOCH + timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")
