"""The password policies of 389 Directory Server: the global one in cn=config, and local ones of subtrees and users.

A local policy stands for the global one as a whole: what it does not say has the server's own default, not the global
value. One that is named and not there counts for nothing; but to an ordinary account what is hidden looks the same, so
that such a policy is not known. (Tried on 389-ds-base 2.3.1; `nsslapd-pwpolicy-inherit-global` concerns none of this.)
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from agent.directories import ds389_locks
from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policy
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.filters import all_of, equal, none_of, present
from agent.directories.reader import read_all
from agent.directories.searches import Search

GLOBAL = "cn=config"
LOCAL_ALLOWED = "nsslapd-pwpolicy-local"
_DEFAULTS = {
    "passwordLockout": "off",
    "passwordMaxFailure": "3",
    "passwordUnlock": "on",
    "passwordLockoutDuration": "3600",
    "passwordMustChange": "off",
    "passwordExp": "off",
    "passwordMaxAge": "8640000",
}
"""What the server takes where a local policy says nothing."""
POLICY_ATTRIBUTES = tuple(_DEFAULTS)
GLOBAL_ATTRIBUTES = (*POLICY_ATTRIBUTES, LOCAL_ALLOWED)
MOST_POLICIES = 100
"""More policies than this are not all read before a reading begins."""


class Ds389Policies:
    """The policies of one pass: each is read once."""

    def __init__(self, client: Client, rules: ReadingRules) -> None:
        self._client = client
        self._rules = rules
        self._known: dict[str, Policy] = {}
        self._told: frozenset[Policy] = frozenset()
        self._local = True

    def fingerprint(self) -> bytes:
        """Read every policy that can be seen, and return a digest of what they say.

        Entries under a policy that is not found like this are looked at in every reading.
        """
        found = {dn: self._policy(dn) for dn in ("", *self._policy_dns())}
        self._told = frozenset(found.values())
        self._known = {dn: replace(policy, fingerprinted=True) for dn, policy in found.items()}
        said = [str(self._local), *sorted(map(repr, self._told))]
        return hashlib.blake2b("\n".join(said).encode()).digest()

    def of(self, entry: Entry, now: datetime) -> Policy:  # noqa: ARG002 - the protocol's; no policy here has a time
        """Return the policy in effect for an entry, with the server's own judgement where only that can decide."""
        general = self._policy("")
        named = entry.text(ds389_locks.POLICY) if self._local else ""
        policy = self._policy(named) if named else general
        if ds389_locks.worth_asking(entry, policy):
            return replace(policy, usability=self._client.usability(entry.dn), fingerprinted=False)
        return policy

    # -----------------------------------------------------------------------------------------------------------------

    def _policy_dns(self) -> tuple[str, ...]:
        condition = all_of(equal("objectClass", "ldapsubentry"), equal("objectClass", "passwordpolicy"))
        entries, ended = read_all(self._client, Search(base=self._rules.root or self._rules.base, filter=condition))
        return tuple(entry.dn for entry in entries) if ended.complete and len(entries) <= MOST_POLICIES else ()

    def _policy(self, dn: str) -> Policy:
        """Return the policy of this name, the global one without a name."""
        if dn not in self._known:
            policy = self._read(dn or GLOBAL)
            self._known[dn] = replace(policy, fingerprinted=policy in self._told)
        return self._known[dn]

    def _read(self, dn: str) -> Policy:
        wanted = GLOBAL_ATTRIBUTES if dn == GLOBAL else POLICY_ATTRIBUTES
        try:
            entry = self._client.search_one(dn, wanted)
        except Refused as refusal:
            return unknown_policy(f"{dn}: {refusal.result.name}")
        if entry is None:
            return unknown_policy(f"{dn} is not there or cannot be read")
        if dn == GLOBAL:
            self._local = entry.text(LOCAL_ALLOWED).lower() != "off"
            hidden = not all(entry.values(name) for name in wanted)
        else:
            hidden = self._hides(entry)
        return unknown_policy(f"{dn} cannot be read whole") if hidden else policy_of(entry)

    def _hides(self, policy: Entry) -> bool:
        """Return whether a local policy has attributes that the account may not read.

        The server takes "is not there" for false where the attribute may not be searched, which tells hidden from
        absent.
        """
        missing = [none_of(present(name)) for name in POLICY_ATTRIBUTES if not policy.values(name)]
        return bool(missing) and self._client.search_one(policy.dn, filter_=all_of(*missing)) is None


def policy_of(entry: Entry) -> Policy:
    """Return the policy that a policy entry holds; UNKNOWN where it is not all numbers."""
    said = {name: entry.text(name) or default for name, default in _DEFAULTS.items()}
    try:
        ends, ages = _on(said["passwordUnlock"]), _on(said["passwordExp"])
        return Policy(
            knowledge=Knowledge.KNOWN,
            source=entry.dn,
            lockout=_on(said["passwordLockout"]),
            max_failures=_number(entry, "passwordMaxFailure", said),
            duration=timedelta(seconds=_number(entry, "passwordLockoutDuration", said) if ends else 0),
            max_age=timedelta(seconds=_number(entry, "passwordMaxAge", said) if ages else 0),
            must_change=_on(said["passwordMustChange"]),
        )
    except (BadEntry, OverflowError) as error:
        return unknown_policy(str(error))


def unknown_policy(why: str) -> Policy:
    """Return the policy about which only this much is known."""
    return Policy(knowledge=Knowledge.UNKNOWN, source=why)


def _on(text: str) -> bool:
    return text.lower() in {"on", "true", "1"}


def _number(entry: Entry, name: str, said: dict[str, str]) -> int:
    text = said[name]
    if not (text.isascii() and text.isdigit()):
        raise BadEntry(entry.dn, f"{name} is no number")
    return int(text)
