"""Groups that connections provision: named sets of users and of other groups (RFC 7643 section 4.2).

A group's members are no part of the group as it is read and compared: a group of 100,000 is renamed without reading
them, and gains one without writing the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from ims.audit import AuditEntry
from ims.people import ConnectionName, Revision, TenantId, UserId
from ims.query import Page, Query

GroupId = NewType("GroupId", str)
"""Made by Lockstep, as a user's id is."""


NOT_WRITTEN = Revision(0)
"""The version of what the store has never seen."""


class MemberKind(StrEnum):
    """What a member of a group is, in SCIM's words."""

    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group without its members. `connection` owns it."""

    id: GroupId
    tenant: TenantId
    display_name: str
    created: datetime
    modified: datetime
    external_id: str = ""
    connection: ConnectionName | None = None
    version: Revision = NOT_WRITTEN


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A user or a group in a group. `display` is the name to show, as it is at the moment of reading."""

    id: str
    kind: MemberKind
    display: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """That a user belongs to a group: by itself, or through a group within it."""

    group: GroupId
    display: str
    direct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEdit:
    """What becomes of a group's members: `removed` are taken out, or all if it `empties`, then `added` are put in."""

    empties: bool = False
    removed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether anything is to be done at all."""
        return self.empties or bool(self.removed or self.added)

    def then_add(self, ids: Iterable[str]) -> "MemberEdit":
        """Return this edit, followed by putting these in."""
        more = frozenset(ids)
        return MemberEdit(empties=self.empties, removed=self.removed - more, added=self.added | more)

    def then_remove(self, ids: Iterable[str]) -> "MemberEdit":
        """Return this edit, followed by taking these out."""
        less = frozenset(ids)
        return MemberEdit(empties=self.empties, removed=self.removed | less, added=self.added - less)

    def then_replace(self, ids: Iterable[str]) -> "MemberEdit":
        """Return the edit after which exactly these are members, whatever was before."""
        return MemberEdit(empties=True, added=frozenset(ids))


NO_CHANGE = MemberEdit()
"""The edit that leaves the members as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """A group as it shall be, planned on the state of version `base`, and what becomes of its members."""

    group: Group
    base: Revision
    members: MemberEdit = NO_CHANGE
    audit: tuple[AuditEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """One part of an answer and how many groups satisfy the query in all."""

    groups: tuple[Group, ...]
    total: int


class Groups(Protocol):
    """Where groups are kept."""

    def group(self, group_id: GroupId) -> Group | None:
        """Return one group, or None."""
        ...

    def find_groups(self, tenant: TenantId, query: Query, page: Page) -> GroupPage:
        """Return the groups of a tenant that satisfy `query`, ordered as the page says."""
        ...

    def members(self, groups: Iterable[GroupId]) -> Mapping[GroupId, tuple[GroupMember, ...]]:
        """Return the members of these groups, ordered by id; a group without any is left out."""
        ...

    def memberships(self, users: Iterable[UserId]) -> Mapping[UserId, tuple[Membership, ...]]:
        """Return the groups to which users belong, by themselves or through others, each once, in order of names."""
        ...

    def kinds(self, tenant: TenantId, ids: Iterable[str]) -> Mapping[str, MemberKind]:
        """Return what each of these ids is in a tenant; whoever is not there, or is deleted, is left out."""
        ...

    def write_group(self, change: GroupChange) -> Group:
        """Write a group and its members. Raises StaleVersion if it was written after `base`, StoreUnusable."""
        ...

    def remove_group(self, group: Group, audit: Iterable[AuditEntry]) -> None:
        """Remove a group, also from the groups that hold it. Raises StaleVersion as above, StoreUnusable."""
        ...
