"""Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13)."""

from dataclasses import dataclass
from http import HTTPStatus

from werkzeug.http import parse_etags, unquote_etag

from scim.errors import HttpProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The condition headers of one request, as they came."""

    if_match: str | None = None
    if_none_match: str | None = None

    @property
    def names_version(self) -> bool:
        """Return whether the client says which version it has seen."""
        return self.if_match is not None and self.if_match.strip() != "*"

    def demand(self, etag: str, what: str = "user") -> None:
        """Refuse a write if the resource, whose ETag is `etag`, is not as the client demands (412).

        Versions are compared weakly: SCIM's are weak by design, and a client can only send back what it was given.
        """
        if self.if_match is not None and not _matches(self.if_match, etag):
            raise HttpProblem(
                HTTPStatus.PRECONDITION_FAILED, f"The {what} has changed: the version is {etag} now; read it again"
            )
        if self.if_none_match is not None and _matches(self.if_none_match, etag):
            raise HttpProblem(HTTPStatus.PRECONDITION_FAILED, f"The version is {etag}, which If-None-Match excludes")

    def unchanged(self, etag: str) -> bool:
        """Return whether a reader has this version already (304)."""
        return self.if_none_match is not None and _matches(self.if_none_match, etag)


def _matches(header: str, etag: str) -> bool:
    tag, _ = unquote_etag(etag)
    return parse_etags(header).contains_weak(tag)
