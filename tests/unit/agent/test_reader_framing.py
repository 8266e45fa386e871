"""Cutting a stream into messages: whatever pieces it comes in, once and whole, and no more of it than is wanted."""

import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.errors import ProtocolFault, Unreachable
from agent.directories.framing import messages
from agent.directories.limits import LIMITS
from tests.support.wild_ber import Pen, pens

MEBIBYTE = 1024 * 1024


class Piece(bytes):
    """Octets as they came, which nobody may put together by twos: that takes time by the square of their number."""

    def __add__(self, other: object) -> bytes:
        raise AssertionError("octets were concatenated")

    def __radd__(self, other: object) -> bytes:
        raise AssertionError("octets were concatenated")


def receiving(pieces: Sequence[bytes], asked: list[int] | None = None) -> Callable[[], bytes]:
    """Return what brings these pieces, and then hangs up; `asked` counts."""
    coming = iter(pieces)

    def receive() -> bytes:
        if asked is not None:
            asked.append(1)
        return next(coming, b"")

    return receive


def contents(pieces: Sequence[bytes], largest: int = LIMITS.message) -> Iterator[bytes]:
    """Yield the contents of the messages that come in these pieces."""
    for data, start, end in messages(receiving(pieces), largest):
        yield data[start:end]


def read(pieces: Sequence[bytes]) -> tuple[list[bytes], str]:
    """Return the messages in these pieces, and why there are no more."""
    found = []
    try:
        for content in contents(pieces):
            found.append(content)  # noqa: PERF402 - what came before the end counts
    except (ProtocolFault, Unreachable) as error:
        return found, type(error).__name__
    raise AssertionError("a stream that ended went on")


bodies = st.lists(st.one_of(st.binary(max_size=9), st.sampled_from([b"x" * n for n in (127, 128, 255, 256, 70_000)])))


@given(bodies, pens, st.data())
def test_messages_come_whole_in_any_pieces(said: list[bytes], pen: Pen, data: st.DataObject) -> None:
    """Cut anywhere, in lengths of any form, many in one piece and many pieces for one."""
    stream = b"".join(pen.element(0x30, body) for body in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]
    assert read(pieces) == (said, "Unreachable")


def test_every_cut_point() -> None:
    """Two pieces, and one octet at a time."""
    said = [b"", b"abc", b"x" * 200, b"last"]
    stream = b"".join(Pen([0, 4, 2, 1]).element(0x30, body) for body in said)
    for cut in range(1, len(stream)):
        assert read([stream[:cut], stream[cut:]]) == (said, "Unreachable")
    assert read([bytes((octet,)) for octet in stream]) == (said, "Unreachable")


def test_a_message_that_is_cut_off_is_none() -> None:
    """Wherever the other side hangs up."""
    stream = Pen([2]).element(0x30, b"first") + Pen([4]).element(0x30, b"second")
    whole = len(Pen([2]).element(0x30, b"first"))
    for end in range(len(stream)):
        assert read([stream[:end]])[0] == ([b"first"] if end >= whole else [])


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400", b"\x00\x00", b"\x31\x00", b"\x30\x80", b"\x30\x85", b"\x30\xff"])
def test_what_is_no_ldap_is_said_at_once(octets: bytes) -> None:
    """Another protocol, another type, an indefinite length, one of five octets: nothing more is waited for."""
    asked: list[int] = []
    with pytest.raises(ProtocolFault):
        next(messages(receiving([octets[:1], octets[1:2], b"x"], asked), LIMITS.message))
    assert len(asked) <= 2


def test_a_message_that_is_too_large_is_not_received() -> None:
    """Its length is enough to know; one of just the limit is taken."""
    asked: list[int] = []
    with pytest.raises(ProtocolFault, match="1001 bytes"):
        next(messages(receiving([Pen([4]).element(0x30, b"x" * 1001)[:6], b"x" * 5000], asked), 1000))
    assert len(asked) == 1
    assert list(map(len, [next(contents([Pen([4]).element(0x30, b"x" * 1000)], 1000))])) == [1000]


def test_a_giant_message_is_put_together_once() -> None:
    """32 MB in small pieces: each is asked for once, none is concatenated, and memory holds it once more."""
    size, step = 32 * MEBIBYTE, 64 * 1024
    head = b"\x30\x84" + size.to_bytes(4, "big")
    pieces = [Piece(head), *(Piece(step) for _ in range(size // step))]
    asked: list[int] = []
    tracemalloc.start()
    try:
        (data, start, end) = next(messages(receiving(pieces, asked), LIMITS.message))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (end - start, len(data), len(asked)) == (size, size + len(head), len(pieces))
    assert peak < size + 2 * MEBIBYTE


def test_memory_holds_what_came_and_not_what_was_announced() -> None:
    """A server that announces 64 MB and sends little costs little."""
    tracemalloc.start()
    try:
        with pytest.raises(Unreachable):
            next(messages(receiving([b"\x30\x84\x03\xff\xff\xff", b"x" * 1000]), LIMITS.message))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEBIBYTE
