"""ETags: what a client has read, it can demand."""

from datetime import timedelta

from tests.support.scim_world import ScimWorld

TITLE = {"op": "replace", "path": "title", "value": "1"}


def test_a_version_that_is_known_is_not_sent_again(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    seen = scim.idp.get(f"/Users/{ada.id}")
    reply = scim.idp.call("GET", f"/Users/{ada.id}", headers={"If-None-Match": seen.raw.headers["ETag"]})
    assert (reply.status, reply.raw.data, reply.raw.headers["ETag"]) == (304, b"", seen.raw.headers["ETag"])
    scim.idp.patch(ada.id, TITLE)
    assert scim.idp.call("GET", f"/Users/{ada.id}", headers={"If-None-Match": seen.raw.headers["ETag"]}).status == 200


def test_a_lock_that_ended_by_the_clock_is_another_version(scim: ScimWorld) -> None:
    ada = scim.world.locked("ada", until=scim.world.clock.now() + timedelta(minutes=1))
    seen = scim.idp.get(f"/Users/{ada.id}").raw.headers["ETag"]
    scim.world.clock.forward(timedelta(minutes=1))
    reply = scim.idp.call("GET", f"/Users/{ada.id}", headers={"If-None-Match": seen})
    assert (reply.status, reply.body["active"]) == (200, True)


def test_a_patch_can_demand_a_version(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    old = scim.idp.get(f"/Users/{ada.id}").raw.headers["ETag"]
    first = scim.idp.patch(ada.id, TITLE, headers={"If-Match": old})
    assert first.status == 204
    second = scim.idp.patch(ada.id, {"op": "remove", "path": "title"}, headers={"If-Match": old})
    assert second.problem == (412, None)
    assert scim.stored(ada.id).profile.title == "1"
    assert scim.idp.patch(ada.id, TITLE, headers={"If-Match": "*"}).status == 204
    assert scim.idp.patch(ada.id, TITLE, headers={"If-Match": first.raw.headers["ETag"]}).status == 204
    assert scim.idp.patch(ada.id, TITLE, headers={"If-Match": "garbage"}).problem == (412, None)


def test_a_delete_can_demand_a_version(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    version = scim.idp.get(f"/Users/{ada.id}").raw.headers["ETag"]
    wrong = scim.idp.call("DELETE", f"/Users/{ada.id}", headers={"If-Match": 'W/"0.0"'})
    assert wrong.problem == (412, None)
    assert scim.idp.call("DELETE", f"/Users/{ada.id}", headers={"If-Match": version}).status == 204


def test_a_hold_can_demand_a_version(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    assert scim.carol.set_active(ada.id, value=False, If_Match='W/"0.0"').problem == (412, None)
    assert scim.world.active(ada)


def test_head_is_get_without_a_body(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    for path in (f"/Users/{ada.id}", "/Users", "/Schemas", "/ServiceProviderConfig"):
        got, head = scim.idp.get(path), scim.idp.call("HEAD", path)
        assert (head.status, head.raw.data) == (200, b"")
        assert head.raw.headers.get("ETag") == got.raw.headers.get("ETag")
        assert head.raw.headers["Content-Length"] == got.raw.headers["Content-Length"]
    assert scim.idp.call("HEAD", "/Users/nobody").status == 404
