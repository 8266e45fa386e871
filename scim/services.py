"""What the service provider works with; put together once by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ims import permits
from ims.credentials import Connection
from ims.people import ConnectionName, Tenant, TenantId
from ims.ports import Tokens
from scim.rates import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost. Sizes of pages are numbers of users."""

    body_bytes: int = 1_048_576
    body_depth: int = 32
    page_default: int = 100
    page_max: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimServices:
    """Everything behind the routes, as plain values.

    `base_url` is the public address of the service provider ("https://id.example.com/scim/v2"), which clients see in
    `meta.location`. `role_groups` are the tenants whose settings name groups that give roles: a token of one of their
    people works only while the person holds the role. Discovery without a token is off unless settings allow it.
    """

    people: permits.Services
    tokens: Tokens
    connections: Mapping[ConnectionName, Connection]
    tenants: Mapping[TenantId, Tenant]
    base_url: str
    role_groups: frozenset[TenantId] = frozenset()
    limits: Limits = field(default_factory=Limits)
    anonymous_discovery: bool = False
    rates: Rates | None = None
    """How many requests each caller may send; None = any number, where something else counts."""
