"""PATCH on a profile: RFC 7644 sections 3.5.2.1 to 3.5.2.3, one table row at a time."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ims.people import Contact, Profile, User
from ims.provisioning import Edit
from scim.errors import BadRequest, HttpProblem, ScimType
from scim.patch import OPERATIONS_MAX, parse
from scim.schemas import USERS
from scim.urns import LOCKSTEP_URN, PATCH_URN, USER_URN
from scim.user_patch import edit_of, touches_active, wanted_active
from tests.support.people import user

WORK = Contact(value="ada@work.example", type="work", primary=True)
HOME = Contact(value="ada@home.example", type="home")
ADA = Profile(
    user_name="ada",
    external_id="7",
    display_name="Ada",
    given_name="Ada",
    family_name="Lovelace",
    title="Countess",
    emails=(WORK, HOME),
)
Operation = Mapping[str, object]


@pytest.fixture
def ada() -> User:
    """Return a user with something to patch."""
    return replace(user("ada"), profile=ADA)


def patched(ada: User, *operations: Operation) -> Profile:
    """Return the profile after the operations."""
    edit = edit_of(parse({"schemas": [PATCH_URN], "Operations": list(operations)}, USERS), ada, creates=False)
    return edit.profile or ada.profile


def refusal(ada: User, *operations: Operation) -> ScimType:
    """Return the scimType of the error that the operations cause."""
    with pytest.raises(BadRequest) as error:
        patched(ada, *operations)
    return error.value.scim_type


@pytest.mark.parametrize("op", ["add", "Add", "replace", "REPLACE"])
@pytest.mark.parametrize("path", ["nickName", "NICKNAME", f"{USER_URN}:nickName"])
def test_a_value_is_set(ada: User, op: str, path: str) -> None:
    assert patched(ada, {"op": op, "path": path, "value": "Addie"}) == replace(ADA, nick_name="Addie")


@pytest.mark.parametrize("value", [None, "", []])
def test_replacing_by_nothing_unassigns(ada: User, value: object) -> None:
    if value == []:
        assert patched(ada, {"op": "replace", "path": "emails", "value": value}).emails == ()
    else:
        assert patched(ada, {"op": "replace", "path": "title", "value": value}).title == ""


def test_remove_unassigns(ada: User) -> None:
    after = patched(ada, {"op": "remove", "path": "title"}, {"op": "remove", "path": "name.familyName"})
    assert after == replace(ADA, title="", family_name="")
    assert patched(ada, {"op": "remove", "path": "name"}) == replace(ADA, given_name="", family_name="")


@pytest.mark.parametrize("op", ["add", "replace"])
def test_a_complex_value_is_merged(ada: User, op: str) -> None:
    value = {"givenName": "Augusta", "honorificPrefix": "Lady", "familyName": None, "unknown": "x"}
    after = patched(ada, {"op": op, "path": "name", "value": value})
    assert after == replace(ADA, given_name="Augusta", honorific_prefix="Lady", family_name="")


def test_without_a_path_every_name_is_one(ada: User) -> None:
    """Names may be paths: dotted, behind a URN, with brackets; what is unknown is left alone, as in a POST."""
    value = {
        "schemas": [USER_URN],
        "id": "user-ada",
        "displayName": "Ada L.",
        "name.givenName": "Augusta",
        f"{USER_URN}:title": "Lady",
        'emails[type eq "home"].value': "new@home.example",
        "externalId": "8",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Engines",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines"},
        "roles": [],
        USER_URN: {"nickName": "Addie"},
    }
    after = patched(ada, {"op": "replace", "value": value})
    assert after == replace(
        ADA,
        display_name="Ada L.",
        given_name="Augusta",
        title="Lady",
        external_id="8",
        department="Engines",
        nick_name="Addie",
        emails=(WORK, replace(HOME, value="new@home.example")),
    )


# --- many values -----------------------------------------------------------------------------------------------------


def test_added_values_are_appended(ada: User) -> None:
    other = {"value": "ada@other.example", "type": "other"}
    after = patched(ada, {"op": "add", "path": "emails", "value": [other]})
    assert after.emails == (WORK, HOME, Contact(value="ada@other.example", type="other"))
    assert patched(ada, {"op": "add", "path": "emails", "value": other}) == after
    assert patched(ada, {"op": "add", "value": {"emails": [other]}}) == after


def test_what_is_there_already_is_not_added_again(ada: User) -> None:
    same = {"value": "ADA@work.example", "type": "Work"}
    assert patched(ada, {"op": "add", "path": "emails", "value": [same]}).emails[1:] == (HOME,)
    assert (
        edit_of(
            parse({"schemas": [PATCH_URN], "Operations": [{"op": "add", "path": "title", "value": "Countess"}]}, USERS),
            ada,
            creates=False,
        )
        == Edit()
    )


def test_replace_takes_the_place_of_all_values(ada: User) -> None:
    after = patched(ada, {"op": "replace", "path": "emails", "value": [{"value": "only@one.example"}]})
    assert after.emails == (Contact(value="only@one.example"),)


def test_only_selected_values_are_touched(ada: User) -> None:
    path = 'emails[type eq "work"]'
    new = Contact(value="new@work.example", type="work", primary=True)
    assert patched(ada, {"op": "replace", "path": f"{path}.value", "value": new.value}).emails == (new, HOME)
    assert patched(ada, {"op": "replace", "path": path, "value": {"value": new.value}}).emails == (new, HOME)
    assert patched(ada, {"op": "add", "path": path, "value": {"display": "W"}}).emails == (
        replace(WORK, display="W"),
        HOME,
    )
    assert patched(ada, {"op": "remove", "path": path}).emails == (HOME,)
    assert patched(ada, {"op": "remove", "path": f"{path}.value", "value": "ignored"}).emails == (HOME,)
    assert patched(ada, {"op": "remove", "path": f"{USER_URN}:{path}.type"}).emails == (replace(WORK, type=""), HOME)


@pytest.mark.parametrize(
    "where",
    [
        'value co "@HOME"',
        'type ne "work"',
        "not (primary eq true)",
        'type pr and type sw "h"',
        'value ew "home.example" or value gt "zzz"',
        'display eq null and primary eq false and type le "home"',
        'type lt "work" and value ge "ada@home" and not (display pr)',
    ],
)
def test_any_filter_selects(ada: User, where: str) -> None:
    assert patched(ada, {"op": "remove", "path": f"emails[{where}]"}).emails == (WORK,)


def test_one_value_is_primary(ada: User) -> None:
    path = 'emails[type eq "home"].primary'
    assert patched(ada, {"op": "replace", "path": path, "value": "True"}).emails == (
        replace(WORK, primary=False),
        replace(HOME, primary=True),
    )
    added = patched(ada, {"op": "add", "path": "emails", "value": [{"value": "x@y.example", "primary": True}]})
    assert [contact.primary for contact in added.emails] == [False, False, True]
    two = [{"value": "a@b.example", "primary": True}, {"value": "c@d.example", "primary": True}]
    assert refusal(ada, {"op": "add", "path": "emails", "value": two}) is ScimType.INVALID_VALUE


def test_remove_with_values_removes_those_and_no_other(ada: User) -> None:
    assert patched(ada, {"op": "remove", "path": "emails", "value": [{"value": HOME.value, "$ref": None}]}).emails == (
        WORK,
    )
    assert patched(ada, {"op": "remove", "path": "emails", "value": []}).emails == (WORK, HOME)
    assert patched(ada, {"op": "remove", "path": "emails", "value": [{"value": "not@there.example"}]}).emails == (
        WORK,
        HOME,
    )
    assert patched(ada, {"op": "remove", "path": "emails"}).emails == ()


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "replace", "path": "id", "value": "user-ada"}, ScimType.MUTABILITY),
        ({"op": "replace", "value": {"id": "user-eve"}}, ScimType.MUTABILITY),
        ({"op": "replace", "path": "schemas", "value": []}, ScimType.MUTABILITY),
        ({"op": "replace", "path": "meta.created", "value": "2026-01-01T00:00:00Z"}, ScimType.MUTABILITY),
        ({"op": "replace", "value": {"meta": {"resourceType": "Group"}}}, ScimType.MUTABILITY),
        ({"op": "replace", "path": f"{LOCKSTEP_URN}:locked", "value": False}, ScimType.MUTABILITY),
        ({"op": "remove", "path": "locks"}, ScimType.MUTABILITY),
        ({"op": "remove", "path": 'locks[value eq "held"]'}, ScimType.MUTABILITY),
        ({"op": "replace", "path": LOCKSTEP_URN, "value": {}}, ScimType.MUTABILITY),
        ({"op": "replace", "value": {LOCKSTEP_URN: {"locked": False}}}, ScimType.MUTABILITY),
        ({"op": "remove", "path": "userName"}, ScimType.MUTABILITY),
        ({"op": "replace", "path": "userName", "value": ""}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "userName", "value": "  "}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "userName", "value": ["ada", "bob"]}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "userName", "value": 7}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "userName", "value": "x" * 513}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "name", "value": "Ada"}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "name.givenName", "value": {"x": 1}}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "emails", "value": "ada@work.example"}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "emails", "value": ["ada@work.example"]}, ScimType.INVALID_VALUE),
        ({"op": "add", "path": "emails", "value": [{"value": f"{n}@x"} for n in range(99)]}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "emails", "value": [{"value": "x"}] * 101}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": 'emails[type eq "work"]', "value": "x"}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": 'emails[type eq "work"].primary', "value": "yes"}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "active", "value": "yes"}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "active", "value": None}, ScimType.INVALID_VALUE),
        ({"op": "replace", "path": "active", "value": 1}, ScimType.INVALID_VALUE),
        ({"op": "remove", "path": "active"}, ScimType.INVALID_VALUE),
        ({"op": "replace", "value": "x"}, ScimType.INVALID_VALUE),
        ({"op": "replace"}, ScimType.INVALID_VALUE),
        ({"op": "remove"}, ScimType.NO_TARGET),
        ({"op": "remove", "value": {"title": "x"}}, ScimType.NO_TARGET),
        ({"op": "replace", "path": 'emails[type eq "other"].value', "value": "x"}, ScimType.NO_TARGET),
        ({"op": "remove", "path": 'emails[type eq "other"]'}, ScimType.NO_TARGET),
        ({"op": "replace", "path": "nothing", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "__class__", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "__proto__.polluted", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "name.__class__", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "password", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "emails.value", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": 'emails.value[type eq "work"]', "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": 'title[value eq "x"]', "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": 'name[givenName eq "Ada"].familyName', "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "emails[]", "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": "emails[0]", "value": "x"}, ScimType.INVALID_FILTER),
        ({"op": "replace", "path": 'emails[type eq "work"]value', "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": 'emails[type eq "work"].nothing', "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": 'emails[nothing eq "work"].value', "value": "x"}, ScimType.INVALID_FILTER),
        ({"op": "replace", "path": ["title"], "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "replace", "path": {}, "value": "x"}, ScimType.INVALID_PATH),
        ({"op": "move", "path": "title", "value": "x"}, ScimType.INVALID_SYNTAX),
        ({"op": None, "path": "title"}, ScimType.INVALID_SYNTAX),
        ({"op": ["add"], "path": "title"}, ScimType.INVALID_SYNTAX),
        ({"path": "title", "value": "x"}, ScimType.INVALID_SYNTAX),
    ],
)
def test_what_is_refused(ada: User, operation: Operation, kind: ScimType) -> None:
    assert refusal(ada, operation) is kind


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Operations": [{"op": "add", "path": "title", "value": "x"}]},
        {"schemas": [USER_URN], "Operations": [{"op": "add", "path": "title", "value": "x"}]},
        {"schemas": PATCH_URN, "Operations": [{"op": "add", "path": "title", "value": "x"}]},
        {"schemas": [PATCH_URN]},
        {"schemas": [PATCH_URN], "Operations": []},
        {"schemas": [PATCH_URN], "Operations": {}},
        {"schemas": [PATCH_URN], "Operations": ["x"]},
        {"schemas": [PATCH_URN, 7, None], "Operations": [None]},
    ],
)
def test_what_is_no_patch(document: dict[str, object]) -> None:
    with pytest.raises(BadRequest) as error:
        parse(document, USERS)
    assert error.value.scim_type is ScimType.INVALID_SYNTAX


def test_the_names_of_the_message_are_taken_in_any_case(ada: User) -> None:
    raw = {"SCHEMAS": [PATCH_URN.upper()], "operations": [{"OP": "Replace", "Path": "title", "VALUE": "Lady"}]}
    assert edit_of(parse(raw, USERS), ada, creates=False).profile == replace(ADA, title="Lady")


def test_too_many_operations_are_413() -> None:
    operation = {"op": "add", "path": "title", "value": "x"}
    with pytest.raises(HttpProblem):
        parse({"schemas": [PATCH_URN], "Operations": [operation] * (OPERATIONS_MAX + 1)}, USERS)


def test_a_patch_is_taken_whole_or_not_at_all(ada: User) -> None:
    """The last of three operations is wrong: an edit does not come about, and the user is untouched."""
    operations = [{"op": "replace", "path": "title", "value": "Lady"}, {"op": "remove", "path": "emails"}]
    assert refusal(ada, *operations, {"op": "remove", "path": "userName"}) is ScimType.MUTABILITY
    assert ada.profile == ADA


def test_operations_are_done_in_order(ada: User) -> None:
    after = patched(
        ada,
        {"op": "remove", "path": "emails"},
        {"op": "add", "path": "emails", "value": [{"value": "a@b.example", "type": "work"}]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "c@d.example"},
        {"op": "replace", "path": "title", "value": "1"},
        {"op": "replace", "path": "title", "value": "2"},
    )
    assert (after.emails, after.title) == ((Contact(value="c@d.example", type="work"),), "2")


def test_a_directory_s_long_values_do_not_stand_in_the_way(ada: User) -> None:
    """What a client may not send, a directory may hold; a PATCH of something else is none of its business."""
    long = replace(ADA, title="x" * 2_000, emails=tuple(Contact(value=f"{n}@x", primary=True) for n in range(150)))
    assert patched(replace(ada, profile=long), {"op": "add", "path": "nickName", "value": "A"}).title == long.title


def test_active_is_kept_apart_from_the_profile(ada: User) -> None:
    operations = parse(
        {"schemas": [PATCH_URN], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}, USERS
    )
    assert edit_of(operations, ada, creates=False) == Edit(active=False)
    assert wanted_active(operations, ada.id) is False
    assert touches_active(operations)
    mixed = parse(
        {"schemas": [PATCH_URN], "Operations": [{"op": "add", "value": {"active": True, "title": "Lady"}}]}, USERS
    )
    assert edit_of(mixed, ada, creates=False) == Edit(profile=replace(ADA, title="Lady"), active=True)
    assert wanted_active(mixed, ada.id) is None
