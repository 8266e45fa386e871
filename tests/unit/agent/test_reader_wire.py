"""The wire of a connection: one deadline for all of an answer, ended from anywhere, and nothing lost in between."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from agent.directories import wire
from agent.directories.wire import LEAST_OCTETS_PER_S, Wire
from tests.support.certificates import CertificateAuthority
from tests.support.waiting import wait_until

SLACK_S = 1.0


@dataclass
class Pair:
    """A wire, the other side of it, and what runs there."""

    wire: Wire
    far: socket.socket
    threads: list[threading.Thread] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, pieces: Iterator[bytes], pause_s: float = 0) -> None:
        """Send pieces with pauses between them, until this side is closed."""

        def sending() -> None:
            for piece in pieces:
                if self.ended.wait(pause_s):
                    return
                try:
                    self.far.sendall(piece)
                except OSError:
                    return

        self.threads.append(threading.Thread(target=sending, daemon=True))
        self.threads[-1].start()


def pair(patience_s: float) -> Pair:
    """Return a wire over a pair of sockets."""
    near, far = socket.socketpair()
    return Pair(Wire(near, patience_s), far)


@pytest.fixture
def wires() -> Iterator[list[Pair]]:
    """Close what a test appends."""
    made: list[Pair] = []
    yield made
    for each in made:
        each.ended.set()
        each.wire.close()
        each.far.close()
        for thread in each.threads:
            thread.join(10)


def opened(wires: list[Pair], patience_s: float) -> Pair:
    """Return a wire that the fixture closes."""
    wires.append(pair(patience_s))
    return wires[-1]


def everything(wire: Wire) -> int:
    """Receive until the end, and return how many octets came."""
    count = 0
    while data := wire.recv():
        count += len(data)
    return count


def test_silence_ends_in_time(wires: list[Pair]) -> None:
    """And so does whatever is asked of it afterwards, until a new answer is due."""
    one = opened(wires, 0.3)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        one.wire.recv()
    assert time.monotonic() - began < 0.3 + SLACK_S
    with pytest.raises(TimeoutError):
        one.wire.sendall(b"x")
    one.wire.begin()
    one.wire.sendall(b"x")
    assert one.far.recv(10) == b"x"


def test_dribbling_ends_in_the_same_time(wires: list[Pair]) -> None:
    """Each receive is answered quickly; all of them together take too long."""
    one = opened(wires, 0.5)
    one.send(iter(lambda: b"x", None), 0.02)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        everything(one.wire)
    assert 0.4 < time.monotonic() - began < 0.5 + SLACK_S


def test_a_long_answer_may_take_longer(wires: list[Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it comes fast enough; what came at once is no licence to dribble afterwards."""
    now = [0.0]
    monkeypatch.setattr(wire, "time", SimpleNamespace(monotonic=lambda: now[0]))
    one = opened(wires, 10)
    for _ in range(50):
        one.far.sendall(bytes(LEAST_OCTETS_PER_S))
        now[0] += 0.9
        assert sum(len(one.wire.recv(4096)) for _ in range(4)) == LEAST_OCTETS_PER_S
    assert now[0] > 4 * 10
    fast = now[0]

    def dribble() -> None:
        while now[0] < fast + 100:
            one.far.sendall(b"x")
            now[0] += 1
            one.wire.recv()

    with pytest.raises(TimeoutError):
        dribble()
    assert now[0] - fast < 12


def test_a_reader_that_is_slow_itself_has_its_time(wires: list[Pair]) -> None:
    """The clock starts when an answer is waited for, not when the last one ended."""
    one = opened(wires, 0.2)
    wait_until(lambda: one.wire._deadline < time.monotonic(), "the old deadline is over")
    one.wire.begin()
    one.far.sendall(b"late")
    assert one.wire.recv() == b"late"


def test_what_is_given_back_comes_first(wires: list[Pair]) -> None:
    """In order, in pieces of the size that is asked for, and no timeout keeps it back."""
    one = opened(wires, 0.1)
    one.wire.unread(b"second")
    one.wire.unread(b"first ")
    wait_until(lambda: one.wire._deadline < time.monotonic(), "the deadline is over")
    assert [one.wire.recv(4), one.wire.recv(4), one.wire.recv()] == [b"firs", b"t se", b"cond"]


def test_the_other_side_hangs_up(wires: list[Pair]) -> None:
    """That is no octets, and no error."""
    one = opened(wires, 5)
    one.far.shutdown(socket.SHUT_RDWR)
    assert one.wire.recv() == b""


def test_anybody_can_end_it(wires: list[Pair]) -> None:
    """Whoever waits is woken at once; nothing works any more, and it can still be closed."""
    one = opened(wires, 60)
    threading.Timer(0.1, one.wire.abort).start()
    began = time.monotonic()
    with pytest.raises(ConnectionAbortedError, match="from this side"):
        one.wire.recv()
    assert time.monotonic() - began < 0.1 + SLACK_S
    for again in (one.wire.recv, lambda: one.wire.sendall(b"x")):
        with pytest.raises(ConnectionAbortedError):
            again()
    one.wire.close()
    one.wire.abort()


def test_it_ends_while_it_sends(wires: list[Pair]) -> None:
    """Where the other side takes nothing."""
    one = opened(wires, 60)
    threading.Timer(0.2, one.wire.abort).start()
    began = time.monotonic()
    with pytest.raises(OSError, match=r"\w"):
        one.wire.sendall(bytes(50 * 1024 * 1024))
    assert time.monotonic() - began < 0.2 + 2 * SLACK_S


@pytest.mark.parametrize("ended", [True, False], ids=["aborted", "out of time"])
def test_it_ends_in_a_handshake(wires: list[Pair], ended: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The other side says nothing to TLS; no longer than an answer may take, and no longer than anybody wants."""
    one = opened(wires, 60 if ended else 0.3)
    if ended:
        threading.Timer(0.2, one.wire.abort).start()
    began = time.monotonic()
    with pytest.raises(OSError, match=r"\w"):
        one.wire.secure(ssl.create_default_context(), "localhost")
    assert time.monotonic() - began < 0.3 + SLACK_S


def test_tls_has_the_same_deadlines(wires: list[Pair], authority: CertificateAuthority) -> None:
    """Secured, dribbled at, and ended from another thread below TLS."""
    one = opened(wires, 1)
    certificate = authority.issue("wire", "IP:127.0.0.1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate.file, certificate.key)
    shaking = threading.Thread(target=lambda: _shake(one, server), daemon=True)
    shaking.start()
    one.wire.secure(ssl.create_default_context(cafile=authority.file), "127.0.0.1")
    shaking.join(10)
    assert one.wire.tls is not None
    one.send(iter([bytes(300_000)]))
    count = 0
    while count < 300_000:
        count += len(one.wire.recv())
    one.threads[-1].join(10)
    one.wire.begin()
    one.send(iter(lambda: b"x", None), 0.02)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        everything(one.wire)
    assert time.monotonic() - began < 1 + 2 * SLACK_S
    one.wire.begin()
    one.wire.abort()
    with pytest.raises(ConnectionAbortedError):
        one.wire.recv()


def _shake(one: Pair, context: ssl.SSLContext) -> None:
    one.far = context.wrap_socket(one.far, server_side=True)
