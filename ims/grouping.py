"""What an identity provider's connection may do to groups of its tenant.

A connection owns the groups that it made. Members must be there, in the same tenant, before anything is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from ims.audit import Action, AuditEntry, Result
from ims.errors import Forbidden, InvalidInput
from ims.groups import NO_CHANGE, Group, GroupChange, GroupId, Groups, MemberEdit
from ims.people import Actor, ConnectionName, TenantId, new_user_id
from ims.ports import Clock

_SHOWN_MAX = 5
"""How many members an error or an audit row names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEdit:
    """What a connection wants changed: None leaves a text as it is."""

    display_name: str | None = None
    external_id: str | None = None
    members: MemberEdit = NO_CHANGE


class Store(Groups, Protocol):
    """What these rules need of the store."""


def create(store: Store, clock: Clock, actor: Actor, wanted: GroupEdit) -> Group:
    """Create a group in the actor's tenant. Raises InvalidInput without a name, or for members who are not there."""
    tenant, connection = _of(actor)
    now = clock.now()
    group = Group(
        id=GroupId(new_user_id()),
        tenant=tenant,
        display_name=_named(wanted.display_name or ""),
        external_id=wanted.external_id or "",
        connection=connection,
        created=now,
        modified=now,
    )
    _require_there(store, group, wanted.members)
    row = _row(actor, Action.GROUP_CREATED, group, clock, _told(wanted.members))
    return store.write_group(GroupChange(group=group, base=group.version, members=wanted.members, audit=(row,)))


def edit(store: Store, clock: Clock, actor: Actor, group: Group, wanted: GroupEdit) -> Group:
    """Change a group. What changes nothing writes nothing.

    Raises Forbidden for a group that another connection owns, InvalidInput as `create`, StaleVersion if the group was
    changed since it was read.
    """
    _, connection = _of(actor)
    changed = replace(
        group,
        display_name=group.display_name if wanted.display_name is None else _named(wanted.display_name),
        external_id=group.external_id if wanted.external_id is None else wanted.external_id,
    )
    members = _effective(store, group, wanted.members)
    if changed == group and not members:
        return group
    _require_own(group, connection, "change")
    _require_there(store, group, members)
    row = _row(actor, Action.GROUP_CHANGED, changed, clock, _told(members))
    written = replace(changed, modified=clock.now())
    return store.write_group(GroupChange(group=written, base=group.version, members=members, audit=(row,)))


def delete(store: Store, clock: Clock, actor: Actor, group: Group) -> None:
    """Delete a group; its members stay what they are. Raises Forbidden and StaleVersion as `edit`."""
    _, connection = _of(actor)
    _require_own(group, connection, "delete")
    store.remove_group(group, (_row(actor, Action.GROUP_DELETED, group, clock, ""),))


def _of(actor: Actor) -> tuple[TenantId, ConnectionName]:
    if actor.tenant is None or actor.connection is None:
        raise Forbidden("Only a connection of a company account may provision groups")
    return actor.tenant, actor.connection


def _named(name: str) -> str:
    if not name.strip():
        raise InvalidInput("A group needs a displayName that is not blank")
    return name


def _require_own(group: Group, connection: ConnectionName, act: str) -> None:
    if group.connection not in (connection, None):
        raise Forbidden(f"{group.display_name} belongs to another connection; only that one may {act} it")


def _effective(store: Store, group: Group, wanted: MemberEdit) -> MemberEdit:
    """Return what an edit of members would really change, so that a repeated request makes no new version."""
    if not wanted:
        return wanted
    held = frozenset(member.id for member in store.members([group.id]).get(group.id, ()))
    after = (frozenset() if wanted.empties else held - wanted.removed) | wanted.added
    return MemberEdit(removed=held - after, added=after - held)


def _require_there(store: Store, group: Group, members: MemberEdit) -> None:
    """Refuse members who are not there: a group that names them would never mean them. Foreign ones look the same."""
    if group.id in members.added:
        raise InvalidInput(f"{group.display_name} cannot be a member of itself")
    missing = sorted(members.added - store.kinds(group.tenant, members.added).keys())
    if missing:
        raise InvalidInput(f"There is no user or group {_some(missing)}; a member has to be created first")


def _row(actor: Actor, action: Action, group: Group, clock: Clock, detail: str) -> AuditEntry:
    return AuditEntry(
        at=clock.now(),
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=action,
        result=Result.DONE,
        subject=group.display_name,
        tenant=group.tenant,
        detail=detail,
        reference=group.id,
    )


def _told(members: MemberEdit) -> str:
    parts = [
        f"{word} {_some(sorted(ids))}" for word, ids in (("added", members.added), ("removed", members.removed)) if ids
    ]
    return "; ".join(parts)


def _some(ids: Iterable[str]) -> str:
    shown = list(ids)
    rest = len(shown) - _SHOWN_MAX
    return ", ".join(shown[:_SHOWN_MAX]) + (f" and {rest} more" if rest > 0 else "")
