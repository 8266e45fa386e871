"""One entry as it is now, on every server: what an unlock decides on, before its write and after it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from agent.addresses import Address, address_of
from agent.clocks import clock_of
from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.dialect import Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, MalformedName, Refused
from agent.directories.filters import equal
from agent.directories.reader import find_one, user_with_id
from agent.groups import MEMBER, MEMBER_OF, find_group
from agent.interpret import canary_seen, only_there, server_locks
from agent.matching import Groups, matches_of, protection_of, rule_tests
from agent.sightings import RuleMatch, ServerLocks
from config.rules import Rule, Via
from ims.errors import DirectoryUnreachable
from ims.people import EntryId, EntryLink, TenantId
from ims.ports import Clock, FreshReading, Readable, SyncState

MEMORY_S = 60.0
"""How long a marker that was seen proves that the same account can see it there: longer than any unlock takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one server shows of one entry: None if it is not there. `why` says what cannot be trusted in it."""

    entry: Entry | None
    stamp: str = ""
    state: str = ""
    locks: ServerLocks
    doubt: str = ""


class MarkerMemory:
    """Where a marker was seen a moment ago: it proves that one not seen now, by the same account, is not there.

    Without it, the reading after an unlock could not be believed on a copy, whose stamp no lock and no unlock moves.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, EntryId, str], float] = {}

    def note(self, directory: str, entry_id: EntryId, server: str) -> None:
        """Remember that a marker was seen now."""
        now = time.monotonic()
        self._seen = {key: at for key, at in self._seen.items() if now - at < MEMORY_S}
        self._seen[directory, entry_id, server] = now

    def proves(self, directory: str, entry_id: EntryId, server: str) -> bool:
        """Return whether one was seen lately."""
        at = self._seen.get((directory, entry_id, server))
        return at is not None and time.monotonic() - at < MEMORY_S


class FreshReader:
    """Reads one entry of one directory on all its servers."""

    def __init__(self, directory: ConfiguredDirectory, states: SyncState, clock: Clock, memory: MarkerMemory) -> None:
        self._directory = directory
        self._states = states
        self._clock = clock
        self._memory = memory

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        """Read the entry now. Raises DirectoryUnreachable where any server gave no usable answer.

        The first server speaks for the directory. What another one shows counts where that server holds the same entry
        or a newer one; a copy that lags behind is about to be overwritten.
        """
        first, *others = self._directory.access.servers
        with usable_answers(), self._directory.client().connect_to(first) as client:
            here = self._shown(client, link, "")
            affiliated = self._affiliated(client, link, tenant, here.entry) if here.entry else None
        there = [self._on(server, link) for server in others]
        if here.entry is None:
            return FreshReading(link=link, present=False, readable=Readable.NOT_PROVED)
        shown = [here, *(self._only_there(other, here) for other in there if other.state >= here.state)]
        return FreshReading(
            link=replace(link, dn=here.entry.dn),
            present=True,
            readable=self._readable(link, shown),
            facts=tuple(fact for one in shown for fact in one.locks.facts),
            stamp=here.stamp,
            matched=affiliated.tenant if affiliated else None,
            rule=affiliated.rule if affiliated else "",
            protected=self._protected(here.entry),
            doubt=next((one.doubt for one in shown if one.doubt), ""),
            last_failure=self._last_failure(here.entry),
        )

    # --- what one server shows ---------------------------------------------------------------------------------------

    def _on(self, server: str, link: EntryLink) -> Shown:
        with usable_answers(), self._directory.client().connect_to(server) as client:
            return self._shown(client, link, server)

    def _shown(self, client: Client, link: EntryLink, server: str) -> Shown:
        dialect, rules = self._directory.dialect, self._directory.reading
        entry = find_one(client, user_with_id(dialect, rules, link.entry_id))
        policies = dialect.policies(client, rules)
        clock, now = clock_of(client, self._directory, self._clock.now), self._clock.now()
        canary = canary_seen(client, self._directory, policies, now)
        if entry is None:
            return Shown(entry=None, locks=ServerLocks(server=server, canary=canary))
        try:
            reading = clock.read_locks(dialect, entry, policies.of(entry, clock.there(now)), now)
        except BadEntry as error:
            reading = Reading(doubt=error.why)
        if reading.marker:
            self._memory.note(self._directory.name, link.entry_id, server)
        readable = client.search_one(entry.dn, filter_=dialect.readable_filter()) is not None
        locks = server_locks(reading, server, canary=canary, readable=readable)
        return Shown(
            entry=entry, stamp=dialect.stamp(entry), state=dialect.state(entry), locks=locks, doubt=reading.doubt
        )

    @staticmethod
    def _only_there(there: Shown, here: Shown) -> Shown:
        return replace(there, locks=only_there(there.locks, here.locks.facts))

    def _readable(self, link: EntryLink, shown: list[Shown]) -> Readable:
        proved = all(self._proved(link, one) for one in shown)
        return Readable.PROVED if proved else Readable.NOT_PROVED

    def _proved(self, link: EntryLink, shown: Shown) -> bool:
        """Return whether a lock would have been seen there, had there been one (as `agent.plan` decides it)."""
        locks = shown.locks
        if not locks.readable:
            return False
        if locks.marker or locks.canary or self._memory.proves(self._directory.name, link.entry_id, locks.server):
            return True
        return self._directory.settings.canary is None and bool(shown.stamp) and shown.stamp != link.stamp

    # --- who it is ---------------------------------------------------------------------------------------------------

    def _affiliated(self, client: Client, link: EntryLink, tenant: TenantId, entry: Entry) -> RuleMatch | None:
        """Return the rule that the entry matches now, one of the user's tenant before any other.

        Raises DirectoryUnreachable where a group cannot be found and the answer depends on it: the user has lost their
        rule, so that not finding one now would be taken for knowledge.
        """
        address = address_of(entry.dn)
        groups, unknown = self._groups(client, entry)
        matches = matches_of(entry, address, rule_tests(self._directory, groups))
        own = [match for match in matches if match.tenant == tenant]
        if unknown and not own and not link.rule:
            raise DirectoryUnreachable(f"{self._directory.name}: {'; '.join(unknown)}: who is affiliated is not known")
        return next(iter((*own, *matches)), None)

    def _groups(self, client: Client, entry: Entry) -> tuple[Groups, list[str]]:
        """Return which of the rules' groups hold this one entry, and which groups cannot be found."""
        known = {group.dn: group for group in self._states.directory(self._directory.name).groups}
        members, unknown = dict[str, frozenset[Address]](), list[str]()
        for rule in self._directory.settings.rules.values():
            if rule.group is None:
                continue
            group = find_group(client, self._directory, rule.group, known.get(rule.group))
            if group is None:
                unknown.append(f"the group {rule.group} is missing")
                continue
            members[rule.group] = frozenset({address_of(entry.dn)} if _holds(client, rule, group, entry) else ())
        return Groups(members=members), unknown

    def _protected(self, entry: Entry) -> str:
        names = entry.values(self._directory.settings.attributes.user_name)
        address = address_of(entry.dn)
        texts = [name.decode(errors="replace") for name in names or (b"",)]
        return next(filter(None, (protection_of(entry, address, text, self._directory) for text in texts)), "")

    def _last_failure(self, entry: Entry) -> datetime | None:
        try:
            return self._directory.dialect.last_failure(entry)
        except BadEntry:
            return None


def _holds(client: Client, rule: Rule, group: Entry, entry: Entry) -> bool:
    """Ask the side that the rule asks: the group for this member, or the entry for this group."""
    if rule.via is Via.MEMBER:
        return client.search_one(group.dn, filter_=equal(MEMBER, entry.dn)) is not None
    return client.search_one(entry.dn, filter_=equal(MEMBER_OF, group.dn)) is not None


@contextmanager
def usable_answers() -> Iterator[None]:
    """Turn what is no answer to a question about one entry into DirectoryUnreachable: nothing is decided on it."""
    try:
        yield
    except (Refused, BadEntry, MalformedName) as error:
        raise DirectoryUnreachable(str(error)) from error
