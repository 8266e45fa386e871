"""generalizedTime (RFC 4517 section 3.3.13) with a closed set of outcomes: a moment, "for good", or invalid.

ldap3's own formatter hands back raw bytes for what it cannot read, and "locked for good" is one of those.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_FORM = re.compile(
    r"(?P<day>\d{8})(?P<hour>\d{2})(?:(?P<minute>\d{2})(?P<second>\d{2})?)?"
    r"(?:[.,](?P<fraction>\d+))?(?P<zone>Z|[+-]\d{2}(?:\d{2})?)",
    re.ASCII,
)
_ZERO = re.compile(r"0{4}01010+(?:[.,]\d+)?(?:Z|[+-]0+)", re.ASCII)
_LEAP_SECOND = 60
_SHOWN = 40
_USUAL = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]{6}))?Z")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, aware, in UTC, to the microsecond."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Permanent:
    """The first instant of the year 0 in any of its forms (000001010000Z): a password policy's "for good"."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """What stands there is no time."""

    why: str


Time = Moment | Permanent | Invalid


def parse_time(raw: bytes) -> Time:
    """Return what a generalizedTime means. Never raises: whatever is no time is Invalid and says why."""
    usual = _usual(raw)
    if usual is not None:
        return usual
    text = raw.decode("ascii", errors="replace")
    if _ZERO.fullmatch(text):
        return Permanent()
    found = _FORM.fullmatch(text)
    if found is None:
        return Invalid(f"{text[:_SHOWN]!r} is no generalizedTime")
    try:
        return Moment(_moment(found))
    except (ValueError, OverflowError) as error:
        return Invalid(f"{text[:_SHOWN]!r} is no time: {error}")


def _usual(raw: bytes) -> Moment | None:
    """Return the moment of a form in which servers write nearly all of them: in UTC, to the second or microsecond."""
    found = _USUAL.fullmatch(raw)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = map(int, found.groups(b"0"))
    try:
        return Moment(datetime(year, month, day, hour, minute, second, fraction, tzinfo=UTC))
    except ValueError:
        return None


def _moment(found: re.Match[str]) -> datetime:
    """Put the parts together. Raises ValueError or OverflowError where there is no such time."""
    seconds = int(found["second"] or 0)
    if seconds > _LEAP_SECOND:
        raise ValueError("a minute has 60 seconds, 61 with a leap second")
    day, hour, minute = found["day"], int(found["hour"]), int(found["minute"] or 0)
    start = datetime(int(day[:4]), int(day[4:6]), int(day[6:]), hour, minute, tzinfo=_zone(found["zone"]))
    return (start + timedelta(seconds=seconds) + _fraction(found)).astimezone(UTC)


def _fraction(found: re.Match[str]) -> timedelta:
    """Return the fraction of the last unit that was written: an hour, a minute or a second."""
    if found["fraction"] is None:
        return timedelta(0)
    unit = timedelta(seconds=1) if found["second"] else timedelta(minutes=1) if found["minute"] else timedelta(hours=1)
    digits: str = found["fraction"][:9]
    return unit * float(f"0.{digits}")


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:5] or 0)
    if hours >= 24 or minutes >= 60:  # noqa: PLR2004 - hours of a day, minutes of an hour
        raise ValueError("an offset ends at 23 hours and 59 minutes")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)
