"""Users, read and written: by id, by question, by entry, by name; and what the sync must read again."""

from collections.abc import Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true, union

from ims.errors import InvalidInput
from ims.names import key_of_name
from ims.people import Affiliation, AffiliationStatus, DirectoryName, EntryId, Revision, TenantId, User, UserId
from ims.ports import Applied, Batch, KnownEntries
from ims.query import Page, Query, UserPage
from ims.store.bulk import apply
from ims.store.digests import entries_with, known_entries
from ims.store.engine import Part, among
from ims.store.query import compiled, in_order
from ims.store.rows import WHOLE, user_of
from ims.store.tables import TO_CONFIRM, affiliations, entries, held_items, locks, revision, users


class SqlPeople(Part):
    """Users with their locks, affiliations and entries."""

    def revision(self) -> Revision:
        """Return the number of the last committed write; every write committed later has a higher one."""
        with self._database.reading() as connection:
            return Revision(connection.execute(select(revision.c.number)).scalar_one())

    def user(self, user_id: UserId) -> User | None:
        """Return one user whole, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(*WHOLE).where(users.c.id == user_id)).mappings().first()
        return user_of(row) if row else None

    def find(self, tenant: TenantId | None, query: Query, page: Page, now: datetime) -> UserPage:
        """Return the users of `tenant` (None = of all) that satisfy `query` at `now`, ordered as the page says.

        Exact for every `now` from the last write of a user on. Raises InvalidInput for a question or a page that makes
        no sense.
        """
        if page.limit < 0 or page.offset < 0:
            raise InvalidInput(f"A page has no negative size or offset ({page.limit}, {page.offset})")
        with self._database.reading() as connection:
            condition = and_(_in_tenant(tenant), compiled(query, now))
            found = _users(connection, _page(condition, page, now)) if page.limit else ()
            total = _known_total(page, len(found))
            if total is None:
                total = connection.execute(select(func.count()).select_from(users).where(condition)).scalar_one()
        return UserPage(users=found, total=total)

    def behind(self, directory: DirectoryName, entry_ids: Iterable[EntryId]) -> Mapping[EntryId, User]:
        """Return the users behind these entries; entries without a user are left out."""
        asked = (
            select(entries.c.entry_id, *WHOLE)
            .join(users, users.c.number == entries.c.user)
            .where(entries.c.directory == directory, among(entries.c.entry_id, entry_ids))
        )
        with self._database.reading() as connection:
            return {row["entry_id"]: user_of(row) for row in connection.execute(asked).mappings().all()}

    def named(self, tenant: TenantId, user_names: Iterable[str]) -> Mapping[str, User]:
        """Return the users with these user names (compared as `key_of_name` does), by that key."""
        keys = {key_of_name(name) for name in user_names}
        asked = select(*WHOLE).where(users.c.tenant == tenant, among(users.c.user_name_key, keys))
        with self._database.reading() as connection:
            return {key_of_name(user.profile.user_name): user for user in _users(connection, asked)}

    def entry_ids(self, directory: DirectoryName) -> Mapping[EntryId, str]:
        """Return every known entry of a directory with its DN: what is left over after a complete reading is absent."""
        with self._database.reading() as connection:
            asked = select(entries.c.entry_id, entries.c.dn).where(entries.c.directory == directory)
            return dict(map(tuple, connection.execute(asked)))

    def known_entries(
        self,
        directory: DirectoryName,
        now: datetime,
        but_not: Container[EntryId] = (),
    ) -> KnownEntries:
        """Return every known entry of a directory, by whether its digest counts at `now` (see `ims.store.digests`)."""
        with self._database.reading() as connection:
            return known_entries(connection, directory, now, but_not)

    def entries_with(self, directory: DirectoryName, digests: AbstractSet[bytes]) -> set[EntryId]:
        """Return the entries whose digest is one of these; an entry that was written since has none."""
        with self._database.reading() as connection:
            return entries_with(connection, directory, digests) if digests else set()

    def to_reread(self, directory: DirectoryName, now: datetime) -> frozenset[EntryId]:
        """Return the entries a tick must read though nothing tells it to.

        Those with a lock from this directory that is not over, a transition due by `now`, or an absence or
        un-affiliation to confirm that the brake does not keep back: that waits for a person, and is read completely
        before it happens. A transition stays due until a complete pass that began after it commits.
        """
        links = select(entries.c.entry_id, entries.c.directory)
        held = select(held_items.c.entry_id).where(held_items.c.directory == directory)
        to_confirm = (TO_CONFIRM, entries.c.entry_id.not_in(held))
        not_over = or_(locks.c.until.is_(None), locks.c.until > now)
        asked = union(
            links.where(entries.c.directory == directory, *to_confirm),
            links.where(entries.c.user.in_(select(locks.c.user).where(locks.c.source == directory, not_over))),
            links.where(entries.c.user.in_(select(users.c.number).where(users.c.next_transition <= now))),
        )
        with self._database.reading() as connection:
            return frozenset(row.entry_id for row in connection.execute(asked) if row.directory == directory)

    def count(self, tenant: TenantId | None = None, directory: DirectoryName | None = None) -> int:
        """Return how many users there are, in a tenant or with an entry in a directory."""
        here = entries.c.directory == directory
        if tenant is None and directory is not None:
            counted = select(func.count()).select_from(entries).where(here)
        else:
            condition = users.c.number.in_(select(entries.c.user).where(here)) if directory is not None else true()
            counted = select(func.count()).select_from(users).where(_in_tenant(tenant), condition)
        with self._database.reading() as connection:
            return connection.execute(counted).scalar_one()

    def raised_by(self, pass_id: str) -> tuple[User, ...]:
        """Return the users who hold a lock that this pass raised, ordered by id."""
        holders = select(locks.c.user).where(locks.c.raised_by == pass_id)
        with self._database.reading() as connection:
            return _users(connection, select(*WHOLE).where(users.c.number.in_(holders)).order_by(users.c.id))

    def history(self, user_id: UserId) -> tuple[tuple[TenantId, Affiliation], ...]:
        """Return a user's affiliations, oldest first, each with its tenant."""
        asked = select(affiliations).where(affiliations.c.user == user_id).order_by(affiliations.c.number)
        with self._database.reading() as connection:
            return tuple(
                (row.tenant, Affiliation(status=AffiliationStatus(row.status), since=row.since, rule=row.rule))
                for row in connection.execute(asked)
            )

    def apply(self, batch: Batch) -> Applied:
        """Commit a batch, or nothing of it (see `bulk.apply`)."""
        with self._database.writing() as connection:
            return apply(connection, batch, self._clock.now())


def _in_tenant(tenant: TenantId | None) -> ColumnElement[bool]:
    return true() if tenant is None else users.c.tenant == tenant


def _page(condition: ColumnElement[bool], page: Page, now: datetime) -> Select[tuple[object, ...]]:
    """Return the statement for one page. What an offset skips is skipped in an index, without reading any row."""
    order = in_order(page.sort, now)
    numbers = select(users.c.number).where(condition).order_by(*order).limit(page.limit)
    if page.after is not None:
        numbers = numbers.where(users.c.id > page.after)
    if page.offset:
        numbers = numbers.offset(page.offset)
    return select(*WHOLE).where(users.c.number.in_(numbers)).order_by(*order)


def _known_total(page: Page, found: int) -> int | None:
    """Return the total where the page itself tells it: the last page, reached by offset."""
    last = page.after is None and found < page.limit
    return page.offset + found if last and (found or not page.offset) else None


def _users(connection: Connection, asked: Select[tuple[object, ...]]) -> tuple[User, ...]:
    return tuple(user_of(row) for row in connection.execute(asked).mappings().all())
