"""Logs and errors: enough to find a request again, and nothing that is somebody's business."""

from dataclasses import replace
from datetime import datetime
from typing import cast

import pytest
import structlog

from ims.errors import StoreUnusable
from ims.people import LastUnlock, Role
from scim.urns import LOCKSTEP_URN
from tests.support.scim_world import PORTAL, ScimWorld


def logged(scim: ScimWorld) -> str:
    """Return everything that is logged while a lot happens to a person whose data is "confidential"."""
    callers = (scim.idp, scim.carol, scim.anybody, scim.connection(PORTAL))
    with structlog.testing.capture_logs() as lines:
        created = scim.idp.post("confidential", emails=[{"value": "confidential"}], password="confidential").body["id"]
        for caller in callers:
            caller.get(f"/Users/{created}", attributes="confidential")
            caller.find('userName eq "confidential"')
            caller.find('password eq "confidential"')
            caller.patch(created, {"op": "replace", "path": "title", "value": "confidential"})
            caller.call("POST", "/Users", data=b"confidential")
            caller.get("/Users/confidential")
            caller.get("/confidential")
    assert len(lines) == 1 + 7 * len(callers)
    assert all(line["request_id"] and line["status"] and line["route"] for line in lines)
    text = str(lines)
    assert not [caller for caller in callers if caller.token and caller.token.partition("_")[2][13:] in text]
    return text


def test_no_log_line_holds_a_body_a_query_or_a_token(scim: ScimWorld) -> None:
    assert "confidential" not in logged(scim)


def test_a_log_line_says_who_did_what(scim: ScimWorld) -> None:
    with structlog.testing.capture_logs() as lines:
        reply = scim.idp.call("GET", "/Users", headers={"X-Request-Id": "r-1"})
    (line,) = lines
    assert reply.status == 200
    assert (line["method"], line["route"], line["status"]) == ("GET", "/scim/v2/Users", 200)
    assert (line["actor"], line["role"], line["tenant"], line["request_id"]) == ("idp", "provisioner", "acme", "r-1")


def test_a_mistake_of_ours_is_a_500_that_tells_nothing(scim: ScimWorld) -> None:
    """The clock breaks: the error is logged with its trace, and the answer holds the request's id only."""
    idp = scim.idp
    scim.world.clock.at = cast("datetime", "broken")
    with structlog.testing.capture_logs() as lines:
        reply = idp.call("GET", "/Users", headers={"X-Request-Id": "r-2"})
    assert reply.status == 500
    assert "r-2" in reply.body["detail"]
    assert "datetime" not in reply.raw.text
    failed = next(line for line in lines if line["event"] == "scim_request_failed")
    assert isinstance(failed["exc_info"], TypeError)


def test_a_person_s_note_is_for_people(scim: ScimWorld) -> None:
    ada = scim.world.person("ada")
    scim.world.view().hold(ada.id, "she stole the cutlery")
    assert "cutlery" in scim.carol.get(f"/Users/{ada.id}").raw.text
    for caller in (scim.idp, scim.connection(PORTAL)):
        shown = caller.get(f"/Users/{ada.id}")
        assert shown.body["active"] is False
        assert "cutlery" not in shown.raw.text


@pytest.mark.parametrize("role", [Role.CO_ADMINISTRATOR, Role.AUDITOR])
def test_evidence_is_for_people(scim: ScimWorld, role: Role) -> None:
    ada = scim.world.locked("ada")
    for caller, sees in ((scim.person("paul", role), True), (scim.idp, False), (scim.connection(PORTAL), False)):
        text = caller.get(f"/Users/{ada.id}").raw.text
        assert ("lock-password_attempts: " in text, "uid=ada" in text) == (sees, sees)
        assert "password_attempts" in text


def test_what_stood_in_an_unlock_s_way_is_for_people(scim: ScimWorld) -> None:
    """Its sentences name groups, servers and entries, and quote notes: a connection sees the reason alone."""
    ada = scim.world.person("ada")
    why = "password_attempts: have cn=secret-group,ou=groups looked at on ldap://dc1.internal"
    last = LastUnlock(at=scim.world.clock.now(), cleared=("held",), remaining=(why,), failed=(f"corp: {why}",))
    scim.world.save(replace(ada, last_unlock=last))
    assert "secret-group" in scim.carol.get(f"/Users/{ada.id}").raw.text
    shown = scim.idp.get(f"/Users/{ada.id}").body[LOCKSTEP_URN]["lastUnlock"]
    assert (shown["cleared"], shown["remaining"], shown["failed"]) == (["held"], ["password_attempts"], ["corp"])


def test_a_store_that_fails_does_not_say_where_it_is(scim: ScimWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is told to come back, the log what is wrong."""

    def fails(*_: object, **__: object) -> None:
        raise StoreUnusable("The store sqlite:////srv/secret/place.db is unusable")

    idp = scim.idp
    monkeypatch.setattr(type(scim.world.store), "find", fails)
    with structlog.testing.capture_logs() as lines:
        reply = idp.get("/Users")
    assert (reply.status, "secret" in reply.raw.text) == (503, False)
    assert any("secret" in str(line.get("error")) for line in lines)
