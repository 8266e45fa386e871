"""What looking at a directory finds: one thing each, how good it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    """It could not be found out; nothing is claimed."""
    MISSING = "missing"
    """The settings need it, and it is not there."""
    TOO_MUCH = "too_much"
    """It is there, and nothing needs it: a right that only an attacker would use."""
    UNREACHABLE = "unreachable"
    MISTAKE = "mistake"
    """In the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `advice` says what to do where it is not as it should be."""

    what: str
    grade: Grade
    found: str
    advice: str = ""
