"""The Basic Encoding Rules, as far as LDAP uses them (RFC 4511 section 5.1): read where they lie, every length checked.

Nothing is copied but what is asked for. Lengths are definite, in the short form or in one of up to four octets, minimal
or not; tags have one octet; strings are primitive. All else is a ProtocolFault: no LDAP server needs it.
"""

from collections.abc import Iterator
from enum import IntEnum

from agent.directories.errors import ProtocolFault

LONG_FORM = 0x80
"""A first octet of a length from here on says how many octets of length follow."""
TWO_OCTETS = LONG_FORM + 2
"""How nearly every entry begins: it is worth a short cut."""
FOUR_OCTETS = LONG_FORM + 4
_LONGEST_LENGTH = 4
"""Octets of a length: more would be more than four gigabytes."""
_LONGEST_INTEGER = 5
"""Octets of a number: 2147483647 is the greatest in LDAP, and one octet of zeros is forgiven."""
_LONG_TAG = 0x1F


class Tag(IntEnum):
    """The universal types in what a server answers."""

    BOOLEAN = 0x01
    INTEGER = 0x02
    OCTETS = 0x04
    ENUMERATED = 0x0A
    SEQUENCE = 0x30
    SET = 0x31


def long_length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length whose first octet, at `at`, is of the long form, and where the contents begin.

    Past the end of `data` the result is past it too, and fails the caller's check of bounds.
    """
    octets = data[at] - LONG_FORM
    if not 0 < octets <= _LONGEST_LENGTH:
        raise ProtocolFault("a length is indefinite, or too long to be true")
    start = at + 1 + octets
    return int.from_bytes(data[at + 1 : start], "big"), start


def expect(tag: int, data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the contents of the element at `at` begin and stop: of this type, and not past `end`."""
    if at + 2 > end:
        raise ProtocolFault("an element is cut off")
    if data[at] != tag:
        raise ProtocolFault(f"an element is of type {data[at]:#04x} where {tag:#04x} belongs")
    length, start = data[at + 1], at + 2
    if length == TWO_OCTETS and at + 4 <= end:
        length, start = data[at + 2] << 8 | data[at + 3], at + 4
    elif length >= LONG_FORM:
        length, start = long_length(data, at + 1)
    stop = start + length
    if stop > end:
        raise ProtocolFault("an element is longer than what it stands in")
    return start, stop


def elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Walk over the elements that fill `data` from `at` to `end`."""
    while at < end:
        tag = data[at]
        if tag & _LONG_TAG == _LONG_TAG:
            raise ProtocolFault("an element has a tag of several octets")
        start, at = expect(tag, data, at, end)
        yield tag, start, at


def ignore(data: bytes, at: int, end: int) -> None:
    """Pass over what a later LDAP may have added to a sequence (RFC 4511 section 4), as long as it is well-formed."""
    for _ in elements(data, at, end):
        pass


def integer(data: bytes, start: int, stop: int) -> int:
    """Return the number whose contents these are."""
    if not 0 < stop - start <= _LONGEST_INTEGER:
        raise ProtocolFault("a number has no octets, or too many")
    return int.from_bytes(data[start:stop], "big", signed=True)


def encoded_integer(number: int) -> bytes:
    """Return a number that is not negative, in its shortest form."""
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes((Tag.INTEGER, len(octets))) + octets


def encoded(tag: int, contents: bytes) -> bytes:
    """Return an element of this type, its length in the shortest form."""
    size = len(contents)
    if size < LONG_FORM:
        return bytes((tag, size)) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, LONG_FORM + len(length))) + length + contents


def ascii_text(data: bytes, start: int, stop: int) -> str:
    """Return the text of what can only be ASCII: an OID, or the name of an attribute (RFC 4512 section 1.4)."""
    try:
        return data[start:stop].decode("ascii")
    except UnicodeDecodeError as error:
        raise ProtocolFault("a name holds something else than ASCII") from error
