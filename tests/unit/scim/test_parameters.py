"""Query parameters: names in any case, numbers as the RFC bends them, and no second guess."""

import pytest

from scim.errors import BadRequest, ScimType
from scim.listing import list_response
from scim.parameters import parameters_in, parameters_of
from scim.urns import SEARCH_URN


@pytest.mark.parametrize(
    ("sent", "start", "count"),
    [
        ({}, 1, None),
        ({"startIndex": "1", "count": "10"}, 1, 10),
        ({"STARTINDEX": "7", "Count": "0"}, 7, 0),
        ({"startindex": "0"}, 1, None),
        ({"startIndex": "-5", "count": "-1"}, 1, 0),
        ({"startIndex": " 3 "}, 3, None),
        ({"startIndex": "9" * 18}, 1_000_000_000, None),
        ({"sortBy": "userName", "cursor": "", "nonsense": "x"}, 1, None),
    ],
)
def test_numbers(sent: dict[str, str], start: int, count: int | None) -> None:
    parameters = parameters_of(sent.items())
    assert (parameters.start_index, parameters.count) == (start, count)


@pytest.mark.parametrize(
    "pairs",
    [
        [("count", "x")],
        [("count", "")],
        [("count", "1.5")],
        [("startIndex", "1e3")],
        [("startIndex", "\N{FULLWIDTH DIGIT NINE}")],
        [("startIndex", "9" * 5000)],
        [("count", "1"), ("Count", "2")],
        [("filter", "title pr"), ("filter", "active pr")],
        [("attributes", "userName"), ("excludedAttributes", "name")],
    ],
)
def test_what_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(BadRequest) as refusal:
        parameters_of(pairs)
    assert refusal.value.scim_type is ScimType.INVALID_VALUE


def test_a_search_request_says_the_same_as_a_query_string() -> None:
    body = {
        "schemas": [SEARCH_URN],
        "Filter": 'userName eq "x"',
        "startIndex": 3,
        "count": 7,
        "attributes": ["userName", "name.familyName"],
        "sortBy": "userName",
        "sortOrder": "Descending",
        "cursor": None,
    }
    sent = {
        "filter": 'userName eq "x"',
        "startIndex": "3",
        "count": "7",
        "attributes": "userName,name.familyName",
        "sortBy": "userName",
        "sortOrder": "descending",
    }
    assert parameters_in(body) == parameters_of(sent.items())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"schemas": ["urn:x"]},
        {"schemas": [SEARCH_URN], "count": True},
        {"schemas": [SEARCH_URN], "filter": ["x"]},
        {"schemas": [SEARCH_URN], "sortOrder": "sideways"},
        {"schemas": [SEARCH_URN], "count": "many"},
    ],
)
def test_a_wrong_search_request_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        parameters_in(body)


def test_a_list_says_what_it_is() -> None:
    assert list_response([{"id": "1"}], total=7, start_index=7) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 7,
        "startIndex": 7,
        "itemsPerPage": 1,
        "Resources": [{"id": "1"}],
    }
