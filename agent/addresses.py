"""DNs in a short form that is equal for equal names, so that sets of 100,000 members can be kept and compared."""

import hashlib
from collections.abc import Iterable

from agent.directories.errors import MalformedName
from agent.directories.names import parse

Address = bytes
"""The digest of a name in its one form. It is compared and never turned back into a name."""
_BYTES = 16


def address_of(dn: str) -> Address:
    """Return the address that a DN spells. Raises MalformedName."""
    return hashlib.blake2b(repr(parse(dn).rdns).encode(), digest_size=_BYTES).digest()


def addresses_of(dns: Iterable[str]) -> dict[Address, str]:
    """Return the DNs by their addresses; what is no DN is left out, as a group may hold anything."""
    found: dict[Address, str] = {}
    for dn in dns:
        try:
            found[address_of(dn)] = dn
        except MalformedName:
            continue
    return found
