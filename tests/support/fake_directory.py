"""The directory side without LDAP: `WriteBack`, `Directories` and `Processes` of `ims.ports`, for tests above `agent`.

A test arranges entries as an administrator or an attacker would (`FakeDirectory.lock`, plain attributes), sets what
goes wrong (`down`, `refuses`, `loses_answers`, hooks), and looks at `FakeSide.reads` and `.writes` afterwards. The fake
keeps the promises of the protocols and stops whoever breaks one: a write to an observed directory, or of a marker that
no reading has shown, is an AssertionError.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from threading import Lock as Mutex

from ims.errors import DirectoryUnreachable
from ims.locks import LockFact, LockReason
from ims.passes import DirectoryState, Mode
from ims.people import DirectoryName, EntryId, EntryLink, TenantId
from ims.ports import FreshReading, Outcome, Readable, Written
from tests.support.clock import NOON


@dataclass(slots=True, kw_only=True)
class FakeEntry:
    """One entry as it is at the moment. `stamp` moves with every change, like an entryCSN."""

    entry_id: EntryId
    dn: str
    facts: list[LockFact] = field(default_factory=list)
    matched: TenantId | None = None
    protected: str = ""
    doubt: str = ""
    stamp: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeWrite:
    """One write that arrived: what it was to remove (nothing = it was to restore), and what became of it."""

    directory: DirectoryName
    entry_id: EntryId
    outcome: Outcome
    facts: tuple[LockFact, ...] = ()
    restores: TenantId | None = None


Hook = Callable[[FakeEntry], object]


def _nothing(_: FakeEntry) -> None:
    """Leave the entry alone: what a hook does until a test says otherwise."""


@dataclass(slots=True, kw_only=True)
class FakeDirectory:
    """One directory with what can go wrong in it.

    `down` names the servers that give no answer ("" = all of it); `shows_locks = False` is a lost read right; without
    `canary`, absence is proved only by a stamp that moved. `refuses` and `refuses_to_restore` are LDAP results' names.
    The next `loses_answers` writes are performed and not answered. A hook runs before or after its operation.
    """

    name: DirectoryName
    mode: Mode = Mode.ENFORCE
    entries: dict[EntryId, FakeEntry] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    shows_locks: bool = True
    canary: bool = True
    lock_moves_stamp: bool = True
    refuses: str = ""
    refuses_to_restore: str = ""
    loses_answers: int = 0
    before_read: Hook = _nothing
    before_write: Hook = _nothing
    after_write: Hook = _nothing

    def add(self, entry_id: str, *, matched: TenantId | None = None) -> FakeEntry:
        """Add an entry; `matched` is the tenant whose affiliation rule it matches."""
        entry = FakeEntry(entry_id=EntryId(entry_id), dn=f"uid={entry_id},ou=people,dc={self.name}", matched=matched)
        self.entries[entry.entry_id] = entry
        return entry

    def lock(
        self,
        entry_id: str,
        since: datetime | None,
        *,
        reason: LockReason = LockReason.PASSWORD_ATTEMPTS,
        until: datetime | None = None,
        server: str = "",
    ) -> LockFact:
        """Put a lock marker on an entry, in place of the one that its server holds for the same reason."""
        entry = self.entries[EntryId(entry_id)]
        value = f"{since:%Y%m%d%H%M%S}Z" if since else "TRUE"
        fact = LockFact(
            reason=reason,
            source=self.name,
            server=server,
            since=since,
            until=until,
            evidence=((f"lock-{reason}", value),),
        )
        entry.facts = [other for other in entry.facts if _place(other) != _place(fact)] + [fact]
        entry.stamp += self.lock_moves_stamp
        return fact

    def free(self, entry_id: str) -> None:
        """Remove every lock marker, as a help desk does that works in the directory itself."""
        entry = self.entries[EntryId(entry_id)]
        entry.facts = []
        entry.stamp += 1

    def link(self, entry_id: str, *, rule: str = "") -> EntryLink:
        """Return what the store knows of an entry that it reads at this moment."""
        entry = self.entries[EntryId(entry_id)]
        return EntryLink(
            directory=self.name,
            entry_id=entry.entry_id,
            dn=entry.dn,
            seen_at=NOON,
            stamp=str(entry.stamp),
            rule=rule,
        )

    def answer(self, server: str = "") -> None:
        """Raise DirectoryUnreachable where this server gives no answer."""
        if self.down & {"", server}:
            raise DirectoryUnreachable(f"{self.name} gave no answer")


class FakeSide:
    """All directories together: `ims.ports.WriteBack` and `ims.ports.Directories` over `FakeDirectory`."""

    def __init__(self, *directories: FakeDirectory) -> None:
        self.directories = {directory.name: directory for directory in directories}
        self.reads: list[EntryLink] = []
        self.writes: list[FakeWrite] = []
        self.shown: dict[tuple[DirectoryName, EntryId], tuple[LockFact, ...]] = {}
        """What the last reading of each entry showed."""
        self._ever_shown: set[tuple[DirectoryName, EntryId, LockFact]] = set()
        self._mutex = Mutex()

    @property
    def effects(self) -> list[FakeWrite]:
        """Return the writes that changed something."""
        return [write for write in self.writes if write.outcome is Outcome.DONE]

    # ims.ports.WriteBack ---------------------------------------------------------------------------------------------

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        """Read an entry as it is now, on all servers."""
        del tenant  # a real one looks for this tenant's rules first
        directory = self.directories[link.directory]
        self.reads.append(link)
        entry = directory.entries.get(link.entry_id)
        if entry is not None:
            directory.before_read(entry)
        if directory.down:
            raise DirectoryUnreachable(f"{directory.name} gave no answer")
        entry = directory.entries.get(link.entry_id)
        if entry is None:
            return FreshReading(link=link, present=False, readable=Readable.NOT_PROVED)
        with self._mutex:
            facts = tuple(entry.facts) if directory.shows_locks else ()
            self.shown[directory.name, entry.entry_id] = facts
            self._ever_shown |= {(directory.name, entry.entry_id, fact) for fact in facts}
            proved = (directory.canary and directory.shows_locks) or str(entry.stamp) != link.stamp
            return FreshReading(
                link=replace(link, dn=entry.dn),
                present=True,
                readable=Readable.PROVED if proved else Readable.NOT_PROVED,
                facts=facts,
                stamp=str(entry.stamp),
                matched=entry.matched,
                rule=f"{directory.name}/{entry.matched}" if entry.matched else "",
                protected=entry.protected,
                doubt=entry.doubt,
            )

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        """Remove these markers server by server, each only if it is still as read."""
        directory = self._written_to(reading)
        outcomes = []
        for server, group in groupby(sorted(facts, key=_server), key=_server):
            directory.answer(server)
            outcomes.append(self._clear_on(directory, reading, tuple(group)))
        if Outcome.REFUSED in outcomes:
            return Written(outcome=Outcome.REFUSED, detail=directory.refuses)
        return Written(outcome=next((o for o in (Outcome.CHANGED, Outcome.DONE) if o in outcomes), Outcome.ALREADY))

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        """Add the affiliation back."""
        directory = self._written_to(reading)
        directory.answer()
        entry = directory.entries[reading.link.entry_id]
        if directory.refuses_to_restore:
            outcome = Outcome.REFUSED
        else:
            outcome = Outcome.ALREADY if entry.matched == tenant else Outcome.DONE
            entry.matched = tenant
        self._record(
            directory, FakeWrite(directory=directory.name, entry_id=entry.entry_id, outcome=outcome, restores=tenant)
        )
        return Written(outcome=outcome, detail=directory.refuses_to_restore)

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        """Say what `clear` would send."""
        return tuple(f"{reading.link.dn}: delete {name}: {value}" for fact in facts for name, value in fact.evidence)

    # ims.ports.Directories -------------------------------------------------------------------------------------------

    def states(self) -> tuple[DirectoryState, ...]:
        """Return every directory's state."""
        return tuple(DirectoryState(name=each.name, mode=each.mode) for each in self.directories.values())

    def enforced(self, name: DirectoryName) -> bool:
        """Return whether this directory is there and enforced."""
        return name in self.directories and self.directories[name].mode is Mode.ENFORCE

    # -----------------------------------------------------------------------------------------------------------------

    def _written_to(self, reading: FreshReading) -> FakeDirectory:
        directory = self.directories[reading.link.directory]
        assert directory.mode is Mode.ENFORCE, f"{directory.name} is observed only, and somebody writes to it"
        directory.before_write(directory.entries[reading.link.entry_id])
        return directory

    def _clear_on(self, directory: FakeDirectory, reading: FreshReading, facts: tuple[LockFact, ...]) -> Outcome:
        entry = directory.entries[reading.link.entry_id]
        unseen = [fact for fact in facts if (directory.name, entry.entry_id, fact) not in self._ever_shown]
        assert not unseen, f"a write removes what no reading has shown: {unseen}"
        with self._mutex:
            outcome = self._compare_and_swap(directory, entry, facts)
        self._record(
            directory,
            FakeWrite(directory=directory.name, entry_id=entry.entry_id, outcome=outcome, facts=facts),
        )
        return outcome

    @staticmethod
    def _compare_and_swap(directory: FakeDirectory, entry: FakeEntry, facts: tuple[LockFact, ...]) -> Outcome:
        if directory.refuses:
            return Outcome.REFUSED
        if all(fact in entry.facts for fact in facts):
            entry.facts = [fact for fact in entry.facts if fact not in facts]
            entry.stamp += 1
            return Outcome.DONE
        places = {_place(fact) for fact in facts}
        return Outcome.CHANGED if any(_place(fact) in places for fact in entry.facts) else Outcome.ALREADY

    def _record(self, directory: FakeDirectory, write: FakeWrite) -> None:
        self.writes.append(write)
        directory.after_write(directory.entries[write.entry_id])
        if directory.loses_answers:
            directory.loses_answers -= 1
            raise DirectoryUnreachable(f"{directory.name} gave no answer to the write")


@dataclass(slots=True, kw_only=True)
class FakeProcesses:
    """`ims.ports.Processes`: `name` is this one, `dead` are known to be gone, `elsewhere` cannot be known from here."""

    name: str = "this process"
    dead: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)

    def me(self) -> str:
        """Return this process's name."""
        return self.name

    def gone(self, owner: str) -> bool | None:
        """Return whether a process is gone; None for one on another host."""
        return None if owner in self.elsewhere else owner in self.dead


def _place(fact: LockFact) -> tuple[LockReason, str, str]:
    return fact.reason, fact.source, fact.server


def _server(fact: LockFact) -> str:
    return fact.server
