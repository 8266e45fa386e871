"""Looking at a directory as `lockstep check --online` does: what has to work there, and what to do where it does not.

Only questions are asked. Wrong credentials are tried once, as everywhere (the refusal is remembered in the store).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policies
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, InvalidCredentials, NotSecured, Refused
from agent.directories.reader import users
from agent.directories.searches import Completeness, Page, completeness_after
from agent.groups import GroupMemory, read_groups
from agent.interpret import canary_seen
from ims.errors import DirectoryUnreachable

_SAMPLE = 20
"""How many users are read to see under which policy they are."""


class Grade(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `advice` says what to do where something is missing."""

    directory: str
    what: str
    grade: Grade
    found: str
    advice: str = ""


def probe(directory: ConfiguredDirectory, now: datetime) -> tuple[Finding, ...]:
    """Look at a directory: every server's connection, then, on the first that answers, what is read there."""
    return tuple(_Probe(directory, now).findings())


class _Probe:
    """One look at one directory."""

    def __init__(self, directory: ConfiguredDirectory, now: datetime) -> None:
        self._directory = directory
        self._now = now

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, in the order in which a newcomer should mend it."""
        first = None
        for server in self._directory.access.servers:
            finding = self._server(server)
            yield finding
            if first is None and finding.grade is Grade.OK:
                first = server
        if first is None:
            return
        try:
            with self._directory.client().connect_to(first) as client:
                yield from self._contents(client)
        except (DirectoryUnreachable, Refused) as error:
            yield self._finding("reading", Grade.UNREACHABLE, str(error), "look at the server's log")

    def _server(self, server: str) -> Finding:
        what = f"server {server}"
        try:
            with self._directory.client().connect_to(server):
                return self._finding(what, Grade.OK, f"connected and signed in as {self._directory.access.dn or 'us'}")
        except InvalidCredentials as error:
            advice = "correct bind.dn and bind.password_file; make sure that the account itself is not locked"
            return self._finding(what, Grade.UNREACHABLE, str(error), advice)
        except NotSecured as error:
            advice = (
                "give tls.ca_file the authority that signed the server's certificate, and use the name that is in it"
            )
            return self._finding(what, Grade.UNREACHABLE, str(error), advice)
        except DirectoryUnreachable as error:
            advice = "make sure that the server runs, and that this machine may reach it"
            return self._finding(what, Grade.UNREACHABLE, str(error), advice)

    def _contents(self, client: Client) -> Iterator[Finding]:
        yield self._base(client)
        page = self._users(client)
        seen = completeness_after(page, len(page.entries))
        yield self._user_finding(page, seen)
        policies = self._directory.dialect.policies(client, self._directory.reading)
        yield from self._policy(page.entries, policies)
        yield self._canary(client, policies)
        yield from self._groups(client)

    def _base(self, client: Client) -> Finding:
        base = self._directory.reading.base
        if client.search_one(base) is not None:
            return self._finding(f"base {base}", Grade.OK, "is there")
        advice = "correct users.base, or let Lockstep's account read it (entry access from the suffix down to it)"
        return self._finding(f"base {base}", Grade.MISSING, "is not there, or may not be read", advice)

    def _users(self, client: Client) -> Page:
        directory = self._directory
        search = users(directory.dialect, directory.reading)
        return client.page(replace(search, page_size=_SAMPLE))

    def _user_finding(self, page: Page, seen: Completeness) -> Finding:
        what = f"users {self._directory.reading.filter}"
        if page.entries:
            return self._finding(what, Grade.OK, "are there")
        if not page.result.ok:
            advice = "let Lockstep's account search below users.base"
            return self._finding(what, Grade.MISSING, seen.why, advice)
        advice = "correct users.filter, or let Lockstep's account read the entries and the attributes in the filter"
        return self._finding(what, Grade.MISSING, "nobody satisfies the filter", advice)

    def _policy(self, entries: tuple[Entry, ...], policies: Policies) -> Iterator[Finding]:
        said: dict[str, Finding] = {}
        for entry in entries:
            try:
                policy = policies.of(entry, self._now)
            except BadEntry as error:
                yield self._finding(f"entry {entry.dn}", Grade.WARNING, error.why, "have the entry corrected")
                continue
            if policy.knowledge is Knowledge.KNOWN:
                length = "locks out" if policy.lockout else "never locks out"
                said[policy.source] = self._finding(f"policy {policy.source}", Grade.OK, f"can be read; it {length}")
            else:
                advice = "let Lockstep's account read the policies, or name the default one with default_policy"
                said[policy.source] = self._finding("lockout policy", Grade.WARNING, policy.source, advice)
        yield from said.values()

    def _canary(self, client: Client, policies: Policies) -> Finding:
        dn = self._directory.settings.canary
        if dn is None:
            advice = "lock an entry for good and name it with canary: it proves that locks can be seen"
            return self._finding(
                "canary", Grade.WARNING, "there is none; locks end only where an entry changed", advice
            )
        if canary_seen(client, self._directory, policies, self._now):
            return self._finding(f"canary {dn}", Grade.OK, "its lock is seen")
        advice = "make sure that the entry is there and locked, and that Lockstep's account may read its lock attribute"
        return self._finding(f"canary {dn}", Grade.MISSING, "its lock is not seen: no unlock would be believed", advice)

    def _groups(self, client: Client) -> Iterator[Finding]:
        readings = read_groups(client, self._directory, (), GroupMemory(), afresh=True)
        for dn, reading in readings.items():
            if reading.members is None:
                advice = "correct the group's DN, or let Lockstep's account read the group and its members"
                yield self._finding(f"group {dn}", Grade.MISSING, reading.why, advice)
            else:
                yield self._finding(f"group {dn}", Grade.OK, f"has {len(reading.members)} members")

    def _finding(self, what: str, grade: Grade, found: str, advice: str = "") -> Finding:
        return Finding(directory=self._directory.name, what=what, grade=grade, found=found, advice=advice)
