"""FILETIME and intervals, as Active Directory writes them, each with a closed set of outcomes (MS-DTYP 2.3.3, MS-ADTS).

A time is the number of 100 ns steps since 1601 in UTC; an interval is a negative number of them. ldap3's own formatter
turns 0 into 1601 and "never" into the year 9999, and hands back raw bytes for what it cannot read.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.directories.times import Invalid, Moment

LARGEST = 2**63 - 1
"""0x7FFFFFFFFFFFFFFF: "never" where it is a time, and with a minus and one more "for ever" where it is an interval."""
_BEGINNING = datetime(1601, 1, 1, tzinfo=UTC)
_STEPS_PER_MICROSECOND = 10
_LAST = (datetime.max.replace(tzinfo=UTC) - _BEGINNING) // timedelta(microseconds=1)
"""How many whole microseconds Python's calendar has from there on."""
_NUMBER = re.compile(rb"-?[0-9]{1,19}")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Unset:
    """Zero: there is no such time."""


@dataclass(frozen=True, slots=True)
class Endless:
    """A time later than the year 9999, or an interval of all time."""


FileTime = Moment | Unset | Endless | Invalid
Interval = timedelta | Unset | Endless | Invalid


def parse_filetime(raw: bytes) -> FileTime:
    """Return what a FILETIME means, to the microsecond. Never raises: what is no time is Invalid and says why."""
    number = _number(raw)
    if isinstance(number, Invalid):
        return number
    if number < 0:
        return Invalid(f"{_shown(raw)} is no time: it is negative")
    if not number:
        return Unset()
    microseconds = number // _STEPS_PER_MICROSECOND
    return Endless() if microseconds > _LAST else Moment(_BEGINNING + timedelta(microseconds=microseconds))


def parse_interval(raw: bytes) -> Interval:
    """Return what an interval means, as a length. Never raises: what is no interval is Invalid and says why."""
    number = _number(raw)
    if isinstance(number, Invalid):
        return number
    if number > 0:
        return Invalid(f"{_shown(raw)} is no interval: it is not negative")
    if not number:
        return Unset()
    return Endless() if -number > LARGEST else timedelta(microseconds=-number // _STEPS_PER_MICROSECOND)


def filetime_of(moment: datetime) -> int:
    """Return the FILETIME of a moment that knows its time zone."""
    return (moment - _BEGINNING) // timedelta(microseconds=1) * _STEPS_PER_MICROSECOND


def _number(raw: bytes) -> int | Invalid:
    if not _NUMBER.fullmatch(raw):
        return Invalid(f"{_shown(raw)} is no number of 100 ns steps")
    number = int(raw)
    if -LARGEST - 1 <= number <= LARGEST:
        return number
    return Invalid(f"{_shown(raw)} does not fit into 64 bits")


def _shown(raw: bytes) -> str:
    return repr(raw[:_SHOWN].decode("ascii", errors="replace"))
