"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The moment at which most tests begin."""


class HandClock:
    """`ims.ports.Clock`, moved by hand."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the moment to which the test has moved this clock."""
        return self.at

    def forward(self, by: timedelta) -> datetime:
        """Let time pass, and return the new moment."""
        self.at += by
        return self.at
