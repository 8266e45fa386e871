"""How a page is made: a template, what every page shows, and the headers that every answer carries."""

from http import HTTPStatus
from urllib.parse import urlsplit

import flask

from ims.permits import Permission
from portal import languages, wording
from portal.visits import Visit

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""No script and no style but our own files: what somebody writes into a name can never run."""


def page(
    template: str,
    visit: Visit | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    **values: object,
) -> flask.Response:
    """Return a page. `visit` is None for whoever has not signed in."""
    shared = {"visit": visit, "words": wording, "languages": languages, "Permission": Permission}
    text = flask.render_template(f"portal/{template}.html", **shared, **values)
    return flask.Response(text, status=status, mimetype="text/html")


def away(address: str) -> flask.Response:
    """Send the browser to another page of ours, to be fetched with GET (RFC 9110 section 15.4.4)."""
    return flask.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})


def local(address: str | None) -> str:
    """Return an address of ours to go on to; whatever else was given, home. Nobody is sent elsewhere by a link."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(address)
    harmless = not parts.scheme and not parts.netloc and "\\" not in address and address.isprintable()
    return address if harmless else "/"
