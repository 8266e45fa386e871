"""A user as table rows and back: the only place that knows which part of a user goes into which column."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import RowMapping

from ims.locks import BEGINNING, NEVER, Lock, display, state_of
from ims.names import key_of_name
from ims.people import (
    CONTACT_LISTS,
    ENTERPRISE_TEXTS,
    Affiliation,
    ConnectionName,
    EntryLink,
    LastUnlock,
    Revision,
    Role,
    User,
)
from ims.ports import EntryDigest
from ims.store.codec import decode, encode
from ims.store.profiles import document_of, profile_of
from ims.store.tables import ADDRESS_PARTS, FOLDED, microseconds, users

Row = Mapping[str, Any]
Values = tuple[object, ...]
"""A row's values as the database keeps them, in the order of the table's columns."""
_FREE = tuple(map(microseconds, (BEGINNING, NEVER, NEVER)))
"""The `LockState` of somebody without locks: free, and next locked at no time, whenever that is asked."""
_FOLDED = attrgetter(*FOLDED)
_ENTERPRISE = attrgetter(*ENTERPRISE_TEXTS)
_LISTS = attrgetter(*CONTACT_LISTS)
_ADDRESS = attrgetter(*ADDRESS_PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What is kept of a user beside the profile, as one document; the fields are those of `User`."""

    affiliation: Affiliation | None = None
    role: Role | None = None
    connection: ConnectionName | None = None
    deleted_by: ConnectionName | None = None
    protected: str = ""
    entries: tuple[EntryLink, ...] = ()
    locks: tuple[Lock, ...] = ()
    last_unlock: LastUnlock | None = None


WHOLE = tuple(users.c[name] for name in ("id", "tenant", "version", "created", "modified", "profile", "standing"))
"""The columns that make a user; the others are there to be asked."""


def user_of(row: RowMapping) -> User:
    """Return the user that a row of the `WHOLE` columns holds."""
    standing = decode(_Standing, row["standing"])
    return User(
        id=row["id"],
        tenant=row["tenant"],
        profile=profile_of(row["profile"]),
        created=row["created"],
        modified=row["modified"],
        version=Revision(row["version"]),
        affiliation=standing.affiliation,
        role=standing.role,
        connection=standing.connection,
        deleted_by=standing.deleted_by,
        protected=standing.protected,
        entries=standing.entries,
        locks=standing.locks,
        last_unlock=standing.last_unlock,
    )


def locks_of(standing: str) -> tuple[Lock, ...]:
    """Return the locks in a `standing` document."""
    return decode(_Standing, standing).locks


USER_COLUMNS = (
    "number",
    "id",
    "tenant",
    "version",
    "created",
    "modified",
    "profile",
    "standing",
    "locked_until",
    "locks_at",
    "next_transition",
    "external_id",
    "user_name_key",
    "deleted_by_key",
    "affiliation_status_key",
    "affiliation_since",
    *(f"{name}_key" for name in FOLDED),
)
ADDRESS_COLUMNS = ("user", "position", *(f"{part}_key" for part in ADDRESS_PARTS), "primary")
CONTACT_COLUMNS = ("user", "kind", "position", "value_key", "type_key", "display_key", "primary")
LOCK_COLUMNS = (
    "user",
    "position",
    "id",
    "source",
    "since",
    "until",
    "raised_by",
    "reason_key",
    "source_key",
    "server_key",
    "display_key",
)
ENTRY_COLUMNS = (
    "user",
    "position",
    "directory",
    "entry_id",
    "dn",
    "seen_at",
    "to_confirm",
    "directory_key",
    "dn_key",
    "digest",
    "digest_until",
)


def user_row(number: int, user: User, version: Revision, now: datetime) -> Values:
    """Return the row of `users` for a user written at `now` as this version, as `USER_COLUMNS` lists it."""
    profile, affiliation = user.profile, user.affiliation
    state = state_of(user.locks, now) if user.locks else None
    return (
        number,
        user.id,
        user.tenant,
        version,
        microseconds(user.created),
        microseconds(user.modified),
        document_of(profile),
        encode(_standing(user)),
        *((*map(microseconds, (state.locked_until, state.locks_at, state.next_transition)),) if state else _FREE),
        profile.external_id,
        key_of_name(profile.user_name),
        (user.deleted_by or "").casefold(),
        affiliation.status.value if affiliation else "",
        microseconds(affiliation.since) if affiliation else None,
        *map(str.casefold, _FOLDED(profile)),
    )


def _standing(user: User) -> _Standing:
    return _Standing(
        affiliation=user.affiliation,
        role=user.role,
        connection=user.connection,
        deleted_by=user.deleted_by,
        protected=user.protected,
        entries=user.entries,
        locks=user.locks,
        last_unlock=user.last_unlock,
    )


def contact_rows(number: int, user: User) -> list[Values]:
    """Return the rows of `contacts` for a user, as `CONTACT_COLUMNS` lists them; a text is a list of one."""
    profile = user.profile
    texts = _ENTERPRISE(profile)
    singles = zip(ENTERPRISE_TEXTS, texts, strict=True) if any(texts) else ()
    return [
        *((number, kind, 0, text.casefold(), "", "", False) for kind, text in singles if text),
        *(
            (
                number,
                kind,
                position,
                contact.value.casefold(),
                contact.type.casefold(),
                contact.display.casefold(),
                contact.primary,
            )
            for kind, contacts in zip(CONTACT_LISTS, _LISTS(profile), strict=True)
            for position, contact in enumerate(contacts)
        ),
    ]


def address_rows(number: int, user: User) -> list[Values]:
    """Return the rows of `addresses` for a user, as `ADDRESS_COLUMNS` lists them."""
    return [
        (number, position, *map(str.casefold, _ADDRESS(address)), address.primary)
        for position, address in enumerate(user.profile.addresses)
    ]


def lock_rows(number: int, user: User) -> list[Values]:
    """Return the rows of `locks` for a user, as `LOCK_COLUMNS` lists them.

    Other words in `display` need a migration that writes them here anew.
    """
    return [
        (
            number,
            position,
            lock.id,
            lock.source,
            microseconds(lock.since),
            microseconds(lock.until) if lock.until is not None else None,
            lock.raised_by,
            lock.reason.value,
            lock.source.casefold(),
            lock.server.casefold(),
            display(lock).casefold(),
        )
        for position, lock in enumerate(user.locks)
    ]


def entry_rows(number: int, user: User, digest: EntryDigest | None = None) -> list[Values]:
    """Return the rows of `entries` for a user, as `ENTRY_COLUMNS` lists them; `digest` is of one of them, at most."""
    return [
        (
            number,
            position,
            link.directory,
            link.entry_id,
            link.dn,
            microseconds(link.seen_at),
            link.missing_since is not None or link.unmatched_since is not None,
            link.directory.casefold(),
            link.dn.casefold(),
            *_digest_columns(link, digest),
        )
        for position, link in enumerate(user.entries)
    ]


def _digest_columns(link: EntryLink, digest: EntryDigest | None) -> tuple[bytes | None, int | None]:
    if digest is None or (digest.directory, digest.entry_id) != (link.directory, link.entry_id):
        return None, None
    return digest.digest, None if digest.until is None else microseconds(digest.until)
