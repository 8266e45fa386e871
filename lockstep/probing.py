"""Looking at a directory as `lockstep check --online` does: what has to work there, and what to do where it does not.

Nothing is changed. Wrong credentials are tried once, as everywhere (the refusal is remembered in the store). What an
account may write counts as missing only where something is written: while a directory is observed it is a warning.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from agent.configured import ConfiguredDirectory
from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policies, Policy
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, InvalidCredentials, NotSecured, Refused
from agent.directories.explaining import policy_line
from agent.directories.reader import Pages, users
from agent.directories.searches import NOTHING, Page, completeness_after
from agent.groups import GroupMemory, read_groups
from agent.interpret import canary_seen
from agent.needs import needs_of
from ims.errors import DirectoryUnreachable

_WORTH_SAYING_AGAIN = {Grade.MISSING, Grade.TOO_MUCH}
_SAMPLE = 20
"""How many users are read to see under which policy they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `advice` says what to do where it is not as it should be."""

    directory: str
    what: str
    grade: Grade
    found: str
    advice: str = ""


def probe(directory: ConfiguredDirectory, *, enforced: bool) -> tuple[Finding, ...]:
    """Look at a directory: every server's connection, then, on the first that answers, what is read there.

    `enforced`: its locks are in force, so that unlocks write to it.
    """
    return tuple(_Probe(directory, enforced=enforced).findings())


class _Probe:
    """One look at one directory."""

    def __init__(self, directory: ConfiguredDirectory, *, enforced: bool) -> None:
        self._directory = directory
        self._enforced = enforced
        self._now = directory.clock.now()

    def findings(self) -> Iterator[Finding]:
        """Yield what is found, in the order in which a newcomer should mend it."""
        answering: list[str] = []
        for server in self._directory.access.servers:
            finding = self._server(server)
            yield finding
            answering += [server] if finding.grade is Grade.OK else []
        if not answering:
            return
        try:
            with self._directory.client().connect_to(answering[0]) as client:
                yield from self._contents(client)
            for server in answering[1:]:
                yield from self._elsewhere(server)
            yield from self._writing(answering)
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
        yield self._user_finding(client, page)
        dialect = self._directory.dialect
        policies = dialect.policies(client, self._directory.reading)
        yield from self._policy(page.entries, policies)
        yield self._canary(client, policies)
        yield from self._groups(client)
        yield from self._rights(client)

    def _rights(self, client: Client) -> Iterator[Finding]:
        needs = needs_of(self._directory, client.who_am_i())
        yield from map(self._of, self._directory.dialect.checks(client, needs, self._directory.clock.now))

    def _elsewhere(self, server: str) -> Iterator[Finding]:
        """Yield what is worse on a further server: rights are configured on each, and locks are read on each."""
        with self._directory.client().connect_to(server) as client:
            policies = self._directory.dialect.policies(client, self._directory.reading)
            findings = (self._canary(client, policies), *self._rights(client))
        worse = _on_another(findings, server)
        yield from worse
        if not worse:
            yield self._finding(f"reading on {server}", Grade.OK, "nothing is missing there either")

    def _writing(self, servers: list[str]) -> Iterator[Finding]:
        """Yield what may be written on the first server that takes writes, and what is worse on the others that do."""
        first = True
        for server in servers:
            with self._directory.client().connect_to(server) as client:
                needs = needs_of(self._directory, client.who_am_i())
                checks = self._directory.dialect.writing_checks(client, needs)
            if checks is None:
                continue
            findings = [self._of(self._in_mode(check)) for check in checks]
            yield from findings if first else _on_another(findings, server)
            first = False
        if first:
            advice = "name the server that takes them in servers"
            check = Check(what="writing", grade=Grade.MISSING, found="no server here takes writes", advice=advice)
            yield self._of(self._in_mode(check))

    def _in_mode(self, check: Check) -> Check:
        """Return what a finding about writes amounts to where nothing is written yet."""
        if self._enforced or check.grade is not Grade.MISSING:
            return check
        return replace(check, grade=Grade.WARNING, found=f"{check.found} (needed once its locks are in force)")

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

    def _user_finding(self, client: Client, page: Page) -> Finding:
        """Return how many users there are: whether a complete reading is possible shows in one."""
        what = f"users {self._directory.reading.filter}"
        if page.entries:
            return self._all_of_them(client, what)
        if not page.result.ok:
            advice = "let Lockstep's account search below users.base"
            return self._finding(what, Grade.MISSING, completeness_after(page, 0).why, advice)
        advice = "correct users.filter, or let Lockstep's account read the entries and the attributes in the filter"
        return self._finding(what, Grade.MISSING, "nobody satisfies the filter", advice)

    def _all_of_them(self, client: Client, what: str) -> Finding:
        search = replace(users(self._directory.dialect, self._directory.reading), attributes=NOTHING)
        pages = Pages(client, search)
        count = sum(len(page) for page in pages)
        if pages.completeness.complete:
            return self._finding(what, Grade.OK, f"{count} are there, and all can be read")
        advice = "lift the limits for Lockstep's account: no reading would be complete, and nobody's absence believed"
        return self._finding(what, Grade.MISSING, f"{count} can be read, then {pages.completeness.why}", advice)

    def _policy(self, entries: tuple[Entry, ...], policies: Policies) -> Iterator[Finding]:
        said: dict[str, Finding] = {}
        for entry in entries:
            try:
                policy = policies.of(entry, self._now)
            except BadEntry as error:
                yield self._finding(f"entry {entry.dn}", Grade.WARNING, error.why, "have the entry corrected")
                continue
            if policy.knowledge is Knowledge.KNOWN:
                said[policy.source] = self._known(policy)
            else:
                advice = "let Lockstep's account read the policies, or name the default one with default_policy"
                said[policy.source] = self._finding("lockout policy", Grade.WARNING, policy.source, advice)
        yield from said.values()

    def _known(self, policy: Policy) -> Finding:
        """Return what a policy says: where it locks nobody there is nothing to keep in step."""
        what, line = f"policy {policy.source}", policy_line(policy).removeprefix(f"policy {policy.source}: ")
        if policy.lockout and policy.max_failures:
            return self._finding(what, Grade.OK, line)
        advice = "set pwdLockout TRUE and pwdMaxFailure if wrong passwords are to lock the users under it"
        return self._finding(what, Grade.WARNING, f"{line}: wrong passwords lock nobody under it", advice)

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

    def _of(self, check: Check) -> Finding:
        return self._finding(check.what, check.grade, check.found, check.advice)

    def _finding(self, what: str, grade: Grade, found: str, advice: str = "") -> Finding:
        return Finding(directory=self._directory.name, what=what, grade=grade, found=found, advice=advice)


def _on_another(findings: Iterable[Finding], server: str) -> list[Finding]:
    """Return what is wrong on a server that is not the first."""
    worse = [finding for finding in findings if finding.grade in _WORTH_SAYING_AGAIN]
    return [replace(finding, what=f"{finding.what} on {server}") for finding in worse]
