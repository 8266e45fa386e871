"""The unlock PATCH: who may, what it answers, and that an identity provider never frees anybody."""

from datetime import timedelta

import pytest

from ims.locks import LockReason
from ims.people import User
from scim.urns import LOCKSTEP_URN
from tests.support.fake_directory import FakeEntry
from tests.support.people import IDP, lock
from tests.support.scim_world import ScimWorld


@pytest.fixture
def ada(scim: ScimWorld) -> User:
    """Return a user whom the directory has locked for good an hour ago."""
    return scim.world.locked("ada")


def test_a_co_administrator_frees_a_user_in_the_directory(scim: ScimWorld, ada: User) -> None:
    reply = scim.carol.set_active(ada.id, value=True)
    assert reply.status == 200
    assert reply.body["active"] is True
    assert reply.body[LOCKSTEP_URN]["locks"] == []
    assert reply.body[LOCKSTEP_URN]["lastUnlock"]["cleared"] == ["password_attempts"]
    assert len(scim.world.side.effects) == 1
    assert scim.carol.get(f"/Users/{ada.id}").body == reply.body


def test_an_account_administrator_may_too(scim: ScimWorld, ada: User) -> None:
    assert scim.alba.set_active(ada.id, value=True).status == 200
    assert scim.world.active(ada)


def test_an_identity_provider_s_active_true_frees_nobody(scim: ScimWorld, ada: User) -> None:
    reply = scim.idp.set_active(ada.id, value=True)
    assert reply.status == 200
    assert reply.body["active"] is False
    assert [held["value"] for held in reply.body[LOCKSTEP_URN]["locks"]] == ["password_attempts"]
    assert scim.world.side.writes == []


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "replace", "path": "active", "value": True}],
        [{"op": "Replace", "path": "Active", "value": "True"}],
        [{"op": "add", "path": "active", "value": True}],
        [{"op": "replace", "value": {"active": True}}],
        [{"op": "replace", "value": {"id": "user-ada", "schemas": [], "active": True}}],
        [{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": True}],
        [{"op": "replace", "path": "active", "value": True}, {"op": "add", "value": {"active": "true"}}],
    ],
)
def test_every_way_to_say_active_true_is_an_unlock(
    scim: ScimWorld, ada: User, operations: list[dict[str, object]]
) -> None:
    assert scim.carol.patch(ada.id, *operations).status == 200
    assert scim.world.active(ada)


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "replace", "path": "active", "value": True}, {"op": "replace", "path": "title", "value": "Boss"}],
        [{"op": "replace", "value": {"active": True, "nickName": "Addie"}}],
        [{"op": "replace", "value": {"active": True, "unheardOf": 1}}],
        [{"op": "replace", "path": "active", "value": True}, {"op": "replace", "path": "active", "value": False}],
        [{"op": "remove", "path": "active"}],
        [{"op": "replace", "path": "displayName", "value": "Ada"}],
        [{"op": "replace", "path": f"{LOCKSTEP_URN}:locks", "value": []}],
        [{"op": "replace", "path": "id", "value": "user-ada"}],
        [{"op": "add", "value": {"id": "user-ada"}}],
        [{"op": "replace", "path": "tenant", "value": "globex"}],
    ],
)
def test_anything_else_in_the_same_patch_is_forbidden(
    scim: ScimWorld, ada: User, operations: list[dict[str, object]]
) -> None:
    before = scim.stored(ada.id)
    assert scim.carol.patch(ada.id, *operations).problem == (403, None)
    assert scim.stored(ada.id) == before
    assert scim.world.side.reads == []


def test_nothing_to_clear_is_success(scim: ScimWorld, ada: User) -> None:
    scim.world.corp.free("ada")
    assert scim.carol.set_active(ada.id, value=True).status == 200
    assert scim.world.side.effects == []


def test_what_may_not_be_cleared_is_named(scim: ScimWorld) -> None:
    gone = scim.world.person("gone", corp=False, locks=[lock(LockReason.DEPROVISIONED, source=IDP, name="gone")])
    reply = scim.carol.set_active(gone.id, value=True)
    assert reply.problem == (409, None)
    assert "idp" in reply.body["detail"]


def test_a_protected_account_is_forbidden_before_the_directory_is_asked(scim: ScimWorld) -> None:
    root = scim.world.person("root", protected="adminCount = 1")
    assert scim.carol.set_active(root.id, value=True).problem == (403, None)
    assert scim.world.side.reads == []


def test_nobody_unlocks_themself(scim: ScimWorld) -> None:
    assert scim.carol.set_active("user-carol", value=True).problem == (403, None)


def test_a_directory_that_is_down_is_503_with_whole_seconds(scim: ScimWorld, ada: User) -> None:
    scim.world.corp.down = {""}
    reply = scim.carol.set_active(ada.id, value=True)
    assert reply.status == 503
    assert reply.raw.headers["Retry-After"].isdecimal()
    assert not scim.world.active(ada)


def test_a_refusal_of_the_directory_is_a_conflict_with_the_result_s_name(scim: ScimWorld, ada: User) -> None:
    scim.world.corp.refuses = "insufficientAccessRights"
    reply = scim.carol.set_active(ada.id, value=True)
    assert reply.problem == (409, None)
    assert "insufficientAccessRights" in reply.body["detail"]


def test_a_lock_that_the_caller_was_not_shown_is_kept(scim: ScimWorld, ada: User) -> None:
    """Between the look and the PATCH the user was locked anew, and no tick has seen it."""
    seen = scim.carol.get(f"/Users/{ada.id}")
    scim.world.corp.lock("ada", scim.world.clock.now() - timedelta(minutes=1))
    reply = scim.carol.set_active(ada.id, value=True, If_Match=seen.body["meta"]["version"])
    assert reply.problem == (409, None)
    assert not scim.world.active(ada)
    assert scim.world.side.effects == []


def test_a_version_that_has_passed_is_412(scim: ScimWorld, ada: User) -> None:
    seen = scim.carol.get(f"/Users/{ada.id}")
    scim.world.corp.lock("ada", scim.world.clock.now() - timedelta(minutes=1))
    scim.world.tick(ada)
    assert scim.carol.set_active(ada.id, value=True, If_Match=seen.body["meta"]["version"]).problem == (412, None)
    assert scim.world.side.effects == []


def test_without_if_match_every_lock_is_cleared(scim: ScimWorld, ada: User) -> None:
    scim.world.corp.lock("ada", scim.world.clock.now() - timedelta(minutes=1))
    assert scim.carol.set_active(ada.id, value=True, If_Match="*").status == 200
    assert scim.world.active(ada)


def test_locked_again_during_the_unlock_is_a_conflict(scim: ScimWorld, ada: User) -> None:
    def attacked(entry: FakeEntry) -> None:
        scim.world.corp.lock(entry.entry_id, scim.world.clock.forward(timedelta(seconds=1)))

    scim.world.corp.after_write = attacked
    reply = scim.carol.set_active(ada.id, value=True)
    assert reply.problem == (409, None)
    assert not scim.world.active(ada)


def test_active_false_is_a_hold(scim: ScimWorld) -> None:
    ada = scim.world.person("ada")
    reply = scim.carol.set_active(ada.id, value=False)
    assert reply.status == 200
    (held,) = reply.body[LOCKSTEP_URN]["locks"]
    assert (held["value"], held["clearableBy"]) == ("held", ["co_administrator"])
    again = scim.carol.set_active(ada.id, value=False)
    assert again.body == reply.body
    assert scim.carol.set_active(ada.id, value=True).body["active"] is True
