"""Lengths of time and times of day: every form that people write is read exactly or refused with the right forms."""

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from config.kinds import duration_text, parse_duration, parse_time_of_day


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (90, 90),
        ("90", 90),
        ("30s", 30),
        ("10m", 600),
        ("24h", 86400),
        ("7d", 604800),
        ("2w", 1209600),
        ("1h30m", 5400),
        (" 10M ", 600),
        (timedelta(minutes=3), 180),
    ],
)
def test_right_forms_are_read(written: object, seconds: int) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    [-1, "-1", "", " ", "10 m", "ten", "10min", "1.5h", 1.5, True, None, [], {}, "PT10M", "10m5", "٣s", "1e3", "+5"],
)
def test_other_forms_are_refused_with_the_right_ones(written: object) -> None:
    with pytest.raises(PydanticCustomError, match='"30s", "10m", "1h30m"'):
        parse_duration(written)


@pytest.mark.parametrize("written", [10**30, "9" * 40, f"{10**12}w"])
def test_absurd_lengths_are_refused_and_do_not_overflow(written: object) -> None:
    with pytest.raises(PydanticCustomError, match="longer than 100 years"):
        parse_duration(written)


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_written_is_read_as_the_same(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(duration_text(length)) == length
    assert parse_duration(seconds) == parse_duration(str(seconds)) == length


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("smhd")), min_size=1, max_size=4))
def test_parts_add_up(parts: list[tuple[int, str]]) -> None:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    text = "".join(f"{count}{unit}" for count, unit in parts)
    assert parse_duration(text).total_seconds() == sum(count * units[unit] for count, unit in parts)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends in any other error."""
    try:
        assert parse_duration(text) >= timedelta(0)
    except PydanticCustomError as error:
        assert "must be whole seconds" in str(error) or "longer" in str(error)  # noqa: PT017 - both outcomes are right


def test_days_are_said_as_people_say_them() -> None:
    assert [duration_text(timedelta(hours=hours)) for hours in (24, 48, 36)] == ["24h", "2d", "36h"]


@pytest.mark.parametrize("written", ["02:30", " 02:30 ", time(2, 30)])
def test_times_of_day_are_read(written: object) -> None:
    assert parse_time_of_day(written) == time(2, 30)


@pytest.mark.parametrize("written", ["2:30", "24:00", "02:60", "02:30:00", "half past two", 230, None, ""])
def test_other_times_of_day_are_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError, match='"HH:MM"'):
        parse_time_of_day(written)
