"""Writing users: a batch in one transaction, all or nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from ims.errors import InvalidInput, NotUnique
from ims.names import key_of_name
from ims.people import Revision, TenantId, User, UserId
from ims.ports import Applied, Batch, UserChange
from ims.store.audit import append
from ims.store.digests import save_digests
from ims.store.engine import among, chunks, insert_rows, insert_tuples
from ims.store.groups import forget_members
from ims.store.held import counted_rows
from ims.store.intents import close, require_open
from ims.store.rows import (
    ADDRESS_COLUMNS,
    CONTACT_COLUMNS,
    ENTRY_COLUMNS,
    LOCK_COLUMNS,
    USER_COLUMNS,
    Values,
    address_rows,
    contact_rows,
    entry_rows,
    lock_rows,
    user_row,
)
from ims.store.sync_state import applied_before, require_fence, save_progress
from ims.store.tables import (
    addresses,
    affiliations,
    contacts,
    counted,
    entries,
    locks,
    microseconds,
    revision,
    tokens,
    users,
)

_HISTORY_COLUMNS = ("user", "tenant", "status", "since", "rule")


def apply(connection: Connection, batch: Batch, now: datetime) -> Applied:
    """Write a batch, in a transaction of the caller, as of `now`.

    A batch of a pass that was applied before is not applied again. Raises FenceLost, Conflict (the intent that the
    batch closes is closed already: one effect per intent), NotUnique (naming who holds what) or InvalidInput.
    """
    last = Revision(connection.execute(select(revision.c.number).with_for_update()).scalar_one())
    if batch.closes is not None:
        require_open(connection, batch.closes)
    if batch.progress is not None:
        require_fence(connection, batch.progress.fence)
        before = applied_before(connection, batch.progress)
        if before is not None:
            return before
    sorted_out = _sort_out(connection, batch.changes)
    if batch.closes is not None and sorted_out.dropped:
        return Applied(revision=last, dropped=sorted_out.dropped)
    applied = Applied(revision=Revision(last + 1), dropped=sorted_out.dropped)
    _write(connection, batch, sorted_out, applied, now)
    return applied


@dataclass(frozen=True, slots=True, kw_only=True)
class _SortedOut:
    """Which changes are still true to what they were planned on, and which users they replace."""

    kept: tuple[UserChange, ...]
    replaced: tuple[UserId, ...]
    dropped: tuple[UserId, ...]


def _sort_out(connection: Connection, changes: Sequence[UserChange]) -> _SortedOut:
    ids = [change.user.id for change in changes]
    twice = [user_id for user_id, times in Counter(ids).items() if times > 1]
    if twice:
        raise InvalidInput(f"A batch changes a user once only, but it names {', '.join(twice)} more often")
    versions = _versions(connection, ids)
    kept = tuple(change for change in changes if not _moved(change, versions))
    staying = {change.user.id for change in kept}
    return _SortedOut(
        kept=kept,
        replaced=tuple(UserId(user_id) for user_id in ids if user_id in staying and user_id in versions),
        dropped=tuple(UserId(user_id) for user_id in ids if user_id not in staying),
    )


def _versions(connection: Connection, ids: Sequence[str]) -> Mapping[str, int]:
    asked = select(users.c.id, users.c.version).where(among(users.c.id, ids))
    return {row.id: row.version for row in connection.execute(asked)} if ids else {}


def _moved(change: UserChange, versions: Mapping[str, int]) -> bool:
    """Return whether the user was written, or removed, after the state on which the change was planned."""
    if change.user.id in versions:
        return versions[change.user.id] > change.base
    return change.user.version > 0


def _write(connection: Connection, batch: Batch, sorted_out: _SortedOut, applied: Applied, now: datetime) -> None:
    kept = sorted_out.kept
    _forget(connection, batch.removed)
    _delete_users(connection, sorted_out.replaced)
    _refuse_taken([change.user for change in kept], connection)
    _insert_users(connection, kept, applied.revision, now)
    forget_members(connection, [change.user.id for change in kept if change.user.deleted_by])
    history = [row for change in kept for row in _history_rows(change)]
    insert_tuples(connection, affiliations, _HISTORY_COLUMNS, history)
    insert_rows(connection, counted, (row for change in kept for row in counted_rows(change.counted)))
    append(connection, [*(entry for change in kept for entry in change.audit), *batch.audit])
    if batch.digests is not None:
        save_digests(connection, batch.digests)
    if batch.closes is not None:
        close(connection, batch.closes)
    if batch.progress is not None:
        save_progress(connection, batch.progress, applied)
    connection.execute(update(revision).values(number=applied.revision))


def _insert_users(connection: Connection, wanted: Sequence[UserChange], version: Revision, now: datetime) -> None:
    """Insert users with what is asked of them, numbered in the order of writing: tables then grow at their end."""
    last = connection.execute(select(func.max(users.c.number))).scalar_one() or 0
    numbered = list(enumerate(wanted, last + 1))
    rows = [user_row(number, one.user, version, now) for number, one in numbered]
    insert_tuples(connection, users, USER_COLUMNS, rows)
    rows = [row for number, one in numbered for row in contact_rows(number, one.user)]
    insert_tuples(connection, contacts, CONTACT_COLUMNS, rows)
    rows = [row for number, one in numbered for row in address_rows(number, one.user)]
    insert_tuples(connection, addresses, ADDRESS_COLUMNS, rows)
    rows = [row for number, one in numbered for row in lock_rows(number, one.user)]
    insert_tuples(connection, locks, LOCK_COLUMNS, rows)
    rows = [row for number, one in numbered for row in entry_rows(number, one.user, one.digest)]
    insert_tuples(connection, entries, ENTRY_COLUMNS, rows)


def _delete_users(connection: Connection, ids: Sequence[str]) -> None:
    """Delete user rows; their contacts, addresses, locks and entries go along.

    A changed user is deleted and inserted anew: two users can then swap their names in one batch.
    """
    if ids:
        connection.execute(delete(users).where(among(users.c.id, ids)))


def _forget(connection: Connection, removed: Sequence[UserId]) -> None:
    """Remove users with all that is theirs, but for the audit."""
    _delete_users(connection, removed)
    forget_members(connection, removed)
    for some in chunks(removed):
        connection.execute(delete(affiliations).where(affiliations.c.user.in_(some)))
        connection.execute(delete(tokens).where(tokens.c.user.in_(some)))


def _history_rows(change: UserChange) -> list[Values]:
    return [
        (
            change.user.id,
            change.user.tenant,
            affiliation.status.value,
            microseconds(affiliation.since),
            affiliation.rule,
        )
        for affiliation in change.history
    ]


# --- uniqueness ------------------------------------------------------------------------------------------------------


def _refuse_taken(wanted: Sequence[User], connection: Connection) -> None:
    """Raise NotUnique where two users would have one name, or one entry behind them, naming all of them at once.

    The rows that the batch replaces are gone already, so whoever is found here stays.
    """
    faults = [*_taken_names(wanted, connection), *_taken_entries(wanted, connection)]
    if faults:
        raise NotUnique(f"Nothing was written: {'; '.join(faults)}")


def _taken_names(wanted: Sequence[User], connection: Connection) -> list[str]:
    holders: dict[tuple[str, str], str] = {}
    for tenant, keys in _names_by_tenant(wanted).items():
        asked = select(users.c.user_name_key, users.c.id).where(users.c.tenant == tenant)
        found = connection.execute(asked.where(among(users.c.user_name_key, keys)))
        holders |= {(tenant, key): user_id for key, user_id in found}
    faults = []
    for user in wanted:
        holder = holders.setdefault((user.tenant, key_of_name(user.profile.user_name)), user.id)
        if holder != user.id:
            faults.append(f"the user name {user.profile.user_name} is taken in {user.tenant} (by user {holder})")
    return faults


def _names_by_tenant(wanted: Sequence[User]) -> dict[TenantId, list[str]]:
    names: dict[TenantId, list[str]] = {}
    for user in wanted:
        names.setdefault(user.tenant, []).append(key_of_name(user.profile.user_name))
    return names


def _taken_entries(wanted: Sequence[User], connection: Connection) -> list[str]:
    holders: dict[tuple[str, str], str] = {}
    links = [(user, link) for user in wanted for link in user.entries]
    asked = select(entries.c.entry_id, users.c.id).join(users, users.c.number == entries.c.user)
    for directory in {link.directory for _, link in links}:
        ids = among(entries.c.entry_id, [link.entry_id for _, link in links if link.directory == directory])
        found = connection.execute(asked.where(entries.c.directory == directory, ids))
        holders |= {(directory, entry_id): user_id for entry_id, user_id in found}
    faults = []
    for user, link in links:
        holder = holders.setdefault((link.directory, link.entry_id), user.id)
        if holder != user.id:
            name = user.profile.user_name
            faults.append(f"{name} cannot have the entry {link.dn} of {link.directory}: it is behind user {holder}")
    return faults
