"""Keycloak's provisioning plug-ins: ids of their own in a POST, many members at once, groups put without members."""

from scim.urns import GROUP_URN, PATCH_URN, USER_URN
from tests.support.scim_world import ScimWorld


def test_a_conversation(scim: ScimWorld) -> None:
    """Whose id the client sends along is not taken over (a stranger has become an administrator by that elsewhere)."""
    idp = scim.idp
    assert idp.get("/Schemas").status == 200
    victim = idp.post("victim").body["id"]
    body = {"schemas": [USER_URN], "id": victim, "externalId": victim, "userName": "ada", "active": True}
    ada = idp.call("POST", "/Users", body).body
    assert ada["id"] != victim
    assert idp.get(f"/Users/{victim}").body["userName"] == "victim"
    put = idp.call("PUT", f"/Users/{ada['id']}", {**body, "displayName": "Ada"})
    assert (put.status, put.body["id"], put.body["displayName"]) == (200, ada["id"], "Ada")
    assert idp.set_active(ada["id"], value=False).body["active"] is False
    assert idp.set_active(ada["id"], value=True).body["active"] is True
    assert idp.call("DELETE", f"/Users/{ada['id']}").status == 204


def test_hundreds_of_members_in_one_patch(scim: ScimWorld) -> None:
    idp = scim.idp
    people = [idp.post(f"p{number}").body["id"] for number in range(220)]
    group = idp.call("POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "All"}).body["id"]
    operations = [{"op": "add", "path": "members", "value": [{"value": one} for one in people]}]
    patch = {"schemas": [PATCH_URN], "Operations": operations}
    for _ in range(2):
        assert idp.call("PATCH", f"/Groups/{group}", patch).status == 204
    assert len(idp.get(f"/Groups/{group}").body["members"]) == 220


def test_a_group_put_without_members_is_emptied_and_the_audit_says_so(scim: ScimWorld) -> None:
    """As the standard has it (RFC 7644 section 3.5.1): what is left out is unassigned."""
    idp = scim.idp
    ada = idp.post("ada").body["id"]
    body = {"schemas": [GROUP_URN], "displayName": "All", "members": [{"value": ada}]}
    group = idp.call("POST", "/Groups", body).body["id"]
    assert idp.call("PUT", f"/Groups/{group}", {"schemas": [GROUP_URN], "displayName": "All"}).body["members"] == []
    assert scim.world.store.audit(reference=group)[0].detail == f"removed {ada}"
