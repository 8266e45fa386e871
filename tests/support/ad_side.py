"""The agent's side of a test's domain: how it gets in, what it reads, and short ways to ask."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agent.directories.access import Access, ReadingRules
from agent.directories.active_directory import ActiveDirectory
from agent.directories.client import Client
from agent.directories.dialect import Policy, Reading
from agent.directories.entry import Entry
from agent.directories.reader import find_one, user_with_id
from agent.directories.rights import Needs, Recipe
from ims.locks import LockFact
from ims.people import EntryId
from ims.ports import Outcome
from tests.support.agent_side import CORP, FixedSecret, MemoryCircuits, WallClock, in_force, now
from tests.support.samba_dc import SambaDc
from tests.support.samba_domain import AGENT_DN, BASE, PEOPLE, password_of
from tests.support.slapd import Person

DIALECT = ActiveDirectory(CORP)
PERSONS = "(&(objectCategory=person)(objectClass=user))"
RULES = ReadingRules(base=PEOPLE, filter=PERSONS, attributes=("sAMAccountName", "mail"), root=BASE)
NEEDS = Needs(account=AGENT_DN, base=BASE, reading=RULES)


def client_of(dc: SambaDc, circuits: MemoryCircuits | None = None, **changes: Any) -> Client:
    """Return the agent's client, not yet connected; `changes` are fields of Access."""
    usual = Access(
        directory=CORP,
        servers=(dc.url,),
        dn=AGENT_DN,
        secret=FixedSecret(password_of("agent")),
        connect_timeout_s=5,
        receive_timeout_s=10,
    )
    return Client(replace(usual, **changes), circuits or MemoryCircuits(), WallClock())


def grant(dc: SambaDc, recipe: Recipe) -> None:
    """Apply a recipe's part for Samba, as an administrator does on the controller itself."""
    script = recipe.text.partition("# --- on Samba")[2].partition("\n")[2]
    at = f"-H {dc.folder}/private/sam.ldb --configfile={dc.folder}/run.conf"
    done = subprocess.run(
        ["/bin/sh", "-eu"],
        input=script,
        env={"AT": at, "PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


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


def look(client: Client, person: Person, at: datetime | None = None) -> Seen:
    """Read one person now and say what that means at a moment."""
    entry = find_one(client, user_with_id(DIALECT, RULES, EntryId(person.entry_id)))
    assert entry is not None, f"{person.uid} is not there"
    moment = at or now()
    policy = DIALECT.policies(client, RULES).of(entry, moment)
    return Seen(entry=entry, policy=policy, reading=DIALECT.read_locks(entry, policy, moment), at=moment)


def unlock(client: Client, seen: Seen, facts: Sequence[LockFact] | None = None) -> Outcome:
    """Send the write that ends what was seen."""
    chosen = (*seen.reading.facts, *seen.reading.lapsed) if facts is None else facts
    return DIALECT.outcome(client.modify(DIALECT.unlock_modify(seen.entry.dn, seen.stamp, chosen)))
