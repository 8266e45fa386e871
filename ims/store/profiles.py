"""A profile as the SCIM core JSON object that it is (RFC 7643 section 4.1), so that a list is served by joining texts.

It holds nothing that the clock or the ledger decides: those are added by whoever shows the user.
"""

from operator import attrgetter
from typing import Any

from ims.people import Contact, Profile
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
)
_names_of = attrgetter(*_NAMES)
_texts_of = attrgetter(*_TEXTS)


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


class _Profile(Document):
    """A profile; its texts are in the order of `_TEXTS`."""

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
    name: _Name | None = None
    emails: tuple[_Contact, ...] = ()
    phone_numbers: tuple[_Contact, ...] = ()


_read = reader(_Profile)
_names_in = attrgetter(*_Name.__struct_fields__)


def document_of(profile: Profile) -> str:
    """Return the profile's JSON text; what is unassigned is left out (RFC 7643 section 2.5)."""
    names = _names_of(profile)
    name = _Name(*names) if any(names) else None
    values = (*_texts_of(profile), name, _written(profile.emails), _written(profile.phone_numbers))
    return dumps(_Profile(*values))


def profile_of(document: str) -> Profile:
    """Return the profile that `document_of` wrote."""
    read = _read(document)
    texts: dict[str, Any] = dict(zip(_TEXTS, _texts_of(read), strict=True))
    if read.name is not None:
        texts |= zip(_NAMES, _names_in(read.name), strict=True)
    return Profile(**texts, emails=_contacts(read.emails), phone_numbers=_contacts(read.phone_numbers))


def _written(contacts: tuple[Contact, ...]) -> tuple[_Contact, ...]:
    return tuple([_Contact(one.value, one.type, one.display, one.primary) for one in contacts]) if contacts else ()


def _contacts(read: tuple[_Contact, ...]) -> tuple[Contact, ...]:
    if not read:
        return ()
    return tuple(
        [Contact(value=one.value, type=one.type, primary=one.primary, display=one.display) for one in read],
    )
