"""How a person's profile is filled from an entry: SCIM path ← LDAP attribute, as the settings map them. Pure."""

from dataclasses import replace

from agent.directories.entry import Entry
from agent.directories.errors import MalformedName
from agent.directories.names import parse
from agent.sightings import Untrusted
from config.attributes import Attributes
from ims.people import Contact, Profile

TEXTS = (
    "external_id",
    "display_name",
    "formatted_name",
    "given_name",
    "family_name",
    "middle_name",
    "honorific_prefix",
    "honorific_suffix",
    "nick_name",
    "profile_url",
    "title",
    "user_type",
    "preferred_language",
    "locale",
    "timezone",
)
"""The profile's texts, named alike in the settings and in the profile; the user name is a case of its own."""


def profile_of(entry: Entry, attributes: Attributes) -> Profile:
    """Return the profile that an entry gives. Raises Untrusted without a user name, BadEntry for what is no text."""
    texts = {name: _text(entry, getattr(attributes, name)) for name in TEXTS}
    return Profile(
        user_name=_user_name(entry, attributes.user_name),
        emails=_contacts(entry, attributes.emails),
        phone_numbers=_contacts(entry, attributes.phone_numbers),
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
    if not any(name.strip() for name in names):
        raise Untrusted(f"{entry.dn} has no user name: {attribute} is empty, or may not be read")
    if len(names) > 1 and not (named := _in_rdn(entry, attribute, names)):
        raise Untrusted(f"{entry.dn} has {len(names)} values of {attribute}, and none is in its name: which is meant?")
    return names[0] if len(names) == 1 else named


def _text(entry: Entry, attribute: str) -> str:
    """Return one value of an attribute that may have many: the one in the entry's name, else the server's first."""
    values = entry.texts(attribute) if attribute else ()
    if len(values) > 1:
        return _in_rdn(entry, attribute, values) or values[0]
    return next(iter(values), "")


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
    return tuple(
        Contact(value=value, type=kind, primary=position == 0) for position, (value, kind) in enumerate(found.items())
    )
