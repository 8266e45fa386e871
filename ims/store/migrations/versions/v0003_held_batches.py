"""What the brake keeps back, until a person decides."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the tables of version 0002 to 0003."""
    _create_batches()
    _create_items()
    _create_counted()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names]


def _moments(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _create_batches() -> None:
    op.create_table(
        "held_batches",
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("id", "directory", "why", "state", "text", "hash", "pass_id", "tenant", "successor"),
        sa.Column("size", sa.Integer(), nullable=False),
        *_moments("created", "expires"),
        *_moments("closed", nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_held_batches"),
        sa.UniqueConstraint("id", name="uq_held_batches_id"),
    )
    op.create_index("ix_held_batches_directory_state", "held_batches", ["directory", "state"])


def _create_items() -> None:
    op.create_table(
        "held_items",
        *_texts("directory", "key", "why", "entry_id", "tenant", "name", "document", "decision", "decided_by"),
        *_moments("decided_at", nullable=True),
        sa.PrimaryKeyConstraint("directory", "key", name="pk_held_items"),
    )


def _create_counted() -> None:
    op.create_table(
        "counted",
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("directory", "tenant", "user", "reason", "pass_id"),
        *_moments("at"),
        sa.PrimaryKeyConstraint("number", name="pk_counted"),
    )
    op.create_index("ix_counted_directory_at", "counted", ["directory", "at"])
