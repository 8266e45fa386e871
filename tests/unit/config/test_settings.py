"""What settings say once they are loaded: safe defaults, derived answers, and words shared with the identity store."""

import tomllib
from datetime import time, timedelta

import pytest
from pydantic import ValidationError

from config.directories import Mode
from config.secrets import Secret
from config.settings import Clears, ConnectionRole, Roles, Settings
from ims import passes
from ims.locks import Stickiness
from ims.people import CONNECTION_ROLES, PERSON_ROLES, Contact, Profile
from tests.support.settings_texts import PASSWORD, SMALLEST, changed, in_corp, loaded

ROLES = """
[tenants.acme.roles.co_administrator]
directory = "corp"
group = "cn=admins,ou=groups,dc=example,dc=com"
"""


def test_the_defaults_are_safe() -> None:
    """Nothing is enforced, plain, overruled or open to others unless it is written out."""
    settings = loaded()
    corp = settings.directories["corp"]
    assert corp.mode is Mode.OBSERVE
    assert corp.tls.mode is None
    assert not corp.tls.allow_plaintext
    assert not corp.rules["staff"].restore
    assert settings.web.host == "127.0.0.1"
    assert not settings.web.behind_proxy
    assert settings.unlock.disabled.value == "directory"
    assert not settings.unlock.deprovisioned
    assert settings.affiliation.confirm == timedelta(minutes=10)
    assert settings.affiliation.grace == timedelta(hours=24)
    assert settings.affiliation.clears.value == "within_grace"


def test_settings_are_frozen() -> None:
    settings = loaded()
    for table, key in ((settings, "web"), (settings.web, "port"), (settings.directories["corp"].bind, "dn")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(table, key, None)


def test_users_are_where_the_directory_begins_unless_it_is_said() -> None:
    assert loaded().directories["corp"].users_base == "dc=example,dc=com"
    text = changed(in_corp('users.base = "ou=people,dc=example,dc=com"'))
    assert loaded(text).directories["corp"].users_base == "ou=people,dc=example,dc=com"


@pytest.mark.parametrize(
    ("schedule", "daily_at", "spread"),
    [
        ("", time(2, 30), 6),
        ('reconcile_at = "04:00"\ntick = "10s"', time(4, 0), 1),
        ("reconcile_at = 04:00:00", time(4, 0), 6),
        ('reconcile_every = "6h"\njitter = 3', None, 3),
        ("tick = 3\njitter = 0", time(2, 30), 0),
    ],
)
def test_the_rhythm_is_one(schedule: str, daily_at: time | None, spread: int) -> None:
    found = loaded(changed(also=f"[directories.corp.schedule]\n{schedule}\n")).directories["corp"].schedule
    assert found.daily_at == daily_at
    assert found.spread == timedelta(seconds=spread)


def test_timeouts_are_whole_numbers() -> None:
    """ldap3 fails on a float with an error that no caller expects."""
    corp = loaded(changed(in_corp('connect_timeout = "10s"\nreceive_timeout = "1m"'))).directories["corp"]
    assert (corp.connect_timeout, corp.receive_timeout) == (10, 60)
    assert type(corp.connect_timeout) is int


@pytest.mark.parametrize(
    ("web", "url"),
    [
        ("", "http://127.0.0.1:8080"),
        ('host = "::1"\nport = 9000', "http://[::1]:9000"),
        ('public_url = "https://lockstep.example.com/"', "https://lockstep.example.com"),
        ('public_url = "https://lockstep.example.com:8443"', "https://lockstep.example.com:8443"),
    ],
)
def test_the_public_address_has_no_slash_at_its_end(web: str, url: str) -> None:
    assert loaded(changed(also=f"[web]\n{web}\n")).web.base_url == url


def test_attributes_are_asked_for_once_each_and_unread_ones_not_at_all() -> None:
    attributes = "[directories.corp.attributes]\n'name.givenName' = ''\ndisplayName = 'cn'\n'name.formatted' = 'cn'\n"
    found = loaded(changed(also=attributes)).directories["corp"].attributes
    assert found.wanted.count("cn") == 1
    assert "givenName" not in found.wanted
    assert "" not in found.wanted
    assert found.emails == (("work", "mail"),)
    assert found.phone_numbers == (("work", "telephoneNumber"), ("mobile", "mobile"))


# --- the fingerprint -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        changed(in_corp('users.filter = "(objectClass=person)"')),
        changed(in_corp('users.scope = "onelevel"')),
        changed(in_corp('users.base = "ou=people,dc=example,dc=com"')),
        changed(in_corp('default_policy = "cn=p,dc=example,dc=com"')),
        changed(in_corp("attributes.title = ''")),
        changed(in_corp('rules.more = {tenant = "acme", attribute = "o", value = "x"}')),
        changed(('"cn=staff,', '"cn=other,')),
        changed(also='[affiliation]\ngrace = "1h"\n'),
        changed(also='[protected]\nuser_names = ["root"]\n'),
        changed(also=ROLES),
    ],
)
def test_what_decides_the_meaning_of_a_reading_changes_the_fingerprint(text: str) -> None:
    assert loaded(text).fingerprint_of("corp") != loaded().fingerprint_of("corp")


@pytest.mark.parametrize(
    "text",
    [
        changed(in_corp('mode = "enforce"')),
        changed(in_corp("page_size = 500\nconnect_timeout = 1")),
        changed(in_corp('schedule.tick = "5m"')),
        changed(in_corp('canary = "uid=c,dc=example,dc=com"')),
        changed(('"ldaps://ldap.example.com"', '"ldaps://other.example.com"')),
        changed(('"correct-horse-battery"', '"another"')),
        changed(also='[affiliation]\nconfirm = "1h"\n'),
        changed(also="restore = true\n"),
        changed(also='[web]\nport = 1\n[tenants.beta]\n[log]\nlevel = "debug"\n'),
        changed(in_corp('users.filter = "(objectClass=inetOrgPerson)"')),
    ],
)
def test_what_does_not_keeps_it(text: str) -> None:
    assert loaded(text).fingerprint_of("corp") == loaded().fingerprint_of("corp")


def test_only_a_known_directory_has_a_fingerprint() -> None:
    with pytest.raises(KeyError):
        loaded().fingerprint_of("other")


def test_the_groups_that_give_roles_are_found_by_directory() -> None:
    settings = loaded(changed(also=ROLES))
    assert settings.role_groups_in("corp") == (("acme", "co_administrator", "cn=admins,ou=groups,dc=example,dc=com"),)
    assert settings.role_groups_in("other") == ()


# --- words shared with the identity store ----------------------------------------------------------------------------


def test_words_mean_the_same_in_the_store() -> None:
    """The parts do not import each other, so their words are compared here."""
    assert {mode.value for mode in Mode} == {mode.value for mode in passes.Mode}
    assert {clears.value for clears in Clears} == {stickiness.value for stickiness in Stickiness}
    assert {role.value for role in ConnectionRole} == {role.value for role in CONNECTION_ROLES}
    assert set(Roles.model_fields) == {role.value for role in PERSON_ROLES}


def test_every_part_of_a_profile_can_be_mapped_and_nothing_else() -> None:
    attributes = loaded().directories["corp"].attributes
    texts = {name for name, kind in Profile.__annotations__.items() if kind is str}
    contacts = {name for name, kind in Profile.__annotations__.items() if kind == tuple[Contact, ...]}
    fields = set(type(attributes).model_fields)
    texts -= {"manager"}  # a directory names a manager by DN
    assert fields >= texts
    assert {field for field in fields - texts if not field.endswith(("_email", "_phone"))} == {"fax", "pager"}
    assert contacts >= {"emails", "phone_numbers"}


def test_settings_can_be_made_in_code() -> None:
    """As the demonstration does, which writes no secret file."""
    tables = tomllib.loads(SMALLEST)
    settings = Settings(**tables)
    assert Settings().web.port == 8080
    assert settings.directories["corp"].bind.password == Secret(PASSWORD)
    for wrong in ("", "a\0b", 5):
        tables["directories"]["corp"]["bind"]["password"] = wrong
        with pytest.raises(ValidationError):
            Settings(**tables)
