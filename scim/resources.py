"""A user as a SCIM resource: how `ims` shows in JSON.

Nothing that the clock decides is remembered: `active`, the locks, the ETag and `lastModified` are computed for the
moment of the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ims.groups import Membership
from ims.locks import BEGINNING, LedgerRules, Lock, clearable_by, display, last_transition, locks_in_force
from ims.people import ConnectionName, EntryLink, LastUnlock, Tenant, TenantId, User
from scim.attributes import Document
from scim.profiles import profile_document
from scim.times import shown
from scim.urns import ENTERPRISE_URN, LOCKSTEP_URN, USER_URN
from scim.views import active_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Through what a caller sees users: at which moment, under which rules and names, with evidence or without.

    `base_url` is the public address of the service provider, without a slash at its end.
    """

    base_url: str
    now: datetime
    rules: LedgerRules
    tenants: Mapping[TenantId, Tenant]
    evidence: bool
    own: ConnectionName | None = None
    """The connection whose own locks alone make `active`; None = the effective state."""


def etag(user: User, now: datetime) -> str:
    """Return the user's version as a weak ETag (RFC 7644 section 3.14).

    A lock that begins or ends by the clock makes another version though nobody wrote anything.
    """
    moment = last_transition(user.locks, now)
    return f'W/"{user.version}.{0 if moment == BEGINNING else int(moment.timestamp())}"'


def location(user: User, base_url: str) -> str:
    """Return the user's address."""
    return f"{base_url}/Users/{user.id}"


def rendered(user: User, lens: Lens, groups: tuple[Membership, ...] = ()) -> Document:
    """Return the user as a SCIM resource, whole; `scim.projection` takes away what the client does not want."""
    in_force = locks_in_force(user.locks, lens.now)
    profile = profile_document(user.profile)
    enterprise = [ENTERPRISE_URN] if ENTERPRISE_URN in profile else []
    belongs = {"groups": [_membership(one, lens) for one in groups]} if groups else {}
    return {
        "schemas": [USER_URN, *enterprise, LOCKSTEP_URN],
        "id": user.id,
        **profile,
        "active": active_to(lens.own, in_force),
        **belongs,
        "meta": {
            "resourceType": "User",
            "created": shown(user.created),
            "lastModified": shown(max(user.modified, last_transition(user.locks, lens.now))),
            "location": location(user, lens.base_url),
            "version": etag(user, lens.now),
        },
        LOCKSTEP_URN: _lockstep(user, in_force, lens),
    }


def _membership(one: Membership, lens: Lens) -> Document:
    return {
        "value": one.group,
        "$ref": f"{lens.base_url}/Groups/{one.group}",
        "display": one.display,
        "type": "direct" if one.direct else "indirect",
    }


def _lockstep(user: User, in_force: tuple[Lock, ...], lens: Lens) -> Document:
    tenant = lens.tenants.get(user.tenant)
    document: Document = {
        "locked": bool(in_force),
        "locks": [_lock(lock, lens) for lock in in_force],
        "directories": [_directory(entry, lens) for entry in user.entries],
    }
    if user.last_unlock:
        document["lastUnlock"] = _last_unlock(user.last_unlock, lens)
    if user.affiliation:
        document["affiliation"] = {
            "value": user.tenant,
            "display": tenant.name if tenant else user.tenant,
            "status": user.affiliation.status.value,
            "since": shown(user.affiliation.since),
        }
    return document


def _lock(lock: Lock, lens: Lens) -> Document:
    told = lock if lens.evidence else replace(lock, note="")
    document: Document = {
        "id": lock.id,
        "value": lock.reason.value,
        "display": display(told),
        "source": lock.source,
        "since": shown(lock.since),
        "clearableBy": [clearer.value for clearer in clearable_by(lock, lens.rules)],
    }
    if lock.server:
        document["server"] = lock.server
    if lock.until:
        document["until"] = shown(lock.until)
    if lens.evidence and lock.evidence:
        document["evidence"] = [f"{name}: {value}" for name, value in lock.evidence]
    return document


def _last_unlock(last: LastUnlock, lens: Lens) -> Document:
    """Return what the last unlock did. Its sentences name groups, servers and entries, and quote notes: for people."""
    return {
        "at": shown(last.at),
        "cleared": list(last.cleared),
        "remaining": [_as_seen(text, lens) for text in last.remaining],
        "failed": [_as_seen(text, lens) for text in last.failed],
    }


def _as_seen(text: str, lens: Lens) -> str:
    """Return a text of the form "reason or directory: what to do", for a connection without its second half."""
    return text if lens.evidence else text.partition(":")[0]


def _directory(entry: EntryLink, lens: Lens) -> Document:
    document: Document = {"value": entry.directory, "entryId": entry.entry_id, "lastSeen": shown(entry.seen_at)}
    if lens.evidence:
        document["dn"] = entry.dn
    return document
