"""Signed packets: taken apart whatever pieces they come in, refused where anything about them is not the server's."""

import hmac
from collections.abc import Callable

import pytest

from agent.directories.errors import ProtocolFault, Unreachable
from agent.directories.signing import SignedStream

KEY = b"the server's key"


def packet(content: bytes, number: int, key: bytes = KEY) -> bytes:
    """Return what a server sends (RFC 2831 section 2.3)."""
    count = number.to_bytes(4, "big")
    signature = hmac.digest(key, count + content, "md5")[:10]
    body = content + signature + b"\x00\x01" + count
    return len(body).to_bytes(4, "big") + body


def coming(data: bytes, most: int = 1 << 20) -> Callable[[int], bytes]:
    """Return what brings these octets, some at a time, and then hangs up."""
    at = 0

    def receive(size: int) -> bytes:
        nonlocal at
        piece = data[at : at + min(size, most)]
        at += len(piece)
        return piece

    return receive


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_packets_in_any_pieces(most: int) -> None:
    """One after the other; each is what was signed, and no octet of the next one is taken."""
    contents = [b"first", b"x" * 5000, b"third"]
    stream = SignedStream(coming(b"".join(packet(c, 7 + n) for n, c in enumerate(contents)), most), KEY)
    assert [stream.receive() for _ in contents] == contents
    with pytest.raises(Unreachable):
        stream.receive()


def test_anything_else_is_refused() -> None:
    """Another key, a changed octet anywhere, a packet without contents, and one that is too large."""
    good = packet(b"content", 1)
    assert SignedStream(coming(good), KEY).receive() == b"content"
    changed = [good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :] for at in range(4, len(good)) if at not in (21, 22)]
    for wrong in (
        packet(b"content", 1, b"another"),
        *changed,
        packet(b"", 1),
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01x",
    ):
        with pytest.raises(ProtocolFault):
            SignedStream(coming(wrong), KEY).receive()


def test_nothing_counts_twice() -> None:
    """A packet that was recorded and is sent again, or one from before."""
    for later in (4, 3):
        stream = SignedStream(coming(packet(b"new", 4) + packet(b"old", later)), KEY)
        assert stream.receive() == b"new"
        with pytest.raises(ProtocolFault, match="second time"):
            stream.receive()
