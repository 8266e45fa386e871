"""What a request may look like, in WSGI terms; what granian itself refuses is tested on the wire."""

import json
from ipaddress import ip_network
from typing import Any

import pytest

from lockstep.limits import MAX_HEADER_BYTES, MAX_HEADERS, RequestLimits


def ask(limits: RequestLimits, **environ: str) -> tuple[str, dict[str, Any] | None]:
    """Send a request through the middleware; return the status line and the SCIM error, if it is one."""
    answered: list[str] = []

    def start_response(status: str, _headers: list[tuple[str, str]], _exc_info: object = None) -> Any:
        answered.append(status)

    usual = {"REQUEST_METHOD": "GET", "PATH_INFO": "/scim/v2/Users", "QUERY_STRING": "", "REMOTE_ADDR": "192.0.2.9"}
    body = b"".join(limits({**usual, **environ}, start_response))
    return answered[0], json.loads(body) if body else None


def _application(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("204 No Content", [])
    return []


@pytest.fixture
def limits() -> RequestLimits:
    return RequestLimits(_application)


def headers(count: int, value: str = "v") -> dict[str, str]:
    return {f"HTTP_X_{number}": value for number in range(count)}


def test_what_honest_clients_send_passes(limits: RequestLimits) -> None:
    """A body of either form, as many headers as there may be, and a long token."""
    assert ask(limits, HTTP_AUTHORIZATION=f"Bearer {'x' * 4096}", CONTENT_LENGTH="5") == ("204 No Content", None)
    assert ask(limits, HTTP_TRANSFER_ENCODING="chunked") == ("204 No Content", None)
    assert ask(limits, HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="") == ("204 No Content", None)
    assert ask(limits, **headers(MAX_HEADERS))[0] == "204 No Content"


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        pytest.param({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "5"}, 400, id="both lengths"),
        pytest.param(headers(MAX_HEADERS + 1), 431, id="one header too many"),
        pytest.param({"HTTP_COOKIE": "x" * MAX_HEADER_BYTES}, 431, id="one header too long"),
        pytest.param(headers(20, "x" * 1000), 431, id="headers too long together"),
        pytest.param({"QUERY_STRING": "x" * (MAX_HEADER_BYTES + 1)}, 414, id="target too long"),
    ],
)
def test_what_nobody_honest_sends_is_refused_with_a_scim_error(
    limits: RequestLimits, environ: dict[str, str], status: int
) -> None:
    """The status as a string, and a sentence that names the limit."""
    line, error = ask(limits, **environ)
    assert line.startswith(f"{status} ")
    assert error is not None
    assert error["status"] == str(status)
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["detail"]


def test_a_variable_of_the_process_does_not_count_as_a_header(limits: RequestLimits) -> None:
    """granian hands the process's environment through, and many machines have HTTP_PROXY set there."""
    assert ask(limits, HTTP_PROXY="http://proxy", **headers(MAX_HEADERS))[0] == "204 No Content"


def test_behind_a_proxy_nobody_else_is_answered() -> None:
    """Whoever comes past the proxy would send a token unprotected; probes may, they carry none."""
    guarded = RequestLimits(_application, (ip_network("10.0.0.0/28"), ip_network("::1/128")))
    assert ask(guarded, REMOTE_ADDR="10.0.0.3")[0] == "204 No Content"
    assert ask(guarded, REMOTE_ADDR="::1")[0] == "204 No Content"
    assert ask(guarded, REMOTE_ADDR="10.0.0.30")[0] == "403 Forbidden"
    assert ask(guarded, REMOTE_ADDR="")[0] == "403 Forbidden"
    assert ask(guarded, REMOTE_ADDR="10.0.0.30", PATH_INFO="/healthz")[0] == "204 No Content"
    assert ask(guarded, REMOTE_ADDR="10.0.0.30", PATH_INFO="/healthz/../scim")[0] == "403 Forbidden"
