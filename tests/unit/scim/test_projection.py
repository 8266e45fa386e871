"""`attributes` and `excludedAttributes`: short, dotted and URN names, and what is shown whatever is asked."""

import pytest

from scim.attributes import Document
from scim.projection import Projection
from scim.schemas import USERS
from scim.urns import LOCKSTEP_URN, USER_URN

ADA: Document = {
    "schemas": [USER_URN, LOCKSTEP_URN],
    "id": "1",
    "userName": "ada",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "a@b", "type": "work"}, {"value": "c@d"}],
    "active": True,
    "meta": {"resourceType": "User", "version": 'W/"1.0"'},
    LOCKSTEP_URN: {"locked": False, "locks": [], "directories": [{"value": "corp", "entryId": "e"}]},
}
ALWAYS = {"schemas": ADA["schemas"], "id": "1"}


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("userName", {"userName": "ada"}),
        ("USERNAME , Active", {"userName": "ada", "active": True}),
        (f"{USER_URN}:userName", {"userName": "ada"}),
        ("name.familyName", {"name": {"familyName": "Lovelace"}}),
        ("emails.type", {"emails": [{"type": "work"}]}),
        ("emails.value,emails.type", {"emails": ADA["emails"]}),
        ("meta", {"meta": ADA["meta"]}),
        ("meta.version", {"meta": {"version": 'W/"1.0"'}}),
        ("locked", {LOCKSTEP_URN: {"locked": False}}),
        (f"{LOCKSTEP_URN}:locks", {LOCKSTEP_URN: {"locks": []}}),
        (LOCKSTEP_URN.upper(), {LOCKSTEP_URN: ADA[LOCKSTEP_URN]}),
        (f"{LOCKSTEP_URN}:directories.value", {LOCKSTEP_URN: {"directories": [{"value": "corp"}]}}),
        ("nothing", {}),
        ("nothing,groups,title", {}),
        ("id", {}),
        ("name.nothing", {}),
    ],
)
def test_only_what_is_wanted(wanted: str, shown: Document) -> None:
    assert Projection.parse(USERS, wanted=wanted, unwanted="").of_resource(ADA) == ALWAYS | shown


@pytest.mark.parametrize(
    ("unwanted", "gone"),
    [
        ("userName", {"userName"}),
        (f"{USER_URN}:emails,active", {"emails", "active"}),
        ("meta,name,nothing", {"meta", "name"}),
        (LOCKSTEP_URN, {LOCKSTEP_URN}),
        ("id,schemas", set()),
        ("groups,members", set()),
        (USER_URN, {"userName", "name", "emails", "active", "meta"}),
    ],
)
def test_all_but_what_is_not_wanted(unwanted: str, gone: set[str]) -> None:
    shown = Projection.parse(USERS, wanted="", unwanted=unwanted).of_resource(ADA)
    assert shown == {name: value for name, value in ADA.items() if name not in gone}


def test_a_part_can_be_left_out() -> None:
    shown = Projection.parse(USERS, wanted="", unwanted="emails.type,name.givenName,locks").of_resource(ADA)
    assert shown["emails"] == [{"value": "a@b"}, {"value": "c@d"}]
    assert shown["name"] == {"familyName": "Lovelace"}
    assert shown[LOCKSTEP_URN] == {"locked": False, "directories": [{"value": "corp", "entryId": "e"}]}


def test_asking_for_nothing_is_the_default() -> None:
    assert not Projection.parse(USERS, wanted="", unwanted="")
    assert Projection.parse(USERS, wanted="", unwanted="").of_resource(ADA) is ADA
