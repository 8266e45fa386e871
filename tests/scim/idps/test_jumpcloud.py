"""JumpCloud: activates an application by making a test user and a test group, and taking both away again."""

from scim.urns import GROUP_URN, PATCH_URN
from tests.support.scim_world import ScimWorld


def test_activation_leaves_nothing(scim: ScimWorld) -> None:
    idp = scim.idp
    user = idp.post("test.user", name={"givenName": "Test", "familyName": "User"}, active=True).body["id"]
    group = idp.call("POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "Test Group"}).body["id"]
    for path in (f"/Groups/{group}", f"/Users/{user}"):
        assert idp.call("DELETE", path).status == 204
        assert idp.get(path).status == 404
    assert idp.get("/Users").body["totalResults"] == idp.get("/Groups").body["totalResults"] == 0


def test_a_conversation(scim: ScimWorld) -> None:
    """Members in the value-array style; disabled by PUT, enabled by PATCH."""
    idp = scim.idp
    ada = idp.post("ada", active=True).body
    group = idp.call("POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "Makers"}).body["id"]

    def patched(op: str) -> int:
        operation = {"op": op, "path": "members", "value": [{"value": ada["id"]}]}
        return idp.call("PATCH", f"/Groups/{group}", {"schemas": [PATCH_URN], "Operations": [operation]}).status

    assert (patched("add"), patched("remove")) == (204, 204)
    changed = idp.call("PUT", f"/Users/{ada['id']}", {**ada, "title": "Countess", "active": False})
    assert (changed.status, changed.body["title"], changed.body["active"]) == (200, "Countess", False)
    assert idp.set_active(ada["id"], value=True).body["active"] is True
    assert idp.call("DELETE", f"/Users/{ada['id']}").status == 204
