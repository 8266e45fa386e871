"""A user as JSON: every attribute has its place, and what the clock decides is decided when somebody asks."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from ims.groups import GroupId, Membership
from ims.locks import LedgerRules, LockReason
from ims.people import CONTACT_LISTS, Address, Contact, DirectoryName, EntryId, EntryLink, LastUnlock, Profile, Revision
from scim.attributes import Document, Mutability
from scim.errors import BadRequest, ScimType
from scim.lockstep_schema import LOCKSTEP
from scim.profiles import profile_document, profile_of, wanted_user
from scim.resources import Lens, etag, rendered
from scim.urns import ENTERPRISE_URN, LOCKSTEP_URN, USER_URN
from scim.user_schemas import USER
from tests.support.clock import NOON
from tests.support.people import lock, user
from tests.support.scim_world import BASE, TENANTS

TEXTS: dict[str, Any] = {field.name: f"<{field.name}>" for field in fields(Profile) if field.type in (str, "str")}
LISTS: dict[str, Any] = {name: (Contact(value=f"<{name}>", type="other", display="D"),) for name in CONTACT_LISTS[2:]}
FULL = Profile(
    **TEXTS,
    **LISTS,
    addresses=(Address(formatted="A", street_address="B", locality="C", region="D", postal_code="E", country="FR"),),
    emails=(Contact(value="a@b.example", type="work", primary=True, display="A"), Contact(value="c@d.example")),
    phone_numbers=(Contact(value="tel:+1-201-555-0123", type="mobile"),),
)
HOUR = timedelta(hours=1)


def lens(*, evidence: bool = True, after: timedelta = timedelta(0)) -> Lens:
    """Return how somebody sees users some time after noon."""
    return Lens(base_url=BASE, now=NOON + after, rules=LedgerRules(), tenants=TENANTS, evidence=evidence)


def test_every_field_of_a_profile_comes_back() -> None:
    assert profile_of(profile_document(FULL)) == FULL


def test_every_writable_attribute_is_rendered_and_every_rendered_one_is_in_the_table() -> None:
    one = replace(user("ada"), profile=FULL)
    writable = {attribute.name for attribute in USER.attributes if attribute.mutability is Mutability.READ_WRITE}
    shown = rendered(one, lens(), (Membership(group=GroupId("g"), display="Staff", direct=True),))
    assert writable <= shown.keys()
    assert shown.keys() - {LOCKSTEP_URN, ENTERPRISE_URN} == {
        attribute.name for attribute in (*USER.common, *USER.attributes)
    }


def test_everything_of_the_extension_is_rendered() -> None:
    link = EntryLink(directory=DirectoryName("corp"), entry_id=EntryId("e1"), dn="uid=ada", seen_at=NOON)
    held = lock(since=NOON - HOUR, until=NOON + HOUR, server="dc1", evidence=(("pwdAccountLockedTime", "2026Z"),))
    last = LastUnlock(at=NOON, cleared=("held",), remaining=("expired: ask",), failed=("corp: no answer",))
    one = replace(user("ada", entries=[link], locks=[held]), last_unlock=last)
    extension = rendered(one, lens())[LOCKSTEP_URN]
    assert extension == {
        "locked": True,
        "locks": [
            {
                "id": held.id,
                "value": "password_attempts",
                "display": "Locked in corp (dc1) after too many wrong passwords",
                "source": "corp",
                "server": "dc1",
                "since": "2026-11-23T11:00:00Z",
                "until": "2026-11-23T13:00:00Z",
                "evidence": ["pwdAccountLockedTime: 2026Z"],
                "clearableBy": ["co_administrator", "directory", "time"],
            },
        ],
        "lastUnlock": {
            "at": "2026-11-23T12:00:00Z",
            "cleared": ["held"],
            "remaining": ["expired: ask"],
            "failed": ["corp: no answer"],
        },
        "affiliation": {
            "value": "acme",
            "display": "Acme Corporation",
            "status": "affiliated",
            "since": "2026-11-23T12:00:00Z",
        },
        "directories": [{"value": "corp", "entryId": "e1", "dn": "uid=ada", "lastSeen": "2026-11-23T12:00:00Z"}],
    }
    assert isinstance(extension, dict)
    assert extension.keys() == {attribute.name for attribute in LOCKSTEP.attributes}


def test_a_connection_sees_reasons_without_evidence_dn_or_who_acted() -> None:
    link = EntryLink(directory=DirectoryName("corp"), entry_id=EntryId("e1"), dn="uid=secret", seen_at=NOON)
    held = replace(lock(LockReason.HELD, evidence=(("a", "secret"),)), note="secret", raised_by="secret")
    one = user("ada", entries=[link], locks=[held])
    assert "secret" not in str(rendered(one, lens(evidence=False)))
    assert "Locked by a Co-Administrator: secret" in str(rendered(one, lens()))


def test_locks_stand_oldest_first_and_only_those_in_force() -> None:
    locks = [
        lock(LockReason.HELD, since=NOON - HOUR),
        lock(since=NOON - 2 * HOUR),
        lock(LockReason.EXPIRED, since=NOON + HOUR),
        lock(LockReason.DISABLED, since=NOON - 3 * HOUR, until=NOON - HOUR),
    ]
    extension = rendered(user("ada", locks=locks), lens())[LOCKSTEP_URN]
    assert isinstance(extension, dict)
    assert [held["value"] for held in extension["locks"]] == ["password_attempts", "held"]


def test_the_clock_alone_makes_another_version() -> None:
    """A timed lock ends: `active`, the ETag and lastModified change, and nobody has written anything."""
    one = replace(user("ada", locks=[lock(since=NOON - HOUR, until=NOON + HOUR)]), version=Revision(7))
    before, after = rendered(one, lens()), rendered(one, lens(after=HOUR))
    assert (before["active"], after["active"]) == (False, True)
    assert etag(one, NOON) == f'W/"7.{int((NOON - HOUR).timestamp())}"'
    assert etag(one, NOON + HOUR) == f'W/"7.{int((NOON + HOUR).timestamp())}"'
    assert _meta(before)["lastModified"] == "2026-11-23T12:00:00Z"
    assert _meta(after)["lastModified"] == "2026-11-23T13:00:00Z"
    assert etag(replace(one, locks=()), NOON) == 'W/"7.0"'


def test_fractions_of_seconds_are_shown_as_they_are() -> None:
    one = replace(user("ada"), created=NOON + timedelta(microseconds=1500))
    assert _meta(rendered(one, lens()))["created"] == "2026-11-23T12:00:00.001500Z"


# --- what a POST holds -----------------------------------------------------------------------------------------------


def posted(**members: object) -> Document:
    """Return a User resource as a client would send it."""
    return {"schemas": [USER_URN], "userName": "ada", **members}


def test_what_is_read_only_or_unknown_is_ignored() -> None:
    wanted = wanted_user(
        posted(
            id="user-eve",
            meta={"resourceType": "Group"},
            password="hunter2",
            roles=[],
            nickname="Addie",
            **{
                "schemas": [USER_URN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
                LOCKSTEP_URN: {"locked": False},
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines"},
                f"{USER_URN}:title": "Countess",
                USER_URN: {"displayName": "Ada"},
                "NAME": {"GIVENNAME": "Ada", "familyName": None},
            },
        ),
    )
    assert wanted.profile == Profile(
        user_name="ada",
        nick_name="Addie",
        title="Countess",
        display_name="Ada",
        given_name="Ada",
        department="Engines",
    )
    assert wanted.active is None


@pytest.mark.parametrize(
    ("sent", "means"), [(None, None), (True, True), ("True", True), (False, False), ("false", False)]
)
def test_active_is_what_the_client_says_or_nothing(sent: object, means: object) -> None:
    assert wanted_user(posted(active=sent)).active is means


def test_nothing_is_nothing_however_it_is_written() -> None:
    wanted = wanted_user(posted(title="", nickName=None, emails=[], phoneNumbers=[None, {"type": "work"}], name={}))
    assert wanted.profile == Profile(user_name="ada")


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"userName": None}, "userName"),
        ({"userName": " \t"}, "userName"),
        ({"userName": ["ada"]}, "userName must be a string"),
        ({"userName": {"value": "ada"}}, "userName must be a string"),
        ({"userName": 7}, "userName must be a string"),
        ({"displayName": True}, "displayName must be a string"),
        ({"title": "x" * 513}, "title is longer than 512"),
        ({"profileUrl": "x" * 2049}, "profileUrl is longer than 2048"),
        ({"active": "maybe"}, "active must be true or false"),
        ({"name": "Ada"}, "name must be an object"),
        ({"name": {"givenName": ["Ada"]}}, r"name\.givenName must be a string"),
        ({"emails": {"value": "a@b"}}, "emails must be an array"),
        ({"emails": "a@b"}, "emails must be an array"),
        ({"emails": ["a@b"]}, r"emails\[0\] must be an object"),
        ({"emails": [{"value": "a@b"}, {"value": 7}]}, r"emails\[1\]\.value must be a string"),
        ({"emails": [{"value": "a@b", "primary": 1}]}, r"emails\[0\]\.primary must be true or false"),
        (
            {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
            "only one value can be primary",
        ),
        ({"emails": [{"value": "a"}] * 101}, "more than 100"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(members: Document, where: str) -> None:
    with pytest.raises(BadRequest, match=where) as refusal:
        wanted_user(posted(**members))
    assert refusal.value.scim_type is ScimType.INVALID_VALUE


@pytest.mark.parametrize("schemas", [None, USER_URN, [], [7], [USER_URN, 7], [LOCKSTEP_URN], {USER_URN: 1}])
def test_a_resource_says_what_it_is(schemas: object) -> None:
    with pytest.raises(BadRequest, match="schemas") as refusal:
        wanted_user(posted(schemas=schemas))
    assert refusal.value.scim_type is ScimType.INVALID_SYNTAX


def _meta(resource: Document) -> Document:
    meta = resource["meta"]
    assert isinstance(meta, dict)
    return meta
