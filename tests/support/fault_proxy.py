"""A TCP proxy before a real directory server that disturbs what passes, switched while it runs.

    with fault_proxy(slapd.port) as proxy:
        world.configure(servers=[proxy.url])
        proxy.disturb(lambda: CutAfter(700))    # each new connection has a disturbance of its own
        ...
        proxy.heal()

It sits where the way is not encrypted, so that it can read along; bytes only are disturbed where it is.
"""

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from tests.support.ber import ANSWERS, Message, Op, answer, entry, reference, taken_from
from tests.support.wire import Listener

_AT_ONCE = 65536


class HangUp(Exception):
    """The connection ends here; with `reset` it is torn down without a good-bye."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self.reset = reset


class Line:
    """One connection through the proxy, as a disturbance sees it. It ends when either side or the proxy ends it."""

    def __init__(self, client: socket.socket, server: socket.socket, ended: threading.Event) -> None:
        self._client = client
        self._server = server
        self._ended = ended

    def answer(self, data: bytes) -> None:
        """Tell the client something that the server did not say."""
        self._client.sendall(data)

    def half_close(self) -> None:
        """Tell the client that nothing comes any more, and go on listening to it."""
        self._client.shutdown(socket.SHUT_WR)

    def hold(self, seconds: float | None = None) -> None:
        """Stand still, for good or for a while. Raises HangUp when the proxy is healed or closed meanwhile."""
        if self._ended.wait(seconds):
            raise HangUp


class Disturbance:
    """What happens to the bytes of one connection. This one lets everything pass."""

    def requests(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Yield what goes on to the server instead of `data`."""
        del line
        yield data

    def replies(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Yield what goes on to the client instead of `data`."""
        del line
        yield data


class FaultProxy:
    """The proxy. `replied` counts the bytes that clients got; `connections` and `received` are what came from them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = Listener(self._serve)
        self._make: Callable[[], Disturbance] = Disturbance
        self._ended = threading.Event()
        self.replied = 0

    @property
    def url(self) -> str:
        """Return its address as an LDAP server's."""
        return self._listener.url

    @property
    def connections(self) -> int:
        """Return how many connections clients have made."""
        return self._listener.connections

    @property
    def received(self) -> bytes:
        """Return every byte that clients have sent."""
        return bytes(self._listener.received)

    def disturb(self, make: Callable[[], Disturbance]) -> None:
        """Disturb every connection from now on, and end those that there are."""
        self._ended.set()
        self._ended, self._make = threading.Event(), make

    def heal(self) -> None:
        """Let everything pass from now on; what was disturbed is hung up on."""
        self.disturb(Disturbance)

    def forget(self) -> None:
        """Count anew."""
        self.replied = 0
        self._listener.connections = 0
        self._listener.received.clear()

    def start(self) -> None:
        """Take connections."""
        self._listener.start()

    def stop(self) -> None:
        """End every connection and wait for the threads."""
        self._ended.set()
        self._listener.stop()

    def _serve(self, client: socket.socket) -> None:
        ended, disturbance = self._ended, self._make()
        try:
            server = socket.create_connection(("127.0.0.1", self._port))
        except OSError:
            _tear_down(client)  # nobody is there, which is what the client shall see too
            return
        self._listener.keep(server)
        for side in (client, server):
            # A small piece would otherwise wait until the one before it is acknowledged, which takes 40 ms.
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = Line(client, server, ended)
        back = partial(self._counted, disturbance, line)
        self._listener.in_thread(lambda: self._pump(server, client, back))
        self._pump(client, server, partial(self._recorded, disturbance, line))

    def _counted(self, disturbance: Disturbance, line: Line, data: bytes) -> Iterator[bytes]:
        for piece in disturbance.replies(data, line):
            self.replied += len(piece)
            yield piece

    def _recorded(self, disturbance: Disturbance, line: Line, data: bytes) -> Iterable[bytes]:
        self._listener.note(data)
        return disturbance.requests(data, line)

    def _pump(self, source: socket.socket, target: socket.socket, way: Callable[[bytes], Iterable[bytes]]) -> None:
        """Carry bytes one way until somebody ends it, and then end both sides."""
        reset = False
        try:
            while data := source.recv(_AT_ONCE):
                for piece in way(data):
                    target.sendall(piece)
        except HangUp as end:
            reset = end.reset
        except OSError:
            pass  # the other side is gone, which ends this one too
        for side in (source, target):
            with contextlib.suppress(OSError):
                _tear_down(side) if reset else side.shutdown(socket.SHUT_RDWR)


def _tear_down(side: socket.socket) -> None:
    """End a connection by a reset: closed with bytes that nobody waits for. First whoever waits on it is woken."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.shutdown(socket.SHUT_RD)
    side.close()


@contextmanager
def fault_proxy(port: int) -> Iterator[FaultProxy]:
    """Stand before the server on this port."""
    made = FaultProxy(port)
    made.start()
    try:
        yield made
    finally:
        made.stop()


# --- disturbances of bytes -------------------------------------------------------------------------------------------


class CutAfter(Disturbance):
    """Hang up after so many bytes of the answers, or with `asked` of the requests."""

    def __init__(self, count: int, *, asked: bool = False, reset: bool = False) -> None:
        self._left = count
        self._asked = asked
        self._reset = reset

    def requests(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Count what is asked, if that is what counts."""
        return self._some(data, line) if self._asked else (data,)

    def replies(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Count what is answered, unless the requests count."""
        return (data,) if self._asked else self._some(data, line)

    def _some(self, data: bytes, line: Line) -> Iterator[bytes]:
        passing, self._left = data[: self._left], self._left - len(data)
        if passing:
            yield passing
        if self._left < 0:
            self.at_the_end(line)

    def at_the_end(self, line: Line) -> None:
        """Do what there is to do when the bytes are used up."""
        del line
        raise HangUp(reset=self._reset)


class StallAfter(CutAfter):
    """Say nothing any more after so many bytes, and keep the connection. After 0 bytes it swallows everything."""

    def at_the_end(self, line: Line) -> None:
        """Stand still until the proxy is healed."""
        line.hold()


class HalfCloseAfter(CutAfter):
    """End the answers after so many bytes in an orderly way, and go on listening."""

    def at_the_end(self, line: Line) -> None:
        """End one direction only."""
        line.half_close()
        line.hold()


class Dribble(Disturbance):
    """After so many bytes, answer one byte at a time with a pause before each."""

    def __init__(self, after: int, pause_s: float) -> None:
        self._left = after
        self._pause_s = pause_s

    def replies(self, data: bytes, line: Line) -> Iterator[bytes]:
        """Yield single bytes."""
        passing, slow = data[: max(0, self._left)], data[max(0, self._left) :]
        self._left -= len(passing)
        if passing:
            yield passing
        for byte in slow:
            line.hold(self._pause_s)
            yield bytes((byte,))


class Mutate(Disturbance):
    """Change some bytes of the first answer that comes after `after` bytes: other ones, lost, doubled or added."""

    def __init__(self, dice: random.Random, after: int, most: int = 3) -> None:
        self._dice = dice
        self._left = after
        self._changes = dice.randint(1, most)

    def replies(self, data: bytes, line: Line) -> Iterator[bytes]:
        """Yield the answer, once with some of its bytes changed."""
        del line
        passing, rest = data[: max(0, self._left)], bytearray(data[max(0, self._left) :])
        self._left -= len(passing)
        for _ in range(self._changes if rest else 0):
            self._change(rest)
        self._changes = 0 if rest else self._changes
        yield passing + bytes(rest)

    def _change(self, data: bytearray) -> None:
        at = self._dice.randrange(len(data) + 1)
        match self._dice.randrange(6):
            case 0:
                del data[at : at + self._dice.randint(1, 4)]
            case 1:
                data[at:at] = self._dice.randbytes(self._dice.randint(1, 4))
            case 2:
                data[at:at] = data[at : at + 8]
            case _:
                data[at : at + 1] = self._dice.randbytes(1)


# --- disturbances of messages ----------------------------------------------------------------------------------------


class Messages(Disturbance):
    """Lets whole messages pass one by one; what becomes of each is decided by whoever inherits."""

    def __init__(self) -> None:
        self._asked, self._answered = bytearray(), bytearray()

    def requests(self, data: bytes, line: Line) -> Iterator[bytes]:
        """Yield what becomes of each whole request."""
        self._asked += data
        for message in taken_from(self._asked):
            yield from self.request(message, line)

    def replies(self, data: bytes, line: Line) -> Iterator[bytes]:
        """Yield what becomes of each whole answer."""
        del line
        self._answered += data
        for message in taken_from(self._answered):
            yield from self.reply(message)

    def request(self, message: Message, line: Line) -> Iterable[bytes]:
        """Return what goes to the server for a request."""
        del line
        return (message.raw,)

    def reply(self, message: Message) -> Iterable[bytes]:
        """Return what goes to the client for an answer."""
        return (message.raw,)


class Answer(Messages):
    """Answer every request of some kind with one result code; the server never hears of it. The first `spared` pass."""

    def __init__(self, op: Op, code: int, *, referral: tuple[str, ...] = (), spared: int = 0) -> None:
        super().__init__()
        self._op = op
        self._code = code
        self._referral = referral
        self._spared = spared

    def request(self, message: Message, line: Line) -> Iterable[bytes]:
        """Answer in the server's place."""
        if message.op == self._op:
            self._spared -= 1
            if self._spared < 0:
                line.answer(answer(message.number, ANSWERS[self._op], self._code, self._referral, "the server's text"))
                return ()
        return (message.raw,)


class Refer(Messages):
    """Point elsewhere: a continuation reference before every entry and every end of a search."""

    def __init__(self, *urls: str) -> None:
        super().__init__()
        self._urls = urls

    def reply(self, message: Message) -> Iterable[bytes]:
        """Put references in."""
        if message.op in {Op.ENTRY, Op.SEARCH_DONE}:
            return (reference(message.number, *self._urls), message.raw)
        return (message.raw,)


class Lose(Messages):
    """Leave out the entries whose bytes hold one of these: a server that has only a part, and says success."""

    def __init__(self, texts: Collection[bytes]) -> None:
        super().__init__()
        self._texts = texts

    def reply(self, message: Message) -> Iterable[bytes]:
        """Leave an entry out, or let it pass."""
        lost = message.op == Op.ENTRY and any(text in message.raw for text in self._texts)
        return () if lost else (message.raw,)


class Forge(Messages):
    """Adds entries to what searches for users below `unit` find: a server may send what no server would take."""

    def __init__(self, unit: str, forged: Sequence[tuple[str, dict[str, list[bytes]]]]) -> None:
        super().__init__()
        self._unit = unit.encode()
        self._forged = forged
        self._numbers: set[int] = set()

    def request(self, message: Message, line: Line) -> Iterable[bytes]:
        """Remember which searches are for users."""
        del line
        if message.op == Op.SEARCH and self._unit in message.raw and b"inetOrgPerson" in message.raw:
            self._numbers.add(message.number)
        return (message.raw,)

    def reply(self, message: Message) -> Iterator[bytes]:
        """Add the entries before the end."""
        if message.op == Op.SEARCH_DONE and message.number in self._numbers:
            yield b"".join(entry(message.number, dn, attributes) for dn, attributes in self._forged)
        yield message.raw
