"""Just enough BER to take LDAP messages apart and to forge answers (RFC 4511 section 5.1, X.690)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

SEQUENCE, INTEGER, OCTETS, ENUMERATED = 0x30, 0x02, 0x04, 0x0A
REFERRAL = 0xA3
_LONG = 0x80


class Op(IntEnum):
    """The protocol operations that tests speak of, by their tags."""

    BIND = 0x60
    BIND_ANSWER = 0x61
    SEARCH = 0x63
    ENTRY = 0x64
    SEARCH_DONE = 0x65
    MODIFY = 0x66
    MODIFY_ANSWER = 0x67
    REFERENCE = 0x73
    EXTENDED = 0x77
    EXTENDED_ANSWER = 0x78


ANSWERS = {
    Op.BIND: Op.BIND_ANSWER,
    Op.SEARCH: Op.SEARCH_DONE,
    Op.MODIFY: Op.MODIFY_ANSWER,
    Op.EXTENDED: Op.EXTENDED_ANSWER,
}
"""The operation that ends each request."""


@dataclass(frozen=True, slots=True)
class Message:
    """One LDAP message: its bytes, its number, and what it is."""

    raw: bytes
    number: int
    op: int


def element(tag: int, *contents: bytes) -> bytes:
    """Return one element with a definite length in its shortest form."""
    body = b"".join(contents)
    if len(body) < _LONG:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(length))) + length + body


def integer(number: int, tag: int = INTEGER) -> bytes:
    """Return a number that is not negative."""
    return element(tag, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def message(number: int, operation: bytes) -> bytes:
    """Return a whole message without controls."""
    return element(SEQUENCE, integer(number), operation)


def answer(number: int, op: Op, code: int, referral: tuple[str, ...] = (), text: str = "") -> bytes:
    """Return an answer with a result code; `referral` are the addresses that it points to."""
    elsewhere = element(REFERRAL, *(element(OCTETS, url.encode()) for url in referral)) if referral else b""
    parts = (integer(code, ENUMERATED), element(OCTETS), element(OCTETS, text.encode()), elsewhere)
    return message(number, element(op, *parts))


def reference(number: int, *urls: str) -> bytes:
    """Return a continuation reference, as it stands between the entries of a search (RFC 4511 section 4.5.3)."""
    return message(number, element(Op.REFERENCE, *(element(OCTETS, url.encode()) for url in urls)))


def entry(number: int, dn: str, attributes: dict[str, list[bytes]]) -> bytes:
    """Return an entry that a search found."""
    listed = [
        element(SEQUENCE, element(OCTETS, name.encode()), element(0x31, *(element(OCTETS, value) for value in values)))
        for name, values in attributes.items()
    ]
    return message(number, element(Op.ENTRY, element(OCTETS, dn.encode()), element(SEQUENCE, *listed)))


def taken_from(buffer: bytearray) -> Iterator[Message]:
    """Take every whole message out of a buffer; what is left is the beginning of the next one."""
    while (end := _end(buffer)) is not None:
        raw = bytes(buffer[:end])
        del buffer[:end]
        yield parsed(raw)


def parsed(raw: bytes) -> Message:
    """Return what one whole message is."""
    start = _start(raw, 0)
    number_at = _start(raw, start)
    number_ends = number_at + _length(raw, start)
    return Message(raw, int.from_bytes(raw[number_at:number_ends], "big"), raw[number_ends])


def _end(data: bytearray) -> int | None:
    """Return where the first element ends, None if it is not all there."""
    if len(data) < 2 or len(data) < _start(data, 0):
        return None
    end = _start(data, 0) + _length(data, 0)
    return end if end <= len(data) else None


def _start(data: bytes | bytearray, at: int) -> int:
    """Return where the contents of the element at `at` begin."""
    first = data[at + 1]
    return at + 2 + (first & ~_LONG if first & _LONG else 0)


def _length(data: bytes | bytearray, at: int) -> int:
    first = data[at + 1]
    if not first & _LONG:
        return first
    return int.from_bytes(data[at + 2 : _start(data, at)], "big")
