"""Who may do what: one table, permission by role, and the view through which a caller holds only what it may do.

Fronts never hold the store. They authenticate, call `for_actor`, and get a `TenantView` whose every question is already
scoped to the caller's tenant; a foreign user is the same as a missing one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from ims import deciding, grouping, pleas, provisioning
from ims.audit import AuditEntry
from ims.batches import BatchId, Decision, HeldItem
from ims.deciding import Part
from ims.errors import Forbidden, NotFound, StaleVersion
from ims.grouping import GroupEdit
from ims.groups import Group, GroupId, GroupMember, GroupPage, Groups, Membership
from ims.locks import LedgerRules, Lock, LockId, Remedy, locks_in_force, remedy
from ims.people import CONNECTION_ROLES, Actor, Channel, Profile, Revision, Role, TenantId, User, UserId
from ims.pleas import Pleading, PleaId, Pleas
from ims.ports import Clock, Store
from ims.provisioning import Edit
from ims.query import And, Attribute, Not, Page, Present, Query, UserPage
from ims.unlocking import Preview, UnlockRequest, why_protected

T = TypeVar("T")


class Permission(StrEnum):
    """One thing that can be permitted, as `area:act`."""

    DISCOVER = "discovery:read"
    READ_USERS = "users:read"
    READ_GROUPS = "groups:read"
    READ_EVIDENCE = "evidence:read"
    PROVISION = "users:provision"
    HOLD = "locks:hold"
    UNLOCK = "locks:unlock"
    READ_AUDIT = "audit:read"
    READ_HEALTH = "health:read"
    DECIDE = "batches:decide"
    READ_OPERATIONS = "operations:read"
    BREAK_GLASS = "box:break_glass"
    READ_ON_THE_BOX = "box:read"
    DECIDE_ON_THE_BOX = "box:decide"


_PEOPLE = frozenset({Role.CO_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR, Role.AUDITOR})
_ADMINISTRATORS = frozenset({Role.CO_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR})

TABLE: dict[Permission, frozenset[Role]] = {
    Permission.DISCOVER: _PEOPLE | {Role.PROVISIONER, Role.READER, Role.OPERATOR},
    Permission.READ_USERS: _PEOPLE | {Role.PROVISIONER, Role.READER},
    Permission.READ_GROUPS: _PEOPLE | {Role.PROVISIONER, Role.READER},
    Permission.READ_EVIDENCE: _PEOPLE,
    Permission.PROVISION: frozenset({Role.PROVISIONER}),
    Permission.HOLD: _ADMINISTRATORS,
    Permission.UNLOCK: _ADMINISTRATORS,
    Permission.READ_AUDIT: _PEOPLE,
    Permission.READ_HEALTH: _PEOPLE,
    Permission.DECIDE: frozenset({Role.ACCOUNT_ADMINISTRATOR}),
    Permission.READ_OPERATIONS: frozenset({Role.OPERATOR}),
    Permission.BREAK_GLASS: frozenset({Role.OPERATOR}),
    Permission.READ_ON_THE_BOX: frozenset({Role.OPERATOR}),
    Permission.DECIDE_ON_THE_BOX: frozenset({Role.OPERATOR}),
}
"""The whole policy. What is not here is forbidden."""

ON_THE_BOX = frozenset({Permission.BREAK_GLASS, Permission.READ_ON_THE_BOX, Permission.DECIDE_ON_THE_BOX})
"""What an operator may do at the machine's own command line only, never with a token."""


def allows(actor: Actor, permission: Permission) -> bool:
    """Return whether the table lets this actor do that."""
    here = permission not in ON_THE_BOX or actor.channel is Channel.COMMAND_LINE
    return here and actor.role in TABLE[permission]


def require(actor: Actor, permission: Permission) -> None:
    """Raise Forbidden unless the table lets this actor do that."""
    if not allows(actor, permission):
        raise Forbidden(f"The role {actor.role.value} may not do this ({permission.value})")


class Unlocker(Protocol):
    """The unlock, however it is run: `Unlocking` itself, or bounded as a web worker needs it."""

    def unlock(self, request: UnlockRequest) -> User:
        """Unlock a user (see `Unlocking.unlock`)."""
        ...

    def preview(self, actor: Actor, user: User) -> Preview:
        """Say what an unlock would do (see `Unlocking.preview`)."""
        ...


_TRIES = 100
"""How often an act is repeated because somebody else wrote the user first: each time somebody did."""


class GroupingStore(Store, Groups, Pleas, Protocol):
    """A store that keeps groups and pleas too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the views work with; put together once by the composition root."""

    store: GroupingStore
    unlocking: Unlocker
    clock: Clock
    rules: LedgerRules


def for_actor(actor: Actor, services: Services) -> "TenantView":
    """Return the view of the actor's own tenant. Raises Forbidden for an actor who has none: an operator, the agent."""
    if actor.tenant is None:
        raise Forbidden(f"The role {actor.role.value} sees no people: it belongs to no company account")
    return TenantView(actor, actor.tenant, services)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What people may see of themselves, whatever role they hold: their own user, and what keeps it out."""

    user: User
    locks: tuple[Lock, ...]

    @property
    def role(self) -> Role | None:
        """Return the role they hold now; a locked person has none."""
        return None if self.locks else self.user.role


def own(user_id: UserId, tenant: TenantId, services: Services) -> Own:
    """Return a person's view of themselves. Raises NotFound where they are gone, or in another tenant now."""
    user = services.store.user(user_id)
    if user is None or user.tenant != tenant:
        raise NotFound("Your account is no longer in this company account")
    return Own(user=user, locks=locks_in_force(user.locks, services.clock.now()))


class TenantView:
    """One tenant as one actor may see and change it."""

    def __init__(self, actor: Actor, tenant: TenantId, services: Services) -> None:
        self.actor = actor
        self._tenant = tenant
        self._services = services

    @property
    def sees_evidence(self) -> bool:
        """Return whether evidence, DNs and who acted may be shown to this actor."""
        return allows(self.actor, Permission.READ_EVIDENCE)

    @property
    def rules(self) -> LedgerRules:
        """Return who may clear what, for showing it."""
        return self._services.rules

    def may_clear(self, lock: Lock) -> bool:
        """Return whether an unlock by this actor would try to end such a lock."""
        return allows(self.actor, Permission.UNLOCK) and remedy(lock.reason, self.rules) is not Remedy.NONE

    def now(self) -> datetime:
        """Return the moment at which this view answers; what is in force depends on it."""
        return self._services.clock.now()

    def user(self, user_id: UserId) -> User:
        """Return one user. Raises NotFound alike for a missing, a foreign and (for connections) a deleted one."""
        require(self.actor, Permission.READ_USERS)
        user = self._services.store.user(user_id)
        if user is None or user.tenant != self._tenant or (user.deleted_by and not self._sees_deleted):
            raise NotFound(f"There is no user {user_id}")
        return user

    def find(self, query: Query, page: Page) -> UserPage:
        """Return the users that satisfy the query, of this tenant and visible to this actor only."""
        require(self.actor, Permission.READ_USERS)
        if not self._sees_deleted:
            query = And((Not(Present(Attribute.DELETED_BY)), query))
        return self._services.store.find(self._tenant, query, page, self.now())

    def create(self, profile: Profile, *, active: bool) -> User:
        """Create or adopt a user (see `provisioning.create`)."""
        require(self.actor, Permission.PROVISION)
        return provisioning.create(self._services.store, self._services.clock, self.actor, profile, active=active)

    def edit(self, user_id: UserId, wanted: Edit, version: Revision | None = None) -> User:
        """Change a user's profile or `active` (see `provisioning.edit`); `version` is the one the caller saw."""
        require(self.actor, Permission.PROVISION)
        store, clock = self._services.store, self._services.clock
        return self._with(user_id, version, lambda user: provisioning.edit(store, clock, self.actor, user, wanted))

    def delete(self, user_id: UserId, version: Revision | None = None) -> None:
        """Delete a user for the tenant's connections (see `provisioning.delete`)."""
        require(self.actor, Permission.PROVISION)
        store, clock = self._services.store, self._services.clock
        self._with(user_id, version, lambda user: provisioning.delete(store, clock, self.actor, user))

    def hold(self, user_id: UserId, note: str, until: datetime | None = None) -> User:
        """Lock a user (see `provisioning.hold`).

        Raises Forbidden for whom this actor may not unlock: such a lock would stay until somebody breaks the glass.
        """
        require(self.actor, Permission.HOLD)
        store, clock = self._services.store, self._services.clock

        def act(user: User) -> User:
            why = why_protected(self.actor, user)
            if why:
                raise Forbidden(f"Whom you may not unlock you may not lock either. {why}")
            return provisioning.hold(store, clock, self.actor, user, note, until)

        return self._with(user_id, None, act)

    def unlock(self, user_id: UserId, shown: frozenset[LockId] | None = None, comment: str = "") -> User:
        """Unlock a user (see `Unlocking.unlock`); `shown` are the locks the caller saw."""
        require(self.actor, Permission.UNLOCK)
        request = UnlockRequest(actor=self.actor, user=self.user(user_id), shown=shown, comment=comment)
        return self._services.unlocking.unlock(request)

    def preview(self, user_id: UserId) -> Preview:
        """Say what an unlock would do now (see `Unlocking.preview`)."""
        require(self.actor, Permission.UNLOCK)
        return self._services.unlocking.preview(self.actor, self.user(user_id))

    def pleas(self) -> tuple[Pleading, ...]:
        """Return the open pleas of this tenant's locked users (see `ims.pleas`)."""
        require(self.actor, Permission.UNLOCK)
        return pleas.open_pleas(self._services.store, self._tenant, self.now())

    def dismiss(self, plea: PleaId) -> None:
        """Dismiss a plea (see `pleas.dismiss`)."""
        require(self.actor, Permission.UNLOCK)
        pleas.dismiss(self._services.store, self._services.clock, self.actor, self._tenant, plea)

    # groups ----------------------------------------------------------------------------------------------------------

    def group(self, group_id: GroupId) -> Group:
        """Return one group. Raises NotFound alike for a missing and a foreign one."""
        require(self.actor, Permission.READ_GROUPS)
        group = self._services.store.group(group_id)
        if group is None or group.tenant != self._tenant:
            raise NotFound(f"There is no group {group_id}")
        return group

    def find_groups(self, query: Query, page: Page) -> GroupPage:
        """Return the groups of this tenant that satisfy the query."""
        require(self.actor, Permission.READ_GROUPS)
        return self._services.store.find_groups(self._tenant, query, page)

    def members(self, groups: Iterable[Group]) -> Mapping[GroupId, tuple[GroupMember, ...]]:
        """Return the members of groups that this view has returned."""
        require(self.actor, Permission.READ_GROUPS)
        return self._services.store.members([group.id for group in groups if group.tenant == self._tenant])

    def memberships(self, users: Iterable[User]) -> Mapping[UserId, tuple[Membership, ...]]:
        """Return the groups of users whom this view has returned."""
        require(self.actor, Permission.READ_GROUPS)
        return self._services.store.memberships([user.id for user in users if user.tenant == self._tenant])

    def create_group(self, wanted: GroupEdit) -> Group:
        """Create a group (see `grouping.create`)."""
        require(self.actor, Permission.PROVISION)
        return grouping.create(self._services.store, self._services.clock, self.actor, wanted)

    def edit_group(self, group: Group, wanted: GroupEdit) -> Group:
        """Change a group that this view has returned (see `grouping.edit`)."""
        require(self.actor, Permission.PROVISION)
        return grouping.edit(self._services.store, self._services.clock, self.actor, group, wanted)

    def delete_group(self, group: Group) -> None:
        """Delete a group that this view has returned (see `grouping.delete`)."""
        require(self.actor, Permission.PROVISION)
        grouping.delete(self._services.store, self._services.clock, self.actor, group)

    # audit and batches -----------------------------------------------------------------------------------------------

    def audit(self, user_id: UserId | None = None, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Return this tenant's newest audit rows, newest first."""
        require(self.actor, Permission.READ_AUDIT)
        return self._services.store.audit(tenant=self._tenant, user=user_id, limit=limit)

    def held(self) -> tuple[Part, ...]:
        """Return what the brake keeps back of this tenant alone, oldest first; who would leave it is not in it."""
        require(self.actor, Permission.DECIDE)
        return deciding.parts(self._services.store, self._tenant)

    def held_part(self, batch: BatchId) -> Part:
        """Return this tenant's part of a batch. Raises NotFound alike for a missing one and one without any."""
        require(self.actor, Permission.DECIDE)
        return deciding.part(self._services.store, batch, self._tenant)

    def decide(self, batch: BatchId, decision: Decision, names: Collection[str] = ()) -> tuple[HeldItem, ...]:
        """Approve or reject this tenant's part of a batch, or the named users of it (see `deciding.decide`)."""
        found = self.held_part(batch)
        items = deciding.chosen(found, names, decision)
        deciding.decide(self._services.store, self._services.clock, self.actor, found, items, decision)
        return items

    @property
    def _sees_deleted(self) -> bool:
        """Return whether users whom a connection has deleted are still there for this actor: for people they are."""
        return self.actor.role not in CONNECTION_ROLES

    def _with(self, user_id: UserId, version: Revision | None, act: Callable[[User], T]) -> T:
        """Do something to a user. No version named means the latest: a write in between is no reason to fail."""
        user = self._seen(user_id, version)
        for _ in range(_TRIES if version is None else 0):
            try:
                return act(user)
            except StaleVersion:
                user = self._seen(user_id, None)
        return act(user)

    def _seen(self, user_id: UserId, version: Revision | None) -> User:
        user = self.user(user_id)
        if version is not None and version != user.version:
            raise StaleVersion(f"{user.profile.user_name} was changed meanwhile; read the user again, then repeat")
        return user
