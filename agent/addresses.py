"""DNs in the one form in which equal names are equal, so that sets of 100,000 members can be made and compared.

Nearly every DN is plain: letters, digits and a few signs, nothing escaped, no other spelling but its case. Its address
is the same in small letters, which for a whole group is found out at once. Only the rest is read name by name.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from agent.directories.errors import MalformedName
from agent.directories.names import Rdn, other_spellings, parse

Address = bytes
"""A name's one form. It is compared and never turned back into a name."""
_LEAF = re.compile(r"([A-Za-z][A-Za-z0-9-]*)=([A-Za-z0-9@._=-]+(?: [A-Za-z0-9@._=-]+)*)")
"""A relative name without anything to prepare but its case."""
_VALUE = re.compile(r"[a-z0-9@._=-]+(?: [a-z0-9@._=-]+)*")
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@._=- ,\n"
_ODD_SPACES = (b"  ", b" ,", b", ", b" =", b"= ", b"\n ", b" \n")
_NUMBERED = tuple(before + start for before in (b",", b"\n") for start in (b"0", b"1", b"2", b"oid."))
"""How a type begins that is written as its number: an OID begins with 0, 1 or 2."""
_OTHER_SPELLINGS = tuple(before + name.encode() + b"=" for name in other_spellings() for before in (b",", b"\n"))


def address_of(dn: str) -> Address:
    """Return the address that a DN spells. Raises MalformedName.

    The parent's is remembered: of 100,000 people below one name that name is read once.
    """
    leaf, comma, parent = dn.partition(",")
    plain = _LEAF.fullmatch(leaf)
    if plain is None or (comma and not parent.strip()):
        return _address(parse(dn).rdns)
    kind, value = plain.groups()
    here = f"{_kind(kind)}={value.lower()}".encode()
    try:
        return here + b"," + _parents_address(parent) if comma else here
    except MalformedName:
        return _address(parse(dn).rdns)


def addresses_of(dns: Iterable[str]) -> dict[Address, str]:
    """Return the DNs by their addresses; what is no DN is left out, as a group may hold anything."""
    found: dict[Address, str] = {}
    for dn in dns:
        try:
            found[address_of(dn)] = dn
        except MalformedName:
            continue
    return found


def addresses_in(dns: bytes) -> frozenset[Address]:
    """Return the addresses of DNs, one in a line; what is no DN is left out, or is no entry's address."""
    if not dns:
        return frozenset()
    small = in_small_letters(dns)
    if small:
        return frozenset(small[1:-1].split(b"\n"))
    return frozenset(addresses_of(dns.decode(errors="replace").split("\n")))


def in_small_letters(dns: bytes) -> bytes:
    """Return DNs, one in a line, as their addresses, a line's end before and after each; empty = not all are plain."""
    if dns.translate(None, _PLAIN):
        return b""
    small = b"\n" + dns.lower() + b"\n"
    odd = (*_ODD_SPACES, *_NUMBERED, *_OTHER_SPELLINGS)
    return b"" if any(sign in small for sign in odd) else small


def _address(rdns: tuple[Rdn, ...]) -> Address:
    return b",".join(map(_relative, rdns))


def _relative(rdn: Rdn) -> bytes:
    """Return one relative name as address: what is not plain is quoted, so that it cannot look like what is."""
    kind, value = rdn[0]
    if len(rdn) == 1 and _VALUE.fullmatch(value):
        return f"{kind}={value}".encode()
    return b"\0" + repr(rdn).encode()


@lru_cache(maxsize=10_000)
def _parents_address(dn: str) -> Address:
    return _address(parse(dn).rdns)


@lru_cache(maxsize=1000)
def _kind(text: str) -> str:
    """Return the one spelling of an attribute type."""
    ((kind, _),) = parse(f"{text}=x").rdns[0]
    return kind
