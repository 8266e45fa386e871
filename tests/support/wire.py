"""What stands on the wire between the agent and a directory: listeners that record, proxies that disturb."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.certificates import Certificate

Change = Callable[[bytes], bytes]
Serve = Callable[[socket.socket], None]


class Listener:
    """A port on loopback that counts connections, keeps every byte that clients send, and serves each in a thread."""

    def __init__(self, serve: Serve | None = None) -> None:
        self.connections = 0
        self.received = bytearray()
        self._serve = serve or self._silently
        self._closing = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Return its address as an LDAP server's."""
        return f"ldap://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Take connections from now on."""
        self._in_thread(self._accept)

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._closing.set()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        for connection in [*self._open, self._socket]:
            connection.close()

    def keep(self, connection: socket.socket) -> None:
        """See to it that a socket is closed at the end."""
        self._open.append(connection)

    def note(self, data: bytes) -> None:
        """Record what a client sent."""
        self.received += data

    def in_thread(self, target: Callable[[], None]) -> None:
        """Run something until the end of the connection that it serves."""
        self._in_thread(target)

    def _in_thread(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            connection.settimeout(None)
            self.keep(connection)
            self._in_thread(lambda taken=connection: self._serve(taken))  # type: ignore[misc]  # a default binds it now

    def _silently(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.note(data)


@contextmanager
def silent() -> Iterator[Listener]:
    """Listen, record, and never answer."""
    with _started(Listener()) as listener:
        yield listener


@contextmanager
def answering(answers: list[bytes]) -> Iterator[Listener]:
    """Answer each thing that arrives with the next of `answers`, then hang up."""
    listener = Listener(lambda connection: _answer(listener, connection, answers))
    with _started(listener):
        yield listener


@contextmanager
def behind_tls(certificate: Certificate) -> Iterator[Listener]:
    """Listen behind TLS with a certificate of the test's choice, and record what clients send inside it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    listener = Listener(lambda connection: _inside_tls(listener, connection, context))
    with _started(listener):
        yield listener


@contextmanager
def proxy(port: int, replies: Change = lambda data: data) -> Iterator[Listener]:
    """Stand before a server: record what clients send to it and change its replies; an empty one hangs up."""
    listener = Listener(lambda connection: _relay(listener, connection, port, replies))
    with _started(listener):
        yield listener


@contextmanager
def _started(listener: Listener) -> Iterator[Listener]:
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


def _answer(listener: Listener, connection: socket.socket, answers: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        for answer in answers:
            listener.note(connection.recv(65536))
            connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)


def _inside_tls(listener: Listener, connection: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
        while data := secured.recv(65536):
            listener.note(data)


def _relay(listener: Listener, connection: socket.socket, port: int, replies: Change) -> None:
    server = socket.create_connection(("127.0.0.1", port))
    listener.keep(server)
    listener.in_thread(lambda: _pump(server, connection, replies))

    def recorded(data: bytes) -> bytes:
        listener.note(data)
        return data

    _pump(connection, server, recorded)


def _pump(source: socket.socket, target: socket.socket, change: Change) -> None:
    """Carry bytes one way until either side ends, and then end both."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            changed = change(data)
            if not changed:
                break
            target.sendall(changed)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
