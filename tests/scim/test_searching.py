"""/.search, queries of the root, sorting, cursors, PUT and /Me on users."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ims.locks import LockReason
from scim.services import Limits
from scim.urns import ENTERPRISE_URN, GROUP_URN, LOCKSTEP_URN, SEARCH_URN, USER_URN
from tests.support.people import lock
from tests.support.scim_world import Caller, Reply, ScimWorld


def searched(caller: Caller, path: str = "/Users/.search", **asked: object) -> Reply:
    """POST a SearchRequest."""
    return caller.call("POST", path, {"schemas": [SEARCH_URN], **asked})


def test_a_search_says_what_a_get_says(scim: ScimWorld) -> None:
    for name in ("ada", "bob", "eve"):
        scim.provisioned(name)
    asked: dict[str, Any] = {
        "filter": 'userName ne "bob"',
        "sortBy": "userName",
        "sortOrder": "descending",
        "count": 1,
    }
    got = scim.idp.get("/Users", **asked)
    assert got.names == ["eve"]
    assert searched(scim.idp, **asked).body == got.body
    assert searched(scim.idp, attributes=["userName"]).body["Resources"][0].keys() == {"schemas", "id", "userName"}
    assert searched(scim.idp, filter='password eq "x"').problem == (403, "sensitive")


def test_the_root_knows_users_and_groups(scim: ScimWorld) -> None:
    """An attribute that one type does not have finds nobody of that type."""
    scim.provisioned("ada")
    scim.idp.call("POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "Ada"})
    both = searched(scim.idp, "/.search", filter='displayName eq "ada"').body
    assert [one["meta"]["resourceType"] for one in both["Resources"]] == ["User", "Group"]
    assert (both["totalResults"], both["itemsPerPage"]) == (2, 2)
    second = searched(scim.idp, "/.search", startIndex=2, count=1).body
    assert [one["meta"]["resourceType"] for one in second["Resources"]] == ["Group"]
    assert scim.idp.get("", filter="userName pr").names == ["ada"]
    assert searched(scim.idp, "/.search", filter="nothing pr").problem == (400, "invalidFilter")


@pytest.mark.parametrize(
    "by", ["userName", "name.familyName", f"{ENTERPRISE_URN}:department", "emails", "emails.value"]
)
def test_sorted_with_those_without_a_value_last(scim: ScimWorld, by: str) -> None:
    """Or first, where it descends (RFC 7644 section 3.4.2.3)."""
    for name in ("bob", "ada", "cyd"):
        scim.idp.post(
            name,
            name={"familyName": name},
            emails=[{"value": f"z{name}@x"}, {"value": f"{name}@x", "primary": True}],
            **{"schemas": [USER_URN, ENTERPRISE_URN], ENTERPRISE_URN: {"department": name}},
        )
    scim.idp.post("zed")
    shown = scim.idp.get("/Users", sortBy=by).body["Resources"]
    assert [one["userName"] for one in shown] == ["ada", "bob", "cyd", "zed"]
    shown = scim.idp.get("/Users", sortBy=by, sortOrder="descending").body["Resources"]
    wanted = ["zed", "cyd", "bob", "ada"]
    assert [one["userName"] for one in shown] == wanted


def test_sorted_by_what_the_clock_decides(scim: ScimWorld) -> None:
    scim.provisioned("bob")
    ada = scim.provisioned("ada")
    scim.idp.set_active(ada.id, value=False)
    assert [one["userName"] for one in scim.idp.get("/Users", sortBy="active").body["Resources"]] == ["ada", "bob"]
    newest = scim.idp.get("/Users", sortBy="meta.lastModified", sortOrder="descending").body["Resources"]
    assert len(newest) == 2
    assert scim.idp.get("/Users", sortBy="nothing").problem == (400, "invalidValue")
    assert scim.idp.get("/Users", sortBy="userName", sortOrder="up").problem == (400, "invalidValue")


# --- cursors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", [{}, {"sortBy": "userName", "sortOrder": "descending"}])
def test_cursors_lead_through_everybody_once(scim: ScimWorld, sort: dict[str, str]) -> None:
    names = {scim.provisioned(f"p{number}").profile.user_name for number in range(7)}
    caller = scim.idp
    seen: list[str] = []
    cursor, pages = "", 0
    while True:
        body = caller.get("/Users", cursor=cursor, count=3, **sort).body
        seen += [one["userName"] for one in body["Resources"]]
        assert body["totalResults"] == 7
        assert "startIndex" not in body
        pages += 1
        if "nextCursor" not in body:
            break
        cursor = body["nextCursor"]
        assert cursor.replace("-", "").replace("_", "").isalnum()
    assert (sorted(seen), len(seen), pages) == (sorted(names), 7, 3)
    if sort:
        assert seen == sorted(names, reverse=True)


def test_a_cursor_is_for_its_bearer_its_question_and_an_hour(scim: ScimWorld) -> None:
    for number in range(3):
        scim.provisioned(f"p{number}")
    caller = scim.idp
    cursor = caller.get("/Users", cursor="", count=1).body["nextCursor"]
    assert caller.get("/Users", cursor=cursor, count=1).status == 200
    assert caller.get("/Users", cursor=cursor).status == 200
    assert caller.get("/Users", cursor=cursor, count=2).problem == (400, "invalidCount")
    assert caller.get("/Users", cursor=cursor, filter="active eq true").problem == (400, "invalidCursor")
    assert scim.idp.get("/Users", cursor=cursor).problem == (400, "invalidCursor")
    for forged in (cursor[:-2] + "AA", "x", "é", cursor[1:]):
        assert caller.get("/Users", cursor=forged).problem == (400, "invalidCursor")
    scim.world.clock.forward(timedelta(minutes=61))
    assert caller.get("/Users", cursor=cursor).problem == (400, "expiredCursor")
    assert searched(caller, "/.search", cursor="").problem == (400, "invalidCursor")
    assert caller.get("/Users", cursor="", count=0).body["Resources"] == []


def test_a_page_is_never_longer_than_allowed(make_scim: Callable[..., ScimWorld]) -> None:
    scim = make_scim(limits=Limits(page_default=2, page_max=3))
    for number in range(5):
        scim.provisioned(f"p{number}")
    for count, shown in ((None, 2), (0, 0), (1, 1), (3, 3), (4, 3)):
        body = (scim.idp.get("/Users") if count is None else scim.idp.get("/Users", count=count)).body
        assert (len(body["Resources"]), body["itemsPerPage"], body["totalResults"]) == (shown, shown, 5)


# --- PUT and /Me -----------------------------------------------------------------------------------------------------


def put(caller: Caller, user: str, **members: object) -> Reply:
    """Replace a user."""
    return caller.call("PUT", f"/Users/{user}", {"schemas": [USER_URN], **members})


def test_a_put_unassigns_what_it_leaves_out(scim: ScimWorld) -> None:
    ada = scim.idp.post("ada", title="Countess", nickName="Addie").body
    reply = put(scim.idp, ada["id"], userName="ada", title="Lady", id="ignored", groups=[], meta={"version": "x"})
    assert (reply.status, reply.body["title"], "nickName" in reply.body) == (200, "Lady", False)
    assert reply.body["id"] == ada["id"]
    assert put(scim.idp, "nobody", userName="x").status == 404
    assert put(scim.idp, ada["id"]).problem == (400, "invalidValue")
    assert put(scim.carol, ada["id"], userName="ada", active=True).status == 403


def test_a_put_without_active_neither_locks_nor_unlocks(scim: ScimWorld) -> None:
    ada = scim.idp.post("ada", active=False).body
    assert put(scim.idp, ada["id"], userName="ada").body["active"] is False
    assert put(scim.idp, ada["id"], userName="ada", active="False").body["active"] is False
    bob = scim.world.locked("bob")
    assert put(scim.idp, bob.id, userName="bob", active=True).body["active"] is False
    assert scim.world.reasons(bob) == [LockReason.PASSWORD_ATTEMPTS]
    assert scim.world.side.writes == []


def test_a_put_leaves_a_directory_s_user_as_the_directory_says(scim: ScimWorld) -> None:
    """The answer shows the truth."""
    ada = scim.world.person("ada")
    body = put(scim.idp, ada.id, userName="somebody", displayName="Else", externalId="7").body
    assert (body["userName"], body["externalId"]) == ("ada", "7")


def test_me_is_the_person_behind_the_token(scim: ScimWorld) -> None:
    assert scim.carol.get("/Me").body == scim.carol.get("/Users/user-carol").body
    assert scim.carol.get("/Me").raw.headers["Location"].endswith("/Users/user-carol")
    assert scim.idp.get("/Me").status == 404
    assert scim.operator.get("/Me").status == 403


# --- the whole user --------------------------------------------------------------------------------------------------


def test_everything_of_a_person_comes_back(scim: ScimWorld) -> None:
    whole: dict[str, Any] = {
        "ims": [{"value": "ada", "type": "xmpp", "primary": True}],
        "photos": [{"value": "https://x.example/a.png", "type": "photo", "primary": False}],
        "entitlements": [{"value": "vpn", "primary": False}],
        "roles": [{"value": "admin", "display": "Admin", "primary": True}],
        "x509Certificates": [{"value": "MIIB", "primary": False}],
        "addresses": [{"type": "work", "locality": "London", "country": "GB", "primary": True}],
        ENTERPRISE_URN: {"employeeNumber": "7", "department": "Engines", "manager": {"value": "m-1"}},
    }
    body = scim.idp.post("ada", **whole).body
    assert {name: body[name] for name in whole} == whole
    assert body["schemas"] == [USER_URN, ENTERPRISE_URN, LOCKSTEP_URN]
    for text in (
        'ims.value eq "ADA"',
        'roles[value eq "admin" and primary eq true]',
        'addresses[type eq "work" and locality sw "lon"]',
        'addresses.country eq "gb"',
        'employeeNumber eq "7"',
        f'{ENTERPRISE_URN}:manager eq "m-1"',
        'manager.value eq "m-1"',
        f'schemas eq "{ENTERPRISE_URN}"',
        "not (costCenter pr)",
        'department ne "x"',
    ):
        assert scim.idp.find(text).names == ["ada"], text
    assert scim.idp.find('x509Certificates.value gt "A"').problem == (400, "invalidFilter")
    assert scim.idp.post("bob", x509Certificates=[{"value": "no base64!"}]).problem == (400, "invalidValue")


def test_an_extension_is_patched_as_a_whole_and_in_parts(scim: ScimWorld) -> None:
    """A manager as a bare id, "" to clear it, and the extension removed again."""
    ada = scim.idp.post("ada").body["id"]

    def extension() -> object:
        return scim.idp.get(f"/Users/{ada}").body.get(ENTERPRISE_URN)

    scim.idp.patch(ada, {"op": "Add", "path": f"{ENTERPRISE_URN}:manager", "value": "m-1"})
    scim.idp.patch(ada, {"op": "replace", "path": f"{ENTERPRISE_URN}:department", "value": "Engines"})
    assert extension() == {"manager": {"value": "m-1"}, "department": "Engines"}
    scim.idp.patch(ada, {"op": "replace", "path": f"{ENTERPRISE_URN}:manager", "value": ""})
    assert extension() == {"department": "Engines"}
    scim.idp.patch(ada, {"op": "replace", "path": ENTERPRISE_URN, "value": {"costCenter": "9"}})
    assert extension() == {"department": "Engines", "costCenter": "9"}
    scim.idp.patch(ada, {"op": "remove", "path": ENTERPRISE_URN.lower()})
    assert extension() is None
    assert scim.idp.get(f"/Users/{ada}").body["schemas"] == [USER_URN, LOCKSTEP_URN]


def test_a_missing_element_is_made_where_the_path_describes_it(scim: ScimWorld) -> None:
    ada = scim.idp.post("ada", emails=[{"value": "h@x", "type": "home"}]).body["id"]
    scim.idp.patch(ada, {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "w@x"})
    scim.idp.patch(ada, {"op": "Add", "path": 'addresses[type eq "work"].streetAddress', "value": "1 High St"})
    body = scim.idp.get(f"/Users/{ada}").body
    assert [(one["type"], one["value"]) for one in body["emails"]] == [("home", "h@x"), ("work", "w@x")]
    assert body["addresses"] == [{"type": "work", "streetAddress": "1 High St", "primary": False}]
    remove = {"op": "remove", "path": 'emails[type eq "other"]'}
    assert scim.idp.patch(ada, remove).problem == (400, "noTarget")


def test_a_locked_person_is_found_by_why(scim: ScimWorld) -> None:
    scim.world.save(replace(scim.provisioned("ada"), locks=(lock(),)))
    assert scim.idp.find("locked eq true").names == ["ada"]
    assert scim.idp.find('locks[value eq "password_attempts"]').names == ["ada"]
