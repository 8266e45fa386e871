"""Passes without a directory server: what a pass has seen is given, and everything from the plans on is real."""

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.braking import braked
from agent.committing import Committer, record
from agent.configured import configured, ledger_rules
from agent.plans import Draft, Plans
from agent.quarantine import Quarantine
from agent.run import PassResult, Run, resume
from config.settings import Settings
from ims.batches import BatchId, Decision, HeldBatch, HeldItem
from ims.locks import LockFact, LockReason
from ims.passes import DirectoryState, PassKind
from ims.people import EntryId, Profile, User
from ims.store import SqlStore, migrate, open_store
from tests.support.batches import lease
from tests.support.clock import HandClock
from tests.support.people import ACME
from tests.support.sightings import CORP, STAFF, seen, shown

_SETTINGS: dict[str, Any] = {
    "tenants": {"acme": {}, "globex": {}},
    "affiliation": {"confirm": 0},
    "directories": {
        CORP: {
            "dialect": "openldap",
            "servers": ["ldap://127.0.0.1:9"],
            "base": "ou=people",
            "bind": {"dn": "cn=agent", "password": "unused"},
            "tls": {"mode": "none"},
            "mode": "enforce",
            "rules": {"staff": {"tenant": ACME, "group": "cn=staff"}},
        }
    },
}


@dataclass(slots=True)
class Person:
    """Somebody as the directory shows them."""

    name: str
    there: bool = True
    staff: bool = True
    disabled: bool = False
    attempts: int = 0
    title: str = ""
    stamp: int = 1
    rule: Any = STAFF


@dataclass(slots=True, kw_only=True)
class _Stream:
    seen: frozenset[EntryId]
    read: int
    passed_over: int = 0


@dataclass(slots=True, kw_only=True)
class _Interpreter:
    canary: bool = True


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What the last phases ask of a reading."""

    kind: PassKind
    stream: _Stream
    interpreter: _Interpreter = field(default_factory=_Interpreter)
    groups: dict[str, Any] = field(default_factory=dict)
    server: str = "here"
    asked: frozenset[EntryId] = frozenset()
    gone: frozenset[EntryId] = frozenset()

    def watermark(self) -> str:
        """Return somewhere to go on from."""
        return "w"


@dataclass(slots=True, kw_only=True)
class BrakeWorld:
    """A store, a clock moved by hand, and people whom passes see as a test says."""

    store: SqlStore
    clock: HandClock = field(default_factory=HandClock)
    people: dict[str, Person] = field(default_factory=dict)
    version: str = "1.0"
    settings: dict[str, Any] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    confirm: int = 0
    crash: bool = False
    canary: bool = True
    _numbers: Any = field(default_factory=itertools.count)

    # arranging -------------------------------------------------------------------------------------------------------

    def staff(self, count: int) -> list[Person]:
        """Add so many people to the directory."""
        made = [Person(name=f"p{next(self._numbers):03}") for _ in range(count)]
        self.people |= {one.name: one for one in made}
        return made

    def known(self, count: int) -> list[Person]:
        """Add so many people, and read them; for the first time, unless there are others."""
        made = self.staff(count)
        self.reconcile()
        return made

    def change(self, *people: Person, **values: Any) -> None:
        """Change what the directory shows of people."""
        for one in people:
            one.stamp += 1
            for name, value in values.items():
                setattr(one, name, value)

    # acting ----------------------------------------------------------------------------------------------------------

    def run(self, **changes: Any) -> Run:
        """Return what a pass works with."""
        corp = {**_SETTINGS["directories"][CORP], **self.settings}
        settings = Settings(**{**_SETTINGS, "affiliation": {"confirm": self.confirm}, "directories": {CORP: corp}})
        usual = Run(
            directory=configured(settings, CORP, self.store, self.clock, self.version),
            store=self.store,
            clock=self.clock,
            rules=ledger_rules(settings),
            fence=lease(self.store),
        )
        return replace(usual, **changes)

    def reconcile(self, *, complete: bool = True, **changes: Any) -> PassResult:
        """Read everybody."""
        return self._pass(PassKind.RECONCILE, list(self.people.values()), complete=complete, changes=changes)

    def tick(self, *people: Person, **changes: Any) -> PassResult:
        """Read these people only."""
        return self._pass(PassKind.TICK, list(people), complete=True, changes=changes)

    def _pass(self, kind: PassKind, people: list[Person], *, complete: bool, changes: dict[str, Any]) -> PassResult:
        run = self.run(**changes)
        start = resume(run, kind)
        everybody = start.kind is PassKind.RECONCILE
        there = [one for one in (self.people.values() if everybody else people) if one.there]
        context = replace(start.context(run), complete=complete, canary=self.canary, silent_rules=self.silent)
        plans = Plans(context=context, why_incomplete="" if complete else "cut off")
        quarantine = Quarantine(run.name, start.now, ())
        drafts = self._drafts(there, everybody=everybody and complete)
        braking = braked(run, start, plans, drafts, quarantine)
        reading: Any = _Reading(
            kind=start.kind,
            stream=_Stream(seen=frozenset(EntryId(f"id-{one.name}") for one in there), read=len(there)),
        )
        nobody: Any = None
        committer = Committer(run, start, reading, plans, quarantine, braking)
        committer.commit(nobody)
        if self.crash:
            raise InterruptedError
        return record(run, start, reading, plans, quarantine, committer, braking)

    def _drafts(self, there: list[Person], *, everybody: bool) -> tuple[Draft, ...]:
        sightings = [sighting(one, canary=self.canary) for one in there]
        stored = self.store.behind(CORP, [one.entry_id for one in sightings])
        drafts = [Draft(stored=stored.get(one.entry_id), seen=one) for one in sightings]
        left = self.store.entry_ids(CORP).keys() - stored.keys() if everybody else ()
        return (*drafts, *(Draft(stored=user) for user in self.store.behind(CORP, left).values()))

    def decide(self, decision: Decision, *people: Person, batch: BatchId | None = None) -> None:
        """Decide on some of what waits, or on all of it."""
        names = {one.name for one in people}
        items = [item for item in self.items() if not names or item.name in names]
        self.store.decide(batch or self.batch().id, items, decision, "op", self.clock.now(), ())

    # looking ---------------------------------------------------------------------------------------------------------

    def user(self, one: Person) -> User:
        """Return a user who must be there."""
        return self.store.behind(CORP, [EntryId(f"id-{one.name}")])[EntryId(f"id-{one.name}")]

    def reasons(self, one: Person) -> list[LockReason]:
        """Return why somebody is locked."""
        return [lock.reason for lock in self.user(one).locks]

    def locked(self) -> list[str]:
        """Return who is locked for a reason that the brake counts."""
        users = self.store.behind(CORP, self.store.entry_ids(CORP)).values()
        counted = {LockReason.UNAFFILIATED, LockReason.ABSENT, LockReason.DISABLED, LockReason.EXPIRED}
        return sorted(user.profile.user_name for user in users if counted & {lock.reason for lock in user.locks})

    def batch(self) -> HeldBatch:
        """Return the only open batch."""
        (batch,) = self.store.held_batches(CORP)
        return batch

    def items(self) -> tuple[HeldItem, ...]:
        """Return what waits."""
        return self.store.held_items(CORP)

    def state(self) -> DirectoryState:
        """Return the directory's state."""
        return self.store.directory(CORP)


def sighting(one: Person, *, canary: bool = True) -> Any:
    """Return what a pass sees of somebody."""
    facts = [LockFact(reason=LockReason.DISABLED, source=CORP, evidence=(("marker", str(one.stamp)),))]
    facts = facts if one.disabled else []
    facts += [LockFact(reason=LockReason.PASSWORD_ATTEMPTS, source=CORP)] if one.attempts else []
    return seen(
        one.name,
        stamp=f"{one.stamp:06}",
        profile=Profile(user_name=one.name, title=one.title),
        mapped=frozenset({"user_name", "title"}),
        locks=(shown(*facts, canary=canary),),
        matches=(one.rule,) if one.staff else (),
    )


def open_brake_world(folder: Path) -> BrakeWorld:
    """Return a world with an empty store. Close the store when done."""
    url = f"sqlite:///{folder}/store.db"
    migrate(url)
    clock = HandClock()
    return BrakeWorld(store=open_store(url, clock), clock=clock)
