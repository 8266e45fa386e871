"""The tables of the portal: sessions and devices, tries at passwords, pleas and operations."""

from sqlalchemy import Boolean, Column, Index, Table

from ims.store.tables import METADATA, moment_column, text_column

sessions = Table(
    "sessions",
    METADATA,
    text_column("id", primary_key=True),
    text_column("user"),
    text_column("tenant"),
    text_column("role"),
    text_column("form_key"),
    moment_column("opened"),
    moment_column("seen"),
    moment_column("expires"),
    Index(None, "user"),
)

devices = Table(
    "devices",
    METADATA,
    text_column("id", primary_key=True),
    text_column("user", primary_key=True),
    moment_column("seen"),
)

tries = Table(
    "tries",
    METADATA,
    text_column("key"),
    moment_column("at"),
    Column("under_way", Boolean, nullable=False),
    Index(None, "key"),
    Index(None, "at"),
)

pleas = Table(
    "pleas",
    METADATA,
    text_column("id", primary_key=True),
    text_column("user"),
    text_column("tenant"),
    text_column("words"),
    moment_column("at"),
    Column("dismissed", Boolean, nullable=False),
    Index(None, "user"),
    Index(None, "tenant"),
)

operations = Table(
    "operations",
    METADATA,
    text_column("id", primary_key=True),
    text_column("tenant"),
    text_column("actor"),
    text_column("document"),
    moment_column("at"),
)
