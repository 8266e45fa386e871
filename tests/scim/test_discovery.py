"""What the service provider says of itself, against an independent model of RFC 7643, and against what it does."""

from collections.abc import Callable

import pytest
from scim2_models import ListResponse, ResourceType, Schema, ServiceProviderConfig

from scim.services import Limits
from scim.urns import ENTERPRISE_URN, GROUP_URN, LOCKSTEP_URN, USER_URN
from tests.support.scim_world import BASE, Caller, ScimWorld

PATHS = ("/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", f"/Schemas/{USER_URN}")


def test_the_configuration_tells_the_truth(make_scim: Callable[..., ScimWorld]) -> None:
    scim = make_scim(limits=Limits(page_max=2, body_bytes=5_000))
    body = scim.idp.get("/ServiceProviderConfig").body
    ServiceProviderConfig.model_validate(body)
    offered = {name: body[name]["supported"] for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag")}
    assert offered == {
        "patch": True,
        "bulk": True,
        "filter": True,
        "changePassword": False,
        "sort": True,
        "etag": True,
    }
    assert body["bulk"] == {"supported": True, "maxOperations": 1_000, "maxPayloadSize": 5_000}
    assert body["filter"]["maxResults"] == 2
    for name in "abc":
        scim.provisioned(name)
    assert len(scim.idp.find("userName pr", count=50).body["Resources"]) == 2


def test_there_are_two_resource_types(scim: ScimWorld) -> None:
    body = scim.idp.get("/ResourceTypes").body
    ListResponse[ResourceType].model_validate(body)
    user_type, group_type = body["Resources"]
    assert group_type == scim.idp.get("/ResourceTypes/Group").body
    assert user_type == scim.idp.get("/ResourceTypes/User").body
    assert (user_type["endpoint"], user_type["schema"]) == ("/Users", USER_URN)
    assert user_type["schemaExtensions"] == [
        {"schema": urn, "required": False} for urn in (ENTERPRISE_URN, LOCKSTEP_URN)
    ]


def test_the_schemas_are_listed_and_found_in_any_case(scim: ScimWorld) -> None:
    body = scim.idp.get("/Schemas").body
    ListResponse[Schema].model_validate(body)
    assert [schema["id"] for schema in body["Resources"]] == [USER_URN, ENTERPRISE_URN, LOCKSTEP_URN, GROUP_URN]
    for schema in body["Resources"]:
        assert scim.idp.get(f"/Schemas/{schema['id']}").body == schema
        assert scim.idp.get(f"/Schemas/{schema['id'].upper()}").body == schema
        assert schema["meta"]["location"] == f"{BASE}/Schemas/{schema['id']}"
    assert "null" not in scim.idp.get("/Schemas").raw.text


def test_every_attribute_that_is_shown_is_published(scim: ScimWorld) -> None:
    ada = scim.world.locked("ada")
    published = {
        schema["id"]: {attribute["name"] for attribute in schema["attributes"]}
        for schema in scim.idp.get("/Schemas").body["Resources"]
    }
    shown = scim.aude.get(f"/Users/{ada.id}").body
    assert shown.pop(LOCKSTEP_URN).keys() <= published[LOCKSTEP_URN]
    assert shown.keys() - {"schemas", "id", "externalId", "meta"} <= published[USER_URN]


@pytest.mark.parametrize("path", PATHS)
def test_discovery_is_for_reading_only(scim: ScimWorld, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        reply = scim.idp.call(method, path, {})
        assert (reply.status, reply.raw.headers["Allow"]) == (405, "GET, HEAD")
    assert scim.idp.get(path, filter='id eq "x"').problem == (403, None)


def test_what_is_not_there(scim: ScimWorld) -> None:
    assert scim.idp.get("/Schemas/urn:unheard:of").status == 404
    assert scim.idp.get("/ResourceTypes/Device").status == 404


def test_discovery_needs_a_token_unless_settings_say_otherwise(make_scim: Callable[..., ScimWorld]) -> None:
    closed, opened = make_scim(), make_scim(anonymous_discovery=True)
    for path in PATHS:
        assert closed.anybody.get(path).status == 401
        assert opened.anybody.get(path).status == 200
        assert Caller(client=opened.app.test_client(), token="lsk_wrong").get(path).status == 401
    for path in ("/Users", "/Users/user-ada", "/Bulk", "/nothing"):
        assert opened.anybody.get(path).status == 401
    assert opened.anybody.call("POST", "/Users", {}).status == 401


def test_an_operator_may_discover(scim: ScimWorld) -> None:
    assert scim.operator.get("/ServiceProviderConfig").status == 200
