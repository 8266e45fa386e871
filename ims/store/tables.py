"""The store's tables, as the newest migration leaves them (a contract test compares the two).

A row of `users` is a whole user: plain columns for what is asked or compared, JSON documents for the rest, so that one
statement reads everybody completely. `contacts`, `locks` and `entries` repeat what a question needs as plain columns;
they are written together with the row, in one place (`ims.store.bulk`), and never read back into a user.

Columns named `..._key` are folded for comparison: an index on an expression would be shorter, but Alembic cannot
rebuild a SQLite table that has one.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy import Text as PlainText
from sqlalchemy.types import TypeEngine

from ims.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NUL = "\0"
NO_NUL = "A text with the character NUL (U+0000) cannot be stored or looked for"


@lru_cache(maxsize=100)
def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970: exact, and in the order of time whatever the zone.

    Remembered, since a pass writes its own moment a few times with each of its users.
    """
    try:
        return (moment - _EPOCH) // _MICROSECOND
    except TypeError as error:
        raise InvalidInput(f"The time {moment} has no time zone, so nobody can tell which moment it is") from error


def moment_of(count: int) -> datetime:
    """Return the moment, in UTC, of a count of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=count)


class Text(TypeDecorator[str]):
    """Text in the order of its code points. NUL is refused here: half of all engines would cut the text at it."""

    impl = PlainText
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the engine's text type; PostgreSQL would otherwise sort by the database's language."""
        collation = "C" if dialect.name == "postgresql" else None
        return dialect.type_descriptor(PlainText(collation=collation))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - its signature
        """Return the text as it is. Raises InvalidInput for NUL."""
        if value is not None and NUL in value:
            raise InvalidInput(NO_NUL)
        return value


class Moment(TypeDecorator[datetime]):
    """An aware datetime, as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - its signature
        """Return what is stored."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its signature
        """Return what was meant."""
        return None if value is None else moment_of(value)


METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    },
)


_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite keeps a table in the order of a key that it knows as INTEGER; everywhere else that is too narrow."""


def text_column(name: str, *, primary_key: bool = False) -> Column[str]:
    """Return a column for text that is never NULL: empty is unassigned, so that every comparison has an answer."""
    return Column(name, Text, primary_key=primary_key, nullable=False)


def moment_column(name: str, *, nullable: bool = False) -> Column[datetime]:
    """Return a column for a moment, to the microsecond."""
    return Column(name, Moment, nullable=nullable)


def _of_user(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "user",
        _NUMBER,
        ForeignKey("users.number", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


FOLDED = (
    "display_name",
    "formatted_name",
    "given_name",
    "family_name",
    "middle_name",
    "honorific_prefix",
    "honorific_suffix",
    "nick_name",
    "profile_url",
    "title",
    "user_type",
    "preferred_language",
    "locale",
    "timezone",
)
"""The profile's texts with a column of their own, folded, by their names in `Profile` and in `ims.query.Attribute`.

Those of `ims.people.ENTERPRISE_TEXTS` are rows of `contacts` instead: most people have none of them.
"""

ADDRESS_PARTS = ("formatted", "street_address", "locality", "region", "postal_code", "country", "type")
"""The parts of an address that are compared case-folded, by their names in `Address` and in `ims.query.Member`."""

users = Table(
    "users",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    text_column("id"),
    text_column("tenant"),
    Column("version", BigInteger, nullable=False),
    moment_column("created"),
    moment_column("modified"),
    text_column("profile"),
    text_column("standing"),
    moment_column("locked_until"),
    moment_column("locks_at"),
    moment_column("next_transition"),
    text_column("external_id"),
    text_column("user_name_key"),
    text_column("deleted_by_key"),
    text_column("affiliation_status_key"),
    moment_column("affiliation_since", nullable=True),
    *(text_column(f"{name}_key") for name in FOLDED),
    UniqueConstraint("id"),
    UniqueConstraint("tenant", "user_name_key"),
    Index(None, "tenant", "id", "deleted_by_key"),
    Index(None, "tenant", "external_id"),
    Index(None, "tenant", "modified"),
    Index(None, "tenant", "locked_until", "locks_at", "next_transition"),
    Index(None, "next_transition"),
)

contacts = Table(
    "contacts",
    METADATA,
    _of_user(primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    text_column("value_key"),
    text_column("type_key"),
    text_column("display_key"),
    Column("primary", Boolean, nullable=False),
    Index(None, "kind", "value_key"),
    sqlite_with_rowid=False,
)

addresses = Table(
    "addresses",
    METADATA,
    _of_user(primary_key=True),
    Column("position", Integer, primary_key=True),
    *(text_column(f"{part}_key") for part in ADDRESS_PARTS),
    Column("primary", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

locks = Table(
    "locks",
    METADATA,
    _of_user(primary_key=True),
    Column("position", Integer, primary_key=True),
    text_column("id"),
    text_column("source"),
    moment_column("since"),
    moment_column("until", nullable=True),
    text_column("raised_by"),
    text_column("reason_key"),
    text_column("source_key"),
    text_column("server_key"),
    text_column("display_key"),
    Index(None, "source", "until"),
    Index(None, "raised_by"),
    sqlite_with_rowid=False,
)

TO_CONFIRM = text("to_confirm IS TRUE")
"""The condition of the index below, and of whoever wants to use it: it has to be the same to the letter.

The few rows that every tick asks for: an index of all of them would be written for each user, and read for none."""

entries = Table(
    "entries",
    METADATA,
    _of_user(primary_key=True),
    Column("position", Integer, primary_key=True),
    text_column("directory"),
    text_column("entry_id"),
    text_column("dn"),
    moment_column("seen_at"),
    Column("to_confirm", Boolean, nullable=False),
    text_column("directory_key"),
    text_column("dn_key"),
    Column("digest", LargeBinary, nullable=True),
    moment_column("digest_until", nullable=True),
    UniqueConstraint("directory", "entry_id"),
    Index("ix_entries_to_confirm", "directory", sqlite_where=TO_CONFIRM, postgresql_where=TO_CONFIRM),
    sqlite_with_rowid=False,
)

groups = Table(
    "groups",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    text_column("id"),
    text_column("tenant"),
    Column("version", BigInteger, nullable=False),
    moment_column("created"),
    moment_column("modified"),
    text_column("display_name"),
    text_column("display_name_key"),
    text_column("external_id"),
    text_column("connection"),
    UniqueConstraint("id"),
    Index(None, "tenant", "id"),
    Index(None, "tenant", "display_name_key"),
    Index(None, "tenant", "external_id"),
)

group_members = Table(
    "group_members",
    METADATA,
    Column("group", _NUMBER, ForeignKey("groups.number", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("member", Text, primary_key=True),
    text_column("kind"),
    Index(None, "member"),
    sqlite_with_rowid=False,
)

affiliations = Table(
    "affiliations",
    METADATA,
    Column("number", Integer, primary_key=True),
    text_column("user"),
    text_column("tenant"),
    text_column("status"),
    moment_column("since"),
    text_column("rule"),
    Index(None, "user"),
)

audit = Table(
    "audit",
    METADATA,
    Column("number", Integer, primary_key=True),
    moment_column("at"),
    text_column("actor"),
    text_column("role"),
    text_column("channel"),
    text_column("action"),
    text_column("result"),
    text_column("subject"),
    text_column("tenant"),
    text_column("user"),
    text_column("before"),
    text_column("after"),
    text_column("detail"),
    text_column("reference"),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "tenant"),
    Index(None, "user"),
    Index(None, "reference"),
    Index(None, "tenant", "action", "at"),
    sqlite_autoincrement=True,
)

chain = Table(
    "chain",
    METADATA,
    text_column("store", primary_key=True),
)
"""One row: the id that this store was given, with which the audit's chain begins."""

revision = Table(
    "revision",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

intents = Table(
    "intents",
    METADATA,
    text_column("id", primary_key=True),
    moment_column("opened"),
    text_column("document"),
)

tokens = Table(
    "tokens",
    METADATA,
    text_column("id", primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    text_column("role"),
    moment_column("created"),
    moment_column("expires"),
    text_column("label"),
    text_column("tenant"),
    text_column("user"),
    text_column("connection"),
    moment_column("revoked", nullable=True),
    moment_column("last_used", nullable=True),
    Index(None, "user"),
)

directories = Table(
    "directories",
    METADATA,
    text_column("name", primary_key=True),
    text_column("mode"),
    text_column("document"),
)

passes = Table(
    "passes",
    METADATA,
    Column("number", Integer, primary_key=True),
    text_column("directory"),
    text_column("document"),
    Index(None, "directory", "number"),
)

batches = Table(
    "batches",
    METADATA,
    text_column("pass_id", primary_key=True),
    Column("number", Integer, primary_key=True),
    text_column("directory"),
    Column("revision", BigInteger, nullable=False),
    text_column("dropped"),
    Index(None, "directory"),
)

quarantine = Table(
    "quarantine",
    METADATA,
    text_column("directory", primary_key=True),
    text_column("key", primary_key=True),
    text_column("dn"),
    moment_column("since"),
    text_column("why"),
    moment_column("rejected", nullable=True),
    Column("rejected_by", Text, nullable=False, server_default=text("''")),
)

leases = Table(
    "leases",
    METADATA,
    text_column("directory", primary_key=True),
    Column("number", Integer, nullable=False),
    text_column("owner"),
    moment_column("until"),
)

circuits = Table(
    "circuits",
    METADATA,
    text_column("secret", primary_key=True),
    text_column("directory"),
    moment_column("opened"),
    text_column("why"),
)

held_batches = Table(
    "held_batches",
    METADATA,
    Column("number", Integer, primary_key=True),
    text_column("id"),
    text_column("directory"),
    text_column("why"),
    text_column("state"),
    text_column("text"),
    text_column("hash"),
    text_column("pass_id"),
    text_column("tenant"),
    text_column("successor"),
    Column("size", Integer, nullable=False),
    moment_column("created"),
    moment_column("expires"),
    moment_column("closed", nullable=True),
    UniqueConstraint("id"),
    Index(None, "directory", "state"),
)

held_items = Table(
    "held_items",
    METADATA,
    text_column("directory", primary_key=True),
    text_column("key", primary_key=True),
    text_column("why"),
    text_column("entry_id"),
    text_column("tenant"),
    text_column("name"),
    text_column("document"),
    text_column("decision"),
    text_column("decided_by"),
    moment_column("decided_at", nullable=True),
)

counted = Table(
    "counted",
    METADATA,
    Column("number", Integer, primary_key=True),
    text_column("directory"),
    text_column("tenant"),
    text_column("user"),
    text_column("reason"),
    text_column("pass_id"),
    moment_column("at"),
    Index(None, "directory", "at"),
)
