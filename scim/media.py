"""A request's body: its media type and size, before anything in it is believed (RFC 7644 section 3.8)."""

from http import HTTPStatus

import flask
from werkzeug.exceptions import RequestEntityTooLarge

from scim import documents
from scim.attributes import Document
from scim.errors import BadRequest, HttpProblem
from scim.services import Limits

MEDIA_TYPE = "application/scim+json"
_ACCEPTED = (MEDIA_TYPE, "application/json")


def body_of(request: flask.Request, limits: Limits) -> Document:
    """Return the JSON object in a request. Raises HttpProblem (413, 415) and BadRequest.

    A body without a media type is taken if it is JSON: some clients forget the header.
    """
    kind = request.mimetype
    if kind not in ("", *_ACCEPTED):
        raise _unsupported(f"A body is sent as {MEDIA_TYPE}, not as {kind}")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _unsupported("A body is sent without a content encoding")
    data = _data(request, limits.body_bytes)
    try:
        return documents.parse(data, limits.body_depth)
    except BadRequest as error:
        if kind or not data.strip():
            raise
        raise _unsupported(f"The body has no media type, and it cannot be taken for {MEDIA_TYPE}: {error}") from error


def _data(request: flask.Request, most: int) -> bytes:
    """Return the body. One byte more is let in, because Werkzeug cuts off a body without a length at its limit."""
    request.max_content_length = most + 1
    try:
        data = request.get_data(cache=False)
    except RequestEntityTooLarge:
        data = None
    if data is None or len(data) > most:
        raise HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {most} bytes")
    return data


def _unsupported(message: str) -> HttpProblem:
    return HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
