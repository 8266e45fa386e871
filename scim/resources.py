"""A user as a SCIM resource: how `ims` shows in JSON, and what of a client's JSON becomes a profile.

Nothing that the clock decides is remembered: `active`, the locks, the ETag and `lastModified` are computed for the
moment of the answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ims.locks import BEGINNING, LedgerRules, Lock, clearable_by, display, last_transition, locks_in_force
from ims.people import Contact, EntryLink, LastUnlock, Profile, Tenant, TenantId, User
from scim.attributes import Document, Mutability
from scim.errors import BadRequest, ScimType
from scim.schemas import LOCKSTEP_URN, USER, USER_URN, split_urn
from scim.times import shown
from scim.values import accepted, assigned


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


def etag(user: User, now: datetime) -> str:
    """Return the user's version as a weak ETag (RFC 7644 section 3.14).

    A lock that begins or ends by the clock makes another version though nobody wrote anything.
    """
    moment = last_transition(user.locks, now)
    return f'W/"{user.version}.{0 if moment == BEGINNING else int(moment.timestamp())}"'


def location(user: User, base_url: str) -> str:
    """Return the user's address."""
    return f"{base_url}/Users/{user.id}"


def rendered(user: User, lens: Lens) -> Document:
    """Return the user as a SCIM resource, whole; `scim.projection` takes away what the client does not want."""
    in_force = locks_in_force(user.locks, lens.now)
    return {
        "schemas": [USER_URN, LOCKSTEP_URN],
        "id": user.id,
        **profile_document(user.profile),
        "active": not in_force,
        "meta": {
            "resourceType": "User",
            "created": shown(user.created),
            "lastModified": shown(max(user.modified, last_transition(user.locks, lens.now))),
            "location": location(user, lens.base_url),
            "version": etag(user, lens.now),
        },
        LOCKSTEP_URN: _lockstep(user, in_force, lens),
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


# --- the profile: what a client may write ----------------------------------------------------------------------------


def profile_document(profile: Profile) -> Document:
    """Return a profile as JSON; what is unassigned is left out (RFC 7643 section 2.5)."""
    name: Document = {
        "formatted": profile.formatted_name,
        "familyName": profile.family_name,
        "givenName": profile.given_name,
        "middleName": profile.middle_name,
        "honorificPrefix": profile.honorific_prefix,
        "honorificSuffix": profile.honorific_suffix,
    }
    return assigned(
        {
            "externalId": profile.external_id,
            "userName": profile.user_name,
            "name": assigned(name),
            "displayName": profile.display_name,
            "nickName": profile.nick_name,
            "profileUrl": profile.profile_url,
            "title": profile.title,
            "userType": profile.user_type,
            "preferredLanguage": profile.preferred_language,
            "locale": profile.locale,
            "timezone": profile.timezone,
            "emails": [_contact_document(contact) for contact in profile.emails],
            "phoneNumbers": [_contact_document(contact) for contact in profile.phone_numbers],
        },
    )


def profile_of(document: Document) -> Profile:
    """Return the profile in a document of accepted values (`scim.values`). Raises BadRequest without a userName."""
    name = document.get("name")
    names = name if isinstance(name, dict) else {}
    user_name = _text(document, "userName")
    if not user_name.strip():
        raise BadRequest(ScimType.INVALID_VALUE, "userName is required and must not be blank")
    return Profile(
        user_name=user_name,
        external_id=_text(document, "externalId"),
        display_name=_text(document, "displayName"),
        formatted_name=_text(names, "formatted"),
        given_name=_text(names, "givenName"),
        family_name=_text(names, "familyName"),
        middle_name=_text(names, "middleName"),
        honorific_prefix=_text(names, "honorificPrefix"),
        honorific_suffix=_text(names, "honorificSuffix"),
        nick_name=_text(document, "nickName"),
        profile_url=_text(document, "profileUrl"),
        title=_text(document, "title"),
        user_type=_text(document, "userType"),
        preferred_language=_text(document, "preferredLanguage"),
        locale=_text(document, "locale"),
        timezone=_text(document, "timezone"),
        emails=_contacts(document, "emails"),
        phone_numbers=_contacts(document, "phoneNumbers"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """What a client asks to be created."""

    profile: Profile
    active: bool


def new_user(document: Document) -> NewUser:
    """Return what a POST asks for (RFC 7644 section 3.3). Raises BadRequest.

    What the client may not set is ignored, as the RFC demands; so is what we do not know, because identity providers
    send far more of a person than anybody keeps (schemas of their own without a value, `password`, `roles: []`).
    """
    known: Document = {}
    for name, value in _core_members(document):
        attribute = USER.attribute(name)
        if attribute is not None and attribute.mutability is Mutability.READ_WRITE:
            known[attribute.name] = accepted(attribute, value, attribute.name)
    _demand_schema(document)
    active = known.pop("active", None)
    return NewUser(profile=profile_of(known), active=active is not False)


def _core_members(document: Document) -> Iterator[tuple[str, object]]:
    """Yield the members of a resource that can be core attributes, also behind the core schema's URN."""
    for name, value in document.items():
        schema, rest = split_urn(name)
        if schema is USER and not rest and isinstance(value, dict):
            yield from value.items()
        elif schema in (USER, None):
            yield rest, value


def _demand_schema(document: Document) -> None:
    """Refuse a resource that does not say it is a User (RFC 7643 section 3)."""
    schemas = next((value for name, value in document.items() if name.lower() == "schemas"), None)
    urns = schemas if isinstance(schemas, list) else []
    if not all(isinstance(urn, str) for urn in urns) or USER_URN.lower() not in [urn.lower() for urn in urns]:
        raise BadRequest(ScimType.INVALID_SYNTAX, f"schemas must be an array that holds {USER_URN}")


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _contact_document(contact: Contact) -> Document:
    told = assigned({"value": contact.value, "type": contact.type, "display": contact.display})
    return {**told, "primary": contact.primary}


def _contacts(document: Document, name: str) -> tuple[Contact, ...]:
    elements = document.get(name)
    return tuple(
        Contact(
            value=_text(element, "value"),
            type=_text(element, "type"),
            display=_text(element, "display"),
            primary=element.get("primary") is True,
        )
        for element in (elements if isinstance(elements, list) else ())
    )
