"""Who is who: users, tenants, affiliations, the entries behind a user, and the actors who act.

Everything here is frozen and knows neither LDAP nor SCIM nor SQL. An id type is a name for a string that must not be
mixed up with another (a DN is an address and never appears as an identity).
"""

import os
import time
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from ims.locks import Lock

UserId = NewType("UserId", str)
"""Made by Lockstep (`new_user_id`), never derived from what a client sends: such an id has made a stranger an admin."""
TenantId = NewType("TenantId", str)
"""The settings' name of one company account."""
DirectoryName = NewType("DirectoryName", str)
ConnectionName = NewType("ConnectionName", str)
EntryId = NewType("EntryId", str)
"""The stable id of a directory entry: entryUUID, objectGUID, nsUniqueId, ipaUniqueID, in its text form."""
Revision = NewType("Revision", int)
"""The store's count of committed writes; a user's version is the revision of its last change."""


def new_user_id() -> UserId:
    """Return a new UUID of version 7 (RFC 9562 section 5.7): the time in milliseconds, and 74 random bits.

    Ids that begin alike when they are made together are written side by side: the indexes of 100,000 new users grow at
    their ends, where random ones would touch every page for each portion of users.
    """
    when, chance = f"{time.time_ns() // 1_000_000:012x}", os.urandom(10).hex()
    variant = "89ab"[int(chance[3], 16) & 3]
    return UserId(f"{when[:8]}-{when[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}")


class Role(StrEnum):
    """What an actor may be. One role per actor; `ims.permits` says what each may do."""

    PROVISIONER = "provisioner"
    READER = "reader"
    CO_ADMINISTRATOR = "co_administrator"
    ACCOUNT_ADMINISTRATOR = "account_administrator"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    AGENT = "agent"


PERSON_ROLES = (Role.ACCOUNT_ADMINISTRATOR, Role.CO_ADMINISTRATOR, Role.AUDITOR)
"""Roles that a person holds, strongest first; the others belong to programs."""
CONNECTION_ROLES = (Role.PROVISIONER, Role.READER)
"""Roles that an identity provider's or an application's connection holds."""


class Channel(StrEnum):
    """The way by which an actor came in; recorded with every audited act."""

    SCIM = "scim"
    PORTAL = "portal"
    COMMAND_LINE = "command_line"
    SYNC = "sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever acts, as far as authentication has proved it.

    `name` is for people who read the audit (a user name, a connection, an OS user); `tenant` is None only for the
    operator and the agent, who act on the whole installation; `user` is the person behind a personal token.
    """

    name: str
    role: Role
    channel: Channel
    tenant: TenantId | None = None
    user: UserId | None = None
    connection: ConnectionName | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One company account. `name` is what people read."""

    id: TenantId
    name: str


class AffiliationStatus(StrEnum):
    """Whether a user belongs to the tenant that the affiliation names."""

    AFFILIATED = "affiliated"
    UNAFFILIATED = "unaffiliated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Affiliation:
    """That a user belongs, or belonged, to its tenant: by which rule of which directory, and since when.

    `rule` names the matched rule ("corp/staff"), or the connection that created the user.
    """

    status: AffiliationStatus
    since: datetime
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One value of a multi-valued attribute such as e-mail, photo or entitlement (RFC 7643 section 2.4), as sent."""

    value: str
    type: str = ""
    primary: bool = False
    display: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address (RFC 7643 section 4.1.2), kept as sent. Empty text = unassigned."""

    formatted: str = ""
    street_address: str = ""
    locality: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    type: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a person is called and how to reach them (RFC 7643 section 4.1), and what they are in the enterprise (4.3).

    Empty text = unassigned. `manager` is the id of the user's manager as the client knows it.
    """

    user_name: str
    external_id: str = ""
    display_name: str = ""
    formatted_name: str = ""
    given_name: str = ""
    family_name: str = ""
    middle_name: str = ""
    honorific_prefix: str = ""
    honorific_suffix: str = ""
    nick_name: str = ""
    profile_url: str = ""
    title: str = ""
    user_type: str = ""
    preferred_language: str = ""
    locale: str = ""
    timezone: str = ""
    employee_number: str = ""
    cost_center: str = ""
    organization: str = ""
    division: str = ""
    department: str = ""
    manager: str = ""
    emails: tuple[Contact, ...] = ()
    phone_numbers: tuple[Contact, ...] = ()
    ims: tuple[Contact, ...] = ()
    photos: tuple[Contact, ...] = ()
    entitlements: tuple[Contact, ...] = ()
    roles: tuple[Contact, ...] = ()
    x509_certificates: tuple[Contact, ...] = ()
    addresses: tuple[Address, ...] = ()


ENTERPRISE_TEXTS = ("employee_number", "cost_center", "organization", "division", "department", "manager")
"""The profile's texts that say what a person is in the enterprise; few people have any."""
CONTACT_LISTS = ("emails", "phone_numbers", "ims", "photos", "entitlements", "roles", "x509_certificates")
"""The profile's fields that hold contacts."""
PROFILE_TEXTS = tuple(one.name for one in fields(Profile) if one.type is str and one.name != "user_name")
"""The profile's texts but for the user name, which is a case of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLink:
    """The entry behind a user in one directory, and what the sync still has to confirm about it.

    `stamp` is the entry's own change stamp (entryCSN and the like) when it was last read with a difference; a lock
    attribute that vanished is believed only if the stamp moved or the pass saw its canary.
    `missing_since` and `unmatched_since` are the first complete reading that did not find the entry, or found no
    affiliation rule matching; a lock follows only from a second one. `doubt` says what could not be decided and why.
    """

    directory: DirectoryName
    entry_id: EntryId
    dn: str
    seen_at: datetime
    stamp: str = ""
    rule: str = ""
    missing_since: datetime | None = None
    unmatched_since: datetime | None = None
    doubt: str = ""
    shown_until: datetime | None = None
    """Where a lock is kept that is shown no more: when the last reading began that did show it."""
    hint: str = ""
    """Not a lock, worth showing: "the password has expired", "the password must be changed"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUnlock:
    """What the last unlock of a user did; texts are lock reasons, with what to do for those that remain or failed."""

    at: datetime
    cleared: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person in the IMS with everything that decides whether they may sign in: the unit of every write.

    `connection` owns the provisioned part; `deleted_by` is the connection that DELETEd a user whom a directory still
    knows (that tenant's connections see it no more). `protected` says why nobody may unlock it here, or is empty.
    """

    id: UserId
    tenant: TenantId
    profile: Profile
    created: datetime
    modified: datetime
    version: Revision = Revision(0)
    affiliation: Affiliation | None = None
    role: Role | None = None
    connection: ConnectionName | None = None
    deleted_by: ConnectionName | None = None
    protected: str = ""
    entries: tuple[EntryLink, ...] = ()
    locks: "tuple[Lock, ...]" = field(default=())
    last_unlock: LastUnlock | None = None


def same_but_for_bookkeeping(one: User, other: User) -> bool:
    """Return whether two states of a user differ in nothing that is worth a write.

    Versions and modification times are set by the write itself, and `seen_at` and `stamp` move without anybody caring:
    counting them would make an unchanged pass over 100,000 users write 100,000 rows.
    """
    return _without_bookkeeping(one) == _without_bookkeeping(other)


def _without_bookkeeping(user: User) -> tuple[object, ...]:
    entries = tuple(
        (e.directory, e.entry_id, e.dn, e.rule, e.missing_since, e.unmatched_since, e.doubt, e.hint)
        for e in user.entries
    )
    locks = frozenset(user.locks)
    return (
        user.tenant,
        user.profile,
        user.affiliation,
        user.role,
        user.connection,
        user.deleted_by,
        user.protected,
        entries,
        locks,
        user.last_unlock,
    )
