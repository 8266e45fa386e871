"""From an entry, as LDAP has it, to what it says in our words: phase 3 of every pass, and of every fresh reading."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from agent.addresses import address_of
from agent.clocks import ServerClock
from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.dialect import Policies, Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, MalformedName, Refused
from agent.directories.reader import attributes
from agent.matching import Groups, RuleTest, matches_of, protection_of, roles_of, rule_tests
from agent.profiles import ProfileMapping, mapping_of, profile_of
from agent.sightings import OtherServer, ServerLocks, Sighting, Untrusted
from ims.locks import BEGINNING, LockFact
from ims.people import EntryId


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What entries of one server mean in one pass."""

    directory: ConfiguredDirectory
    policies: Policies
    groups: Groups
    canary: bool
    now: datetime
    clock: ServerClock = field(default_factory=ServerClock)
    readable: frozenset[EntryId] = frozenset()
    others: tuple[OtherServer, ...] = ()
    mapping: ProfileMapping = field(init=False)
    rules: tuple[RuleTest, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Make ready once what is used for every entry."""
        object.__setattr__(self, "mapping", mapping_of(self.directory.settings.attributes))
        object.__setattr__(self, "rules", rule_tests(self.directory, self.groups))

    def sighting(self, entry: Entry) -> Sighting:
        """Return what an entry says, and what the other servers say of its locks. Raises Untrusted."""
        try:
            return self._sighting(entry)
        except BadEntry as error:
            raise Untrusted(error.why) from error
        except MalformedName as error:
            raise Untrusted(str(error)) from error

    def _sighting(self, entry: Entry) -> Sighting:
        directory, dialect = self.directory, self.directory.dialect
        address = address_of(entry.dn)
        entry_id, stamp = dialect.entry_id(entry), dialect.stamp(entry)
        profile = profile_of(entry, self.mapping)
        policy = self.policies.of(entry, self.clock.there(self.now))
        reading = self.clock.read_locks(dialect, entry, policy, self.now)
        here = server_locks(reading, "", canary=self.canary, readable=entry_id in self.readable)
        return Sighting(
            entry_id=entry_id,
            dn=entry.dn,
            stamp=stamp,
            profile=profile,
            mapped=self.mapping.fields,
            locks=(here, *self._elsewhere(entry_id, dialect.state(entry), here)) if self.others else (here,),
            matches=matches_of(entry, address, self.rules),
            roles=roles_of(address, directory, self.groups),
            protected=protection_of(entry, address, profile.user_name, directory),
            doubt=reading.doubt,
            hint=reading.hint,
            digest=entry.digest,
            same_until=reading.same_until if policy.fingerprinted else BEGINNING,
        )

    def _elsewhere(self, entry_id: EntryId, state: str, here: ServerLocks) -> Iterator[ServerLocks]:
        shown = (other.shows(entry_id, state) for other in self.others)
        return (only_there(there, here.facts) for there in shown if there is not None)


def server_locks(reading: Reading, server: str, *, canary: bool, readable: bool) -> ServerLocks:
    """Return what one server shows of an entry's locks."""
    facts = (*reading.facts, *reading.lapsed)
    return ServerLocks(
        server=server,
        facts=tuple([replace(fact, server=server) for fact in facts]) if server else facts,
        marker=reading.marker,
        canary=canary,
        readable=readable,
        unread=reading.unread,
    )


def only_there(there: ServerLocks, here: Iterable[LockFact]) -> ServerLocks:
    """Return what another server shows without what the directory as a whole shows too: a copied marker is one lock."""
    known = {(fact.reason, fact.since) for fact in here}
    return replace(there, facts=tuple(fact for fact in there.facts if (fact.reason, fact.since) not in known))


def canary_seen(client: Client, directory: ConfiguredDirectory, policies: Policies, now: datetime) -> bool:
    """Return whether this server shows the canary's lock attribute, so that a lock attribute not seen is not there.

    A lapsed one counts: what matters is that it can be read. Raises DirectoryUnreachable.
    """
    dn = directory.settings.canary
    if dn is None:
        return False
    try:
        entry = client.search_one(dn, attributes(directory.dialect, directory.reading))
        return entry is not None and directory.dialect.read_locks(entry, policies.of(entry, now), now).marker
    except (Refused, BadEntry):
        return False
