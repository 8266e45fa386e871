"""Times on the wire."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.times import read, shown

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00.5Z",
        "2026-01-31T12:00:00.500Z",
        "2026-01-31T12:00:00.5000000Z",
        "2026-01-31T12:00:00.500000999Z",
        "2026-01-31t12:00:00.5z",
        "2026-01-31T13:30:00.5+01:30",
        "2026-01-31T04:00:00.5-08:00",
    ],
)
def test_one_moment_in_many_spellings(text: str) -> None:
    assert read(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00.Z",
        "2026-13-31T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T12:00:00+25:00",
        "٢٠٢٦-01-31T12:00:00Z",
        "20260131120000Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"written like|years|range|must be|day|hour|month|offset|strictly"):
        read(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_we_write_we_read(moment: datetime) -> None:
    assert read(shown(moment)) == moment


def test_a_time_is_written_in_utc() -> None:
    assert shown(MOMENT.replace(microsecond=0)) == "2026-01-31T12:00:00Z"
    assert shown(MOMENT + timedelta(microseconds=1)) == "2026-01-31T12:00:00.500001Z"
