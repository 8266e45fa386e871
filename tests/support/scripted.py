"""A directory server that answers as a script says, for what no real one does: out of turn, too much, octet by octet.

    with scripted(lambda request: [entry(request.number, "uid=x", {}), end(request)]) as server:
        with client_at(server.url) as client: ...

The script is called for each search, or for the operations that are named, and yields what is sent; while it waits, so
does the server. Everything else succeeds. In `requests` stands what was asked, in order.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from agent.directories.access import Access, BindMethod, Tls
from agent.directories.client import Client
from ims.people import DirectoryName
from tests.support.agent_side import FixedSecret, MemoryCircuits, WallClock
from tests.support.ber import ANSWERS, Message, Op, answer, element, integer, taken_from
from tests.support.wire import Listener

Script = Callable[[Message], Iterable[bytes]]
_UNBIND = 0x42
_PAGED = b"1.2.840.113556.1.4.319"


class Server(Listener):
    """The server; it also keeps every request."""

    def __init__(self, script: Script, operations: Collection[Op]) -> None:
        super().__init__(self._converse)
        self.requests: list[Message] = []
        self._script = script
        self._operations = operations

    def _converse(self, connection: socket.socket) -> None:
        received = bytearray()
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.note(data)
                received += data
                for request in taken_from(received):
                    if request.op == _UNBIND:
                        return
                    self.requests.append(request)
                    for piece in self._answers(request):
                        connection.sendall(piece)
            connection.shutdown(socket.SHUT_RDWR)

    def asked(self, operation: Op) -> int:
        """Return how often this was asked for."""
        return sum(request.op == operation for request in self.requests)

    def _answers(self, request: Message) -> Iterable[bytes]:
        if request.op in self._operations:
            return self._script(request)
        return (answer(request.number, ANSWERS[Op(request.op)], 0),)


@contextmanager
def scripted(script: Script, *operations: Op) -> Iterator[Server]:
    """Run a server."""
    server = Server(script, operations or (Op.SEARCH,))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def client_at(url: str, **changes: Any) -> Client:
    """Return a client of a server without TLS, not yet connected; `changes` are fields of Access."""
    usual = {
        "directory": DirectoryName("corp"),
        "servers": (url,),
        "method": BindMethod.SIMPLE,
        "dn": "cn=agent",
        "secret": FixedSecret(),
        "tls": Tls.PLAINTEXT,
        "connect_timeout_s": 5,
        "receive_timeout_s": 5,
    }
    return Client(Access(**{**usual, **changes}), MemoryCircuits(), WallClock())


def end(request: Message, code: int = 0, cookie: bytes = b"") -> bytes:
    """Return the end of a page."""
    value = element(0x30, integer(0), element(4, cookie))
    control = element(0x30, element(4, _PAGED), element(4, value))
    result = element(Op.SEARCH_DONE, integer(code, 0x0A), element(4), element(4))
    return element(0x30, integer(request.number), result, element(0xA0, control))


def slowly(data: bytes, pause_s: float) -> Iterator[bytes]:
    """Yield octet by octet."""
    pause = threading.Event()
    for octet in data:
        yield bytes((octet,))
        pause.wait(pause_s)
