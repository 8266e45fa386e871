"""The identity store's first tables.

A migration says what the tables were then, in its own words: it never imports them from where they change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MOMENT = sa.BigInteger()


def upgrade() -> None:
    """Create all tables, and the triggers that keep the audit append-only."""
    _create_users()
    _create_what_is_asked_of_users()
    _create_records()
    _create_sync_state()
    _make_audit_append_only()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _TEXT, nullable=False) for name in names]


def _moments(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, _MOMENT, nullable=nullable) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user"], ["users.number"], name=f"fk_{table}_user", ondelete="CASCADE")


def _primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _create_users() -> None:
    op.create_table(
        "users",
        _number("number"),
        *_texts("id", "tenant"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *_moments("created", "modified"),
        *_texts("profile", "standing"),
        *_moments("locked_until", "locks_at", "next_transition"),
        *_texts("external_id", "user_name_key", "deleted_by_key", "affiliation_status_key"),
        *_moments("affiliation_since", nullable=True),
        *_texts("display_name_key", "formatted_name_key", "given_name_key", "family_name_key", "middle_name_key"),
        *_texts("honorific_prefix_key", "honorific_suffix_key", "nick_name_key", "profile_url_key", "title_key"),
        *_texts("user_type_key", "preferred_language_key", "locale_key", "timezone_key"),
        _primary_key("users", "number"),
        sa.UniqueConstraint("id", name="uq_users_id"),
        sa.UniqueConstraint("tenant", "user_name_key", name="uq_users_tenant_user_name_key"),
    )
    _index("users", "tenant", "id", "deleted_by_key")
    _index("users", "tenant", "external_id")
    _index("users", "tenant", "modified")
    _index("users", "tenant", "locked_until", "locks_at", "next_transition")
    _index("users", "next_transition")


def _create_what_is_asked_of_users() -> None:
    op.create_table(
        "contacts",
        _number("user"),
        *_texts("kind"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts("value_key", "type_key", "display_key"),
        sa.Column("primary", sa.Boolean(), nullable=False),
        _primary_key("contacts", "user", "kind", "position"),
        _of_user("contacts"),
        sqlite_with_rowid=False,
    )
    _index("contacts", "kind", "value_key")
    op.create_table(
        "locks",
        _number("user"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts("id", "source"),
        *_moments("since"),
        *_moments("until", nullable=True),
        *_texts("raised_by", "reason_key", "source_key", "server_key", "display_key"),
        _primary_key("locks", "user", "position"),
        _of_user("locks"),
        sqlite_with_rowid=False,
    )
    _index("locks", "source", "until")
    _index("locks", "raised_by")
    op.create_table(
        "entries",
        _number("user"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts("directory", "entry_id", "dn"),
        *_moments("seen_at"),
        sa.Column("to_confirm", sa.Boolean(), nullable=False),
        *_texts("directory_key", "dn_key"),
        _primary_key("entries", "user", "position"),
        sa.UniqueConstraint("directory", "entry_id", name="uq_entries_directory_entry_id"),
        _of_user("entries"),
        sqlite_with_rowid=False,
    )
    _index("entries", "directory", "to_confirm")


def _create_records() -> None:
    op.create_table(
        "affiliations",
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("user", "tenant", "status"),
        *_moments("since"),
        *_texts("rule"),
        _primary_key("affiliations", "number"),
    )
    _index("affiliations", "user")
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), nullable=False),
        *_moments("at"),
        *_texts("actor", "role", "channel", "action", "result", "subject", "tenant", "user"),
        *_texts("before", "after", "detail", "reference"),
        _primary_key("audit", "number"),
        sqlite_autoincrement=True,
    )
    for column in ("tenant", "user", "reference"):
        _index("audit", column)
    op.create_table(
        "intents",
        *_texts("id"),
        *_moments("opened"),
        *_texts("document"),
        _primary_key("intents", "id"),
    )
    op.create_table(
        "tokens",
        *_texts("id"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        *_texts("role"),
        *_moments("created", "expires"),
        *_texts("label", "tenant", "user", "connection"),
        *_moments("revoked", "last_used", nullable=True),
        _primary_key("tokens", "id"),
    )
    _index("tokens", "user")


def _make_audit_append_only() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_refuses_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
        )


def _create_sync_state() -> None:
    number = sa.Column("number", sa.BigInteger(), nullable=False)
    counter = op.create_table("revision", sa.Column("id", sa.Integer()), number, _primary_key("revision", "id"))
    op.bulk_insert(counter, [{"id": 1, "number": 0}])
    op.create_table("directories", *_texts("name", "mode", "document"), _primary_key("directories", "name"))
    op.create_table(
        "passes",
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("directory", "document"),
        _primary_key("passes", "number"),
    )
    _index("passes", "directory", "number")
    op.create_table(
        "batches",
        *_texts("pass_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("directory"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        *_texts("dropped"),
        _primary_key("batches", "pass_id", "number"),
    )
    _index("batches", "directory")
    op.create_table(
        "quarantine",
        *_texts("directory", "key", "dn"),
        *_moments("since"),
        *_texts("why"),
        _primary_key("quarantine", "directory", "key"),
    )
    op.create_table(
        "leases",
        *_texts("directory"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("owner"),
        *_moments("until"),
        _primary_key("leases", "directory"),
    )
    op.create_table(
        "circuits",
        *_texts("secret", "directory"),
        *_moments("opened"),
        *_texts("why"),
        _primary_key("circuits", "secret"),
    )
