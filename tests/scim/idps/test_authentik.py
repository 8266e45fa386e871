"""authentik: reads what we offer, adopts on a conflict, and sends whole groups in a PATCH without a path."""

from scim.urns import GROUP_URN, PATCH_URN, USER_URN
from tests.support.scim_world import Caller, ScimWorld


def patched(idp: Caller, group: str, *operations: object) -> int:
    """PATCH a group."""
    return idp.call("PATCH", f"/Groups/{group}", {"schemas": [PATCH_URN], "Operations": list(operations)}).status


def test_a_conversation(scim: ScimWorld) -> None:
    idp = scim.idp
    config = idp.get("/ServiceProviderConfig").body
    assert config["patch"]["supported"] is True
    assert config["bulk"]["maxOperations"] > 0
    assert config["filter"]["maxResults"] > 0
    body = {"schemas": [USER_URN], "userName": "ada", "externalId": "1", "active": True, "photos": []}
    ada = idp.call("POST", "/Users", body).body["id"]
    assert idp.call("POST", "/Users", body).problem == (409, "uniqueness")
    (adopted,) = idp.find('userName eq "ada"').body["Resources"]
    assert adopted["id"] == ada
    group = idp.call("POST", "/Groups", {"schemas": [GROUP_URN], "externalId": "g", "displayName": "Makers"}).body
    assert group["members"] == []
    whole = {"schemas": [GROUP_URN], "id": group["id"], "displayName": "Builders", "externalId": "g"}
    assert patched(idp, group["id"], {"op": "add", "path": "members", "value": [{"value": ada}]}) == 204
    assert patched(idp, group["id"], {"op": "replace", "value": whole}) == 204
    shown = idp.get(f"/Groups/{group['id']}").body
    assert (shown["displayName"], [one["value"] for one in shown["members"]]) == ("Builders", [ada])
    assert patched(idp, group["id"], {"op": "remove", "path": "members", "value": [{"value": ada}]}) == 204
    assert idp.set_active(ada, value=False).body["active"] is False
    assert idp.set_active(ada, value=True).body["active"] is True
    assert idp.call("DELETE", f"/Groups/{group['id']}").status == 204
    assert idp.call("DELETE", f"/Users/{ada}").status == 204


def test_pages_by_a_start_alone(scim: ScimWorld) -> None:
    """Until as many were seen as there are."""
    names = {scim.idp.post(f"p{number}").body["userName"] for number in range(7)}
    seen: list[str] = []
    while True:
        page = scim.idp.get("/Users", startIndex=len(seen) + 1).body
        seen += [one["userName"] for one in page["Resources"]]
        if len(seen) >= page["totalResults"]:
            break
    assert (set(seen), len(seen)) == (names, 7)
