"""Bearer tokens: their digests, never their secrets."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, insert, select, update

from ims.audit import AuditEntry
from ims.credentials import Token, TokenId
from ims.people import Role
from ims.store.audit import append
from ims.store.engine import Part
from ims.store.tables import tokens

TOUCH_EVERY = timedelta(minutes=1)
"""How exactly the last use of a token is known: a write per request would make every reader a writer."""


class SqlTokens(Part):
    """The tokens as the store keeps them."""

    def token(self, token_id: TokenId) -> Token | None:
        """Return a token by its public id, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token_id)).mappings().first()
        return _token(row) if row else None

    def tokens(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.created, tokens.c.id)).mappings()
            return tuple(map(_token, rows))

    def add_token(self, token: Token, audit: Sequence[AuditEntry]) -> None:
        """Keep a new token, with the audit rows that tell of it. Raises NotUnique if there is one of this id."""
        unset = {"tenant": token.tenant or "", "user": token.user or "", "connection": token.connection or ""}
        with self._database.writing() as connection:
            connection.execute(insert(tokens), asdict(token) | {"role": token.role.value} | unset)
            append(connection, audit)

    def revoke_token(self, token_id: TokenId, at: datetime, audit: Sequence[AuditEntry]) -> bool:
        """Revoke a token with effect from the next request. Return False if there is none, or it was revoked before."""
        alive = (tokens.c.id == token_id, tokens.c.revoked.is_(None))
        with self._database.writing() as connection:
            revoked = connection.execute(update(tokens).where(*alive).values(revoked=at)).rowcount == 1
            append(connection, audit if revoked else ())
        return revoked

    def touch_token(self, token_id: TokenId, at: datetime) -> None:
        """Remember when a token was last used, unless that is known to be less than `TOUCH_EVERY` ago."""
        token = self.token(token_id)
        if token is None or (token.last_used is not None and at < token.last_used + TOUCH_EVERY):
            return
        with self._database.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used=at))


def _token(row: RowMapping) -> Token:
    return Token(
        id=row["id"],
        digest=row["digest"],
        role=Role(row["role"]),
        created=row["created"],
        expires=row["expires"],
        label=row["label"],
        tenant=row["tenant"] or None,
        user=row["user"] or None,
        connection=row["connection"] or None,
        revoked=row["revoked"],
        last_used=row["last_used"],
    )
