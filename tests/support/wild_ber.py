"""Entries in every form in which BER allows to write them, and two readers to compare ours with: ldap3 and a plain one.

The plain reader takes a message apart as a tree and looks at it afterwards. It is slow, and shares no code with ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ldap3
from hypothesis import strategies as st
from ldap3.utils.asn1 import decode_message_fast

from agent.directories.entry import Entry

NUMBER = 5
"""The number of the request that is answered."""
_OCTETS, _SEQUENCE, _SET = 0x04, 0x30, 0x31
_ENTRY, _CONTROLS = 0x64, 0xA0

Attribute = tuple[bytes, list[bytes]]


@dataclass(frozen=True, slots=True)
class Plain:
    """What an entry says: `attributes` by lower-case name, without empty ones; those named twice have all values."""

    dn: bytes
    attributes: Mapping[str, tuple[bytes, ...]]
    controls: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Entry) -> "Plain":
        """Return what one of ours says."""
        return cls(entry.dn.encode(), dict(entry.attributes), dict(entry.controls))


class NotPlain(Exception):
    """A message is no entry of a search's answer."""


# --- writing ---------------------------------------------------------------------------------------------------------

names = st.one_of(
    st.sampled_from(
        [b"uid", b"cn", b"CN", b"entryUUID", b"mail", b"objectClass", b"cn;lang-de", b"member;range=0-1499"]
    ),
    st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,140}(;[a-z]{1,5})?", fullmatch=True),
)
values = st.one_of(st.binary(max_size=12), st.sampled_from([b"x" * n for n in (126, 127, 128, 255, 256, 300)]))
attributes = st.lists(st.tuples(names, st.lists(values, max_size=4)), max_size=8)
dns = st.one_of(st.text(max_size=30).map(str.encode), st.binary(max_size=20), st.just(b"cn=" + b"x" * 130))
controls = st.lists(
    st.tuples(st.sampled_from([b"1.2.3", b"1.3.6.1.1.13.9", b"2.5.6"]), st.sampled_from([None, b"", b"\x30\x00"])),
    max_size=3,
    unique_by=lambda control: control[0],
)
"""OID and value; None = a control without one."""


def length(count: int, octets: int) -> bytes:
    """Return a length in the long form of so many octets, or with 0 in the short form; at least as many as it takes."""
    least = 0 if count < 0x80 else (count.bit_length() + 7) // 8
    octets = max(octets, least)
    return bytes((0x80 | octets,)) + count.to_bytes(octets, "big") if octets else bytes((count,))


class Pen:
    """Writes elements, with a length of as many octets as the next of `forms` says; they are used again and again."""

    def __init__(self, forms: Sequence[int]) -> None:
        self._forms = forms
        self._next = 0

    def element(self, tag: int, *contents: bytes) -> bytes:
        """Return one element."""
        form = self._forms[self._next % len(self._forms)]
        self._next += 1
        body = b"".join(contents)
        return bytes((tag,)) + length(len(body), form) + body

    def entry(self, dn: bytes, found: Sequence[Attribute], said: Sequence[tuple[bytes, bytes | None]] = ()) -> bytes:
        """Return the message with an entry."""
        listed = [
            self.element(
                _SEQUENCE,
                self.element(_OCTETS, name),
                self.element(_SET, *(self.element(_OCTETS, value) for value in held)),
            )
            for name, held in found
        ]
        entry = self.element(_ENTRY, self.element(_OCTETS, dn), self.element(_SEQUENCE, *listed))
        return self.element(_SEQUENCE, self.element(0x02, bytes((NUMBER,))), entry, self._controls(said))

    def _controls(self, said: Sequence[tuple[bytes, bytes | None]]) -> bytes:
        if not said:
            return b""
        written = [
            self.element(_SEQUENCE, self.element(_OCTETS, oid), b"" if value is None else self.element(_OCTETS, value))
            for oid, value in said
        ]
        return self.element(_CONTROLS, *written)


pens = st.lists(st.sampled_from([0, 0, 1, 2, 3, 4]), min_size=1, max_size=12).map(Pen)
ORDINARY, LIKE_ACTIVE_DIRECTORY = Pen([0]), Pen([0, 0, 0, 4, 4])
messages = st.builds(Pen.entry, pens, dns, attributes, controls)


# --- reading ---------------------------------------------------------------------------------------------------------


def plainly(message: bytes) -> Plain:
    """Return what a whole message says. Raises NotPlain for anything but a well-formed entry."""
    (tag, content), *more = _at_least(_tree(message), 1)
    _must(tag == _SEQUENCE and not more)
    number, operation, *rest = _at_least(_tree(content), 2)
    _must(number[0] == 0x02 and int.from_bytes(number[1], "big") == NUMBER and operation[0] == _ENTRY)
    dn, listed, *_ = _at_least(_tree(operation[1]), 2)
    _must(dn[0] == _OCTETS and listed[0] == _SEQUENCE)
    found: dict[str, tuple[bytes, ...]] = {}
    for kind, attribute in _tree(listed[1]):
        _must(kind == _SEQUENCE)
        name, held, *_ = _at_least(_tree(attribute), 2)
        _must(name[0] == _OCTETS and held[0] == _SET and bool(name[1]) and name[1].isascii())
        contents = _tree(held[1])
        _must(all(tag == _OCTETS for tag, _ in contents))
        key = name[1].decode().lower()
        found[key] = (*found.get(key, ()), *(value for _, value in contents))
    said = dict(_control(part) for tag, content in rest if tag == _CONTROLS for part in _tree(content))
    return Plain(dn[1].decode(errors="backslashreplace").encode(), {n: v for n, v in found.items() if v}, said)


def _control(part: tuple[int, bytes]) -> tuple[str, bytes]:
    _must(part[0] == _SEQUENCE)
    oid, *rest = _at_least(_tree(part[1]), 1)
    _must(oid[0] == _OCTETS and oid[1].isascii())
    return oid[1].decode(), dict(rest).get(_OCTETS, b"")


def _tree(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements that fill these octets. Raises NotPlain."""
    elements = []
    while data:
        _must(len(data) >= 2 and data[0] & 0x1F != 0x1F)
        octets = data[1] & 0x7F if data[1] & 0x80 else 0
        _must(octets <= 4 and data[1] != 0x80)
        start = 2 + octets
        count = int.from_bytes(data[2:start], "big") if octets else data[1]
        _must(len(data) >= start + count)
        elements.append((data[0], data[start : start + count]))
        data = data[start + count :]
    return elements


def _at_least(elements: list[tuple[int, bytes]], count: int) -> list[tuple[int, bytes]]:
    _must(len(elements) >= count)
    return elements


def _must(holds: bool) -> None:  # noqa: FBT001 - it reads like the condition that it is
    if not holds:
        raise NotPlain


def by_ldap3(message: bytes) -> Plain:
    """Return what ldap3's own decoder makes of a message, as its callers see it. It raises all kinds of things."""
    server = ldap3.Server("localhost", get_info=ldap3.NONE)
    connection = ldap3.Connection(server, client_strategy=ldap3.SYNC, check_names=False)
    read = connection.strategy.decode_response_fast(decode_message_fast(message))
    found = {name.lower(): tuple(held) for name, held in read["raw_attributes"].items() if held}
    said = {oid: control["value"] or b"" for oid, control in read.get("controls", {}).items()}
    return Plain(bytes(read["raw_dn"]).decode(errors="backslashreplace").encode(), found, said)
