"""What a request may look like before anybody reads it: a WSGI middleware around the whole application.

The limits are those of a server behind a careful proxy; granian's own are wider (100 header fields, and as much header
as its buffer holds).
"""

import json
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MAX_HEADERS = 64
MAX_HEADER_BYTES = 16 * 1024
"""Names, values and the request target together. Bearer tokens and filters fit many times over."""
_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
_OPEN_TO_ALL = frozenset({"/healthz", "/readyz"})
_NOT_FROM_THE_REQUEST = frozenset({"HTTP_PROXY"})
"""A variable of the process that WSGI servers hand through with the request's own."""


class RequestLimits:
    """Refuses what no honest client sends, with a SCIM error (RFC 7644 section 3.12) that says which limit it met."""

    def __init__(
        self,
        application: WSGIApplication,
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] | None = None,
    ) -> None:
        """Guard `application`. With `trusted_proxies`, only those may speak to it: they took TLS off the request."""
        self._application = application
        self._trusted = trusted_proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with a refusal, or hand the request on."""
        refusal = _too_much(environ) or _ambiguous(environ) or self._not_by_the_proxy(environ)
        if refusal is None:
            return self._application(environ, start_response)
        status, detail = refusal
        body = json.dumps({"schemas": [_ERROR], "status": str(status.value), "detail": detail}).encode()
        headers = [("Content-Type", "application/scim+json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _not_by_the_proxy(self, environ: WSGIEnvironment) -> tuple[HTTPStatus, str] | None:
        if self._trusted is None or environ.get("PATH_INFO") in _OPEN_TO_ALL or self._is_trusted(environ):
            return None
        return HTTPStatus.FORBIDDEN, "This address answers to its reverse proxy only; use the public URL"

    def _is_trusted(self, environ: WSGIEnvironment) -> bool:
        try:
            address = ip_address(environ.get("REMOTE_ADDR", ""))
        except ValueError:
            return False
        return any(address in network for network in self._trusted or ())


def _too_much(environ: WSGIEnvironment) -> tuple[HTTPStatus, str] | None:
    headers = [(name, value) for name, value in environ.items() if name.startswith("HTTP_")]
    headers = [(name, value) for name, value in headers if name not in _NOT_FROM_THE_REQUEST]
    if len(headers) > MAX_HEADERS:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"A request has at most {MAX_HEADERS} header fields"
    target = len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", ""))
    if target > MAX_HEADER_BYTES:
        return HTTPStatus.REQUEST_URI_TOO_LONG, f"A request's target has at most {MAX_HEADER_BYTES} bytes"
    if target + sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        detail = f"A request's header has at most {MAX_HEADER_BYTES} bytes"
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail
    return None


def _ambiguous(environ: WSGIEnvironment) -> tuple[HTTPStatus, str] | None:
    """Refuse two answers to where the body ends (RFC 9112 section 6.1): a proxy may have believed the other one.

    granian believes Transfer-Encoding, drops Content-Length and closes the connection afterwards, so behind it there is
    nothing to see here; other servers let both pass.
    """
    if "HTTP_TRANSFER_ENCODING" in environ and environ.get("CONTENT_LENGTH"):
        return HTTPStatus.BAD_REQUEST, "A request has Content-Length or Transfer-Encoding, not both"
    return None
