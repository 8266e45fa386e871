"""Who is looking at a page: from a cookie to a person with a role, asked anew for every request."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

import flask

from ims import permits
from ims.errors import NotFound
from ims.people import Actor, Channel, Role, Tenant, User
from ims.permits import Own, TenantView
from ims.sessions import Session, session_id_of
from portal.services import PortalServices

TOUCH_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is known; a write per click would be dearer than the click."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who has signed in. `role` is None for whoever may see their own account only."""

    services: PortalServices
    session: Session
    own: Own
    now: datetime

    @property
    def user(self) -> User:
        """Return the person."""
        return self.own.user

    @property
    def role(self) -> Role | None:
        """Return the role in which they are here."""
        return self.session.role

    @property
    def tenant(self) -> Tenant:
        """Return their company account."""
        return self.services.tenants[self.session.tenant]

    @property
    def view(self) -> TenantView:
        """Return what they may see and do. Only for somebody with a role."""
        return permits.for_actor(self.actor, self.services.people)

    @property
    def actor(self) -> Actor:
        """Return them as an actor. Raises NotFound for somebody without a role, for whom there is nothing here."""
        if self.role is None:
            raise NotFound("There is nothing at this address")
        return Actor(
            name=self.user.profile.user_name,
            role=self.role,
            channel=Channel.PORTAL,
            tenant=self.session.tenant,
            user=self.user.id,
        )

    def may(self, permission: permits.Permission) -> bool:
        """Return whether they may do something."""
        return self.role is not None and permits.allows(self.actor, permission)


def cookie_name(services: PortalServices) -> str:
    """Return the session cookie's name: with a prefix that browsers guard, wherever they reach us by TLS."""
    return "__Host-lockstep" if services.secure else "lockstep"


def visit_of(services: PortalServices) -> Visit | None:
    """Return who presents this request's cookie; None = nobody whose session still stands.

    A session ends where its person is gone, in another company account, or has another role than it began with: a lock
    takes every role away. Whoever was locked when it began may go on looking at their own account.
    """
    presented = flask.request.cookies.get(cookie_name(services), "")
    session = services.store.session(session_id_of(presented)) if presented else None
    now = services.people.clock.now()
    if session is None or session.tenant not in services.tenants:
        return None
    if not session.usable(now, services.idle) or not _still_stands(session, services):
        services.store.end_session(session.id)
        return None
    if now - session.seen >= TOUCH_EVERY:
        services.store.touch_session(session.id, now)
    own = permits.own(session.user, session.tenant, services.people)
    return Visit(services=services, session=session, own=own, now=now)


def _still_stands(session: Session, services: PortalServices) -> bool:
    try:
        own = permits.own(session.user, session.tenant, services.people)
    except NotFound:
        return False
    return own.role == session.role


def same_key(expected: str, presented: str | None) -> bool:
    """Return whether a form carries the key that it was given, compared in constant time."""
    return bool(expected) and compare_digest(expected.encode(), (presented or "").encode())
