"""A user as table rows and back: the only place that knows which part of a user goes into which column."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from ims.locks import Lock, display, state_of
from ims.names import key_of_name
from ims.people import Affiliation, ConnectionName, Contact, EntryLink, LastUnlock, Profile, Revision, Role, User
from ims.query import Collection
from ims.store.codec import decode, encode
from ims.store.profiles import document_of, profile_of
from ims.store.tables import FOLDED, users

Row = Mapping[str, Any]


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


def user_row(number: int, user: User, version: Revision, now: datetime) -> Row:
    """Return the row of `users` for a user written at `now` as this version."""
    state = state_of(user.locks, now)
    return {
        "number": number,
        "id": user.id,
        "tenant": user.tenant,
        "version": version,
        "created": user.created,
        "modified": user.modified,
        "profile": document_of(user.profile),
        "standing": encode(_standing(user)),
        "locked_until": state.locked_until,
        "locks_at": state.locks_at,
        "next_transition": state.next_transition,
        "deleted_by_key": (user.deleted_by or "").casefold(),
        "affiliation_status_key": user.affiliation.status.value if user.affiliation else "",
        "affiliation_since": user.affiliation.since if user.affiliation else None,
        **_profile_keys(user.profile),
    }


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


def _profile_keys(profile: Profile) -> Row:
    keys = {f"{name}_key": getattr(profile, name).casefold() for name in FOLDED}
    return {"external_id": profile.external_id, "user_name_key": key_of_name(profile.user_name), **keys}


def contact_rows(number: int, user: User) -> list[Row]:
    """Return the rows of `contacts` for a user."""
    kinds = ((Collection.EMAILS, user.profile.emails), (Collection.PHONE_NUMBERS, user.profile.phone_numbers))
    return [
        _contact_row(number, kind, position, contact)
        for kind, contacts in kinds
        for position, contact in enumerate(contacts)
    ]


def _contact_row(number: int, kind: Collection, position: int, contact: Contact) -> Row:
    return {
        "user": number,
        "kind": kind.value,
        "position": position,
        "value_key": contact.value.casefold(),
        "type_key": contact.type.casefold(),
        "display_key": contact.display.casefold(),
        "primary": contact.primary,
    }


def lock_rows(number: int, user: User) -> list[Row]:
    """Return the rows of `locks` for a user. Other words in `display` need a migration that writes them here anew."""
    return [
        {
            "user": number,
            "position": position,
            "id": lock.id,
            "source": lock.source,
            "since": lock.since,
            "until": lock.until,
            "raised_by": lock.raised_by,
            "reason_key": lock.reason.value,
            "source_key": lock.source.casefold(),
            "server_key": lock.server.casefold(),
            "display_key": display(lock).casefold(),
        }
        for position, lock in enumerate(user.locks)
    ]


def entry_rows(number: int, user: User) -> list[Row]:
    """Return the rows of `entries` for a user."""
    return [
        {
            "user": number,
            "position": position,
            "directory": link.directory,
            "entry_id": link.entry_id,
            "dn": link.dn,
            "seen_at": link.seen_at,
            "to_confirm": link.missing_since is not None or link.unmatched_since is not None,
            "directory_key": link.directory.casefold(),
            "dn_key": link.dn.casefold(),
        }
        for position, link in enumerate(user.entries)
    ]
