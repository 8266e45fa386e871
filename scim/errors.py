"""What goes wrong, as SCIM says it (RFC 7644 section 3.12): a status, a scimType, and a sentence.

The errors of `ims` are mapped here; those that only a request can make are defined here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from ims.errors import (
    Conflict,
    DirectoryUnreachable,
    Forbidden,
    InvalidInput,
    LockstepError,
    NotFound,
    NotUnique,
    StaleVersion,
    StoreUnusable,
)
from scim.attributes import Document
from scim.urns import ERROR_URN

STORE_RETRY_AFTER = 5
"""Seconds after which a client may try again when the store could not be used: a busy writer is done by then."""


class ScimType(StrEnum):
    """RFC 7644 section 3.12, table 9, and RFC 9865 section 2.1, as far as we can get there."""

    INVALID_FILTER = "invalidFilter"
    INVALID_SYNTAX = "invalidSyntax"
    INVALID_PATH = "invalidPath"
    INVALID_VALUE = "invalidValue"
    MUTABILITY = "mutability"
    NO_TARGET = "noTarget"
    SENSITIVE = "sensitive"
    INVALID_CURSOR = "invalidCursor"
    EXPIRED_CURSOR = "expiredCursor"
    INVALID_COUNT = "invalidCount"
    UNIQUENESS = "uniqueness"


class BadRequest(InvalidInput):
    """A request that cannot be taken; `scim_type` says in what way."""

    def __init__(self, scim_type: ScimType, message: str) -> None:
        super().__init__(message)
        self.scim_type = scim_type


class Sensitive(BadRequest):
    """A request that names something in its URL that must not be there (403, RFC 7644 section 7.5.2)."""

    def __init__(self, message: str) -> None:
        super().__init__(ScimType.SENSITIVE, message)


class HttpProblem(LockstepError):
    """A request that HTTP itself has a status for; `headers` go into the answer."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as it is answered."""

    status: HTTPStatus
    detail: str
    scim_type: ScimType | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> Document:
        """Return the SCIM Error; its status is a string."""
        kind = {"scimType": self.scim_type.value} if self.scim_type else {}
        return {"schemas": [ERROR_URN], "status": str(self.status.value), **kind, "detail": self.detail}


_STATUSES: tuple[tuple[type[LockstepError], HTTPStatus, ScimType | None], ...] = (
    (Sensitive, HTTPStatus.FORBIDDEN, ScimType.SENSITIVE),
    (InvalidInput, HTTPStatus.BAD_REQUEST, ScimType.INVALID_VALUE),
    (Forbidden, HTTPStatus.FORBIDDEN, None),
    (NotFound, HTTPStatus.NOT_FOUND, None),
    (NotUnique, HTTPStatus.CONFLICT, ScimType.UNIQUENESS),
    (Conflict, HTTPStatus.CONFLICT, None),
    (DirectoryUnreachable, HTTPStatus.SERVICE_UNAVAILABLE, None),
    (StoreUnusable, HTTPStatus.SERVICE_UNAVAILABLE, None),
    (LockstepError, HTTPStatus.INTERNAL_SERVER_ERROR, None),
)
"""How each error of `ims` is answered; the first row that fits counts."""

STORE_UNUSABLE = "The store cannot be used at the moment; repeat the request later"
"""Where the store is and what is wrong with it is the operator's business: the log says it."""


def problem_of(error: LockstepError, *, conditional: bool) -> Problem:
    """Return how an error is answered. `conditional` is whether the request came with If-Match."""
    if isinstance(error, HttpProblem):
        return Problem(status=error.status, detail=str(error), headers=error.headers)
    status, scim_type = next((status, kind) for what, status, kind in _STATUSES if isinstance(error, what))
    if isinstance(error, BadRequest):
        scim_type = error.scim_type
    if isinstance(error, StaleVersion) and conditional:
        status = HTTPStatus.PRECONDITION_FAILED
    detail = STORE_UNUSABLE if isinstance(error, StoreUnusable) else str(error)
    return Problem(status=status, detail=detail, scim_type=scim_type, headers=_retry_after(error))


def _retry_after(error: LockstepError) -> Mapping[str, str]:
    """Return when to come back, in whole seconds: a date is not understood by the most used client."""
    match error:
        case DirectoryUnreachable():
            return {"Retry-After": str(error.retry_after)}
        case StoreUnusable():
            return {"Retry-After": str(STORE_RETRY_AFTER)}
        case _:
            return {}
