"""A profile as the SCIM core JSON object that it is (RFC 7643 section 4.1), so that a list is served by joining texts.

It holds nothing that the clock or the ledger decides: those are added by whoever shows the user.
"""

import json
from typing import Any

from ims.people import Contact, Profile
from ims.store.codec import dumps

_TEXTS = {
    "externalId": "external_id",
    "displayName": "display_name",
    "nickName": "nick_name",
    "profileUrl": "profile_url",
    "title": "title",
    "userType": "user_type",
    "preferredLanguage": "preferred_language",
    "locale": "locale",
    "timezone": "timezone",
}
_NAMES = {
    "formatted": "formatted_name",
    "familyName": "family_name",
    "givenName": "given_name",
    "middleName": "middle_name",
    "honorificPrefix": "honorific_prefix",
    "honorificSuffix": "honorific_suffix",
}
_CONTACTS = {"emails": "emails", "phoneNumbers": "phone_numbers"}


def document_of(profile: Profile) -> str:
    """Return the profile's JSON text; what is unassigned is left out (RFC 7643 section 2.5)."""
    document: dict[str, object] = {"userName": profile.user_name, **_texts(profile, _TEXTS)}
    name = _texts(profile, _NAMES)
    if name:
        document["name"] = name
    for attribute, field in _CONTACTS.items():
        contacts = getattr(profile, field)
        if contacts:
            document[attribute] = [_contact(contact) for contact in contacts]
    return dumps(document)


def profile_of(document: str) -> Profile:
    """Return the profile that `document_of` wrote."""
    read = json.loads(document)
    values: dict[str, Any] = {field: read[name] for name, field in _TEXTS.items() if name in read}
    values |= {_NAMES[name]: text for name, text in read.get("name", {}).items()}
    for attribute, field in _CONTACTS.items():
        if attribute in read:
            values[field] = tuple(Contact(**contact) for contact in read[attribute])
    return Profile(user_name=read["userName"], **values)


def _texts(profile: Profile, names: dict[str, str]) -> dict[str, Any]:
    return {name: text for name, field in names.items() if (text := getattr(profile, field))}


def _contact(contact: Contact) -> dict[str, object]:
    document: dict[str, object] = {"value": contact.value}
    if contact.type:
        document["type"] = contact.type
    if contact.display:
        document["display"] = contact.display
    if contact.primary:
        document["primary"] = True
    return document
