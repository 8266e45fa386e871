"""The socket of one connection, in ldap3's hands and in ours: nobody waits on it for ever, and anybody can end it.

ldap3's timeout is one for each receive, so that a server that sends a byte a second holds its caller for hours. Here it
is one for each answer, and whoever sends fast enough earns more.
"""

import contextlib
import socket
import ssl
import threading
import time

PIECE = 256 * 1024
"""How many octets are asked of the system at once."""
LEAST_OCTETS_PER_S = 16 * 1024
"""A server that is slower than this over a whole answer is given up."""
_ENDED = "the connection was ended from this side"


class Wire:
    """A connected socket that stands in the place of ldap3's.

    After `begin` the other side has `patience_s` seconds for its answer; every LEAST_OCTETS_PER_S octets that come earn
    it another second, but it is never more than `patience_s` ahead. So a silent server and one that dribbles end in the
    same time, a long page over a slow line does not. TimeoutError and every other OSError mean that it is over.
    """

    def __init__(self, raw: socket.socket, patience_s: float) -> None:
        self._raw = raw
        self._usual_patience_s = self._patience_s = patience_s
        self._deadline = 0.0
        self._unread = b""
        self._mutex = threading.Lock()
        self.aborted = False
        self.begin()

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """Return the socket if it is secured by TLS."""
        return self._raw if isinstance(self._raw, ssl.SSLSocket) else None

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Put TLS on it and shake hands. Raises ssl.SSLError where the server's certificate is not to be trusted."""
        secured = context.wrap_socket(self._raw, server_hostname=host, do_handshake_on_connect=False)
        self._raw = secured
        secured.settimeout(self._left())
        secured.do_handshake()

    def begin(self, patience_s: float | None = None) -> None:
        """Start the clock: from now on an answer is due, in the usual time or in another."""
        self._patience_s = self._usual_patience_s if patience_s is None else patience_s
        self._deadline = time.monotonic() + self._patience_s

    def recv(self, size: int = PIECE) -> bytes:
        """Return what has come, at least one octet; none if the other side has hung up."""
        if self._unread:
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        self._raw.settimeout(self._left())
        data = self._raw.recv(size)
        if not data and self.aborted:
            raise ConnectionAbortedError(_ENDED)
        earned = self._deadline + len(data) / LEAST_OCTETS_PER_S
        self._deadline = min(earned, time.monotonic() + self._patience_s)
        return data

    def unread(self, data: bytes) -> None:
        """Give back what was received and belongs to a later answer."""
        self._unread = data + self._unread

    def sendall(self, data: bytes) -> None:
        """Send everything, or fail."""
        self._raw.settimeout(self._left())
        self._raw.sendall(data)

    def abort(self) -> None:
        """End the connection from another thread: whoever waits on it is woken at once. The socket stays to be closed.

        It is shut down below TLS, whose state belongs to the thread that uses it.
        """
        self.aborted = True
        with self._mutex, contextlib.suppress(OSError):
            socket.socket.shutdown(self._raw, socket.SHUT_RDWR)

    def shutdown(self, how: int) -> None:
        """Shut down one or both ways, as ldap3 does before it closes."""
        socket.socket.shutdown(self._raw, how)

    def close(self) -> None:
        """Close the socket; the mutex keeps `abort` from meeting another one under the same number."""
        with self._mutex:
            self._raw.close()

    def _left(self) -> float:
        """Return how many seconds are left. Raises TimeoutError if none are, ConnectionAbortedError after `abort`."""
        if self.aborted:
            raise ConnectionAbortedError(_ENDED)
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left
