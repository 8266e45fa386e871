"""The settings of a directory that has no dialect of its own: what locks somebody there, and what undoes it.

Examples stand beside them: entries with what they must mean, which `lockstep check` reads as a pass would.
"""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, ValidationInfo, field_validator

from config.kinds import (
    COMMAS,
    AttributeName,
    Duration,
    OptionalAttribute,
    Switch,
    Table,
    TableName,
    Text,
    Whole,
    relation,
    shown,
    wrong,
)


class Syntax(StrEnum):
    """What the values of a lock attribute say."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    SINCE = "since"
    UNTIL = "until"
    FILETIME = "filetime"


class Reason(StrEnum):
    """What a mapping can find."""

    PASSWORD_ATTEMPTS = "password_attempts"  # noqa: S105 - a reason, no password
    DISABLED = "disabled"
    EXPIRED = "expired"


class IdSyntax(StrEnum):
    """How an entry's id is written."""

    TEXT = "text"
    BINARY = "binary"


def pair(text: str) -> tuple[str, str]:
    """Return the name and the value in "name: value"; the value may be empty."""
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def _pair(text: str) -> str:
    if not _NAME.fullmatch(pair(text)[0]):
        raise wrong(f'{shown(text)} is not "name: value" with the name of an attribute')
    return text


Pair = Annotated[Text, AfterValidator(_pair)]
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9;-]*", re.ASCII)


class Marker(Table):
    """An attribute that locks."""

    attribute: AttributeName = Field(description="The attribute.", examples=["lockedSince"])
    syntax: Syntax = Field(
        description='What its values say: "boolean" (TRUE locks), "integer" (a number from `least` on locks), "since" '
        '(generalizedTime of the beginning), "until" (generalizedTime of the end) or "filetime" (the beginning in '
        "steps of 100 ns since 1601, 0 = not locked).",
        examples=["since"],
    )
    least: Whole = Field(default=1, description='For "integer": the number from which it locks.', ge=1)
    duration: Duration | None = Field(
        default=None,
        description='For "since" and "filetime": how long it locks. Left out: until somebody unlocks.',
        examples=["30m"],
    )
    ends: OptionalAttribute = Field(
        default="", description="An attribute with the time at which it ends, if there is one."
    )
    free: Text | None = Field(
        default=None,
        description="The value that an unlock puts in its place. Left out: it deletes the value.",
        examples=["FALSE"],
    )
    resets: Annotated[tuple[Pair, ...], COMMAS] = Field(
        default=(),
        description='Other attributes that an unlock sets back, each as "name: value"; without a value it deletes it.',
        examples=[["failedLogins: 0"]],
    )

    @field_validator("duration")
    @classmethod
    def _has_a_beginning(cls, duration: object, info: ValidationInfo) -> object:
        if duration is not None and info.data.get("syntax") not in {Syntax.SINCE, Syntax.FILETIME, None}:
            raise relation('duration goes with syntax = "since" or "filetime" only')
        return duration


class Example(Table):
    """An entry, and what it must mean."""

    entry: Annotated[tuple[Pair, ...], COMMAS] = Field(
        description='Its attributes, as "name: value" each.', examples=[["lockedSince: 20261124120000Z"]]
    )
    at: AwareDatetime | None = Field(
        default=None, description="The moment to look at it. Left out: now.", examples=["2026-11-24T12:00:00Z"]
    )
    reasons: Annotated[tuple[Reason, ...], COMMAS] = Field(
        default=(),
        description='Why it is locked: "password_attempts", "disabled", "expired". Left out: it is not.',
        examples=[["password_attempts"]],
    )
    until: AwareDatetime | None = Field(
        default=None, description="When its lock by wrong passwords ends.", examples=["2026-11-24T12:30:00Z"]
    )


class Mapping(Table):
    """How a directory spells what Lockstep needs, for dialect = "generic"."""

    lock: Marker = Field(description="What locks somebody after too many wrong passwords.")
    disabled: Marker | None = Field(default=None, description="What an administrator disables somebody with.")
    expired: Marker | None = Field(default=None, description="What ends the validity of an account.")
    id: AttributeName = Field(
        default="entryUUID", description="The attribute with the id that an entry keeps for ever."
    )
    id_syntax: IdSyntax = Field(default=IdSyntax.TEXT, description='"text", or "binary" for octets that are no text.')
    failures: OptionalAttribute = Field(
        default="", description="An attribute that counts wrong passwords in a row, if there is one."
    )
    max_failures: Whole | None = Field(
        default=None,
        description="How many wrong passwords lock: the portal lets fewer through. Left out: it lets one through.",
        ge=1,
        examples=[5],
    )
    assertion: Switch = Field(
        default=False,
        description="Whether the server takes the assertion control (RFC 4528): an unlock is then refused where the "
        "entry changed since it was read.",
    )
    examples: dict[TableName, Example] = Field(
        default_factory=dict,
        description="Entries with what they mean; `lockstep check` tells where the mapping makes something else of it.",
        examples=["locked"],
    )
