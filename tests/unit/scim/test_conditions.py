"""If-Match and If-None-Match against a weak ETag."""

import pytest

from scim.conditions import Conditions
from scim.errors import HttpProblem

ETAG = 'W/"7.1700000000"'


@pytest.mark.parametrize("header", [ETAG, '"7.1700000000"', "*", f'"other", {ETAG}', f'W/"x",{ETAG} '])
def test_a_version_is_recognised(header: str) -> None:
    Conditions(if_match=header).demand(ETAG)
    assert Conditions(if_none_match=header).unchanged(ETAG)


@pytest.mark.parametrize("header", ["", '""', 'W/"7"', 'W/"7.17000000001"', "nonsense", '"*"', "W/*"])
def test_another_version_is_not_this_one(header: str) -> None:
    with pytest.raises(HttpProblem) as refusal:
        Conditions(if_match=header).demand(ETAG)
    assert refusal.value.status == 412
    assert not Conditions(if_none_match=header).unchanged(ETAG)


def test_a_write_can_exclude_a_version() -> None:
    with pytest.raises(HttpProblem):
        Conditions(if_none_match="*").demand(ETAG)
    Conditions(if_none_match='W/"8.0"').demand(ETAG)


def test_no_condition_is_no_condition() -> None:
    Conditions().demand(ETAG)
    assert not Conditions().unchanged(ETAG)
    assert not Conditions().names_version
    assert not Conditions(if_match=" * ").names_version
    assert Conditions(if_match=ETAG).names_version
