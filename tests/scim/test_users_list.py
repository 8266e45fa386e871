"""Lists: pages, totals, projections, and who is in them."""

from datetime import timedelta

import pytest

from scim.urns import LIST_URN, LOCKSTEP_URN
from tests.support.people import GLOBEX, IDP, user
from tests.support.scim_world import GLOBEX_IDP, ScimWorld


@pytest.fixture
def crowd(scim: ScimWorld) -> list[str]:
    """Store twelve users of ACME, one of Globex, and return the ids of the twelve."""
    scim.world.save(user("zoe", tenant=GLOBEX, connection=GLOBEX_IDP))
    return sorted(scim.provisioned(f"user{number:02}").id for number in range(12))


def test_nobody_is_an_empty_list_and_no_error(scim: ScimWorld) -> None:
    reply = scim.idp.find('userName eq "8f3b2d0e-6f0e-4a8e-9f6a-000000000000"')
    assert reply.status == 200
    assert reply.body == {
        "schemas": [LIST_URN],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }


def test_pages_make_the_whole(scim: ScimWorld, crowd: list[str]) -> None:
    found: list[str] = []
    while True:
        page = scim.idp.get("/Users", startIndex=len(found) + 1, count=5).body
        assert (page["totalResults"], page["startIndex"]) == (12, len(found) + 1)
        assert page["itemsPerPage"] == len(page["Resources"])
        found += [resource["id"] for resource in page["Resources"]]
        if len(found) >= page["totalResults"]:
            break
    assert found == crowd


@pytest.mark.parametrize(
    ("query", "start", "number"),
    [
        ({}, 1, 12),
        ({"startIndex": 0, "count": 3}, 1, 3),
        ({"startIndex": -4, "count": 3}, 1, 3),
        ({"startIndex": 11}, 11, 2),
        ({"startIndex": 13}, 13, 0),
        ({"startIndex": 10**17}, 10**9, 0),
        ({"count": 0}, 1, 0),
        ({"count": -1}, 1, 0),
        ({"COUNT": 2, "startindex": 2}, 2, 2),
    ],
)
def test_numbers_out_of_range_are_bent(
    scim: ScimWorld, crowd: list[str], query: dict[str, int], start: int, number: int
) -> None:
    page = scim.idp.get("/Users", **query).body
    assert (page["totalResults"], page["startIndex"], len(page["Resources"])) == (len(crowd), start, number)


def test_a_number_that_is_none_is_refused(scim: ScimWorld) -> None:
    assert scim.idp.get("/Users", count="many").problem == (400, "invalidValue")


def test_a_total_counts_only_what_the_filter_finds(scim: ScimWorld, crowd: list[str]) -> None:
    page = scim.idp.find('userName sw "USER0" and active eq true', count=4).body
    assert (page["totalResults"], page["itemsPerPage"], len(crowd)) == (10, 4, 12)


def test_a_list_shows_what_is_asked_for(scim: ScimWorld, crowd: list[str]) -> None:
    page = scim.idp.get("/Users", attributes="userName,locked", count=1).body
    (resource,) = page["Resources"]
    assert resource.keys() == {"schemas", "id", "userName", LOCKSTEP_URN}
    assert resource["id"] == crowd[0]
    both = scim.idp.get("/Users", attributes="userName", excludedAttributes="name")
    assert both.problem == (400, "invalidValue")


def test_a_user_s_list_entry_is_the_user(scim: ScimWorld, crowd: list[str]) -> None:
    page = scim.idp.get("/Users").body
    assert [scim.idp.get(f"/Users/{one}").body for one in crowd] == page["Resources"]


def test_a_timed_lock_leaves_the_list_by_the_clock(scim: ScimWorld) -> None:
    now = scim.world.clock.now()
    ada = scim.world.locked("ada", until=now + timedelta(minutes=10))
    assert scim.aude.find("locked eq true").names == ["ada"]
    scim.world.clock.forward(timedelta(minutes=10))
    assert scim.aude.find("locked eq true").names == []
    assert "ada" in scim.aude.find('active eq true and meta.lastModified ge "2026-11-23T12:10:00.0000000Z"').names
    assert scim.stored(ada.id).locks != ()


def test_a_filter_s_mistake_is_answered(scim: ScimWorld, crowd: list[str]) -> None:
    assert scim.idp.find('usernam eq "user00"').problem == (400, "invalidFilter")
    assert scim.idp.find('userName eq "user00').problem == (400, "invalidFilter")
    assert scim.idp.find("").problem == (400, "invalidFilter")
    assert scim.idp.find('password eq "secret"').problem == (403, "sensitive")
    assert scim.idp.find('directories.dn co "uid"').problem == (400, "invalidFilter")
    assert scim.aude.find('directories.dn co "uid"').body["totalResults"] == 0
    assert len(crowd) == 12


def test_plus_is_a_space(scim: ScimWorld, crowd: list[str]) -> None:
    """As sent by a well-known identity provider, with a left-over ampersand."""
    reply = scim.idp.call("GET", "/Users?filter=userName+eq+%22user03%22&")
    assert reply.names == ["user03"]
    assert crowd[3] == "user-user03"
    assert scim.connection(IDP).call("GET", "/Users?").body["totalResults"] == 12
