"""What an entry says: from its octets to an `Entry` (RFC 4511 section 4.5.2), fast, and never past the end.

A hundred thousand entries hold more than a million attributes, but few names, and nearly every attribute has one short
value. So all that stands before such a value, four tags, four lengths and the name, is looked up as one piece: octets
that were a proper header once are one again. Everything else goes the long way, which says the same.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from types import MappingProxyType

from agent.directories.answers import ENTRY, RawEntry, controls_after
from agent.directories.ber import FOUR_OCTETS, LONG_FORM, Tag, ascii_text, expect, ignore, long_length
from agent.directories.entry import Entry
from agent.directories.errors import ProtocolFault
from agent.directories.limits import LIMITS, Limits

_SEQUENCE, _SET, _OCTETS = int(Tag.SEQUENCE), int(Tag.SET), int(Tag.OCTETS)
_SHORT = (1, 3, 8)
"""Where the last octet of an attribute's length and that of its name's length are, and what both and two more take."""
_FOUR_OCTETS = (5, 7, 16)
"""The same where sequences and sets have lengths of four octets, as Active Directory writes them."""
_LOOKS_AHEAD = 8
_MOST_HEADERS = 8192
_NO_CONTROLS: MappingProxyType[str, bytes] = MappingProxyType({})
_BLANK = object.__new__
_DN, _ATTRIBUTES, _CONTROLS, _DIGEST = (
    Entry.__dict__[name].__set__ for name in ("dn", "attributes", "controls", "digest")
)
"""How the slots of an entry are filled: the __init__ of a frozen dataclass takes three times as long for it."""

Values = tuple[bytes, ...]


class Decoder:
    """Decodes entries, and remembers the headers of attributes that it has seen: names and lengths of short values."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._left = 0
        self._headers: dict[bytes, str] = {}

    def entries(self, raws: Iterable[RawEntry]) -> tuple[Entry, ...]:
        """Return what these entries of one answer say. Raises ProtocolFault if one of them cannot be understood."""
        self._left = self._limits.values
        try:
            with _no_search_for_garbage():
                return tuple([self._entry(*raw) for raw in raws])
        except IndexError as error:
            raise ProtocolFault("an entry is cut off") from error

    def _entry(self, data: bytes, at: int, end: int, digest: bytes) -> Entry:
        """Decode one entry. A DN that is no UTF-8 stays recognisable; no entry is found under what it becomes."""
        start, stop = expect(ENTRY, data, at, end)
        name_at, name_end = expect(_OCTETS, data, start, stop)
        first, last = expect(_SEQUENCE, data, name_end, stop)
        attributes = self._attributes(data, first, last)
        controls = _NO_CONTROLS if stop == end else controls_after(data, stop, end, self._limits)
        if last != stop:
            ignore(data, last, stop)
        self._spend(len(attributes) + len(controls))
        dn = data[name_at:name_end].decode("utf-8", "backslashreplace")
        entry = _BLANK(Entry)
        _DN(entry, dn)
        _ATTRIBUTES(entry, attributes)
        _CONTROLS(entry, controls)
        _DIGEST(entry, digest)
        return entry

    def _attributes(self, data: bytes, at: int, end: int) -> dict[str, Values]:
        """Return the attributes between two places by their lower-case names, without those that have no values."""
        headers, found, others = self._headers, dict[str, Values](), list[tuple[str, Values]]()
        shape = _FOUR_OCTETS if at < end <= len(data) - _LOOKS_AHEAD and data[at + 1] == FOUR_OCTETS else _SHORT
        length_at, name_at, around_name = shape
        past = length_at + 1
        while at < end:
            stop, first = at + past + data[at + length_at], at + around_name + data[at + name_at]
            name = headers.get(data[at:first])
            if name is not None:
                values: Values = (data[first:stop],)
            else:
                name, values, stop = self._attribute(data, at, end, shape)
                if len(found) > self._limits.attributes:
                    raise ProtocolFault(f"an entry of more than {self._limits.attributes} attributes is not taken")
            at = stop
            if values and name not in found:
                found[name] = values
            else:
                others.append((name, values))
                self._spend(1)
        if at != end:
            raise ProtocolFault("an attribute is longer than its entry")
        return _merged(found, others) if others else found

    def _attribute(self, data: bytes, at: int, end: int, shape: tuple[int, int, int]) -> tuple[str, Values, int]:
        """Return the name and the values of an attribute of any form, and where it stops.

        Its header is remembered if the look-up, which only sees the header, would find the same value by it.
        """
        start, stop = expect(_SEQUENCE, data, at, end)
        name_at, name_end = expect(_OCTETS, data, start, stop)
        first, last = expect(_SET, data, name_end, stop)
        if last != stop:
            ignore(data, last, stop)
        name = ascii_text(data, name_at, name_end).lower()
        if not name:
            raise ProtocolFault("an attribute without a name")
        values = self._values(data, first, last)
        if len(values) == 1 and last == stop:
            value_at = stop - len(values[0])
            length_octet, name_octet, around_name = shape
            found = at + length_octet + 1 + data[at + length_octet], at + around_name + data[at + name_octet]
            if found == (stop, value_at) and len(self._headers) < _MOST_HEADERS:
                self._headers[data[at:value_at]] = name
        return name, values, stop

    def _values(self, data: bytes, at: int, end: int) -> Values:
        """Return the values that fill a set; in one loop, as a group has hundreds of thousands."""
        values = list[bytes]()
        for _ in range(self._left):
            if at >= end:
                break
            size, start = data[at + 1], at + 2
            if size >= LONG_FORM:
                size, start = long_length(data, at + 1)
            if data[at] != _OCTETS:
                raise ProtocolFault("a value is not what values are")
            at = start + size
            values.append(data[start:at])
        if at != end:
            raise ProtocolFault("an attribute's values are cut off, or too many to be taken")
        self._spend(len(values))
        return tuple(values)

    def _spend(self, count: int) -> None:
        """Count what was made of an answer."""
        self._left -= count
        if self._left < 0:
            raise ProtocolFault(f"an answer of more than {self._limits.values} values is not taken")


@contextmanager
def _no_search_for_garbage() -> Iterator[None]:
    """Keep Python from looking for cycles among entries while they are made: there are none, and it takes a long time.

    The search is the whole process's, which does without it for the milliseconds that a page takes. Of several threads
    here at once, the first to come is the one that switches it on again.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def _merged(found: dict[str, Values], others: list[tuple[str, Values]]) -> dict[str, Values]:
    """Add the values of attributes that came before: a server that names one several times means all of its values."""
    parts: dict[str, list[Values]] = {}
    for name, values in others:
        if values:
            parts.setdefault(name, [found[name]]).append(values)
    return found | {name: tuple(chain.from_iterable(every)) for name, every in parts.items()}
