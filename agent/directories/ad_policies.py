"""The lockout policies of an Active Directory domain: the domain's own, and the fine-grained ones (PSO).

Which one is in effect for somebody the server says itself, in `msDS-ResultantPSO`. Fine-grained policies are hidden
from ordinary accounts: such a one is UNKNOWN here, and then the server's own word on the account decides
(MS-ADTS 3.1.1.4.5.36; tried on Samba 4.17).
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from agent.directories.access import ReadingRules
from agent.directories.ad_locks import RESULTANT, number_in
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policy
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.filetime import Endless, Unset, parse_interval
from agent.directories.filters import equal
from agent.directories.names import within
from agent.directories.reader import read_all
from agent.directories.searches import Search
from agent.directories.times import Invalid

DOMAIN_ATTRIBUTES = ("lockoutThreshold", "lockoutDuration")
FINE_ATTRIBUTES = ("msDS-LockoutThreshold", "msDS-LockoutDuration")
"""How many wrong passwords lock (0 = no number does), and for how long."""
CONTAINER = "CN=Password Settings Container,CN=System"
FINE_CLASS = "msDS-PasswordSettings"
MOST_POLICIES = 100
"""More fine-grained policies than this are not all read before a reading begins."""


class AdPolicies:
    """The policies of one pass; each is read once."""

    def __init__(self, client: Client, rules: ReadingRules) -> None:
        self._client = client
        self._rules = rules
        self._known: dict[str, Policy] = {}
        self._told: frozenset[Policy] = frozenset()

    def fingerprint(self) -> bytes:
        """Read the domain's policy and every fine-grained one that is shown, and return a digest of what they say."""
        found = {"": self._policy(""), **self._fine_policies()}
        self._told = frozenset(found.values())
        self._known = {dn: replace(policy, fingerprinted=True) for dn, policy in found.items()}
        return hashlib.blake2b("\n".join(sorted(map(repr, self._told))).encode()).digest()

    def of(self, entry: Entry, now: datetime) -> Policy:  # noqa: ARG002 - the protocol's
        """Return the policy in effect for an entry. Raises Unreachable, ProtocolFault or BadEntry."""
        return self._policy(entry.text(RESULTANT))

    def _policy(self, dn: str) -> Policy:
        if dn not in self._known:
            policy = self._fine(dn) if dn else self._domain()
            self._known[dn] = replace(policy, fingerprinted=policy in self._told)
        return self._known[dn]

    def _domain(self) -> Policy:
        dn = domain_of(self._client)
        if not dn or not within(self._rules.base, dn):
            return unknown(f"{self._client.server} is no domain controller of the domain with {self._rules.base}")
        entry = self._client.search_one(dn, DOMAIN_ATTRIBUTES)
        return policy_of(dn, entry, *DOMAIN_ATTRIBUTES)

    def _fine(self, dn: str) -> Policy:
        try:
            return policy_of(dn, self._client.search_one(dn, FINE_ATTRIBUTES), *FINE_ATTRIBUTES)
        except Refused as refusal:
            return unknown(f"{dn}: {refusal.result.name}")

    def _fine_policies(self) -> dict[str, Policy]:
        """Return the fine-grained policies that are shown, by DN. There are none below another domain's head."""
        domain = domain_of(self._client)
        if not domain:
            return {}
        container = f"{CONTAINER},{domain}"
        if self._client.search_one(container) is None:
            return {}
        search = Search(base=container, filter=equal("objectClass", FINE_CLASS), attributes=FINE_ATTRIBUTES)
        entries, completeness = read_all(self._client, search)
        if not completeness.complete or len(entries) > MOST_POLICIES:
            return {}
        return {entry.dn: policy_of(entry.dn, entry, *FINE_ATTRIBUTES) for entry in entries}


def domain_of(client: Client) -> str:
    """Return the DN of the domain that a server is a controller of. Raises Unreachable, ProtocolFault or Refused."""
    root = client.search_one("", ("defaultNamingContext",))
    return root.text("defaultNamingContext") if root is not None else ""


def policy_of(dn: str, entry: Entry | None, most: str, duration: str) -> Policy:
    """Return the policy in an entry; UNKNOWN where it is not shown whole, or holds no numbers."""
    if entry is None or not (entry.values(most) and entry.values(duration)):
        return unknown(f"{dn} cannot be read")
    try:
        failures = number_in(entry, most) or 0
        length = parse_interval(entry.single(duration) or b"")
    except BadEntry as error:
        return unknown(str(error))
    if isinstance(length, Invalid):
        return unknown(f"{dn}: {duration}: {length.why}")
    return Policy(
        knowledge=Knowledge.KNOWN,
        source=dn,
        lockout=failures > 0,
        max_failures=failures,
        duration=timedelta(0) if isinstance(length, Unset | Endless) else length,
    )


def unknown(why: str) -> Policy:
    """Return the policy about which only this much is known."""
    return Policy(knowledge=Knowledge.UNKNOWN, source=why)
