"""Ports for servers of tests: below those that the kernel gives to outgoing connections, which may come first."""

import secrets
import socket

_FIRST, _COUNT = 20_000, 12_000


def free_port() -> int:
    """Return a port on which nobody listens, by real chance: tests of two processes begin with the same seed."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
