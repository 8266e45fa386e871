"""One entry as it was read: raw values, taken out one way only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.directories.errors import BadEntry
from agent.directories.times import Invalid, Moment, Permanent, parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry. Attribute names are lower-case, options included ("cn;lang-de"); values are the server's bytes.

    Attributes without values are left out, so that presence is `name in entry.attributes`. `controls` are what the
    server said about this entry alone: OID and raw value. `digest` is the keyed hash of the entry's bytes as they came,
    where the reading asked for it.
    """

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]
    controls: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    digest: bytes = b""

    def values(self, name: str) -> tuple[bytes, ...]:
        """Return an attribute's values in the server's order; none if it is absent or cannot be read."""
        return self.attributes.get(name.lower(), ())

    def single(self, name: str) -> bytes | None:
        """Return the value of an attribute that has one at most. Raises BadEntry if there are more."""
        values = self.values(name)
        if len(values) > 1:
            raise BadEntry(self.dn, f"{name} has {len(values)} values where one is allowed")
        return values[0] if values else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an attribute's values as text. Raises BadEntry if one is no UTF-8 or holds a NUL."""
        values = self.attributes.get(name.lower())
        if not values:
            return ()
        return (self._text(name, values[0]),) if len(values) == 1 else tuple([self._text(name, v) for v in values])

    def text(self, name: str) -> str:
        """Return the one value of an attribute as text, empty if it is absent. Raises BadEntry."""
        value = self.single(name)
        return "" if value is None else self._text(name, value)

    def time(self, name: str) -> Moment | Permanent | None:
        """Return the one time of an attribute, None if it is absent. Raises BadEntry if it is no time."""
        raw = self.single(name)
        if raw is None:
            return None
        time = parse_time(raw)
        if isinstance(time, Invalid):
            raise BadEntry(self.dn, f"{name}: {time.why}")
        return time

    def flag(self, name: str) -> bool:
        """Return whether an LDAP boolean is there and TRUE."""
        return self.text(name).upper() == "TRUE"

    def _text(self, name: str, value: bytes) -> str:
        try:
            text = value.decode()
        except UnicodeDecodeError as error:
            raise BadEntry(self.dn, f"{name} is no UTF-8 text") from error
        if "\0" in text:
            raise BadEntry(self.dn, f"{name} holds a NUL character")
        return text


def entry_of(
    dn: str,
    attributes: Mapping[str, Iterable[bytes]],
    controls: Mapping[str, bytes] = MappingProxyType({}),
) -> Entry:
    """Make an entry of what a server sent, whatever the case in which it spells its attributes."""
    found: dict[str, tuple[bytes, ...]] = {}
    for name, values in attributes.items():
        key = name.lower()
        found[key] = (*found.get(key, ()), *values)
    full = {name: values for name, values in found.items() if values}
    return Entry(dn=dn, attributes=MappingProxyType(full), controls=controls)
