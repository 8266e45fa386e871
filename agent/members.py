"""Who is in a group, as the server lists them: names that are made ready when somebody is looked for among them."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from agent.addresses import Address, addresses_in, addresses_of, in_small_letters

_FEW = 64
"""How many questions are answered by a search through all names."""


class Members:
    """The members of one group. In a complete reading that finds everybody as they were nobody asks who they are."""

    __slots__ = ("_addresses", "_asked", "_count", "_dns", "_small", "digest")

    def __init__(self, dns: Iterable[bytes]) -> None:
        listed = [dn.replace(b"\n", b"\\0A") if b"\n" in dn else dn for dn in dns]
        self._count = len(listed)
        self._dns = b"\n".join(listed)
        self._small = b""
        self._asked = 0
        self._addresses: frozenset[Address] | None = None
        self.digest = blake2b(self._dns).digest()
        """The digest of the names as listed: in another order the same members have another."""

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __contains__(self, address: object) -> bool:
        """Return whether somebody with this address is a member.

        For the few whom a reading looks at where nearly nobody changed, the names are searched as they are: a set of
        80,000 addresses takes 11 MiB, and as long to make as to search a hundred times.
        """
        if not self._dns:
            return False
        self._asked += 1
        if self._addresses is not None or self._asked > _FEW or not isinstance(address, bytes):
            return address in self.addresses
        self._small = self._small or in_small_letters(self._dns)
        return b"\n" + address + b"\n" in self._small if self._small else address in self.addresses

    @property
    def addresses(self) -> frozenset[Address]:
        """Return the members' addresses."""
        if self._addresses is None:
            self._addresses = addresses_in(self._dns)
            self._small = b""
        return self._addresses

    def without(self, others: "Members | None") -> Mapping[Address, str]:
        """Return the members who are not among others, by address, with their DNs as listed."""
        here = addresses_of(self._dns.decode(errors="replace").split("\n")) if self._dns else {}
        gone = others.addresses if others is not None else frozenset()
        return {address: dn for address, dn in here.items() if address not in gone}
