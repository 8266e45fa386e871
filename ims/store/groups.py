"""Groups, read and written. Users are named by id here, not by row: a user's row is written anew with every change."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, delete, func, insert, select, update

from ims.audit import AuditEntry
from ims.errors import InvalidInput, StaleVersion
from ims.groups import Group, GroupChange, GroupId, GroupMember, GroupPage, MemberEdit, MemberKind, Membership
from ims.people import Revision, TenantId, UserId
from ims.query import Page, Query
from ims.store.audit import append
from ims.store.engine import Part, among, chunks
from ims.store.group_query import compiled, in_order, nested
from ims.store.tables import group_members, groups, revision, users

_WHOLE = tuple(
    groups.c[name]
    for name in ("id", "tenant", "display_name", "external_id", "connection", "created", "modified", "version")
)


class SqlGroups(Part):
    """Groups with their members."""

    def group(self, group_id: GroupId) -> Group | None:
        """Return one group, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_WHOLE).where(groups.c.id == group_id)).mappings().first()
        return _group_of(row) if row else None

    def find_groups(self, tenant: TenantId, query: Query, page: Page) -> GroupPage:
        """Return the groups of a tenant that satisfy `query`, ordered as the page says. Raises InvalidInput."""
        if page.limit < 0 or page.offset < 0:
            raise InvalidInput(f"A page has no negative size or offset ({page.limit}, {page.offset})")
        condition = and_(groups.c.tenant == tenant, compiled(query))
        asked = select(*_WHOLE).where(condition).order_by(*in_order(page.sort)).limit(page.limit).offset(page.offset)
        if page.after is not None:
            asked = asked.where(groups.c.id > page.after)
        with self._database.reading() as connection:
            found = tuple(_group_of(row) for row in connection.execute(asked).mappings().all()) if page.limit else ()
            total = connection.execute(select(func.count()).select_from(groups).where(condition)).scalar_one()
        return GroupPage(groups=found, total=total)

    def members(self, wanted: Iterable[GroupId]) -> Mapping[GroupId, tuple[GroupMember, ...]]:
        """Return the members of these groups, ordered by id; a group without any is left out."""
        inner = groups.alias()
        asked = (
            select(
                groups.c.id.label("group"),
                group_members.c.member,
                group_members.c.kind,
                func.coalesce(*_user_names(), inner.c.display_name, "").label("display"),
            )
            .join(groups, groups.c.number == group_members.c.group)
            .outerjoin(users, and_(group_members.c.kind == MemberKind.USER.value, users.c.id == group_members.c.member))
            .outerjoin(
                inner, and_(group_members.c.kind == MemberKind.GROUP.value, inner.c.id == group_members.c.member)
            )
            .where(among(groups.c.id, wanted))
            .order_by(groups.c.id, group_members.c.member)
        )
        with self._database.reading() as connection:
            rows = connection.execute(asked).all()
        return {
            GroupId(group): tuple(
                GroupMember(id=row.member, kind=MemberKind(row.kind), display=row.display) for row in some
            )
            for group, some in groupby(rows, key=lambda row: row.group)
        }

    def memberships(self, wanted: Iterable[UserId]) -> Mapping[UserId, tuple[Membership, ...]]:
        """Return the groups to which users belong, each once, in order of names."""
        nest = nested()
        direct = func.max(case((nest.c.below == nest.c.above, 1), else_=0))
        asked = (
            select(group_members.c.member, groups.c.id, groups.c.display_name, direct.label("direct"))
            .join(nest, nest.c.below == group_members.c.group)
            .join(groups, groups.c.number == nest.c.above)
            .where(group_members.c.kind == MemberKind.USER.value, among(group_members.c.member, wanted))
            .group_by(group_members.c.member, groups.c.id, groups.c.display_name)
            .order_by(group_members.c.member, groups.c.display_name, groups.c.id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(asked).all()
        return {
            UserId(user): tuple(
                Membership(group=GroupId(row.id), display=row.display_name, direct=bool(row.direct)) for row in some
            )
            for user, some in groupby(rows, key=lambda row: row.member)
        }

    def kinds(self, tenant: TenantId, ids: Iterable[str]) -> Mapping[str, MemberKind]:
        """Return what each of these ids is in a tenant; whoever is not there, or is deleted, is left out."""
        wanted = list(ids)
        with self._database.reading() as connection:
            return _kinds(connection, tenant, wanted)

    def write_group(self, change: GroupChange) -> Group:
        """Write a group and its members. Raises StaleVersion, StoreUnusable."""
        with self._database.writing() as connection:
            version = _next_version(connection)
            number = _number(connection, change.group, change.base)
            values = _row_of(change.group, version)
            if number is None:
                number = connection.execute(insert(groups).values(values).returning(groups.c.number)).scalar_one()
            else:
                connection.execute(update(groups).where(groups.c.number == number).values(values))
            _write_members(connection, number, change.group.tenant, change.members)
            append(connection, list(change.audit))
        return replace(change.group, version=version)

    def remove_group(self, group: Group, audit: Iterable[AuditEntry]) -> None:
        """Remove a group, also from the groups that hold it. Raises StaleVersion, StoreUnusable."""
        with self._database.writing() as connection:
            _next_version(connection)
            number = _number(connection, group, group.version)
            forget_members(connection, [group.id])
            connection.execute(delete(groups).where(groups.c.number == number))
            append(connection, list(audit))


def _user_names() -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Return what to call a user: the name to show, or else the user name."""
    return func.json_extract(users.c.profile, "$.displayName"), func.json_extract(users.c.profile, "$.userName")


def forget_members(connection: Connection, ids: Iterable[str]) -> None:
    """Take users or groups who are gone out of all groups."""
    for some in chunks(list(ids)):
        connection.execute(delete(group_members).where(group_members.c.member.in_(some)))


def _next_version(connection: Connection) -> Revision:
    last = connection.execute(select(revision.c.number).with_for_update()).scalar_one()
    connection.execute(update(revision).values(number=last + 1))
    return Revision(last + 1)


def _number(connection: Connection, group: Group, base: Revision) -> int | None:
    """Return the row of a group that is still as it was planned on; None for a new one. Raises StaleVersion."""
    row = connection.execute(select(groups.c.number, groups.c.version).where(groups.c.id == group.id)).first()
    if (row is None) != (base == 0) or (row is not None and row.version != base):
        raise StaleVersion(f"{group.display_name} was changed meanwhile; read the group again, then repeat")
    return None if row is None else int(row.number)


def _write_members(connection: Connection, number: int, tenant: TenantId, edit: MemberEdit) -> None:
    mine = group_members.c.group == number
    if edit.empties:
        connection.execute(delete(group_members).where(mine))
    for some in chunks(sorted(edit.removed | edit.added)):
        connection.execute(delete(group_members).where(mine, group_members.c.member.in_(some)))
    kinds = _kinds(connection, tenant, sorted(edit.added))
    rows = [{"group": number, "member": member, "kind": kind.value} for member, kind in kinds.items()]
    if rows:
        connection.execute(insert(group_members), rows)


def _kinds(connection: Connection, tenant: TenantId, ids: list[str]) -> dict[str, MemberKind]:
    of_users = select(users.c.id).where(users.c.tenant == tenant, users.c.deleted_by_key == "", among(users.c.id, ids))
    of_groups = select(groups.c.id).where(groups.c.tenant == tenant, among(groups.c.id, ids))
    if not ids:
        return {}
    found = dict.fromkeys(connection.execute(of_users).scalars(), MemberKind.USER)
    return found | dict.fromkeys(connection.execute(of_groups).scalars(), MemberKind.GROUP)


def _row_of(group: Group, version: Revision) -> dict[str, object]:
    return {
        "id": group.id,
        "tenant": group.tenant,
        "display_name": group.display_name,
        "display_name_key": group.display_name.casefold(),
        "external_id": group.external_id,
        "connection": group.connection or "",
        "created": group.created,
        "modified": group.modified,
        "version": version,
    }


def _group_of(row: RowMapping) -> Group:
    return Group(
        id=row["id"],
        tenant=row["tenant"],
        display_name=row["display_name"],
        external_id=row["external_id"],
        connection=row["connection"] or None,
        created=row["created"],
        modified=row["modified"],
        version=Revision(row["version"]),
    )
