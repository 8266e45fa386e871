"""The password policies of FreeIPA: the global one, and those of groups, which the server names on each entry.

They lie below cn=kerberos and say after how many wrong passwords an account is locked, and for how many seconds.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policy
from agent.directories.entry import Entry
from agent.directories.errors import Refused
from agent.directories.filters import all_of, equal, none_of, present
from agent.directories.freeipa_locks import POLICY
from agent.directories.names import rdn_of
from agent.directories.reader import read_all
from agent.directories.searches import Search

POLICY_CLASS = "krbPwdPolicy"
GLOBAL = "cn=global_policy"
_MOST, _DURATION = "krbPwdMaxFailure", "krbPwdLockoutDuration"
POLICY_ATTRIBUTES = (_MOST, _DURATION)
MOST_POLICIES = 100
"""More policies than this are not all read before a reading begins."""


class IpaPolicies:
    """The policies of one pass; all are read at once, when the first is asked for."""

    def __init__(self, client: Client, rules: ReadingRules) -> None:
        self._client = client
        self._rules = rules
        self._known: dict[str, Policy] | None = None
        self._told = False

    def fingerprint(self) -> bytes:
        """Read every policy that can be seen, and return a digest of what they say."""
        policies = self._policies()
        self._told = True
        return hashlib.blake2b("\n".join(sorted(map(repr, policies.values()))).encode()).digest()

    def of(self, entry: Entry, now: datetime) -> Policy:  # noqa: ARG002 - the protocol's; no policy here has a time
        """Return the policy in effect for an entry. Raises Unreachable or ProtocolFault."""
        policies = self._policies()
        named = entry.text(POLICY).lower()
        if named:
            found = policies.get(named)
        else:
            found = next((one for dn, one in policies.items() if rdn_of(dn).lower() == GLOBAL), None)
        if found is None:
            return unknown_policy(f"{entry.text(POLICY) or 'the global policy'} is not there or cannot be read")
        return replace(found, fingerprinted=self._told)

    def _policies(self) -> dict[str, Policy]:
        if self._known is None:
            search = Search(
                base=self._rules.root or self._rules.base,
                filter=equal("objectClass", POLICY_CLASS),
                attributes=POLICY_ATTRIBUTES,
            )
            entries, ended = read_all(self._client, search)
            whole = ended.complete and len(entries) <= MOST_POLICIES
            self._known = {entry.dn.lower(): self._policy(entry) for entry in entries} if whole else {}
        return self._known

    def _policy(self, entry: Entry) -> Policy:
        missing = [none_of(present(name)) for name in POLICY_ATTRIBUTES if not entry.values(name)]
        try:
            hidden = bool(missing) and self._client.search_one(entry.dn, filter_=all_of(*missing)) is None
        except Refused as refusal:
            return unknown_policy(f"{entry.dn}: {refusal.result.name}")
        return unknown_policy(f"{entry.dn} cannot be read whole") if hidden else policy_of(entry)


def policy_of(entry: Entry) -> Policy:
    """Return the policy that a policy entry holds; UNKNOWN where it is not all numbers. What is missing is no limit."""
    texts = [entry.text(name) or "0" for name in POLICY_ATTRIBUTES]
    if not all(text.isascii() and text.isdigit() for text in texts):
        return unknown_policy(f"{entry.dn}: {' and '.join(POLICY_ATTRIBUTES)} must be whole numbers")
    most, seconds = map(int, texts)
    try:
        duration = timedelta(seconds=seconds)
    except OverflowError:
        return unknown_policy(f"{entry.dn}: {_DURATION} is longer than any time")
    return Policy(knowledge=Knowledge.KNOWN, source=entry.dn, lockout=most > 0, max_failures=most, duration=duration)


def unknown_policy(why: str) -> Policy:
    """Return the policy about which only this much is known."""
    return Policy(knowledge=Knowledge.UNKNOWN, source=why)
