"""From an Authorization header to an actor (RFC 6750), asked anew for every request.

A token is only as good as what stands behind it at this moment: its connection in the settings, or its person with
their locks and role. A person who is locked has no role, whatever they carry in their pocket.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic
from typing import NoReturn
from weakref import WeakKeyDictionary

import structlog

from ims.credentials import PREFIX, Token, id_of, proves
from ims.errors import StoreUnusable
from ims.locks import locks_in_force
from ims.people import PERSON_ROLES, Actor, AffiliationStatus, Channel, Role, User, UserId
from ims.ports import Tokens
from scim.errors import HttpProblem
from scim.services import ScimServices

_log = structlog.get_logger("scim")

TOUCH_EVERY = timedelta(minutes=1)
"""How exactly the last use of a token is known; a write per request would be dearer than the request."""

_REFUSED: WeakKeyDictionary[Tokens, float] = WeakKeyDictionary()
"""When a store last refused to record a use: it may have kept the request waiting, and the next one shall not wait."""

ANONYMOUS = Actor(name="anonymous", role=Role.READER, channel=Channel.SCIM)
"""Whoever reads the discovery documents where settings allow that without a token. It belongs to no tenant."""

_CHALLENGE = 'Bearer realm="Lockstep"'


def authenticate(header: str | None, services: ScimServices) -> Actor:
    """Return who presents this Authorization header. Raises HttpProblem (401, 403) and StoreUnusable."""
    if header is None:
        raise HttpProblem(
            HTTPStatus.UNAUTHORIZED, "Send a token as Authorization: Bearer lsk_...", {"WWW-Authenticate": _CHALLENGE}
        )
    now = services.people.clock.now()
    token = _token(header, services, now)
    actor = actor_behind(token, services, now)
    _touch(token, services, now)
    return actor


def actor_behind(token: Token, services: ScimServices, now: datetime) -> Actor:
    """Return for whom a genuine token stands at this moment. Raises HttpProblem (401, 403) if for nobody any more."""
    return _person(token, token.user, services, now) if token.user else _program(token, services)


def _token(header: str, services: ScimServices, now: datetime) -> Token:
    scheme, _, presented = header.partition(" ")
    if not presented and scheme.startswith(PREFIX):
        scheme, presented = "bearer", scheme  # one identity provider can only send a header's whole value
    presented = presented.strip()
    token_id = id_of(presented) if scheme.lower() == "bearer" else None
    token = services.tokens.token(token_id) if token_id else None
    if token is None or not proves(token, presented):
        _refuse("The token is not valid")
    if not token.usable(now):
        _refuse("The token was revoked" if token.revoked else "The token has expired; have a new one made")
    if token.tenant is not None and token.tenant not in services.tenants:
        _refuse("The company account of this token is no longer in the settings")
    return token


def _program(token: Token, services: ScimServices) -> Actor:
    """Return the actor of a token without a person: a connection that settings still declare so, or an operator."""
    if token.connection is None:
        if token.role is not Role.OPERATOR or token.tenant is not None:
            _refuse("The token belongs to nobody")
        return Actor(name=token.label, role=token.role, channel=Channel.SCIM)
    declared = services.connections.get(token.connection)
    if declared is None or (declared.tenant, declared.role) != (token.tenant, token.role):
        _refuse(f"The settings no longer declare the connection {token.connection} as this token has it")
    return Actor(
        name=token.connection,
        role=token.role,
        channel=Channel.SCIM,
        tenant=token.tenant,
        connection=token.connection,
    )


def _person(token: Token, user_id: UserId, services: ScimServices, now: datetime) -> Actor:
    user = services.people.store.user(user_id)
    if user is None or user.tenant != token.tenant or user.deleted_by:
        _refuse("The person of this token is not in the company account any more")
    if locks_in_force(user.locks, now):
        _refuse("The person of this token is locked")
    if user.affiliation and user.affiliation.status is AffiliationStatus.UNAFFILIATED:
        _refuse("The person of this token does not belong to the company account at present")
    if token.role not in PERSON_ROLES or (user.tenant in services.role_groups and not _holds(user, token.role)):
        raise HttpProblem(
            HTTPStatus.FORBIDDEN,
            f"{user.profile.user_name} does not hold the role {token.role.value}; the directory's groups give it",
        )
    return Actor(
        name=user.profile.user_name,
        role=token.role,
        channel=Channel.SCIM,
        tenant=user.tenant,
        user=user.id,
    )


def _holds(user: User, role: Role) -> bool:
    """Return whether a person holds a role, or a stronger one, which includes it."""
    return user.role in PERSON_ROLES and PERSON_ROLES.index(user.role) <= PERSON_ROLES.index(role)


def _refuse(message: str) -> NoReturn:
    raise HttpProblem(HTTPStatus.UNAUTHORIZED, message, {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})


def _touch(token: Token, services: ScimServices, now: datetime) -> None:
    """Remember the use of a token. A store that cannot be written may still be read, so the request goes on."""
    if token.last_used is not None and now - token.last_used < TOUCH_EVERY:
        return
    refused = _REFUSED.get(services.tokens)
    if refused is not None and monotonic() - refused < TOUCH_EVERY.total_seconds():
        return
    try:
        services.tokens.touch_token(token.id, now)
    except StoreUnusable as error:
        _REFUSED[services.tokens] = monotonic()
        _log.warning("token_use_not_recorded", token=token.id, error=str(error))
