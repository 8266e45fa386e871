"""The agent's side of a test's directory: how it gets in, what it reads, and short ways to ask."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from agent.directories.access import Access, ReadingRules
from agent.directories.client import Client
from agent.directories.dialect import Policy, Reading
from agent.directories.entry import Entry
from agent.directories.openldap import OpenLdap
from agent.directories.reader import find_one, user_with_id
from ims.locks import LockFact
from ims.passes import Circuit
from ims.people import DirectoryName, EntryId
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, DEFAULT_POLICY, PEOPLE

CORP = DirectoryName("corp")
DIALECT = OpenLdap(CORP)
RULES = ReadingRules(
    base=PEOPLE,
    filter="(objectClass=inetOrgPerson)",
    attributes=("uid", "mail"),
    default_policy=DEFAULT_POLICY,
)


@dataclass
class FixedSecret:
    """A secret that a test can change, and that counts how often it was read."""

    text: str = AGENT_PASSWORD
    read_times: int = 0

    def read(self) -> str:
        self.read_times += 1
        return self.text

    def fingerprint(self, salt: str = "") -> str:
        return f"fingerprint of {self.text} for {salt}"


@dataclass
class MemoryCircuits:
    """Circuits kept in a dict, as the store keeps them in a table."""

    opened: dict[str, Circuit] = field(default_factory=dict)

    def circuit(self, secret: str) -> Circuit | None:
        return self.opened.get(secret)

    def open_circuit(self, circuit: Circuit) -> None:
        self.opened[circuit.secret] = circuit


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        return now()


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def access_to(slapd: Slapd, **changes: Any) -> Access:
    """Return the usual way into a test's directory: StartTLS and a simple bind."""
    usual = Access(
        directory=CORP,
        servers=(slapd.url,),
        dn=AGENT_DN,
        secret=FixedSecret(),
        ca_file=slapd.ca_file,
        connect_timeout_s=5,
        receive_timeout_s=5,
    )
    return replace(usual, **changes)


def client_of(slapd: Slapd, circuits: MemoryCircuits | None = None, **changes: Any) -> Client:
    """Return a client of a test's directory, not yet connected; `changes` are fields of Access."""
    return Client(access_to(slapd, **changes), circuits or MemoryCircuits(), WallClock())


@dataclass(frozen=True)
class Seen:
    """One entry with everything that the dialect says about it at one moment."""

    entry: Entry
    policy: Policy
    reading: Reading
    at: datetime

    @property
    def locked(self) -> bool:
        """Return whether a lock is in force at that moment."""
        return any(in_force(fact, self.at) for fact in self.reading.facts)

    @property
    def stamp(self) -> str:
        """Return the entry's change stamp."""
        return DIALECT.stamp(self.entry)


def in_force(fact: LockFact, at: datetime) -> bool:
    """Return whether a lock is in force: begun and not over."""
    return (fact.since is None or fact.since <= at) and (fact.until is None or at < fact.until)


def look(client: Client, person: Person, at: datetime | None = None, rules: ReadingRules = RULES) -> Seen:
    """Read one person now and say what that means at a moment."""
    moment = at or now()
    entry = find_one(client, user_with_id(DIALECT, rules, EntryId(person.entry_id)))
    assert entry is not None, f"{person.uid} is not there"
    policy = DIALECT.policies(client, rules).of(entry, moment)
    return Seen(entry=entry, policy=policy, reading=DIALECT.read_locks(entry, policy, moment), at=moment)
