"""Bearer tokens and the connections they belong to. A token is shown once; the store keeps its SHA-256 only."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from ims.people import ConnectionName, Role, TenantId, UserId

TokenId = NewType("TokenId", str)

PREFIX = "lsk_"
"""What every token begins with, so that secret scanners recognise a leaked one."""
_ID_BYTES = 6
_SECRET_BYTES = 32
_HEXADECIMAL = frozenset("0123456789abcdef")


class ActiveView(StrEnum):
    """What `active` says to a connection."""

    EFFECTIVE = "effective"
    PROVISIONED = "provisioned"
    """Its own lock only; whether the user is locked at all is in the extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One identity provider's or application's link to a tenant, as settings declare it."""

    name: ConnectionName
    tenant: TenantId
    role: Role
    active_view: ActiveView = ActiveView.EFFECTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A credential of a connection, a person (`user`) or an operator: role and tenant, never the secret itself."""

    id: TokenId
    digest: bytes
    role: Role
    created: datetime
    expires: datetime
    label: str
    tenant: TenantId | None = None
    user: UserId | None = None
    connection: ConnectionName | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None

    def usable(self, now: datetime) -> bool:
        """Return whether the token is neither revoked nor expired."""
        return self.revoked is None and now < self.expires


def new_secret() -> tuple[TokenId, str]:
    """Make a token: its public id, and the text that its owner presents (256 random bits)."""
    token_id = secrets.token_hex(_ID_BYTES)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
    return TokenId(token_id), f"{PREFIX}{token_id}_{secret}"


def id_of(presented: str) -> TokenId | None:
    """Return the public id in a presented token, or None if it does not look like one of ours."""
    head, _, tail = presented.removeprefix(PREFIX).partition("_")
    well_formed = presented.startswith(PREFIX) and len(head) == 2 * _ID_BYTES and set(head) <= _HEXADECIMAL and tail
    return TokenId(head) if well_formed else None


def digest_of(presented: str) -> bytes:
    """Return what the store keeps of a token. A fast hash is enough: 256 random bits cannot be guessed.

    Half of a surrogate pair, which UTF-8 has no bytes for, is no error here: it proves nothing like any other text.
    """
    return hashlib.sha256(presented.encode(errors="surrogatepass")).digest()


def proves(token: Token, presented: str) -> bool:
    """Return whether `presented` is the secret of `token`, compared in constant time."""
    return hmac.compare_digest(token.digest, digest_of(presented))
