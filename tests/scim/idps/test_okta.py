"""Okta: PUT for every update, PATCH without a path to deactivate, and never a DELETE of a user."""

from scim.urns import GROUP_URN, PATCH_URN, USER_URN
from tests.support.scim_world import Caller, ScimWorld

ADA = {
    "schemas": [USER_URN],
    "userName": "ada@acme.example",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"primary": True, "value": "ada@acme.example", "type": "work"}],
    "displayName": "Ada Lovelace",
    "locale": "en-US",
    "externalId": "00u1",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


def created(idp: Caller) -> str:
    """Create Ada, and return her id."""
    reply = idp.call("POST", "/Users", ADA, headers={"Accept": "application/scim+json"})
    assert reply.status == 201
    assert "password" not in reply.raw.text
    user_id: str = reply.body["id"]
    assert "bulkId" not in user_id
    return user_id


def test_what_its_suite_asks_first(scim: ScimWorld) -> None:
    """One user, whole, and numbers that are numbers; errors with a status that is a text."""
    idp = scim.idp
    created(idp)
    page = idp.get("/Users", count=1, startIndex=1).body
    assert [type(page[name]) for name in ("totalResults", "startIndex", "itemsPerPage")] == [int, int, int]
    (first,) = page["Resources"]
    assert (first["name"]["familyName"], first["active"], first["emails"][0]["value"]) == (
        "Lovelace",
        True,
        "ada@acme.example",
    )
    assert idp.find('userName eq "ADA@ACME.EXAMPLE"').body["totalResults"] == 1
    assert idp.call("POST", "/Users", ADA).problem == (409, "uniqueness")
    assert idp.get("/Users/010101001010101011001010101011").body["status"] == "404"
    assert scim.anybody.get("/Users").body["status"] == "401"


def test_update_by_put_deactivate_and_activate(scim: ScimWorld) -> None:
    """A PUT says all there is to say; `active` is changed by a PATCH without a path."""
    idp = scim.idp
    ada = created(idp)
    body = {**ADA, "id": ada, "nickName": "Addie", "meta": {"resourceType": "User"}}
    body.pop("displayName")
    reply = idp.call("PUT", f"/Users/{ada}", body)
    assert (reply.status, reply.body["nickName"], "displayName" in reply.body) == (200, "Addie", False)
    down = idp.patch(ada, {"op": "replace", "value": {"active": False}})
    assert (down.status, down.body["active"]) == (200, False)
    again = idp.call("PUT", f"/Users/{ada}", {name: value for name, value in body.items() if name != "active"})
    assert again.body["active"] is False
    assert idp.patch(ada, {"op": "replace", "value": {"active": True}}).body["active"] is True


def test_groups_are_pushed(scim: ScimWorld) -> None:
    idp = scim.idp
    ada = created(idp)
    made = {"schemas": [GROUP_URN], "displayName": "Test SCIMv2", "members": []}
    group = idp.call("POST", "/Groups", made).body["id"]

    def patched(*operations: object) -> int:
        return idp.call("PATCH", f"/Groups/{group}", {"schemas": [PATCH_URN], "Operations": list(operations)}).status

    assert patched({"op": "add", "path": "members", "value": [{"value": ada, "display": "ada@acme.example"}]}) == 204
    assert patched({"op": "replace", "value": {"id": group, "displayName": "Renamed"}}) == 204
    assert patched({"op": "remove", "path": f'members[value eq "{ada}"]'}) == 204
    assert patched({"op": "replace", "path": "members", "value": [{"value": ada}]}) == 204
    assert [one["display"] for one in idp.get(f"/Users/{ada}").body["groups"]] == ["Renamed"]
    assert idp.call("DELETE", f"/Groups/{group}").status == 204


def test_a_token_without_the_word_bearer(scim: ScimWorld) -> None:
    """Where an application's header holds the token and nothing else."""
    token = scim.idp.token
    assert token is not None
    for value, status in ((token, 200), (f"Bearer {token}", 200), (f"bearer {token}", 200), (f"Basic {token}", 401)):
        assert scim.anybody.call("GET", "/Users", headers={"Authorization": value}).status == status


def test_a_body_without_a_media_type(scim: ScimWorld) -> None:
    """As its suite of 2016 posts."""
    data = b'{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bob"}'
    assert scim.idp.call("POST", "/Users", data=data).status == 201
