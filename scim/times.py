"""Times on the wire: xsd:dateTime in UTC going out, any zone coming in (RFC 7643 section 2.3.5)."""

import re
from datetime import UTC, datetime

_DATE_TIME = re.compile(
    r"(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,12}))?(?P<zone>Z|[+-]\d\d:\d\d)",
    re.ASCII | re.IGNORECASE,
)


def shown(moment: datetime) -> str:
    """Return a moment as we write it: UTC, `Z`, and a fraction only where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read(text: str) -> datetime:
    """Return the moment that a client means. Raises ValueError.

    Some clients send seven digits of fraction; what is finer than a microsecond is cut off. A time without a zone could
    mean anything and is refused.
    """
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        raise ValueError("a date and time is written like 2026-01-31T12:00:00Z")
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    zone = found["zone"].upper().replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(f"{found['moment'].upper()}.{fraction}{zone}").astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this date is outside the years 1 to 9999") from error
