"""The kinds of value that settings hold, each parsed once into its type, with an error that says what would be right.

They read a text as an environment variable gives it and a value as TOML gives it alike.
"""

import json
import re
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

from config.names import why_no_dn, why_no_filter

RELATION = "relation"
"""The type of an error that concerns a whole table rather than one of its keys."""
WRONG = "wrong"
"""The type of an error whose text is our own and complete."""
_TABLE = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Table(BaseModel):
    """One table of the settings: frozen, and refusing every key it does not know."""

    model_config = _TABLE


def wrong(text: str) -> PydanticCustomError:
    """Return the error for a key whose value cannot be taken; `text` goes on after "key: "."""
    return PydanticCustomError(WRONG, "{text}", {"text": text})


def relation(text: str) -> PydanticCustomError:
    """Return the error for keys of one table that do not go together; it is reported for the table."""
    return PydanticCustomError(RELATION, "{text}", {"text": text})


# --- lengths of time -------------------------------------------------------------------------------------------------

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+[smhdw])+")
_PART = re.compile(r"(\d+)([smhdw])")
_LONGEST = timedelta(days=36500)
_DURATION_HELP = 'must be whole seconds, or a text such as "30s", "10m", "1h30m" or "7d"'


def parse_duration(value: object) -> timedelta:
    """Return the length of time that a number of seconds or a text means. Raises an error with the right forms."""
    if isinstance(value, timedelta):
        return value
    seconds = _seconds(value)
    if seconds is None:
        raise wrong(f"{_DURATION_HELP}, not {shown(value)}")
    if seconds > _LONGEST.total_seconds():
        raise wrong("is longer than 100 years")
    return timedelta(seconds=seconds)


def duration_text(length: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads as this length; "24h" rather than "1d", as people say."""
    seconds = int(length.total_seconds())
    for unit, fewest in (("d", 2), ("h", 1), ("m", 1)):
        count, rest = divmod(seconds, _UNITS[unit])
        if count >= fewest and rest == 0:
            return f"{count}{unit}"
    return f"{seconds}s"


def _seconds(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    if text.isascii() and text.isdigit():
        return int(text)
    if not text.isascii() or not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _whole_seconds(value: object) -> int:
    return int(parse_duration(value).total_seconds())


def parse_time_of_day(value: object) -> time:
    """Return a time of day, from "02:30" or TOML's own local time."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value.strip()):
        return time.fromisoformat(value.strip())
    raise wrong(f'must be a time of day as "HH:MM", such as "02:30", not {shown(value)}')


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(duration_text)]
"""A length of time of at least 0 s."""
WholeSeconds = Annotated[int, BeforeValidator(_whole_seconds)]
"""A length of time as an int: ldap3 fails with a bare struct.error on a float."""
TimeOfDay = Annotated[time, BeforeValidator(parse_time_of_day)]


# --- numbers, switches, lists ----------------------------------------------------------------------------------------


def _no_bool(value: object) -> object:
    """Refuse TOML's true where a number is wanted: Python would count it as 1."""
    if isinstance(value, bool | float):
        raise wrong(f"must be a whole number, not {shown(value)}")
    return value


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise wrong(f"must be true or false, not {shown(value)}")


def _comma_separated(value: object) -> object:
    """Return the items of a list that is given as a text: JSON, or separated by commas."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return _one_or_json(value)
    return _distinct([item.strip() for item in value.split(",") if item.strip()])


def _one_or_json(value: object) -> object:
    """Return the items of a list that is given as a text: JSON, or the one item itself."""
    if not isinstance(value, str):
        return _distinct(value)
    if not value.lstrip().startswith("["):
        return [value.strip()] if value.strip() else []
    try:
        return _distinct(json.loads(value))
    except ValueError:
        raise wrong('is no JSON list: write ["one", "two"]') from None


def _distinct(value: object) -> object:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        twice = next((item for item in value if value.count(item) > 1), None)
        if twice is not None:
            raise wrong(f"names {shown(twice)} twice")
    return value


Whole = Annotated[int, BeforeValidator(_no_bool)]
Switch = Annotated[bool, BeforeValidator(_switch)]
COMMAS = BeforeValidator(_comma_separated)
"""For lists whose items hold no commas."""
ONE_OR_JSON = BeforeValidator(_one_or_json)
"""For lists of DNs, which are full of commas."""


# --- names and addresses ---------------------------------------------------------------------------------------------


def _table_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", value):
        raise wrong("is no name: use a-z, 0-9 and single underscores between them (it becomes part of variables)")
    return value


def _dn(value: str) -> str:
    problem = why_no_dn(value)
    if problem:
        raise wrong(f"{shown(value)} is no DN: {problem}")
    return value


def _filter(value: str) -> str:
    problem = why_no_filter(value)
    if problem:
        raise wrong(f"{shown(value)} is no LDAP filter: {problem}")
    return value


def _attribute(value: str) -> str:
    if not re.fullmatch(r"([A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+)(;[A-Za-z0-9-]+)*", value):
        raise wrong(f"{shown(value)} is no attribute name: letters, digits and hyphens, beginning with a letter")
    return value


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise wrong(f'must be an address or a network such as "10.0.0.0/8": {error}') from None


def _readable(value: Path) -> Path:
    """Refuse a file that cannot be read now: better at once than at the first handshake."""
    try:
        with value.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise wrong(f"{value} cannot be read: {error.strerror}") from None
    return value


def _pem(value: Path) -> Path:
    if b"-----BEGIN " not in value.read_bytes():
        raise wrong(f"{value} holds no PEM block (-----BEGIN …): convert it with openssl")
    return value


TableName = Annotated[str, AfterValidator(_table_name)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Dn = Annotated[Text, AfterValidator(_dn)]
"""A distinguished name (RFC 4514), as it was written."""
Filter = Annotated[Text, AfterValidator(_filter)]
"""A search filter (RFC 4515)."""
AttributeName = Annotated[Text, AfterValidator(_attribute)]
OptionalAttribute = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(lambda value: value and _attribute(value)),
]
"""The name of an attribute, or empty for one that is not read."""
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
PemFile = Annotated[Path, AfterValidator(_readable), AfterValidator(_pem)]


def is_address(text: str) -> bool:
    """Return whether `text` is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, stays on this machine. No name but localhost is looked at."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def shown(value: Any) -> str:  # noqa: ANN401 - whatever an administrator typed
    """Return a value for an error's text: short, on one line. Never call it with what may be a secret."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | float | bool) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - a terminal's width
