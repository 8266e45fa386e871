"""PingFederate: matches by userName, updates by PUT, and disables or deletes as it is configured."""

import pytest

from scim.urns import ENTERPRISE_URN, GROUP_URN, USER_URN
from tests.support.scim_world import ScimWorld


@pytest.mark.parametrize("deprovision", ["disable", "delete"])
def test_a_conversation(scim: ScimWorld, deprovision: str) -> None:
    idp = scim.idp
    assert idp.find('userName eq "ada"').body["totalResults"] == 0
    body = {
        "schemas": [USER_URN, ENTERPRISE_URN],
        "userName": "ada",
        "active": True,
        "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": ""},
        "addresses": [{"type": "work", "locality": "London", "primary": True}],
        ENTERPRISE_URN: {"employeeNumber": "7", "division": None},
    }
    ada = idp.call("POST", "/Users", body).body
    assert ada["addresses"] == body["addresses"]
    (found,) = idp.find('userName eq "ada"').body["Resources"]
    assert found["id"] == ada["id"]
    put = idp.call("PUT", f"/Users/{ada['id']}", {**body, "title": "Countess"})
    assert (put.status, put.body["title"], put.body[ENTERPRISE_URN]) == (200, "Countess", {"employeeNumber": "7"})
    group = idp.call("POST", "/Groups", {"schemas": [GROUP_URN], "displayName": "Makers"}).body["id"]
    members = {"schemas": [GROUP_URN], "displayName": "Makers", "members": [{"value": ada["id"], "type": "User"}]}
    assert len(idp.call("PUT", f"/Groups/{group}", members).body["members"]) == 1
    if deprovision == "delete":
        assert idp.call("DELETE", f"/Users/{ada['id']}").status == 204
        assert idp.find('userName eq "ada"').body["totalResults"] == 0
        return
    down = idp.call("PUT", f"/Users/{ada['id']}", {**body, "active": False}).body
    assert down["active"] is False
    assert idp.call("PUT", f"/Users/{ada['id']}", body).body["active"] is True
