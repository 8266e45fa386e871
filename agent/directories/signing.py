"""A stream whose packets are signed: SASL DIGEST-MD5 with integrity (RFC 2831 section 2.3).

ldap3 signs what it sends. What it receives of such a stream, it loses: of two packets that arrive together it takes the
first, and a search that found twelve entries ends in success with one. So what is read by us is also unwrapped by us.
"""

import hmac
from collections.abc import Callable

from agent.directories.errors import ProtocolFault, Unreachable

_LENGTH, _SIGNATURE, _TYPE, _NUMBER = 4, 10, b"\x00\x01", 4
_AFTER = _SIGNATURE + len(_TYPE) + _NUMBER
_LARGEST = 64 * 1024 + _AFTER
"""RFC 2831 section 2.1.2: what a client takes that has not named another size."""


class SignedStream:
    """Takes the signatures off, and trusts nothing else. `key` is the server's for this session."""

    def __init__(self, receive: Callable[[int], bytes], key: bytes) -> None:
        self._receive = receive
        self._key = key
        self._last = -1

    def receive(self) -> bytes:
        """Return what the next packet holds. Raises ProtocolFault for one that is not the server's, or an old one."""
        size = int.from_bytes(self._exactly(_LENGTH), "big")
        if not _AFTER < size <= _LARGEST:
            raise ProtocolFault("a signed packet of a size that cannot be")
        packet = self._exactly(size)
        content, signature, number = packet[:-_AFTER], packet[-_AFTER:][:_SIGNATURE], packet[-_NUMBER:]
        if not hmac.compare_digest(hmac.digest(self._key, number + content, "md5")[:_SIGNATURE], signature):
            raise ProtocolFault("a signature is not the server's")
        if int.from_bytes(number, "big") <= self._last:
            raise ProtocolFault("a signed packet comes a second time")
        self._last = int.from_bytes(number, "big")
        return content

    def _exactly(self, count: int) -> bytes:
        pieces, missing = list[bytes](), count
        while missing:
            piece = self._receive(missing)
            if not piece:
                raise Unreachable("the server hung up")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)
