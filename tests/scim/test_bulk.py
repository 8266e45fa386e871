"""/Bulk (RFC 7644 section 3.7): references forward, backward and in a circle; errors one by one; limits."""

from typing import Any

import pytest

from scim.bulk_request import OPERATIONS_MAX
from scim.urns import BULK_REQUEST_URN, BULK_RESPONSE_URN, GROUP_URN, PATCH_URN, USER_URN
from tests.support.scim_world import BASE, Caller, Reply, ScimWorld


def sent(caller: Caller, *operations: Any, **more: object) -> Reply:
    """POST a BulkRequest."""
    return caller.call("POST", "/Bulk", {"schemas": [BULK_REQUEST_URN], "Operations": list(operations), **more})


def user(name: str, bulk_id: str) -> dict[str, object]:
    """Return the creation of a user."""
    data = {"schemas": [USER_URN], "userName": name}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data}


def group(name: str, bulk_id: str, *members: str) -> dict[str, object]:
    """Return the creation of a group."""
    data = {"schemas": [GROUP_URN], "displayName": name, "members": [{"value": one} for one in members]}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def outcomes(reply: Reply) -> list[str]:
    """Return the status of each operation."""
    assert reply.status == 200, reply.body
    assert reply.body["schemas"] == [BULK_RESPONSE_URN]
    return [one["status"] for one in reply.body["Operations"]]


def test_references_forward_and_backward(scim: ScimWorld) -> None:
    reply = sent(scim.idp, group("All", "g", "bulkId:a", "bulkId:b"), user("ada", "a"), user("bob", "b"))
    assert outcomes(reply) == ["201", "201", "201"]
    made: Any = reply.body["Operations"]
    assert [one["bulkId"] for one in made] == ["g", "a", "b"]
    shown = scim.idp.call("GET", made[0]["location"].removeprefix(BASE)).body
    assert sorted(f"{BASE}/Users/{one['value']}" for one in shown["members"]) == sorted(
        one["location"] for one in made[1:]
    )
    assert made[1]["version"] == scim.idp.call("GET", made[1]["location"].removeprefix(BASE)).raw.headers["ETag"]


def test_references_in_a_circle(scim: ScimWorld) -> None:
    reply = sent(scim.idp, group("One", "1", "bulkId:2"), group("Two", "2", "bulkId:1"))
    assert outcomes(reply) == ["201", "201"]
    one, two = (made["location"].removeprefix(f"{BASE}/Groups/") for made in reply.body["Operations"])
    assert [member["value"] for member in scim.idp.get(f"/Groups/{one}").body["members"]] == [two]
    assert [member["value"] for member in scim.idp.get(f"/Groups/{two}").body["members"]] == [one]


def test_each_operation_as_if_it_had_come_alone(scim: ScimWorld) -> None:
    ada, bob = scim.provisioned("ada").id, scim.provisioned("bob").id
    patch = {"schemas": [PATCH_URN], "Operations": [{"op": "replace", "path": "title", "value": "Lady"}]}
    reply = sent(
        scim.idp,
        {"method": "patch", "path": f"/Users/{ada}", "data": patch},
        {"method": "PUT", "path": f"/Users/{bob}", "data": {"schemas": [USER_URN], "userName": "robert"}},
        {"method": "DELETE", "path": f"/Users/{ada}", "version": 'W/"0.0"'},
        {"method": "DELETE", "path": f"/Users/{ada}"},
        {"method": "DELETE", "path": "/Users/nobody"},
        {"method": "PATCH", "path": "/Schemas", "data": patch},
        user("ROBERT", "r"),
    )
    assert outcomes(reply) == ["204", "200", "412", "204", "404", "404", "409"]
    assert reply.body["Operations"][-1]["response"]["scimType"] == "uniqueness"
    assert reply.body["Operations"][2]["location"] == f"{BASE}/Users/{ada}"


def test_after_so_many_errors_the_rest_is_left(scim: ScimWorld) -> None:
    bad = {"method": "DELETE", "path": "/Users/nobody"}
    assert outcomes(sent(scim.idp, bad, bad, user("ada", "a"), failOnErrors=2)) == ["404", "404"]
    assert scim.idp.get("/Users").body["totalResults"] == 0
    assert outcomes(sent(scim.idp, bad, user("ada", "a"))) == ["404", "201"]


def test_who_depends_on_what_failed_fails_too(scim: ScimWorld) -> None:
    scim.provisioned("ada")
    assert outcomes(sent(scim.idp, group("All", "g", "bulkId:a"), user("ada", "a"))) == ["400", "409"]


@pytest.mark.parametrize(
    "operation",
    [
        "x",
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Users", "data": {}},
        {"method": "POST", "path": "Users", "bulkId": "a", "data": {}},
        {"method": "POST", "path": "/Users", "bulkId": "a"},
        {"method": "PATCH", "path": "/Users/bulkId:nobody", "data": {}},
    ],
)
def test_a_wrong_request_does_nothing(scim: ScimWorld, operation: Any) -> None:
    assert sent(scim.idp, user("ada", "z"), operation).status == 400
    assert scim.idp.get("/Users").body["totalResults"] == 0


def test_limits(scim: ScimWorld) -> None:
    many = [user(f"p{number}", str(number)) for number in range(OPERATIONS_MAX + 1)]
    assert sent(scim.idp, *many).status == 413
    assert sent(scim.idp, user("a", "1"), user("b", "1")).problem == (400, "invalidSyntax")
    assert sent(scim.idp, user("a", "1"), failOnErrors=-1).problem == (400, "invalidSyntax")
    assert sent(scim.idp).problem == (400, "invalidSyntax")
    assert scim.idp.call("POST", "/Bulk", {"Operations": [user("a", "1")]}).problem == (400, "invalidSyntax")
    assert sent(scim.aude, user("a", "1")).status == 403
