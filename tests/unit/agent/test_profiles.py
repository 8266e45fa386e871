"""SCIM path ← LDAP attribute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.entry import Entry, entry_of
from agent.directories.errors import BadEntry
from agent.profiles import TEXTS, mapped_fields, mapping_of, merged, profile_of
from agent.sightings import Untrusted
from config.attributes import Attributes
from ims.people import Contact, Profile

USUAL = mapping_of(Attributes())


def entry(dn: str = "uid=ada,ou=people", **attributes: str | list[str] | bytes) -> Entry:
    """Return an entry with these attributes."""
    raw = {
        name: [value]
        if isinstance(value, bytes)
        else [v.encode() for v in ([value] if isinstance(value, str) else value)]
        for name, value in attributes.items()
    }
    return entry_of(dn, raw)


def test_the_usual_attributes_fill_the_usual_fields() -> None:
    """inetOrgPerson, as it comes."""
    profile = profile_of(
        entry(
            uid="ada", cn="Ada Lovelace", sn="Lovelace", givenName="Ada", mail="ada@x.test", mobile="+44 1", title="Dr"
        ),
        USUAL,
    )
    assert (profile.user_name, profile.display_name) == ("ada", "Ada Lovelace")
    assert (profile.given_name, profile.family_name, profile.title) == ("Ada", "Lovelace", "Dr")
    assert profile.emails == (Contact(value="ada@x.test", type="work", primary=True),)
    assert profile.phone_numbers == (Contact(value="+44 1", type="mobile", primary=True),)


@pytest.mark.parametrize("attributes", [{}, {"uid": " "}])
def test_without_a_user_name_there_is_no_user(attributes: dict[str, str]) -> None:
    """The entry waits in quarantine."""
    with pytest.raises(Untrusted, match="has no user name"):
        profile_of(entry(**attributes), USUAL)


def test_of_several_user_names_the_one_in_the_dn_is_meant() -> None:
    """Where none is, nobody guesses."""
    assert profile_of(entry("uid=ada,ou=people", uid=["countess", "Ada"]), USUAL).user_name == "Ada"
    with pytest.raises(Untrusted, match="which is meant"):
        profile_of(entry("cn=ada,ou=people", uid=["countess", "ada"]), USUAL)


def test_of_several_values_the_first_is_shown() -> None:
    """Unless one names the entry."""
    assert profile_of(entry(uid="ada", cn=["Ada", "Countess"]), USUAL).display_name == "Ada"
    assert (
        profile_of(entry("cn=countess,ou=people", uid="ada", cn=["Ada", "Countess"]), USUAL).display_name == "Countess"
    )


def test_contacts_are_listed_once_each() -> None:
    """The first of all is the primary one."""
    mapping = mapping_of(Attributes(**{'emails[type eq "home"].value': "mail"}))
    profile = profile_of(entry(uid="ada", mail=["a@x.test", "b@x.test"]), mapping)
    assert [(c.value, c.type, c.primary) for c in profile.emails] == [
        ("a@x.test", "work", True),
        ("b@x.test", "work", False),
    ]


def test_what_is_no_text_is_refused() -> None:
    """A certificate in a name's place."""
    with pytest.raises(BadEntry):
        profile_of(entry(uid="ada", cn=b"\xff\xfe"), USUAL)


def test_only_what_is_mapped_belongs_to_the_directory() -> None:
    """The rest is left to whoever set it."""
    assert "nick_name" not in USUAL.fields
    assert {"user_name", "emails", "phone_numbers", "title"} <= USUAL.fields
    keys = (
        'emails[type eq "work"].value',
        'phoneNumbers[type eq "work"].value',
        'phoneNumbers[type eq "mobile"].value',
    )
    bare = Attributes(**dict.fromkeys(keys, ""))
    assert not {"emails", "phone_numbers"} & mapped_fields(bare)


@given(nick=st.text(max_size=5), external=st.text(max_size=5), mapped_external=st.text(max_size=5))
def test_merging_keeps_what_is_not_mapped_and_an_external_id(nick: str, external: str, mapped_external: str) -> None:
    """An entry without an external id takes none away."""
    stored = Profile(user_name="ada", nick_name=nick, external_id=external, title="Dr")
    seen = Profile(user_name="eva", external_id=mapped_external)
    result = merged(stored, seen, frozenset({"user_name", "title", "external_id"}))
    assert (result.user_name, result.nick_name, result.title) == ("eva", nick, "")
    assert result.external_id == (mapped_external or external)
    assert merged(stored, seen, frozenset({"user_name"})).external_id == external


def test_every_text_of_the_profile_can_be_mapped() -> None:
    """A field that the settings name and the profile lacks, or the other way round, would be lost silently."""
    texts = {name for name, field in Profile.__dataclass_fields__.items() if field.type is str}
    assert set(TEXTS) == texts - {"user_name", "manager"}
    assert set(TEXTS) <= set(Attributes.model_fields)
