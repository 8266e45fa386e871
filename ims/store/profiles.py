"""A profile as the SCIM core JSON object that it is (RFC 7643 section 4.1), so that a list is served by joining texts.

It holds nothing that the clock or the ledger decides: those are added by whoever shows the user.
"""

from dataclasses import fields
from operator import attrgetter
from typing import Any

from ims.people import CONTACT_LISTS, ENTERPRISE_TEXTS, Address, Contact, Profile
from ims.store.codec import Document, dumps, reader

_NAMES = ("formatted_name", "family_name", "given_name", "middle_name", "honorific_prefix", "honorific_suffix")
_TEXTS = (
    "user_name",
    "external_id",
    "display_name",
    "nick_name",
    "profile_url",
    "title",
    "user_type",
    "preferred_language",
    "locale",
    "timezone",
    *ENTERPRISE_TEXTS,
)
_names_of = attrgetter(*_NAMES)
_texts_of = attrgetter(*_TEXTS)
_contacts_of = attrgetter(*CONTACT_LISTS)
_ADDRESS = tuple(one.name for one in fields(Address))
_address_parts = attrgetter(*_ADDRESS)


class _Name(Document):
    """The parts of a name, in the order of `_NAMES`."""

    formatted: str = ""
    family_name: str = ""
    given_name: str = ""
    middle_name: str = ""
    honorific_prefix: str = ""
    honorific_suffix: str = ""


class _Contact(Document):
    value: str
    type: str = ""
    display: str = ""
    primary: bool = False


class _Address(Document):
    """A postal address; its parts are in the order of `Address`."""

    formatted: str = ""
    street_address: str = ""
    locality: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    type: str = ""
    primary: bool = False


class _Profile(Document):
    """A profile: texts in the order of `_TEXTS`, then the name, then lists in the order of `CONTACT_LISTS`."""

    user_name: str
    external_id: str = ""
    display_name: str = ""
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
    name: _Name | None = None
    emails: tuple[_Contact, ...] = ()
    phone_numbers: tuple[_Contact, ...] = ()
    ims: tuple[_Contact, ...] = ()
    photos: tuple[_Contact, ...] = ()
    entitlements: tuple[_Contact, ...] = ()
    roles: tuple[_Contact, ...] = ()
    x509_certificates: tuple[_Contact, ...] = ()
    addresses: tuple[_Address, ...] = ()


_read = reader(_Profile)
_names_in = attrgetter(*_Name.__struct_fields__)


def document_of(profile: Profile) -> str:
    """Return the profile's JSON text; what is unassigned is left out (RFC 7643 section 2.5)."""
    names = _names_of(profile)
    name = _Name(*names) if any(names) else None
    lists = map(_written, _contacts_of(profile))
    addresses = tuple(_Address(*_address_parts(one)) for one in profile.addresses)
    values = (*_texts_of(profile), name, *lists, addresses)
    return dumps(_Profile(*values))


def profile_of(document: str) -> Profile:
    """Return the profile that `document_of` wrote."""
    read = _read(document)
    texts: dict[str, Any] = dict(zip(_TEXTS, _texts_of(read), strict=True))
    if read.name is not None:
        texts |= zip(_NAMES, _names_in(read.name), strict=True)
    for kind, contacts in zip(CONTACT_LISTS, _contacts_of(read), strict=True):
        if contacts:
            texts[kind] = _contacts(contacts)
    if read.addresses:
        texts["addresses"] = tuple(
            Address(**dict(zip(_ADDRESS, _address_parts(one), strict=True))) for one in read.addresses
        )
    return Profile(**texts)


def _written(contacts: tuple[Contact, ...]) -> tuple[_Contact, ...]:
    return tuple([_Contact(one.value, one.type, one.display, one.primary) for one in contacts]) if contacts else ()


def _contacts(read: tuple[_Contact, ...]) -> tuple[Contact, ...]:
    return tuple(
        [Contact(value=one.value, type=one.type, primary=one.primary, display=one.display) for one in read],
    )
