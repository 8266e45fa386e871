"""One request as the handlers see it, and what they answer: no Flask on either side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from ims import permits
from ims.credentials import ActiveView
from ims.people import Actor, ConnectionName, User, UserId
from scim.attributes import Document
from scim.conditions import Conditions
from scim.parameters import Parameters
from scim.resources import Lens, etag
from scim.services import ScimServices


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, a document (None = no body) and headers beyond those that every answer has."""

    status: HTTPStatus = HTTPStatus.OK
    document: Document | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asks for what. `body` reads and checks the body when it is called; it raises what is wrong with it."""

    services: ScimServices
    actor: Actor
    parameters: Parameters
    conditions: Conditions
    body: Callable[[], Document]
    cursor_key: bytes = b""

    @property
    def view(self) -> permits.TenantView:
        """Return what the caller may see and do. Raises Forbidden for a caller who belongs to no tenant."""
        return permits.for_actor(self.actor, self.services.people)

    def lens(self) -> Lens:
        """Return how the caller sees users at this moment."""
        view = self.view
        return Lens(
            base_url=self.services.base_url,
            now=view.now(),
            rules=view.rules,
            tenants=self.services.tenants,
            evidence=view.sees_evidence,
            own=self.own,
        )

    @property
    def own(self) -> ConnectionName | None:
        """Return the caller's connection, where settings let it see its own locks alone in `active`."""
        name = self.actor.connection
        declared = self.services.connections.get(name) if name else None
        return name if declared and declared.active_view is ActiveView.PROVISIONED else None

    def user(self, user_id: UserId) -> User:
        """Return a user who is as the caller demands. Raises NotFound, and HttpProblem (412) if they are not."""
        user = self.view.user(user_id)
        self.conditions.demand(etag(user, self.view.now()))
        return user
