"""Cutting what comes over a connection into LDAP messages (RFC 4511 section 4.1.1), without a look at what they say.

Octets are copied once at most: a message that came whole stays where it came, one that came in pieces is put together
when all of it is there. So one message of 32 MB costs eight times what one of 4 MB does.
"""

from collections.abc import Callable, Iterator

from agent.directories.ber import LONG_FORM, TWO_OCTETS, Tag, long_length
from agent.directories.errors import ProtocolFault, Unreachable

Message = tuple[bytes, int, int]
"""A buffer, and where in it the contents of a message begin and end. What came after them stands behind them."""
_LEAST = 2
"""Octets of the shortest beginning of a message: its tag, and the first of its length."""


def messages(receive: Callable[[], bytes], largest: int) -> Iterator[Message]:
    """Yield the messages that `receive` brings; it returns no octets at all when the other side has hung up.

    Raises ProtocolFault for what is no LDAP and for a message of more than `largest` octets, before they are received;
    Unreachable when the other side has hung up, and whatever `receive` raises.
    """
    data, at = b"", 0
    while True:
        if at + _LEAST > len(data):
            data, at = _filled(receive, data[at:], _LEAST), 0
        if data[at] != Tag.SEQUENCE:
            raise ProtocolFault("what comes is no LDAP")
        length, start = data[at + 1], at + 2
        if length == TWO_OCTETS and at + 4 <= len(data):
            length, start = data[at + 2] << 8 | data[at + 3], at + 4
        elif length >= LONG_FORM:
            length, start = long_length(data, at + 1)
            if start > len(data):
                data, at = _filled(receive, data[at:], start - at), 0
                length, start = long_length(data, 1)
        if length > largest:
            raise ProtocolFault(f"a message of {length} bytes is not taken, {largest} are the most")
        if start + length > len(data):
            data, at, start = _filled(receive, data[at:], start + length - at), 0, start - at
        at = start + length
        yield data, start, at


def _filled(receive: Callable[[], bytes], begun: bytes, wanted: int) -> bytes:
    """Return the beginning of a message with at least so many octets of it, and what came with them."""
    pieces, missing = [begun], wanted - len(begun)
    while missing > 0:
        piece = receive()
        if not piece:
            raise Unreachable("the server hung up")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
