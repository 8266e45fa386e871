"""/Groups as identity providers use it: create, add, remove, nest, find, rename, replace, delete."""

from typing import Any

import pytest

from ims.audit import Action
from scim.urns import GROUP_URN, PATCH_URN
from tests.support.people import HR
from tests.support.scim_world import BASE, GLOBEX_IDP, Caller, Reply, ScimWorld


def made(caller: Caller, name: str, *members: str, **attributes: object) -> dict[str, Any]:
    """Create a group, and return it."""
    listed = [{"value": member} for member in members]
    reply = caller.call(
        "POST", "/Groups", {"schemas": [GROUP_URN], "displayName": name, "members": listed, **attributes}
    )
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    assert reply.raw.headers["Location"] == body["meta"]["location"] == f"{BASE}/Groups/{body['id']}"
    assert reply.raw.headers["ETag"] == body["meta"]["version"]
    return body


def patched(caller: Caller, group: str, *operations: Any, **query: str) -> Reply:
    """PATCH a group."""
    body = {"schemas": [PATCH_URN], "Operations": list(operations)}
    return caller.call("PATCH", f"/Groups/{group}", body, query=query)


def members(caller: Caller, group: str) -> list[str]:
    """Return the ids of a group's members."""
    return [member["value"] for member in caller.get(f"/Groups/{group}").body["members"]]


def test_a_group_is_created_and_shown(scim: ScimWorld) -> None:
    ada = scim.provisioned("ada", display_name="Ada Lovelace")
    body = made(scim.idp, "Engineers", ada.id, externalId="g-1")
    assert body["members"] == [
        {"value": ada.id, "$ref": f"{BASE}/Users/{ada.id}", "type": "User", "display": "Ada Lovelace"}
    ]
    assert (body["displayName"], body["externalId"], body["schemas"]) == ("Engineers", "g-1", [GROUP_URN])
    assert scim.idp.get(f"/Groups/{body['id']}").body == body
    assert made(scim.idp, "Nobody yet")["members"] == []


def test_members_are_added_and_removed_each_by_itself(scim: ScimWorld) -> None:
    """In the shapes that identity providers send; a remove with values removes those, and never all."""
    ada, bob, eve = (scim.provisioned(name).id for name in ("ada", "bob", "eve"))
    group = made(scim.idp, "Engineers", ada)["id"]
    added = patched(scim.idp, group, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": bob}]})
    assert (added.status, added.raw.data) == (204, b"")
    patched(scim.idp, group, {"op": "add", "value": {"members": [{"value": eve}]}})
    assert members(scim.idp, group) == sorted([ada, bob, eve])
    patched(scim.idp, group, {"op": "Remove", "path": "members", "value": [{"value": ada}]})
    patched(scim.idp, group, {"op": "remove", "path": f'members[value eq "{bob}"]'})
    assert members(scim.idp, group) == [eve]
    patched(scim.idp, group, {"op": "remove", "path": "members", "value": []})
    assert members(scim.idp, group) == [eve]
    patched(scim.idp, group, {"op": "add", "path": "members", "value": ada}, {"op": "remove", "path": "members"})
    assert members(scim.idp, group) == []


def test_the_whole_group_in_a_patch_without_a_path_leaves_members_alone(scim: ScimWorld) -> None:
    """As one identity provider renames."""
    ada = scim.provisioned("ada").id
    group = made(scim.idp, "Engineers", ada)["id"]
    value = {"schemas": [GROUP_URN], "id": group, "displayName": "Makers", "externalId": "7"}
    assert patched(scim.idp, group, {"op": "replace", "value": value}).status == 204
    shown = scim.idp.get(f"/Groups/{group}").body
    assert (shown["displayName"], shown["externalId"]) == ("Makers", "7")
    assert members(scim.idp, group) == [ada]


def test_a_put_replaces_everything(scim: ScimWorld) -> None:
    ada, bob = (scim.provisioned(name).id for name in ("ada", "bob"))
    group = made(scim.idp, "Engineers", ada, externalId="7")["id"]
    body = {"schemas": [GROUP_URN], "displayName": "Makers", "members": [{"value": bob}]}
    reply = scim.idp.call("PUT", f"/Groups/{group}", body)
    assert (reply.status, reply.body["displayName"]) == (200, "Makers")
    assert "externalId" not in reply.body
    assert members(scim.idp, group) == [bob]


def test_groups_are_found(scim: ScimWorld) -> None:
    ada = scim.provisioned("ada").id
    makers, others = made(scim.idp, "Makers", ada, externalId="m"), made(scim.idp, "Others")

    def found(text: str) -> list[str]:
        return [one["id"] for one in scim.idp.get("/Groups", filter=text).body["Resources"]]

    assert found('displayName eq "MAKERS"') == [makers["id"]]
    assert found('externalId eq "m"') == [makers["id"]]
    assert found(f'members.value eq "{ada}"') == [makers["id"]]
    assert found(f'id eq "{others["id"]}" and members[value eq "{ada}"]') == []
    assert found(f'members[value eq "{ada}" and type eq "User"]') == [makers["id"]]
    assert found("not (members pr)") == [others["id"]]
    assert found(f'schemas eq "{GROUP_URN}" and meta.resourceType eq "Group"') == sorted([makers["id"], others["id"]])
    assert scim.idp.get("/Groups", filter='userName eq "x"').problem == (400, "invalidFilter")
    by_name = scim.idp.get("/Groups", sortBy="displayName", sortOrder="descending").body["Resources"]
    assert [one["displayName"] for one in by_name] == ["Others", "Makers"]


def test_members_are_left_out_where_nobody_wants_them(scim: ScimWorld) -> None:
    ada = scim.provisioned("ada").id
    group = made(scim.idp, "Makers", ada)["id"]
    assert "members" not in scim.idp.get(f"/Groups/{group}", excludedAttributes="members").body
    (shown,) = scim.idp.get("/Groups", attributes="displayName").body["Resources"]
    assert shown == {"schemas": [GROUP_URN], "id": group, "displayName": "Makers"}


def test_a_user_s_groups_are_derived_direct_and_indirect(scim: ScimWorld) -> None:
    """Through groups in groups, and in a circle."""
    ada, bob = (scim.provisioned(name).id for name in ("ada", "bob"))
    inner = made(scim.idp, "Inner", ada)["id"]
    outer = made(scim.idp, "Outer", inner)["id"]
    patched(scim.idp, inner, {"op": "add", "path": "members", "value": [{"value": outer}]})
    groups = scim.idp.get(f"/Users/{ada}").body["groups"]
    assert [(one["display"], one["type"]) for one in groups] == [("Inner", "direct"), ("Outer", "indirect")]
    assert groups[1]["$ref"] == f"{BASE}/Groups/{outer}"
    assert "groups" not in scim.idp.get(f"/Users/{bob}").body
    assert scim.idp.find(f'groups.value eq "{outer}"').names == ["ada"]
    assert scim.idp.find('groups[type eq "direct" and display eq "outer"]').names == []
    assert scim.idp.find('groups[type eq "indirect" and display eq "outer"]').names == ["ada"]
    assert scim.idp.find("not (groups pr)").names == ["bob"]
    assert scim.idp.patch(ada, {"op": "add", "path": "groups", "value": [{"value": outer}]}).problem == (
        400,
        "mutability",
    )


@pytest.mark.parametrize("member", ["nobody", "user-foreign"])
def test_whoever_is_not_there_is_no_member(scim: ScimWorld, member: str) -> None:
    """A foreign user looks like a missing one, and nothing of the request is done."""
    if member == "user-foreign":
        member = scim.connection(GLOBEX_IDP).post("foreign").body["id"]
    ada = scim.provisioned("ada").id
    group = made(scim.idp, "Makers")["id"]
    operations = [{"op": "add", "path": "members", "value": [{"value": one}]} for one in (ada, member)]
    assert patched(scim.idp, group, *operations).problem == (400, "invalidValue")
    assert members(scim.idp, group) == []


def test_a_deleted_user_leaves_all_groups(scim: ScimWorld) -> None:
    """Also one whom a directory knows and who therefore stays for people."""
    ada, bob = scim.provisioned("ada").id, scim.world.person("bob").id
    group = made(scim.idp, "Makers", ada, bob)["id"]
    for one in (ada, bob):
        assert scim.idp.call("DELETE", f"/Users/{one}").status == 204
    assert members(scim.idp, group) == []


def test_a_repeated_request_changes_nothing(scim: ScimWorld) -> None:
    ada = scim.provisioned("ada").id
    group = made(scim.idp, "Makers", ada)
    again = patched(scim.idp, group["id"], {"op": "add", "path": "members", "value": [{"value": ada}]})
    assert again.raw.headers["ETag"] == group["meta"]["version"]
    assert [row.action for row in scim.world.store.audit(limit=9) if row.reference == group["id"]] == [
        Action.GROUP_CREATED
    ]


def test_versions_are_demanded(scim: ScimWorld) -> None:
    group = made(scim.idp, "Makers")
    headers = {"If-Match": 'W/"0"'}
    for method in ("PUT", "PATCH", "DELETE"):
        body = {
            "schemas": [GROUP_URN, PATCH_URN],
            "displayName": "x",
            "Operations": [{"op": "remove", "path": "externalId"}],
        }
        assert scim.idp.call(method, f"/Groups/{group['id']}", body, headers=headers).status == 412
    fresh = {"If-None-Match": group["meta"]["version"]}
    assert scim.idp.call("GET", f"/Groups/{group['id']}", headers=fresh).status == 304
    assert (
        scim.idp.call("DELETE", f"/Groups/{group['id']}", headers={"If-Match": group["meta"]["version"]}).status == 204
    )


def test_a_group_belongs_to_its_connection_and_its_tenant(scim: ScimWorld) -> None:
    group = made(scim.idp, "Makers")["id"]
    rename = {"op": "replace", "path": "displayName", "value": "Mine"}
    assert patched(scim.connection(HR), group, rename).problem == (403, None)
    assert scim.connection(HR).call("DELETE", f"/Groups/{group}").problem == (403, None)
    stranger = scim.connection(GLOBEX_IDP)
    assert stranger.get(f"/Groups/{group}").status == 404
    assert stranger.get("/Groups").body["totalResults"] == 0
    assert patched(scim.carol, group, rename).problem == (403, None)
    assert scim.aude.get(f"/Groups/{group}").body["displayName"] == "Makers"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"schemas": [GROUP_URN]}, "invalidValue"),
        ({"schemas": [GROUP_URN], "displayName": " "}, "invalidValue"),
        ({"displayName": "x"}, "invalidSyntax"),
        ({"schemas": [GROUP_URN], "displayName": "x", "members": "y"}, "invalidValue"),
        ({"schemas": [GROUP_URN], "displayName": "x", "members": [{"display": "y"}]}, None),
    ],
)
def test_a_wrong_body_makes_no_group(scim: ScimWorld, body: object, kind: str | None) -> None:
    reply = scim.idp.call("POST", "/Groups", body)
    if kind is None:
        assert reply.body["members"] == []  # an element without a value is nobody
    else:
        assert reply.problem == (400, kind)


def test_a_member_is_immutable(scim: ScimWorld) -> None:
    ada = scim.provisioned("ada").id
    group = made(scim.idp, "Makers", ada)["id"]
    change = {"op": "replace", "path": f'members[value eq "{ada}"].value', "value": "x"}
    assert patched(scim.idp, group, change).problem == (400, "mutability")
    assert patched(scim.idp, group, {"op": "remove", "path": "displayName"}).problem == (400, "mutability")
