"""Postal addresses, and groups with their members; what else a whole profile has needs no tables of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PARTS = ("formatted", "street_address", "locality", "region", "postal_code", "country", "type")


def upgrade() -> None:
    """Bring the tables of version 0004 to 0005."""
    _create_addresses()
    _create_groups()
    _create_members()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names]


def _create_addresses() -> None:
    op.create_table(
        "addresses",
        sa.Column("user", _NUMBER, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts(*(f"{part}_key" for part in _PARTS)),
        sa.Column("primary", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.number"], name="fk_addresses_user_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user", "position", name="pk_addresses"),
        sqlite_with_rowid=False,
    )


def _create_groups() -> None:
    op.create_table(
        "groups",
        sa.Column("number", _NUMBER, nullable=False),
        *_texts("id", "tenant"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        *_texts("display_name", "display_name_key", "external_id", "connection"),
        sa.PrimaryKeyConstraint("number", name="pk_groups"),
        sa.UniqueConstraint("id", name="uq_groups_id"),
    )
    for column in ("id", "display_name_key", "external_id"):
        op.create_index(f"ix_groups_tenant_{column}", "groups", ["tenant", column])


def _create_members() -> None:
    op.create_table(
        "group_members",
        sa.Column("group", _NUMBER, nullable=False),
        sa.Column("member", _TEXT, nullable=False),
        *_texts("kind"),
        sa.ForeignKeyConstraint(["group"], ["groups.number"], name="fk_group_members_group_groups", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group", "member", name="pk_group_members"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_group_members_member", "group_members", ["member"])
