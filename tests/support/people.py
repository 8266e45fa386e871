"""People, locks and actors for tests that need some: two company accounts and whoever acts in them."""

from collections.abc import Sequence
from datetime import datetime

from ims.locks import Lock, LockFact, LockReason, lock_of
from ims.people import (
    Actor,
    Affiliation,
    AffiliationStatus,
    Channel,
    ConnectionName,
    EntryLink,
    Profile,
    Role,
    TenantId,
    User,
    UserId,
)
from tests.support.clock import NOON

ACME = TenantId("acme")
GLOBEX = TenantId("globex")
IDP = ConnectionName("idp")
HR = ConnectionName("hr")


def actor(
    role: Role = Role.CO_ADMINISTRATOR,
    *,
    tenant: TenantId | None = ACME,
    name: str = "",
    user: UserId | None = None,
    connection: ConnectionName | None = None,
    channel: Channel = Channel.SCIM,
) -> Actor:
    """Return an actor, by default a Co-Administrator of ACME who is no user of the store."""
    return Actor(name=name or role.value, role=role, channel=channel, tenant=tenant, user=user, connection=connection)


def provisioner(connection: ConnectionName = IDP, tenant: TenantId = ACME) -> Actor:
    """Return the actor behind a token of an identity provider's connection."""
    return actor(Role.PROVISIONER, tenant=tenant, name=connection, connection=connection)


def user(
    name: str = "ada",
    *,
    tenant: TenantId = ACME,
    entries: Sequence[EntryLink] = (),
    locks: Sequence[Lock] = (),
    role: Role | None = None,
    connection: ConnectionName | None = None,
    deleted_by: ConnectionName | None = None,
    protected: str = "",
    status: AffiliationStatus = AffiliationStatus.AFFILIATED,
) -> User:
    """Return a user whose id is "user-NAME"."""
    return User(
        id=UserId(f"user-{name}"),
        tenant=tenant,
        profile=Profile(user_name=name, display_name=name.title()),
        created=NOON,
        modified=NOON,
        affiliation=Affiliation(status=status, since=NOON, rule="corp/staff"),
        role=role,
        connection=connection,
        deleted_by=deleted_by,
        protected=protected,
        entries=tuple(entries),
        locks=tuple(locks),
    )


def lock(
    reason: LockReason = LockReason.PASSWORD_ATTEMPTS,
    *,
    since: datetime | None = NOON,
    until: datetime | None = None,
    source: str = "corp",
    server: str = "",
    evidence: tuple[tuple[str, str], ...] = (),
    name: str = "ada",
    tenant: TenantId = ACME,
) -> Lock:
    """Return a lock of the user that `user(name)` makes, as a pass would raise it at NOON."""
    fact = LockFact(reason=reason, source=source, server=server, since=since, until=until, evidence=evidence)
    return lock_of(fact, UserId(f"user-{name}"), tenant, NOON, "pass-1")
