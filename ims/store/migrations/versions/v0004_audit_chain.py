"""Each audit row carries the hash of the one before.

The rows that are there are chained as they are: what was done to them earlier, no hash can tell any more.
"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_FORMAT = "lockstep audit 1"
_SAID = (
    "at",
    "actor",
    "role",
    "channel",
    "action",
    "result",
    "subject",
    "tenant",
    "user",
    "before",
    "after",
    "detail",
    "reference",
)
_INDEXED = ("tenant", "user", "reference")
_AT_ONCE = 5000


def upgrade() -> None:
    """Give the store an id, and its audit a chain.

    SQLite cannot add a column that is never empty, so the rows move into a new table, with numbers as they were; the
    old one goes, and its triggers with it.
    """
    store = str(uuid.uuid4())
    chain = op.create_table(
        "chain", sa.Column("store", _TEXT, nullable=False), sa.PrimaryKeyConstraint("store", name="pk_chain")
    )
    op.bulk_insert(chain, [{"store": store}])
    for column in _INDEXED:
        op.drop_index(f"ix_audit_{column}", "audit")
    op.rename_table("audit", "audit_unchained")
    _create_audit()
    _copy_chained(_hash([_FORMAT, store]))
    op.drop_table("audit_unchained")
    for column in _INDEXED:
        op.create_index(f"ix_audit_{column}", "audit", [column])
    for table, why in (("audit", "the audit is append-only"), ("chain", "the id of a store never changes")):
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{why}'); END",
            )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in _SAID[1:]),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
        sqlite_autoincrement=True,
    )


def _copy_chained(previous: bytes) -> None:
    """Copy the rows in their order, and the highest number ever given, lest a removed row's number is given again."""
    connection = op.get_bind()
    old = sa.table("audit_unchained", *map(sa.column, ("number", *_SAID)))
    new = sa.table("audit", *map(sa.column, ("number", *_SAID, "previous", "hash")))
    last = 0
    asked = sa.select(old).order_by("number").limit(_AT_ONCE)
    while rows := connection.execute(asked.where(old.c.number > last)).mappings().all():
        chained = []
        for row in rows:
            made = _hash([_FORMAT, str(row["number"]), *_texts(row), previous.hex()])
            chained.append({**row, "previous": previous, "hash": made})
            previous, last = made, row["number"]
        connection.execute(sa.insert(new), chained)
    if connection.dialect.name == "sqlite":
        given = "(SELECT seq FROM sqlite_sequence WHERE name = 'audit_unchained')"
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'audit'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('audit', coalesce({given}, 0))")  # noqa: S608 - constants


def _texts(row: sa.RowMapping) -> list[str]:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["at"])
    return [at.isoformat(timespec="microseconds").replace("+00:00", "Z"), *(row[name] for name in _SAID[1:])]


def _hash(texts: Iterable[str]) -> bytes:
    """Hash texts as netstrings: the length in bytes, a colon, the bytes, a comma."""
    coded = [text.encode() for text in texts]
    return hashlib.sha256(b"".join([b"%d:%b," % (len(text), text) for text in coded])).digest()
