"""What a server answered, as its result code says it (RFC 4511 section 4.1.9).

Decisions are made on the code alone: ldap3's own truth values are True for a search cut short by a size limit, and
False alike for "no match", "no such base" and "no right".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Code(IntEnum):
    """The result codes that something here decides on."""

    SUCCESS = 0
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    REFERRAL = 10
    ADMIN_LIMIT_EXCEEDED = 11
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    NO_SUCH_ATTRIBUTE = 16
    UNDEFINED_ATTRIBUTE_TYPE = 17
    CONSTRAINT_VIOLATION = 19
    ATTRIBUTE_OR_VALUE_EXISTS = 20
    NO_SUCH_OBJECT = 32
    INAPPROPRIATE_AUTHENTICATION = 48
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS_RIGHTS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53
    NAMING_VIOLATION = 64
    OBJECT_CLASS_VIOLATION = 65
    NOT_ALLOWED_ON_NON_LEAF = 66
    ALREADY_EXISTS = 68
    OTHER = 80
    ASSERTION_FAILED = 122
    NO_OPERATION = 16654
    """slapd's own: it would have been done, but for the control that forbade it."""


LIMITS = frozenset({Code.TIME_LIMIT_EXCEEDED, Code.SIZE_LIMIT_EXCEEDED, Code.ADMIN_LIMIT_EXCEEDED})
"""A search ended here is cut short: what came before may be used, what is missing means nothing."""
TRY_LATER = frozenset({Code.BUSY, Code.UNAVAILABLE})
"""The server is there and cannot answer now."""
CREDENTIALS_REFUSED = frozenset(
    {Code.INVALID_CREDENTIALS, Code.INAPPROPRIATE_AUTHENTICATION, Code.CONSTRAINT_VIOLATION, Code.UNWILLING_TO_PERFORM},
)
"""Answers to a bind that another try with the same secret can only make worse (389 Directory Server locks with 19)."""


@dataclass(frozen=True, slots=True)
class Result:
    """A result code with its name in the standard. `controls` are the answer's controls: OID and value as received.

    `sub_code` is the number with which Active Directory says more of a refused bind, 0 where there is none; the rest of
    a server's text goes no further.
    """

    code: int
    name: str
    controls: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    sub_code: int = 0

    @property
    def ok(self) -> bool:
        """Return whether the operation was done."""
        return self.code == Code.SUCCESS
