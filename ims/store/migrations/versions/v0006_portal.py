"""The portal: sessions, devices that have had one, tries at passwords, and what became of unlocks."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the tables of version 0005 to 0006."""
    _index_unlocks()
    _create("sessions", ("user", "tenant", "role", "form_key"), ("opened", "seen", "expires"), ("user",))
    op.create_table(
        "devices",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("user", _TEXT, nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "user", name="pk_devices"),
    )
    op.create_table(
        "tries",
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("under_way", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_tries_key", "tries", ["key"])
    op.create_index("ix_tries_at", "tries", ["at"])
    _create("pleas", ("user", "tenant", "words"), ("at",), ("user", "tenant"), dismissed=True)
    _create("operations", ("tenant", "actor", "document"), ("at",), ())


def _index_unlocks() -> None:
    """How many somebody has done lately is asked before each one."""
    op.create_index("ix_audit_tenant_action_at", "audit", ["tenant", "action", "at"])


def _create(
    table: str,
    texts: tuple[str, ...],
    moments: tuple[str, ...],
    indexed: tuple[str, ...],
    *,
    dismissed: bool = False,
) -> None:
    op.create_table(
        table,
        sa.Column("id", _TEXT, nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in moments),
        *([sa.Column("dismissed", sa.Boolean(), nullable=False)] if dismissed else []),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    )
    for column in indexed:
        op.create_index(f"ix_{table}_{column}", table, [column])
