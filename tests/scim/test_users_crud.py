"""POST, GET, PATCH and DELETE by an identity provider's connection."""

from datetime import timedelta

import pytest

from ims.audit import Action
from ims.locks import LockReason
from ims.people import Contact
from scim.urns import LOCKSTEP_URN, USER_URN
from tests.support.people import HR, IDP, lock
from tests.support.scim_world import BASE, ScimWorld


def test_a_created_user_is_all_there(scim: ScimWorld) -> None:
    reply = scim.idp.post(
        "grace@acme.example",
        externalId="42",
        name={"givenName": "Grace", "familyName": "Hopper"},
        emails=[{"value": "grace@acme.example", "type": "work", "primary": True}],
        password="hunter2",
    )
    assert reply.status == 201
    address = f"{BASE}/Users/{reply.body['id']}"
    assert reply.raw.headers["Location"] == reply.body["meta"]["location"] == address
    assert reply.raw.headers["ETag"] == reply.body["meta"]["version"]
    assert reply.body["active"] is True
    assert reply.body["externalId"] == "42"
    assert "hunter2" not in reply.raw.text
    again = scim.idp.get(f"/Users/{reply.body['id']}")
    assert (again.status, again.body) == (200, reply.body)
    assert scim.aude.find('userName eq "GRACE@acme.example"').body["totalResults"] == 1


def test_an_id_is_never_the_client_s(scim: ScimWorld) -> None:
    """Neither `id` nor `externalId` of a client becomes an id: such an identity has made a stranger an admin."""
    other = scim.provisioned("other")
    reply = scim.idp.post("new", id=other.id, externalId=other.id)
    assert reply.body["id"] not in (other.id, "new")
    assert scim.stored(other.id) == other


def test_a_user_can_be_created_inactive(scim: ScimWorld) -> None:
    body = scim.idp.post("grace", active=False).body
    assert body["active"] is False
    assert [held["value"] for held in body[LOCKSTEP_URN]["locks"]] == ["deprovisioned"]


def test_a_name_is_taken_once_whatever_its_case(scim: ScimWorld) -> None:
    first = scim.idp.post("grace").body
    assert scim.idp.post("GRACE").problem == (409, "uniqueness")
    assert scim.connection(HR).post("grace").problem == (409, "uniqueness")
    assert scim.idp.find('userName eq "grace"').body["Resources"] == [first]


def test_a_directory_s_user_is_adopted_and_keeps_what_the_directory_says(scim: ScimWorld) -> None:
    ada = scim.world.locked("ada")
    reply = scim.idp.post("ADA", displayName="Somebody Else", externalId="7")
    assert (reply.status, reply.body["id"]) == (201, ada.id)
    assert (reply.body["displayName"], reply.body["externalId"]) == ("Ada", "7")
    assert reply.body["active"] is False


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({}, 400, "invalidSyntax"),
        ({"userName": "x"}, 400, "invalidSyntax"),
        ({"schemas": [USER_URN]}, 400, "invalidValue"),
        ({"schemas": [USER_URN], "userName": ""}, 400, "invalidValue"),
        ({"schemas": [USER_URN], "userName": ["x"]}, 400, "invalidValue"),
        ({"schemas": [USER_URN], "userName": "x", "emails": "y"}, 400, "invalidValue"),
        ([], 400, "invalidSyntax"),
    ],
)
def test_a_wrong_body_creates_nobody(scim: ScimWorld, body: object, status: int, kind: str) -> None:
    assert scim.idp.call("POST", "/Users", body).problem == (status, kind)
    assert scim.idp.get("/Users").body["totalResults"] == 0


def test_a_patch_answers_204_and_changes_the_user(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    before = scim.idp.get(f"/Users/{ada.id}")
    scim.world.clock.forward(timedelta(minutes=5))
    reply = scim.idp.patch(
        ada.id,
        {"op": "Replace", "path": 'emails[type sw "work"].value', "value": "x"},
    )
    assert reply.problem == (400, "noTarget")
    reply = scim.idp.patch(
        ada.id,
        {"op": "Add", "path": "emails", "value": [{"value": "ada@acme.example", "type": "work"}]},
        {"op": "Replace", "value": {"name.givenName": "Ada", "externalId": "7"}},
    )
    assert (reply.status, reply.raw.data) == (204, b"")
    after = scim.idp.get(f"/Users/{ada.id}")
    assert reply.raw.headers["ETag"] == after.raw.headers["ETag"] != before.raw.headers["ETag"]
    assert after.body["emails"] == [{"value": "ada@acme.example", "type": "work", "primary": False}]
    assert after.body["meta"]["lastModified"] > before.body["meta"]["lastModified"]
    assert scim.stored(ada.id).profile.emails == (Contact(value="ada@acme.example", type="work"),)


def test_a_patch_of_active_or_with_attributes_answers_the_resource(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    mixed = scim.idp.patch(
        ada.id, {"op": "replace", "path": "title", "value": "1"}, {"op": "replace", "path": "active", "value": "False"}
    )
    assert (mixed.status, mixed.body["title"], mixed.body["active"]) == (200, "1", False)
    title = {"op": "replace", "path": "title", "value": "2"}
    asked = scim.idp.patch(ada.id, title, query={"attributes": "title"})
    assert asked.status == 200
    assert asked.body == {"schemas": mixed.body["schemas"], "id": ada.id, "title": "2"}
    assert "title" not in scim.idp.patch(ada.id, title, query={"excludedAttributes": "title"}).body


def test_active_false_and_true_are_the_connection_s_own_lock(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    down = scim.idp.set_active(ada.id, value=False)
    assert [held["source"] for held in down.body[LOCKSTEP_URN]["locks"]] == [IDP]
    scim.world.clock.forward(timedelta(minutes=5))
    again = scim.idp.set_active(ada.id, value=False)
    assert again.body == down.body
    assert scim.connection(HR).set_active(ada.id, value=True).body["active"] is False
    assert scim.idp.set_active(ada.id, value=True).body["active"] is True


def test_a_patch_that_changes_nothing_makes_no_new_version(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    assert scim.idp.patch(ada.id, {"op": "replace", "path": "displayName", "value": "Ada"}).status == 204
    assert scim.stored(ada.id) == ada


def test_a_failed_patch_changes_nothing(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    reply = scim.idp.patch(
        ada.id, {"op": "replace", "path": "title", "value": "1"}, {"op": "remove", "path": "userName"}
    )
    assert reply.problem == (400, "mutability")
    assert scim.stored(ada.id) == ada


def test_a_name_cannot_be_taken_by_patch(scim: ScimWorld) -> None:
    scim.provisioned("eve")
    ada = scim.provisioned("ada")
    rename = {"op": "replace", "path": "userName", "value": "EVE"}
    assert scim.idp.patch(ada.id, rename).problem == (409, "uniqueness")
    assert scim.stored(ada.id) == ada


def test_another_connection_s_user_is_not_to_be_edited(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    reply = scim.connection(HR).patch(ada.id, {"op": "replace", "path": "title", "value": "1"})
    assert reply.problem == (403, None)
    assert scim.connection(HR).call("DELETE", f"/Users/{ada.id}").problem == (403, None)
    assert scim.stored(ada.id) == ada


def test_a_deleted_user_is_gone_and_the_name_free(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    reply = scim.idp.call("DELETE", f"/Users/{ada.id}")
    assert (reply.status, reply.raw.data) == (204, b"")
    assert scim.idp.get(f"/Users/{ada.id}").status == 404
    assert scim.idp.call("DELETE", f"/Users/{ada.id}").status == 404
    assert scim.idp.get("/Users").body["totalResults"] == 0
    assert scim.idp.post("ada").status == 201


def test_a_directory_s_user_outlives_a_delete_for_people(scim: ScimWorld) -> None:
    ada = scim.world.person("ada")
    assert scim.idp.call("DELETE", f"/Users/{ada.id}").status == 204
    assert scim.idp.get(f"/Users/{ada.id}").status == 404
    assert scim.idp.find('userName eq "ada"').body["totalResults"] == 0
    shown = scim.aude.get(f"/Users/{ada.id}")
    assert (shown.status, shown.body["active"]) == (200, False)
    revived = scim.idp.post("ada")
    assert (revived.status, revived.body["id"], revived.body["active"]) == (201, ada.id, True)


def test_a_delete_launders_no_lock(scim: ScimWorld) -> None:
    """DELETE and POST by an identity provider leave a directory's lock where it is."""
    ada = scim.world.locked("ada")
    scim.idp.call("DELETE", f"/Users/{ada.id}")
    assert scim.idp.post("ada").body["active"] is False
    assert scim.world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]


def test_every_write_is_audited_with_its_connection(scim: ScimWorld) -> None:
    created = scim.idp.post("ada").body["id"]
    scim.idp.patch(created, {"op": "replace", "path": "title", "value": "1"})
    scim.idp.set_active(created, value=False)
    scim.idp.call("DELETE", f"/Users/{created}")
    rows = scim.world.store.audit(limit=100)
    acts = [row.action for row in reversed(rows) if row.user == created]
    assert acts == [Action.USER_CREATED, Action.USER_CHANGED, Action.LOCK_RAISED, Action.USER_DELETED]
    assert {row.actor for row in rows if row.user == created} == {IDP}


def test_a_write_in_between_is_no_conflict_without_if_match(scim: ScimWorld) -> None:
    """A tick may write the user between our look and our write; the edit is then made on the newer user."""
    ada = scim.world.person("ada", locks=[lock(LockReason.HELD, source="lockstep")])
    for number in range(3):
        scim.world.corp.lock("ada", scim.world.clock.forward(timedelta(minutes=1)))
        scim.world.tick(ada)
        assert scim.idp.patch(ada.id, {"op": "add", "path": "externalId", "value": f"{number}"}).status == 204
    assert scim.stored(ada.id).profile.external_id == "2"
    assert len(scim.world.reasons(ada)) == 2
