"""Query parameters: names in any case, numbers as the RFC bends them, and no second guess."""

import pytest

from scim.errors import BadRequest, ScimType
from scim.paging import list_response, page_of
from scim.parameters import parameters_of
from scim.services import Limits

LIMITS = Limits(page_default=100, page_max=200)


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


@pytest.mark.parametrize(
    ("count", "limit"), [(None, 100), ("0", 0), ("50", 50), ("200", 200), ("201", 200), ("99999", 200)]
)
def test_a_page_is_never_longer_than_allowed(count: str | None, limit: int) -> None:
    page = page_of(
        parameters_of({"count": count, "startIndex": "11"}.items() if count else [("startIndex", "11")]), LIMITS
    )
    assert (page.limit, page.offset) == (limit, 10)


def test_a_list_says_what_it_is() -> None:
    assert list_response([{"id": "1"}], total=7, start_index=7) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 7,
        "startIndex": 7,
        "itemsPerPage": 1,
        "Resources": [{"id": "1"}],
    }
