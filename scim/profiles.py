"""A user's profile as SCIM spells it, and back: what a client may write (RFC 7643 sections 4.1 and 4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ims.people import Address, Contact, Profile
from scim.attributes import Document, Mutability, ResourceType, Schema
from scim.errors import BadRequest, ScimType
from scim.schemas import USERS
from scim.urns import ENTERPRISE_URN
from scim.values import accepted, assigned

_Spelled = tuple[tuple[str, str], ...]
"""Pairs of a field of ours and the attribute that it is in SCIM."""

_TEXTS: _Spelled = (
    ("external_id", "externalId"),
    ("user_name", "userName"),
    ("display_name", "displayName"),
    ("nick_name", "nickName"),
    ("profile_url", "profileUrl"),
    ("title", "title"),
    ("user_type", "userType"),
    ("preferred_language", "preferredLanguage"),
    ("locale", "locale"),
    ("timezone", "timezone"),
)
_NAMES: _Spelled = (
    ("formatted_name", "formatted"),
    ("family_name", "familyName"),
    ("given_name", "givenName"),
    ("middle_name", "middleName"),
    ("honorific_prefix", "honorificPrefix"),
    ("honorific_suffix", "honorificSuffix"),
)
_ENTERPRISE: _Spelled = (
    ("employee_number", "employeeNumber"),
    ("cost_center", "costCenter"),
    ("organization", "organization"),
    ("division", "division"),
    ("department", "department"),
)
_LISTS: _Spelled = (
    ("emails", "emails"),
    ("phone_numbers", "phoneNumbers"),
    ("ims", "ims"),
    ("photos", "photos"),
    ("entitlements", "entitlements"),
    ("roles", "roles"),
    ("x509_certificates", "x509Certificates"),
)
_ADDRESS: _Spelled = (
    ("formatted", "formatted"),
    ("street_address", "streetAddress"),
    ("locality", "locality"),
    ("region", "region"),
    ("postal_code", "postalCode"),
    ("country", "country"),
    ("type", "type"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedUser:
    """What a client says that a user shall be. `active` None = not said."""

    profile: Profile
    active: bool | None


def profile_document(profile: Profile) -> Document:
    """Return a profile as JSON; what is unassigned is left out (RFC 7643 section 2.5)."""
    enterprise = _shown(profile, _ENTERPRISE)
    if profile.manager:
        enterprise["manager"] = {"value": profile.manager}
    return assigned(
        {
            **_shown(profile, _TEXTS),
            "name": _shown(profile, _NAMES),
            **{name: [_contact_document(one) for one in getattr(profile, field)] for field, name in _LISTS},
            "addresses": [_shown(one, _ADDRESS) | {"primary": one.primary} for one in profile.addresses],
            ENTERPRISE_URN: enterprise,
        },
    )


def profile_of(document: Document) -> Profile:
    """Return the profile in a document of accepted values (`scim.values`). Raises BadRequest without a userName."""
    enterprise = _object(document, ENTERPRISE_URN)
    fields: dict[str, Any] = {
        **_texts(document, _TEXTS),
        **_texts(_object(document, "name"), _NAMES),
        **_texts(enterprise, _ENTERPRISE),
        "manager": _text(_object(enterprise, "manager"), "value"),
        **{field: tuple(map(_contact, _elements(document, name))) for field, name in _LISTS},
        "addresses": tuple(map(_address, _elements(document, "addresses"))),
    }
    if not fields["user_name"].strip():
        raise BadRequest(ScimType.INVALID_VALUE, "userName is required and must not be blank")
    return Profile(**fields)


def wanted_user(document: Document) -> WantedUser:
    """Return what a POST or PUT asks for (RFC 7644 sections 3.3 and 3.5.1). Raises BadRequest.

    What the client may not set is ignored, as the RFC demands; so is what we do not know, because identity providers
    send far more of a person than anybody keeps (schemas of their own without a value, `password`).
    """
    demand_schema(document, USERS)
    known = accepted_members(document, USERS)
    active = known.pop("active", None)
    return WantedUser(profile=profile_of(known), active=active if isinstance(active, bool) else None)


def accepted_members(document: Document, of: ResourceType) -> Document:
    """Return what a client may write of a resource, names spelled as ours, an extension's members under its URN."""
    known: Document = {}
    for schema, name, value in _members(document, of):
        attribute = schema.attribute(name)
        if attribute is None or attribute.mutability is not Mutability.READ_WRITE:
            continue
        holder = known if schema is of.schema else known.setdefault(schema.id, {})
        if isinstance(holder, dict):
            holder[attribute.name] = accepted(attribute, value, attribute.name)
    return known


def demand_schema(document: Document, of: ResourceType) -> None:
    """Refuse a resource that does not say what it is (RFC 7643 section 3). Raises BadRequest."""
    schemas = next((value for name, value in document.items() if name.lower() == "schemas"), None)
    urns = schemas if isinstance(schemas, list) else []
    known = {urn.lower() for urn in (of.schema.id, *of.schema.aliases)}
    if not all(isinstance(urn, str) for urn in urns) or known.isdisjoint(urn.lower() for urn in urns):
        raise BadRequest(ScimType.INVALID_SYNTAX, f"schemas must be an array that holds {of.schema.id}")


def _members(document: Document, of: ResourceType) -> Iterator[tuple[Schema, str, object]]:
    """Yield the members of a resource with their schemas, those under a schema's URN or behind it too."""
    for name, value in document.items():
        schema, rest = of.split_urn(name)
        if schema is not None and not rest:
            members = value if isinstance(value, dict) else {}
            yield from ((schema, member, held) for member, held in members.items())
        elif schema is not None or ":" not in name:
            yield schema or of.schema, rest, value


def _shown(of: object, spelled: _Spelled) -> Document:
    return {name: value for field, name in spelled if (value := getattr(of, field))}


def _texts(document: Document, spelled: _Spelled) -> dict[str, str]:
    return {field: _text(document, name) for field, name in spelled}


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _object(document: Document, name: str) -> Document:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _elements(document: Document, name: str) -> list[Document]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _contact_document(contact: Contact) -> Document:
    told = assigned({"value": contact.value, "type": contact.type, "display": contact.display})
    return {**told, "primary": contact.primary}


def _contact(element: Document) -> Contact:
    return Contact(
        value=_text(element, "value"),
        type=_text(element, "type"),
        display=_text(element, "display"),
        primary=element.get("primary") is True,
    )


def _address(element: Document) -> Address:
    return Address(**_texts(element, _ADDRESS), primary=element.get("primary") is True)
