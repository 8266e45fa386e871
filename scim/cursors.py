"""Cursors for paging (RFC 9865): stateless, signed, and good for one token, one question and one hour.

A cursor says after which resource to go on. Whoever holds one gains nothing by it: what its bearer may see is asked
anew for every page. It is signed with a key made of the bearer's own token, so that a cursor of somebody else, or one
of a token that was replaced, is none at all.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from scim.errors import BadRequest, ScimType

LIFETIME = timedelta(hours=1)
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a list goes on: after the resource with this id, or, of a sorted list, after so many.

    `question` is the digest of what was asked, `count` how many a page holds, `issued` in seconds since 1970.
    """

    question: str
    count: int
    issued: int
    after: str = ""
    offset: int = 0

    def text(self, key: bytes) -> str:
        """Return the cursor in unreserved characters only, signed."""
        told = json.dumps(asdict(self), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(_mac(key, told) + told).rstrip(b"=").decode()


def key_of(authorization: str) -> bytes:
    """Return the key for the bearer of a token."""
    return hashlib.sha256(b"cursor\0" + authorization.encode(errors="surrogatepass")).digest()


def question_of(*parts: str) -> str:
    """Return the digest of what is asked: the next page must ask for the same."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


def read(text: str, key: bytes, question: str, count: int | None, now: datetime) -> Cursor:
    """Return a cursor that was handed out for this question. Raises BadRequest: invalid, expired, of another count."""
    cursor = _opened(text, key)
    if cursor.question != question:
        raise BadRequest(ScimType.INVALID_CURSOR, "This cursor belongs to another query; begin again with cursor=")
    if now.timestamp() - cursor.issued > LIFETIME.total_seconds():
        raise BadRequest(ScimType.EXPIRED_CURSOR, "This cursor is older than an hour; begin again with cursor=")
    if count is not None and count != cursor.count:
        raise BadRequest(ScimType.INVALID_COUNT, f"count was {cursor.count} on the first page and must stay so")
    return cursor


def _opened(text: str, key: bytes) -> Cursor:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        mac, told = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if hmac.compare_digest(mac, _mac(key, told)):
            return Cursor(**json.loads(told))
    except (ValueError, TypeError):
        pass
    raise BadRequest(ScimType.INVALID_CURSOR, "This is no cursor of ours for this token; begin again with cursor=")


def _mac(key: bytes, told: bytes) -> bytes:
    return hmac.digest(key, told, "sha256")[:_MAC_BYTES]
