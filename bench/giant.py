"""A server of one enormous entry, `python -m bench.giant MEMBERS`: it answers any bind and any search, from memory.

slapd would hold such a group too; its own work on one would be measured along with ours.
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.measuring import ROOT
from bench.people import GROUPS, PEOPLE

GROUP = f"cn=everybody,{GROUPS}"
_SEQUENCE, _SET, _OCTETS, _INTEGER = 0x30, 0x31, 0x04, 0x02
_BIND, _BOUND, _UNBIND, _SEARCH, _ENTRY, _END = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65
_CONTROLS = 0xA0
_SUCCESS = b"\x0a\x01\x00\x04\x00\x04\x00"
"""resultCode success, no matchedDN, no text (RFC 4511 section 4.1.9)."""
_PAGED_RESULTS = b"1.2.840.113556.1.4.319"
_SHORT = 0x80


@contextmanager
def serving(members: int) -> Iterator[str]:
    """Run the server in a process of its own, and yield its address."""
    command = [sys.executable, "-m", "bench.giant", str(members)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"ldap://127.0.0.1:{port}"
        finally:
            process.terminate()


def serve(members: int) -> None:
    """Serve one client after the other, until somebody ends this process; the port is the first line of output."""
    entry = _entry(members)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                _answer(connection, entry)


def _answer(connection: socket.socket, entry: bytes) -> None:
    """Answer one client's requests. They are short and come one at a time, so that each arrives in one piece."""
    while request := connection.recv(65536):
        body = memoryview(request)[2 if request[1] < _SHORT else 2 + request[1] - _SHORT :]
        number, operation = bytes(body[: 2 + body[1]]), body[2 + body[1]]
        if operation == _UNBIND:
            return
        if operation == _BIND:
            connection.sendall(_message(number, _tlv(_BOUND, _SUCCESS)))
        elif operation == _SEARCH:
            connection.sendall(_message(number, entry))
            connection.sendall(_message(number, _tlv(_END, _SUCCESS), _last_page()))


def _entry(members: int) -> bytes:
    """Return the searchResultEntry (RFC 4511 section 4.5.2) of a group with so many members."""
    values = b"".join(_tlv(_OCTETS, f"uid=user{number:07d},{PEOPLE}".encode()) for number in range(members))
    attribute = _tlv(_SEQUENCE, _tlv(_OCTETS, b"member") + _tlv(_SET, values))
    return _tlv(_ENTRY, _tlv(_OCTETS, GROUP.encode()) + _tlv(_SEQUENCE, attribute))


def _last_page() -> bytes:
    """Return the control that says that this was all (RFC 2696)."""
    value = _tlv(_SEQUENCE, _tlv(_INTEGER, b"\x00") + _tlv(_OCTETS, b""))
    control = _tlv(_SEQUENCE, _tlv(_OCTETS, _PAGED_RESULTS) + _tlv(_OCTETS, value))
    return _tlv(_CONTROLS, control)


def _message(number: bytes, operation: bytes, controls: bytes = b"") -> bytes:
    return _tlv(_SEQUENCE, number + operation + controls)


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < _SHORT:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT | len(length))) + length + content


if __name__ == "__main__":
    serve(int(sys.argv[1]))
