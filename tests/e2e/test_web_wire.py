"""The web server on the wire: what it refuses, how long it waits, and how it stops. Real granian, real sockets."""

import json
import os
import signal
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lockstep.exits import ExitCode
from lockstep.limits import MAX_HEADERS
from lockstep.web import HEADER_READ_TIMEOUT_MS
from tests.support.certificates import CertificateAuthority
from tests.support.installation import STARTS_WITHIN_S, STOPS_WITHIN_S, Installation, session_of, stop
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation whose web server runs, though its directory is down."""
    installation = Installation(folder=tmp_path_factory.mktemp("served"))
    with installation.serving():
        yield installation


def send(installation: Installation, data: bytes, seconds: float = 10.0) -> bytes:
    """Send bytes and return all that comes until the server closes, or for so long."""
    with closing(socket.create_connection(("127.0.0.1", installation.port))) as connection:
        connection.settimeout(seconds)
        connection.sendall(data)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except TimeoutError:
            pass
        return received


def get(path: str, *headers: str) -> bytes:
    """Return a request that asks for the connection to be closed afterwards."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def test_it_answers_while_its_directory_is_down(served: Installation) -> None:
    """Alive, and able to serve what it knows."""
    assert served.get("/healthz")[::2] == (200, "ok\n")
    assert served.get("/readyz")[::2] == (200, "degraded\n")


def test_content_length_beside_transfer_encoding_smuggles_nothing(served: Installation) -> None:
    """One answer, then the connection is closed: what a proxy might have taken for a second request is never read."""
    chunked = b"5\r\nhello\r\n0\r\n\r\n"
    second = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for headers in (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
    ):
        start = b"POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\n"
        answer = send(served, start + headers + chunked + second)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_other_doubts_about_the_length_are_refused(served: Installation, headers: bytes) -> None:
    """400, and the connection is closed."""
    answer = send(served, b"POST /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\n" + headers)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_too_many_and_too_long_headers_are_refused(served: Installation) -> None:
    """431 with a SCIM error from us, and a bare 431 or 414 from the server where it does not even hand them on."""
    many = send(served, get("/scim/v2/Users", *(f"X-{n}: 1" for n in range(MAX_HEADERS + 1))))
    assert many.startswith(b"HTTP/1.1 431 ")
    assert json.loads(many.partition(b"\r\n\r\n")[2])["status"] == "431"
    assert send(served, get("/scim/v2/Users", f"X-Long: {'x' * 17_000}")).startswith(b"HTTP/1.1 431 ")
    assert send(served, get("/scim/v2/Users", *(f"X-{n}: 1" for n in range(150)))).startswith(b"HTTP/1.1 431 ")
    assert send(served, get(f"/scim/v2/Users?filter={'x' * 17_000}")).startswith(b"HTTP/1.1 414 ")
    assert send(served, get(f"/{'x' * 80_000}")).startswith(b"HTTP/1.1 414 ")


def test_a_slow_header_is_not_waited_for_and_disturbs_nobody(served: Installation) -> None:
    """Many who send nothing more hold nobody up, and are let go after the time allowed."""
    slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        began = time.monotonic()
        assert served.get("/healthz")[0] == 200
        assert time.monotonic() - began < 2
        slow[0].settimeout(HEADER_READ_TIMEOUT_MS / 1000 + 3)
        assert slow[0].recv(1024) == b""
    finally:
        for connection in slow:
            connection.close()


def test_the_path_may_be_spelled_in_any_way_and_needs_a_token_all_the_same(served: Installation) -> None:
    """Encoded, doubled, dotted: never an answer without somebody who may have it."""
    for path in (
        "/scim/v2/Users",
        "/%73cim/v2/Users",
        "//scim/v2/Users",
        "/scim//v2/Users",
        "/scim/v2/./Users",
        "/x/../scim/v2/Users",
        "/scim/v2/Users%2f",
        "/scim/v2/Users%00",
        "/SCIM/V2/Users",
        "/healthz/../scim/v2/Users",
        "/metrics",
    ):
        status = int(send(served, get(path)).split(b" ", 2)[1])
        assert status in (308, 400, 401, 404), (path, status)


def test_every_answer_carries_the_headers_that_protect_it(served: Installation) -> None:
    """Also those that nobody thought of: errors, unknown paths, refused methods."""
    for path in ("/healthz", "/readyz", "/metrics", "/nothing", "/scim/v2/Users", "/scim/v2/nothing"):
        _, headers, _ = served.get(path)
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cache-control"] == "no-store", path
        assert "default-src 'none'" in headers["content-security-policy"], path


def test_what_is_not_there_is_told_in_a_line(served: Installation) -> None:
    """Outside of SCIM in plain text; nothing of a framework shows."""
    assert served.get("/nothing")[::2] == (404, "404 Not Found: There is nothing at this address\n")
    answer = send(served, get("/healthz", "Content-Length: 0").replace(b"GET", b"POST"))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"werkzeug" not in answer.lower()
    assert b"<html" not in answer.lower()


# --- starting and stopping -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_and_all_its_workers(tmp_path: Path, number: signal.Signals) -> None:
    """Within the time allowed, with exit code 0, and with a connection still open."""
    installation = Installation(folder=tmp_path)
    with installation.serving() as process, closing(socket.create_connection(("127.0.0.1", installation.port))):
        os.killpg(process.pid, number)
        assert process.wait(STOPS_WITHIN_S) == 0, installation.output()
        assert session_of(process.pid) == []
    assert "Traceback" not in installation.output()


def test_a_killed_server_leaves_no_worker_behind(tmp_path: Path) -> None:
    """kill -9 of the master: the kernel stops the others."""
    installation = Installation(folder=tmp_path)
    with installation.serving() as process:
        process.kill()
        process.wait(STOPS_WITHIN_S)
        wait_until(lambda: not session_of(process.pid), "the workers end")
        assert listening(installation.port) == 0


def test_a_taken_port_is_told_in_one_sentence(served: Installation, tmp_path: Path) -> None:
    """Workers share their port with each other; with a second server they must not."""
    second = Installation(folder=tmp_path, port=served.port)
    for command in ("serve", "run"):
        process = second.start(command)
        assert process.wait(20) == ExitCode.USAGE
    said = second.output().splitlines()
    assert [line for line in said if "is taken by another program" in line] == said
    assert served.get("/healthz")[0] == 200


def test_plaintext_off_this_machine_is_refused(tmp_path: Path) -> None:
    """Bearer tokens would be readable: the settings are not even accepted."""
    installation = Installation(folder=tmp_path)
    installation.web = 'host = "0.0.0.0"'
    installation.write()
    process = installation.start("serve")
    assert process.wait(20) == ExitCode.USAGE
    assert "tokens readable over the network" in installation.output()


def test_with_a_certificate_it_speaks_tls_only(tmp_path: Path, authority: CertificateAuthority) -> None:
    """1.2 or newer, verified by the client; plaintext on the same port gets no answer."""
    certificate = authority.issue(f"web-{tmp_path.name}", "DNS:localhost", "IP:127.0.0.1")
    installation = Installation(folder=tmp_path)
    installation.web = f'certificate_file = "{certificate.file}"\nkey_file = "{certificate.key}"'
    installation.write()
    context = ssl.create_default_context(cafile=authority.file)
    with installation.serving():
        url = f"https://127.0.0.1:{installation.port}/healthz"
        with urllib.request.urlopen(url, context=context, timeout=10) as answer:
            assert answer.status == 200
        assert not send(installation, get("/healthz")).startswith(b"HTTP/1.1 200")
        old = ssl.create_default_context(cafile=authority.file)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with urllib.request.urlopen(url, context=old, timeout=10) as answer:
            assert answer.status == 200


def test_a_key_with_a_passphrase_is_refused_instead_of_asked_about(tmp_path: Path) -> None:
    """OpenSSL would wait for somebody to type."""
    installation = Installation(folder=tmp_path)
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n")
    installation.web = f'certificate_file = "{key}"\nkey_file = "{key}"'
    installation.write()
    process = installation.start("serve")
    assert process.wait(20) == ExitCode.USAGE
    assert "passphrase" in installation.output()


def test_several_workers_share_the_work_and_a_fallen_one_is_replaced(tmp_path: Path) -> None:
    """Each of them makes sure of the store at its start; kill -9 of one is not the end of the server."""
    installation = Installation(folder=tmp_path)
    for part in tmp_path.glob("lockstep.db*"):
        part.unlink()
    installation.config.write_text(installation.config.read_text().replace("workers = 1", "workers = 2"))
    with installation.serving() as process:
        wait_until(lambda: listening(installation.port) == 2, "both workers listen", STARTS_WITHIN_S)
        fallen = children_of(process.pid)[0]
        os.kill(fallen, signal.SIGKILL)
        wait_until(
            lambda: len({*children_of(process.pid)} - {fallen}) == 2,
            "another worker takes its place",
            STARTS_WITHIN_S,
        )
        wait_until(lambda: listening(installation.port) == 2, "and listens", STARTS_WITHIN_S)
        assert [installation.get("/readyz")[0] for _ in range(20)] == [200] * 20
        assert stop(process) == 0


def children_of(pid: int) -> list[int]:
    """Return the running children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed if is_running(Path(f"/proc/{child}"))]


def is_running(process: Path) -> bool:
    """Return whether a process has not ended; its parent may take its exit code at any moment, and it is gone then."""
    try:
        return bool((process / "cmdline").read_bytes())
    except OSError:
        return False


def listening(port: int) -> int:
    """Return how many sockets listen on a port of 127.0.0.1: each worker has its own."""
    place = f"0100007F:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == place and row[3] == "0A" for row in rows)


def test_run_stops_web_and_agent_together(tmp_path: Path) -> None:
    """One signal to the program alone; the directory is down, and that does not hold it up."""
    installation = Installation(folder=tmp_path)
    with installation.serving("run") as process:
        assert len(session_of(process.pid)) >= 4
        began = time.monotonic()
        assert stop(process) == 0, installation.output()
        assert time.monotonic() - began < STOPS_WITHIN_S
    assert "Traceback" not in installation.output()


def test_run_ends_when_one_of_its_parts_does(tmp_path: Path) -> None:
    """Half a program must not look like a whole one."""
    installation = Installation(folder=tmp_path)
    with installation.serving("run") as process:
        os.kill(children_of(process.pid)[0], signal.SIGKILL)
        assert process.wait(STOPS_WITHIN_S) == ExitCode.FAILURE
        assert session_of(process.pid) == []
    assert "ended by itself" in installation.output()
