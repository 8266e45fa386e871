"""Microsoft Entra ID: a whole conversation, in both of its ways of writing a PATCH."""

from typing import Any

from scim.urns import ENTERPRISE_URN, GROUP_URN, USER_URN
from tests.support.scim_world import Caller, Reply, ScimWorld

ODD_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
NOBODY = "8f2b1c8e-0b55-4ad1-9d1f-4c3c6f4f6f11"


def first_cycle(idp: Caller) -> str:
    """Test the connection, look for somebody, and create them; return the id."""
    for attribute in ("userName", "externalId", 'emails[type eq "work"].value'):
        missing = idp.get("/Users", filter=f'{attribute} eq "{NOBODY}"')
        assert (missing.status, missing.body["totalResults"], missing.body["Resources"]) == (200, 0, [])
    created = idp.call(
        "POST",
        "/Users",
        {
            "schemas": [USER_URN, ENTERPRISE_URN],
            "externalId": "ada.l",
            "userName": "ada@acme.example",
            "active": "True",
            "displayName": "Ada Lovelace",
            "emails": [{"primary": True, "type": "work", "value": "ada@acme.example"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada"},
            "roles": [],
        },
    )
    assert (created.status, created.body["active"]) == (201, True)
    user_id: str = created.body["id"]
    assert idp.find('externalId eq "ada.l"').names == ["ada@acme.example"]
    return user_id


def patched(idp: Caller, user_id: str, *operations: Any) -> Reply:
    """PATCH somebody in a way that must be taken."""
    reply = idp.patch(user_id, *operations)
    assert reply.status in (200, 204), reply.body
    return reply


def test_the_usual_dialect(scim: ScimWorld) -> None:
    idp = scim.idp
    ada = first_cycle(idp)
    boss = idp.post("boss@acme.example").body["id"]
    patched(
        idp,
        ada,
        {"op": "Add", "path": 'emails[type eq "other"].value', "value": "ada@home.example"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "countess@acme.example"},
        {"op": "Add", "path": 'addresses[type eq "work"].formatted', "value": "1 High St"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+44 20 7946 0000"},
        {"op": "Replace", "path": "name.familyName", "value": "King"},
        {"op": "Add", "path": f"{ENTERPRISE_URN}:department", "value": "Engines"},
        {"op": "Add", "path": f"{ENTERPRISE_URN}:manager", "value": boss},
    )
    shown = idp.get(f"/Users/{ada}").body
    assert [(one["type"], one["value"], one["primary"]) for one in shown["emails"]] == [
        ("work", "countess@acme.example", True),
        ("other", "ada@home.example", False),
    ]
    assert shown["phoneNumbers"][0]["value"] == "+44 20 7946 0000"
    assert shown[ENTERPRISE_URN] == {"department": "Engines", "manager": {"value": boss}}
    patched(
        idp,
        ada,
        {"op": "Replace", "path": 'emails[type eq "other"].primary', "value": True},
        {"op": "Remove", "path": 'emails[type eq "work"].value', "value": "countess@acme.example"},
        {"op": "Replace", "path": f"{ENTERPRISE_URN}:manager", "value": ""},
        {"op": "Replace", "path": "title", "value": [{"value": "Countess"}]},
    )
    shown = idp.get(f"/Users/{ada}").body
    assert [(one["type"], one["primary"]) for one in shown["emails"]] == [("other", True)]
    assert (shown["title"], shown[ENTERPRISE_URN]) == ("Countess", {"department": "Engines"})


def test_disabled_enabled_and_deleted(scim: ScimWorld) -> None:
    """Somebody disabled is still found; repeated, it moves no time."""
    idp = scim.idp
    ada = first_cycle(idp)
    down = patched(idp, ada, {"op": "Replace", "path": "active", "value": "False"})
    assert (down.status, down.body["active"]) == (200, False)
    assert idp.find('userName eq "ADA@acme.example"').body["Resources"] == [down.body]
    assert patched(idp, ada, {"op": "Replace", "path": "active", "value": "False"}).body == down.body
    assert patched(idp, ada, {"op": "Replace", "path": "active", "value": "True"}).body["active"] is True
    assert idp.call("DELETE", f"/Users/{ada}").status == 204
    assert idp.get(f"/Users/{ada}").status == 404


def test_the_dialect_of_the_compliance_flag(scim: ScimWorld) -> None:
    """`?aadOptscim062020` on the tenant's address: no paths, and names that are paths. One tenant may send both."""
    idp = scim.idp
    ada = first_cycle(idp)
    value = {
        "displayName": "Countess",
        "name.givenName": "Augusta",
        'emails[type eq "work"].value': "augusta@acme.example",
        f"{ENTERPRISE_URN}:employeeNumber": "7",
        f"{ENTERPRISE_URN}:manager": "m-1",
        "active": False,
    }
    reply = idp.patch(ada, {"op": "replace", "value": value}, query={"aadOptscim062020": ""})
    assert (reply.status, reply.body["active"]) == (200, False)
    assert reply.body["name"]["givenName"] == "Augusta"
    assert reply.body["emails"][0]["value"] == "augusta@acme.example"
    assert reply.body[ENTERPRISE_URN] == {"employeeNumber": "7", "manager": {"value": "m-1"}}


def test_groups(scim: ScimWorld) -> None:
    """Members are never asked for; a removal names whom to remove, and never empties the group."""
    idp = scim.idp
    ada, bob = first_cycle(idp), idp.post("bob@acme.example").body["id"]
    found = idp.get("/Groups", excludedAttributes="members", filter='displayName eq "Engineers"')
    assert found.body["totalResults"] == 0
    created = idp.call(
        "POST",
        "/Groups",
        {
            "schemas": [GROUP_URN, ODD_GROUP],
            "externalId": "g-1",
            "displayName": "Engineers",
            "meta": {"resourceType": "Group"},
        },
    )
    group = created.body["id"]
    assert (created.status, created.body["members"]) == (201, [])

    def patched_group(*operations: Any) -> None:
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
        assert idp.call("PATCH", f"/Groups/{group}", body).status == 204

    patched_group({"op": "Add", "path": "members", "value": [{"$ref": None, "value": one} for one in (ada, bob)]})
    question = f'id eq "{group}" and members[value eq "{ada}"]'
    assert idp.get("/Groups", filter=question, attributes="id").body["totalResults"] == 1
    patched_group({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ada}]})
    assert idp.get("/Groups", filter=question).body["totalResults"] == 0
    patched_group({"op": "remove", "path": f'members[value eq "{bob}"]'})
    patched_group({"op": "Replace", "path": "displayName", "value": "Makers"})
    patched_group({"op": "Replace", "path": "externalId", "value": "g-2"})
    shown = idp.get(f"/Groups/{group}", excludedAttributes="members").body
    assert (shown["displayName"], shown["externalId"], "members" in shown) == ("Makers", "g-2", False)
    assert idp.call("DELETE", f"/Groups/{group}").status == 204


def test_what_its_inbound_sample_asks(scim: ScimWorld) -> None:
    """Seven digits of a second, a page that begins at 0, names of parameters in any case."""
    first_cycle(scim.idp)
    since, until = "0001-01-03T00:00:00.0000000Z", "9999-01-01T00:00:00.0000000Z"
    text = f'(ActiVe eq true) and (meta.lastModified ge "{since}" and meta.lastModified le "{until}")'
    reply = scim.idp.call("GET", "/Users", query={"Filter": text, "count": 100, "startindex": 0})
    assert (reply.body["totalResults"], reply.body["startIndex"]) == (1, 1)
