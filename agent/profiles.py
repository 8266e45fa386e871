"""How a person's profile is filled from an entry: SCIM path ← LDAP attribute, as the settings map them. Pure."""

from dataclasses import dataclass, replace
from typing import Any

from agent.directories.entry import Entry
from agent.directories.errors import MalformedName
from agent.directories.names import parse
from agent.sightings import Untrusted
from config.attributes import Attributes
from ims.people import PROFILE_TEXTS, Contact, Profile

TEXTS = tuple(name for name in PROFILE_TEXTS if name != "manager")
"""The profile's texts that an entry can give, named alike in the settings and in the profile.

The user name is a case of its own, and a directory names a manager by DN, which is no user's id.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileMapping:
    """The settings' mapping as it is used for each of 100,000 entries: only what is mapped.

    Texts are pairs of a profile's field and an attribute, contacts of a SCIM type and an attribute.
    """

    user_name: str
    texts: tuple[tuple[str, str], ...]
    emails: tuple[tuple[str, str], ...]
    phone_numbers: tuple[tuple[str, str], ...]
    fields: frozenset[str]


def mapping_of(attributes: Attributes) -> ProfileMapping:
    """Return the mapping that the settings make."""
    return ProfileMapping(
        user_name=attributes.user_name,
        texts=tuple((name, attribute) for name in TEXTS if (attribute := getattr(attributes, name))),
        emails=attributes.emails,
        phone_numbers=attributes.phone_numbers,
        fields=mapped_fields(attributes),
    )


def profile_of(entry: Entry, mapping: ProfileMapping) -> Profile:
    """Return the profile that an entry gives. Raises Untrusted without a user name, BadEntry for what is no text."""
    texts: dict[str, Any] = {name: text for name, attribute in mapping.texts if (text := _text(entry, attribute))}
    return Profile(
        user_name=_user_name(entry, mapping.user_name),
        emails=_contacts(entry, mapping.emails),
        phone_numbers=_contacts(entry, mapping.phone_numbers),
        **texts,
    )


def mapped_fields(attributes: Attributes) -> frozenset[str]:
    """Return the profile's fields that the directory decides; what is not mapped is left to others."""
    lists = {"emails": attributes.emails, "phone_numbers": attributes.phone_numbers}
    return frozenset(
        ("user_name", *(n for n in TEXTS if getattr(attributes, n)), *(name for name, read in lists.items() if read)),
    )


def merged(stored: Profile, seen: Profile, mapped: frozenset[str]) -> Profile:
    """Return the stored profile with what the directory decides taken over from `seen`.

    An external id is the client's own (RFC 7643 section 3.1): an entry that has none takes none away.
    """
    taken = {name: getattr(seen, name) for name in mapped}
    return replace(stored, **{**taken, "external_id": taken.get("external_id") or stored.external_id})


def _user_name(entry: Entry, attribute: str) -> str:
    names = entry.texts(attribute)
    if len(names) == 1 and not names[0].isspace():
        return names[0]
    if not any(name.strip() for name in names):
        raise Untrusted(f"{entry.dn} has no user name: {attribute} is empty, or may not be read")
    if not (named := _in_rdn(entry, attribute, names)):
        raise Untrusted(f"{entry.dn} has {len(names)} values of {attribute}, and none is in its name: which is meant?")
    return named


def _text(entry: Entry, attribute: str) -> str:
    """Return one value of an attribute that may have many: the one in the entry's name, else the server's first."""
    values = entry.texts(attribute)
    if len(values) > 1:
        return _in_rdn(entry, attribute, values) or values[0]
    return values[0] if values else ""


def _in_rdn(entry: Entry, attribute: str, values: tuple[str, ...]) -> str:
    """Return the value by which the entry is named, or empty text."""
    try:
        rdns = parse(entry.dn).rdns
    except MalformedName as error:
        raise Untrusted(str(error)) from error
    named = {value for name, value in rdns[0] if name == attribute.lower()} if rdns else set()
    return next((value for value in values if " ".join(value.casefold().split()) in named), "")


def _contacts(entry: Entry, mapped: tuple[tuple[str, str], ...]) -> tuple[Contact, ...]:
    """Return the values of all mapped attributes, once each, the first of all as the primary one."""
    found: dict[str, str] = {}
    for kind, attribute in mapped:
        for value in entry.texts(attribute):
            found.setdefault(value, kind)
    if not found:
        return ()
    contacts = [Contact(value=value, type=kind, primary=not i) for i, (value, kind) in enumerate(found.items())]
    return tuple(contacts)
