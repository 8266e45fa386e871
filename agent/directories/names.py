"""Distinguished names compared as directories compare them (RFC 4514 for the form, RFC 4518 for the values).

A DN is an address: it is read from settings and from entries, compared, and sent back as it came. None is ever built
from what a user typed.
"""

import re
import unicodedata
from dataclasses import dataclass

from agent.directories.errors import MalformedName

Rdn = tuple[tuple[str, str], ...]
"""One relative name: its types and values, in order; more than one if it is multi-valued."""

_TYPE = re.compile(r"(?:oid\.)?([a-z][a-z0-9-]*|\d+(?:\.\d+)+)", re.IGNORECASE)
_SPECIAL = frozenset(' "#+,;<=>\\')
_HEX = frozenset("0123456789abcdefABCDEF")
_ONE_SPELLING = {
    "commonname": "cn",
    "2.5.4.3": "cn",
    "surname": "sn",
    "2.5.4.4": "sn",
    "countryname": "c",
    "2.5.4.6": "c",
    "localityname": "l",
    "2.5.4.7": "l",
    "stateorprovincename": "st",
    "2.5.4.8": "st",
    "streetaddress": "street",
    "2.5.4.9": "street",
    "organizationname": "o",
    "2.5.4.10": "o",
    "organizationalunitname": "ou",
    "2.5.4.11": "ou",
    "domaincomponent": "dc",
    "0.9.2342.19200300.100.1.25": "dc",
    "userid": "uid",
    "0.9.2342.19200300.100.1.1": "uid",
}
"""The types of RFC 4514 section 3, which servers write in any of their spellings."""


def other_spellings() -> frozenset[str]:
    """Return the names of types, in small letters, that have a shorter one which is taken instead."""
    return frozenset(_ONE_SPELLING)


@dataclass(frozen=True, slots=True)
class Name:
    """A DN in the one form in which equal names are equal: the leaf first, as it is written."""

    rdns: tuple[Rdn, ...]

    def within(self, base: "Name") -> bool:
        """Return whether this is `base` or lies below it."""
        return not base.rdns or self.rdns[-len(base.rdns) :] == base.rdns

    @property
    def parent(self) -> "Name":
        """Return the name one level up; the root's parent is the root."""
        return Name(self.rdns[1:])


def parse(dn: str) -> Name:
    """Return the name that `dn` spells. Raises MalformedName."""
    if not dn.strip():
        return Name(())
    return Name(tuple(_rdn(part, dn) for part in _split(dn, ",")))


def same(one: str, other: str) -> bool:
    """Return whether two DNs name one entry. Raises MalformedName."""
    return parse(one) == parse(other)


def within(dn: str, base: str) -> bool:
    """Return whether `dn` is `base` or below it. Raises MalformedName."""
    return parse(dn).within(parse(base))


def rdn_of(dn: str) -> str:
    """Return a DN's first relative name as it is written there."""
    return _split(dn, ",")[0].strip()


def parent_of(dn: str) -> str:
    """Return the DN one level up as it is written there; empty for the root and what lies right below it."""
    return ",".join(_split(dn, ",")[1:]).strip()


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that no backslash hides."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def _rdn(text: str, dn: str) -> Rdn:
    return tuple(sorted(_type_and_value(part, dn) for part in _split(text, "+")))


def _type_and_value(text: str, dn: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    found = _TYPE.fullmatch(kind.strip())
    if not equals or found is None:
        raise MalformedName(f"{dn!r} is no DN: {text.strip()!r} should be a type, an equals sign and a value")
    spelling = found[1].lower()
    return _ONE_SPELLING.get(spelling, spelling), _prepared(_value(value, dn))


def _value(text: str, dn: str) -> str:
    """Return the characters that a written value stands for; spaces around it are the writer's, unless escaped."""
    text = text.lstrip(" ")
    if text.startswith("#"):
        return text.strip(" ").lower()
    octets = bytearray()
    at = kept = 0
    while at < len(text):
        if text[at] == "\\":
            piece, at = _escaped(text, at, dn)
            octets += piece
            kept = len(octets)
            continue
        octets += text[at].encode()
        kept = len(octets) if text[at] != " " else kept
        at += 1
    try:
        return octets[:kept].decode()
    except UnicodeDecodeError as error:
        raise MalformedName(f"{dn!r} is no DN: an escape in it is no UTF-8") from error


def _escaped(text: str, at: int, dn: str) -> tuple[bytes, int]:
    pair = text[at + 1 : at + 3]
    if len(pair) == 2 and _HEX.issuperset(pair):  # noqa: PLR2004 - a hexadecimal pair has two digits
        return bytes.fromhex(pair), at + 3
    if pair and pair[0] in _SPECIAL:
        return pair[0].encode(), at + 2
    raise MalformedName(f"{dn!r} is no DN: a backslash must come before a special character or two hexadecimal digits")


def _prepared(value: str) -> str:
    """Return a value as caseIgnoreMatch prepares it: compatibility forms, case and inner runs of spaces are one."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
