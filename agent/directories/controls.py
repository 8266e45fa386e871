"""The small controls that password policies speak through, decoded by hand with every length checked.

ldap3 hands them over undecoded. A malformed one is a ProtocolFault: an identity server has died of such a control.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.directories.errors import ProtocolFault

PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - the OID of a control (draft-behera-ldap-password-policy)
ACCOUNT_USABILITY = "1.3.6.1.4.1.42.2.27.9.5.8"
ASSERTION = "1.3.6.1.1.12"
"""RFC 4528: the operation is done only if the entry satisfies a filter."""

_SEQUENCE = 0x30
_WARNING, _ERROR = 0xA0, 0x81
_AVAILABLE, _NOT_AVAILABLE = 0x80, 0xA1
_SECONDS = 0x84
_LONG_FORM = 0x80
_LONGEST_LENGTH = 4
"""Octets of a length: more would be more than four gigabytes."""


@dataclass(frozen=True, slots=True)
class PolicyResponse:
    """What the password policy control says about a bind; `error` is None where it says nothing.

    0 passwordExpired, 1 accountLocked, 2 changeAfterReset; others concern changes of passwords.
    """

    error: int | None = None


@dataclass(frozen=True, slots=True)
class Usability:
    """What the server itself thinks of an account, by the Account Usability control.

    `seconds_to_unlock` is known only where a lock ends by itself. "Not usable" may also mean an expired password:
    slapd 2.5 does not tell them apart.
    """

    usable: bool
    seconds_to_unlock: int | None = None


def policy_response(value: bytes) -> PolicyResponse:
    """Decode the answer to the password policy request control. Raises ProtocolFault."""
    if not value:
        return PolicyResponse()
    for tag, content in _elements(_content_of(value, _SEQUENCE)):
        if tag == _ERROR:
            return PolicyResponse(_integer(content))
        if tag != _WARNING:
            raise ProtocolFault(f"a password policy control holds an element of type {tag:#04x}")
    return PolicyResponse()


def usability(value: bytes) -> Usability:
    """Decode the answer to the Account Usability control. Raises ProtocolFault."""
    (tag, content), *more = list(_elements(value)) or [(0, b"")]
    if more or tag not in {_AVAILABLE, _NOT_AVAILABLE}:
        raise ProtocolFault("an account usability control is neither of its two forms")
    if tag == _AVAILABLE:
        return Usability(usable=True)
    parts = dict(_elements(content))
    seconds = _integer(parts[_SECONDS]) if _SECONDS in parts else -1
    return Usability(usable=False, seconds_to_unlock=seconds if seconds > 0 else None)


def _content_of(data: bytes, expected: int) -> bytes:
    (tag, content), *more = list(_elements(data)) or [(0, b"")]
    if more or tag != expected:
        raise ProtocolFault("a control's value is not what its standard says")
    return content


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk over BER elements with one-octet tags and definite lengths."""
    at = 0
    while at < len(data):
        tag = data[at]
        length, start = _length(data, at + 1)
        if start + length > len(data):
            raise ProtocolFault("a control's value is shorter than it says")
        yield tag, data[start : start + length]
        at = start + length


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise ProtocolFault("a control's value ends within a length")
    if data[at] < _LONG_FORM:
        return data[at], at + 1
    octets = data[at] - _LONG_FORM
    if not 0 < octets <= _LONGEST_LENGTH or at + 1 + octets > len(data):
        raise ProtocolFault("a control's value holds a length that cannot be")
    return int.from_bytes(data[at + 1 : at + 1 + octets], "big"), at + 1 + octets


def _integer(content: bytes) -> int:
    if not 0 < len(content) <= _LONGEST_LENGTH + 1:
        raise ProtocolFault("a control's value holds a number that cannot be")
    return int.from_bytes(content, "big", signed=True)
