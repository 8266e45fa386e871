"""Who is in a group, as the server lists them: names that are made ready when somebody is looked for among them."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from agent.addresses import Address, addresses_in, addresses_of


class Members:
    """The members of one group. In a complete reading that finds everybody as they were nobody asks who they are."""

    __slots__ = ("_addresses", "_count", "_dns", "digest")

    def __init__(self, dns: Iterable[bytes]) -> None:
        listed = [dn.replace(b"\n", b"\\0A") if b"\n" in dn else dn for dn in dns]
        self._count = len(listed)
        self._dns = b"\n".join(listed)
        self._addresses: frozenset[Address] | None = None
        self.digest = blake2b(self._dns).digest()
        """The digest of the names as listed: in another order the same members have another."""

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __contains__(self, address: object) -> bool:
        """Return whether somebody with this address is a member."""
        return address in self.addresses

    @property
    def addresses(self) -> frozenset[Address]:
        """Return the members' addresses."""
        if self._addresses is None:
            self._addresses = addresses_in(self._dns)
        return self._addresses

    def without(self, others: "Members | None") -> Mapping[Address, str]:
        """Return the members who are not among others, by address, with their DNs as listed."""
        here = addresses_of(self._dns.decode(errors="replace").split("\n")) if self._dns else {}
        gone = others.addresses if others is not None else frozenset()
        return {address: dn for address, dn in here.items() if address not in gone}
