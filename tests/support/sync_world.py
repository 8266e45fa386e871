"""One directory under sync: a corner of a real slapd, a SQLite store, settings as an administrator writes them."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import ldap3

from agent.configured import ConfiguredDirectory, configured, ledger_rules
from agent.groups import GroupMemory
from agent.run import PassResult, Run
from agent.sync import reconcile, tick
from agent.writeback import ConfiguredDirectories, DirectoryWriteBack
from config.settings import Settings
from ims.audit import Action, AuditEntry
from ims.locks import LockReason, locks_in_force
from ims.names import key_of_name
from ims.passes import DirectoryState, Fence, Mode
from ims.people import Actor, DirectoryName, TenantId, User
from ims.ports import FreshReading, WriteBack
from ims.settling import settle_open_intents
from ims.store import SqlStore, migrate, open_store
from ims.unlocking import Unlocking, UnlockRequest
from tests.support.fake_directory import FakeProcesses
from tests.support.people import ACME, actor
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE, DEFAULT_POLICY, GROUPS
from tests.support.waiting import wait_until

CORP = DirectoryName("corp")
CO_ADMINISTRATOR = actor()
_NUMBERS = itertools.count(1)
_TTL = timedelta(days=3650)


@dataclass(slots=True)
class ShiftedClock:
    """The real time, as a real directory has it, and later by as much as a test says."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Return the shifted moment."""
        return datetime.now(UTC) + self.by

    def forward(self, by: timedelta) -> None:
        """Let time pass."""
        self.by += by


@dataclass(kw_only=True)
class SyncWorld:
    """An organizational unit of its own with a group "staff" that affiliates with ACME, and what reads it.

    `keeper` is a member of the group whom nobody touches: a group without members says nothing about anybody.
    """

    slapd: Slapd
    store: SqlStore
    clock: ShiftedClock
    unit: str
    staff: str
    keeper: Person
    mark: str
    changes: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    memory: GroupMemory = field(default_factory=GroupMemory)
    processes: FakeProcesses = field(default_factory=FakeProcesses)
    version: str = "1"

    # arranging -------------------------------------------------------------------------------------------------------

    def person(self, name: str = "ada", *, staff: bool = True, policy: str = "", **attributes: str) -> Person:
        """Add somebody to the unit, as a member of the staff."""
        one = self.slapd.add_person(self.name(name), parent=self.unit, policy=policy, **attributes)
        if staff:
            self.join(one)
        return one

    def people(self, count: int) -> list[Person]:
        """Add many people of the staff at once."""
        added = [self.person(f"p{number}", staff=False) for number in range(count)]
        self.join(*added)
        return added

    def join(self, *people: Person) -> None:
        """Make people members of the staff."""
        self.members(ldap3.MODIFY_ADD, *people)

    def leave(self, *people: Person) -> None:
        """Take people off the staff."""
        self.members(ldap3.MODIFY_DELETE, *people)

    def members(self, act: str, *people: Person, group: str = "") -> None:
        """Change who is in a group, by default the staff."""
        with self.slapd.connected() as admin:
            admin.modify(group or self.staff, {"member": [(act, [one.dn for one in people])]})

    def name(self, name: str) -> str:
        """Return a user name that no other test has."""
        return f"{name}-{self.mark}"

    def configure(self, **changes: Any) -> None:
        """Change the directory's settings; keys of the top (tenants, affiliation, unlock, protected) go there."""
        for key, value in changes.items():
            (self.more if key in Settings.model_fields else self.changes)[key] = value
        self.__dict__.pop("write_back", None)

    # acting ----------------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Return the settings as they are now."""
        usual: dict[str, Any] = {
            "dialect": "openldap",
            "servers": [self.slapd.url],
            "base": BASE,
            "bind": {"dn": AGENT_DN, "password": AGENT_PASSWORD},
            "tls": {"mode": "none"},
            "connect_timeout": 5,
            "receive_timeout": 10,
            "mode": "enforce",
            "users": {"base": self.unit},
            "rules": {"staff": {"tenant": ACME, "group": self.staff}},
            "default_policy": DEFAULT_POLICY,
        }
        top: dict[str, Any] = {
            "tenants": {"acme": {}, "globex": {}},
            "affiliation": {"confirm": 0},
            "directories": {CORP: {**usual, **self.changes}},
        }
        return Settings(**{**top, **self.more})

    @property
    def directory(self) -> ConfiguredDirectory:
        """Return the directory, made ready."""
        return configured(self.settings, CORP, self.store, self.clock, self.version)

    def run(self, **changes: Any) -> Run:
        """Return what a pass works with."""
        usual = Run(
            directory=self.directory,
            store=self.store,
            clock=self.clock,
            rules=ledger_rules(self.settings),
            fence=self.fence(),
            memory=self.memory,
        )
        return replace(usual, **changes)

    def fence(self, owner: str = "this test") -> Fence:
        """Take the lease on the directory."""
        fence = self.store.take_lease(CORP, owner, _TTL, self.clock.now())
        assert fence is not None
        return fence

    def tick(self, **changes: Any) -> PassResult:
        """Read what changed."""
        return tick(self.run(**changes))

    def reconcile(self, **changes: Any) -> PassResult:
        """Read everything."""
        return reconcile(self.run(**changes))

    @cached_property
    def write_back(self) -> DirectoryWriteBack:
        """Return what reads and writes for an unlock; one, as a process has it, until the settings change."""
        return DirectoryWriteBack({CORP: self.directory}, self.store, self.clock)

    @property
    def directories(self) -> ConfiguredDirectories:
        """Return what the web side may know."""
        return ConfiguredDirectories({CORP: self.directory}, self.store)

    def unlocking(self, write_back: WriteBack | None = None) -> Unlocking:
        """Return the unlock over this directory."""
        return Unlocking(
            store=self.store,
            write_back=write_back or self.write_back,
            directories=self.directories,
            processes=self.processes,
            clock=self.clock,
            rules=ledger_rules(self.settings),
        )

    def unlock(self, one: Person | str, write_back: WriteBack | None = None, who: Actor = CO_ADMINISTRATOR) -> User:
        """Unlock somebody, as a Co-Administrator of ACME unless told otherwise."""
        return self.unlocking(write_back).unlock(UnlockRequest(actor=who, user=self.user(one)))

    def settle(self) -> int:
        """Settle unlocks whose process is gone, as the agent does at its start."""
        return settle_open_intents(self.store, self.write_back, self.processes, self.clock, self.directories)

    def fresh(self, one: Person | str) -> FreshReading:
        """Read somebody's entry as an unlock does."""
        user = self.user(one)
        (link,) = user.entries
        return self.write_back.read(link, user.tenant)

    def later(self, **length: float) -> None:
        """Let time pass for Lockstep; the directory does not notice."""
        self.clock.forward(timedelta(**length))

    def follow(self, copy: Slapd, person: Person) -> None:
        """Wait until a consumer of the directory has somebody's entry as it is now, and knows how far it is itself.

        A copy whose first filling is cut short after that entry has no contextCSN: it is half filled, not up to date.
        """
        csn = self.slapd.text(person.dn, "entryCSN")
        wait_until(lambda: _holds(copy, person.dn, csn), "the copy follows")
        wait_until(lambda: copy.text(BASE, "contextCSN") >= csn, "the copy says how far it is")

    # looking ---------------------------------------------------------------------------------------------------------

    def find(self, one: Person | str, tenant: TenantId = ACME) -> User | None:
        """Return a user by user name, or None."""
        name = one if isinstance(one, str) else one.uid
        return self.store.named(tenant, [name]).get(key_of_name(name))

    def user(self, one: Person | str, tenant: TenantId = ACME) -> User:
        """Return a user who must be there."""
        found = self.find(one, tenant)
        assert found is not None, f"{one} is not in {tenant}"
        return found

    def reasons(self, one: Person | str, tenant: TenantId = ACME) -> list[LockReason]:
        """Return why somebody is locked now."""
        return [lock.reason for lock in locks_in_force(self.user(one, tenant).locks, self.clock.now())]

    def state(self) -> DirectoryState:
        """Return the directory's state."""
        return self.store.directory(CORP)

    def audit(self, *actions: Action) -> list[AuditEntry]:
        """Return the audit rows of these acts, oldest first."""
        rows = reversed(self.store.audit(limit=10_000))
        return [row for row in rows if not actions or row.action in actions]

    def quarantine(self) -> Mapping[str, str]:
        """Return why entries wait in quarantine, by key."""
        return {waiting.key: waiting.why for waiting in self.store.quarantine(CORP)}

    def versions(self) -> dict[str, int]:
        """Return every user's version, to see who was written."""
        known = self.store.entry_ids(CORP)
        return {user.id: user.version for user in self.store.behind(CORP, known).values()}

    def observed(self) -> Sequence[str]:
        """Return whom the last pass would have locked."""
        return self.state().would_lock

    def mode(self, mode: Mode) -> None:
        """Store a mode, as `lockstep enable` does."""
        self.store.save_directory(replace(self.state(), mode=mode))


def open_sync_world(slapd: Slapd, folder: Path) -> SyncWorld:
    """Return a new corner of a directory and an empty store in `folder`. Close the store when done."""
    mark = f"{os.getpid()}x{next(_NUMBERS)}"
    clock = ShiftedClock()
    unit = f"ou=unit-{mark},{BASE}"
    with slapd.connected() as admin:
        admin.add(unit, "organizationalUnit")
    keeper = slapd.add_person(f"keeper-{mark}", parent=unit)
    staff = slapd.add_group(f"staff-{mark}", [keeper.dn], GROUPS)
    url = f"sqlite:///{folder}/store.db"
    migrate(url)
    store = open_store(url, clock)
    return SyncWorld(slapd=slapd, store=store, clock=clock, unit=unit, staff=staff, keeper=keeper, mark=mark)


def _holds(server: Slapd, dn: str, csn: str) -> bool:
    """Return whether a server holds this state of an entry."""
    with server.connected() as admin:
        return bool(admin.search(BASE, f"(&(entryDN={dn})(entryCSN={csn}))", attributes=["1.1"]))
