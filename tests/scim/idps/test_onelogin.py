"""OneLogin: names of schemas from before the standard, texts for truth values, addresses with odd ends."""

from scim.app import PREFIX
from tests.support.scim_world import ScimWorld

OLD = "urn:scim:schemas:core:2.0"


def test_a_conversation(scim: ScimWorld) -> None:
    idp = scim.idp
    headers = {"Authorization": f"Bearer {idp.token}", "Content-Type": "application/json"}
    found = idp.client.get(f"{PREFIX}/Users?filter=userName+eq+%22ada%22&", headers=headers)
    assert (found.status_code, found.json["totalResults"]) == (200, 0)  # type: ignore[index]  # a JSON object
    body = {
        "schemas": [OLD],
        "id": None,
        "userName": "ada",
        "active": "true",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": "ada@acme.example", "type": "work", "primary": True}],
        f"{OLD}:title": "Countess",
        "urn:scim:schemas:extension:enterprise:1.0": {"department": "Engines", "manager": {"managerId": "1"}},
    }
    created = idp.call("POST", "/Users", body)
    assert (created.status, created.body["title"]) == (201, "Countess")
    ada = created.body["id"]
    updated = idp.client.put(f"{PREFIX}/Users/{ada}?", headers=headers, json={**body, "active": "false"})
    assert (updated.status_code, updated.json["active"]) == (200, False)  # type: ignore[index]  # a JSON object
    assert idp.set_active(ada, value="true").body["active"] is True
    group = idp.call("POST", "/Groups", {"schemas": [OLD], "displayName": "Makers"}).body["id"]
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": ada}]}],
    }
    assert idp.call("PATCH", f"/Groups/{group}", patch).status == 204
    assert idp.call("DELETE", f"/Users/{ada}").status == 204
    assert idp.get(f"/Groups/{group}").body["members"] == []
