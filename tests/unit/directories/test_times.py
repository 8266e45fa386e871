"""generalizedTime: every form has one of three outcomes, and nothing else ever happens."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.times import Invalid, Moment, Permanent, parse_time

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261123120000Z", NOON),
        ("202611231200Z", NOON),
        ("2026112312Z", NOON),
        ("20261123120000.5Z", NOON + timedelta(milliseconds=500)),
        ("20261123120000,5Z", NOON + timedelta(milliseconds=500)),
        ("20261123120000.212236Z", NOON + timedelta(microseconds=212236)),
        ("20261123120000.059870Z", NOON + timedelta(microseconds=59870)),
        ("202611231200.5Z", NOON + timedelta(seconds=30)),
        ("2026112312.25Z", NOON + timedelta(minutes=15)),
        ("20261123133000+0130", NOON),
        ("20261123110000-01", NOON),
        ("20261123115960Z", NOON),
        ("20261231235960Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("00010101000000Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    """Fractions of the last unit written, both marks, offsets, the leap second, both ends of time."""
    assert parse_time(text.encode()) == Moment(moment)


@pytest.mark.parametrize(
    "text",
    ["000001010000Z", "00000101000000Z", "0000010100Z", "00000101000000.5Z", "000001010000+0000", "0000010100,0-00"],
)
def test_for_good(text: str) -> None:
    """The first instant of the year 0, in every form that a directory takes."""
    assert parse_time(text.encode()) == Permanent()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "never",
        "9223372036854775807",
        "20261123",
        "20261123120000",
        "20261123120000z",
        "261123120000Z",
        "20261323120000Z",
        "20261131120000Z",
        "20260229000000Z",
        "20261123240000Z",
        "20261123126000Z",
        "20261123120061Z",
        "20261123120000.Z",
        "20261123120000+2400",
        "20261123120000+0160",
        "20261123120000+1",
        "99991231235959-0100",
        "00010101000000+0100",
        "00000101000001Z",
        "00000102000000Z",
        " 20261123120000Z",
        "20261123120000Z\n",
        "\uff120261123120000Z",
    ],
)
def test_invalid(text: str) -> None:
    """Whatever is no time says so, with the text cut short."""
    outcome = parse_time(text.encode())
    assert isinstance(outcome, Invalid)
    assert len(outcome.why) < 120


@given(st.binary(max_size=60) | st.from_regex(rb"\d{8,14}([.,]\d*)?(Z|[+-]\d{1,4})", fullmatch=True))
def test_nothing_else_ever_happens(raw: bytes) -> None:
    """No bytes raise."""
    assert isinstance(parse_time(raw), Moment | Permanent | Invalid)


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001 - the zone comes next
    st.integers(-23 * 60, 23 * 60),
)
def test_what_was_written_is_read(moment: datetime, minutes: int) -> None:
    """Every moment to the microsecond, in every zone."""
    zone = timezone(timedelta(minutes=minutes))
    aware = moment.replace(tzinfo=UTC)
    local = aware.astimezone(zone)
    sign = "-" if minutes < 0 else "+"
    offset = f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    text = f"{local.year:04}{local:%m%d%H%M%S}.{local.microsecond:06}{offset}"
    assert parse_time(text.encode()) == Moment(aware)
