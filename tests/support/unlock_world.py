"""Everything an unlock needs, real but for LDAP: a SQLite store, two fake directories, and a clock moved by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ims.audit import Action, AuditEntry
from ims.clearing import brought_up
from ims.locks import LedgerRules, Lock, LockId, LockReason, locks_in_force, state_of
from ims.people import Actor, AffiliationStatus, DirectoryName, Role, User
from ims.permits import Services, TenantView, for_actor
from ims.ports import Batch, UserChange
from ims.settling import settle_open_intents
from ims.store import SqlStore, migrate, open_store
from ims.unlocking import Unlocking, UnlockRequest
from tests.support.clock import NOON, HandClock
from tests.support.fake_directory import FakeDirectory, FakeProcesses, FakeSide
from tests.support.people import ACME, actor, user

CO_ADMINISTRATOR = actor()
AGO = timedelta(hours=1)


class Crash(BaseException):
    """The process ends here and now: raised from a hook of the fake directory, and nothing may catch it."""


@dataclass(slots=True, kw_only=True)
class World:
    """One store with directories "corp" and "lab". Close it when done."""

    store: SqlStore
    clock: HandClock
    corp: FakeDirectory = field(default_factory=lambda: FakeDirectory(name=DirectoryName("corp")))
    lab: FakeDirectory = field(default_factory=lambda: FakeDirectory(name=DirectoryName("lab")))
    rules: LedgerRules = field(default_factory=LedgerRules)
    processes: FakeProcesses = field(default_factory=FakeProcesses)
    side: FakeSide = field(init=False)

    def __post_init__(self) -> None:
        self.side = FakeSide(self.corp, self.lab)

    # arranging -------------------------------------------------------------------------------------------------------

    def person(
        self,
        name: str = "ada",
        *,
        corp: bool = True,
        lab: bool = False,
        locks: Sequence[Lock] = (),
        role: Role | None = None,
        protected: str = "",
    ) -> User:
        """Store a user, with an entry of their name in each directory that they are in; those match ACME's rule."""
        links = []
        for directory, known in ((self.corp, corp), (self.lab, lab)):
            if known:
                directory.add(name, matched=ACME)
                links.append(directory.link(name, rule=f"{directory.name}/{ACME}"))
        lost = any(lock.reason is LockReason.UNAFFILIATED for lock in locks)
        status = AffiliationStatus.UNAFFILIATED if lost else AffiliationStatus.AFFILIATED
        return self.save(user(name, entries=links, locks=locks, role=role, protected=protected, status=status))

    def locked(self, name: str = "ada", *, lab: bool = False, until: datetime | None = None) -> User:
        """Store a user who is locked in "corp" since an hour after wrong passwords, as a tick has seen it."""
        one = self.person(name, lab=lab)
        self.corp.lock(name, self.clock.now() - AGO, until=until)
        return self.tick(one)

    def save(self, one: User) -> User:
        """Write a user as they are, and return them as stored."""
        self.store.apply(Batch(changes=(UserChange(user=one, base=self.store.revision()),)))
        return self.stored(one)

    def tick(self, one: User) -> User:
        """Bring a user's ledger up to the directories, as a tick of the sync would."""
        one = self.stored(one)
        links = [link for link in one.entries if self.side.enforced(link.directory)]
        readings = [self.side.read(link, one.tenant) for link in links]
        self.side.reads.clear()
        return self.save(brought_up(one, readings, self.clock.now(), "tick"))

    # acting ----------------------------------------------------------------------------------------------------------

    @property
    def unlocking(self) -> Unlocking:
        """Return the use case over this world."""
        return Unlocking(
            store=self.store,
            write_back=self.side,
            directories=self.side,
            processes=self.processes,
            clock=self.clock,
            rules=self.rules,
        )

    def view(self, who: Actor = CO_ADMINISTRATOR) -> TenantView:
        """Return an actor's view of their tenant."""
        services = Services(store=self.store, unlocking=self.unlocking, clock=self.clock, rules=self.rules)
        return for_actor(who, services)

    def unlock(
        self,
        one: User,
        who: Actor = CO_ADMINISTRATOR,
        *,
        shown: Sequence[Lock] | None = None,
        comment: str = "",
        break_glass: bool = False,
    ) -> User:
        """Unlock a user."""
        return self.unlocking.unlock(
            UnlockRequest(
                actor=who,
                user=self.stored(one),
                shown=None if shown is None else frozenset(lock.id for lock in shown),
                comment=comment,
                break_glass=break_glass,
            ),
        )

    def settle(self) -> int:
        """Settle open intents, as every process does at its start."""
        return settle_open_intents(self.store, self.side, self.processes, self.clock, self.side)

    # looking ---------------------------------------------------------------------------------------------------------

    def stored(self, one: User) -> User:
        """Return a user as the store knows them now."""
        stored = self.store.user(one.id)
        assert stored is not None
        return stored

    def active(self, one: User) -> bool:
        """Return whether a user may sign in now, by what the store holds."""
        return state_of(self.stored(one).locks, self.clock.now()).active(self.clock.now())

    def reasons(self, one: User) -> list[LockReason]:
        """Return why a user is locked now, by what the store holds."""
        return [lock.reason for lock in locks_in_force(self.stored(one).locks, self.clock.now())]

    def lock_ids(self, one: User) -> set[LockId]:
        """Return the ids of all locks in a user's ledger."""
        return {lock.id for lock in self.stored(one).locks}

    def unlock_rows(self, one: User) -> tuple[AuditEntry, ...]:
        """Return the audit rows of unlocks of this user, oldest first."""
        rows = self.store.audit(user=one.id, limit=1000)
        return tuple(row for row in reversed(rows) if row.action is Action.UNLOCK)

    def lock_rows(self, one: User) -> list[tuple[Action, str]]:
        """Return what the audit says of this user's locks: the act, and the reason that it was about."""
        acts = (Action.LOCK_RAISED, Action.LOCK_UPDATED, Action.LOCK_LIFTED, Action.UNLOCKED_OUTSIDE)
        rows = [row for row in reversed(self.store.audit(user=one.id, limit=1000)) if row.action in acts]
        return [(row.action, (row.after or row.before).split()[0]) for row in rows]

    def one_row(self, one: User) -> AuditEntry:
        """Return the single audit row of the single unlock, having made sure that its intent is closed."""
        assert self.store.open_intents() == ()
        (row,) = self.unlock_rows(one)
        return row


def open_world(folder: Path, rules: LedgerRules | None = None, *, busy: float = 10.0) -> World:
    """Return a world whose store is a file in `folder`; a writer waits `busy` seconds for another one."""
    clock = HandClock(NOON)
    url = f"sqlite:///{folder}/store.db?timeout={busy}"
    migrate(url)
    return World(store=open_store(url, clock), clock=clock, rules=rules or LedgerRules())
