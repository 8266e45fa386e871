"""The machine's clock, behind the one protocol from which every part takes its "now"."""

from datetime import UTC, datetime


class SystemClock:
    """Now, as this machine believes it; `check` compares it with what the directories say."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)
