"""Whatever happens in whatever order: nobody whose lock was read counts as free, and no write removes what was not
read; the second half is asserted by the fake directory itself, at every write.
"""

# ruff: noqa: FBT001 -- the parameters of a rule are what hypothesis draws

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ims.errors import LockstepError
from ims.locks import ENTRY_REASONS, LockFact, LockReason
from ims.people import DirectoryName, EntryId, TenantId
from tests.support.fake_directory import FakeDirectory, FakeEntry
from tests.support.people import ACME, GLOBEX, actor
from tests.support.unlock_world import Crash, World, open_world

MINUTE = timedelta(minutes=1)
places = st.sampled_from(["corp", "lab"])
reasons = st.sampled_from(sorted(ENTRY_REASONS))
minutes = st.integers(min_value=-3, max_value=3)


def crash(_: FakeEntry) -> None:
    raise Crash


class Sequences(RuleBasedStateMachine):
    """One person in two directories, an administrator and an attacker in each, and somebody who unlocks."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world: World = open_world(Path(self.folder.name))
        self.ada = self.world.person(lab=True)
        self.world.processes.name = "process 0"
        self.told: dict[tuple[DirectoryName, EntryId], tuple[LockFact, ...]] = {}

    def teardown(self) -> None:
        self.world.store.close()
        self.folder.cleanup()

    def directory(self, name: str) -> FakeDirectory:
        return self.world.side.directories[DirectoryName(name)]

    # the directories' own life -----------------------------------------------------------------------------------

    @rule(where=places, reason=reasons, begins=minutes, lasts=st.one_of(st.none(), st.integers(1, 5)))
    def a_marker_appears(self, where: str, reason: LockReason, begins: int, lasts: int | None) -> None:
        since = self.world.clock.now() + begins * MINUTE
        self.directory(where).lock("ada", since, reason=reason, until=since + lasts * MINUTE if lasts else None)

    @rule(where=places, reason=reasons)
    def a_marker_without_a_beginning_appears(self, where: str, reason: LockReason) -> None:
        self.directory(where).lock("ada", None, reason=reason)

    @rule(where=places)
    def the_help_desk_frees(self, where: str) -> None:
        self.directory(where).free("ada")

    @rule(where=places, down=st.booleans())
    def goes_down_or_comes_up(self, where: str, down: bool) -> None:
        self.directory(where).down = {""} if down else set()

    @rule(where=places, refuses=st.sampled_from(["", "insufficientAccessRights"]), loses=st.integers(0, 2))
    def takes_writes_or_not(self, where: str, refuses: str, loses: int) -> None:
        self.directory(where).refuses = refuses
        self.directory(where).loses_answers = loses

    @rule(where=places, doubt=st.sampled_from(["", "its policy is unknown"]), canary=st.booleans())
    def proves_more_or_less(self, where: str, doubt: str, canary: bool) -> None:
        self.directory(where).canary = canary
        for entry in self.directory(where).entries.values():
            entry.doubt = doubt

    @rule(where=places, tenant=st.sampled_from([ACME, GLOBEX, None]))
    def affiliation_changes(self, where: str, tenant: TenantId | None) -> None:
        for entry in self.directory(where).entries.values():
            entry.matched = tenant

    @rule(minutes=st.integers(1, 4))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.forward(minutes * MINUTE)

    # ours --------------------------------------------------------------------------------------------------------

    @rule()
    def tick(self) -> None:
        if not any(directory.down for directory in self.world.side.directories.values()):
            with self.reading():
                self.world.tick(self.ada)

    @rule()
    def hold(self) -> None:
        self.world.view(actor(name="bob")).hold(self.ada.id, "stolen laptop")

    @rule(sees=st.booleans(), attacked=st.booleans(), where=places)
    def unlock(self, sees: bool, attacked: bool, where: str) -> None:
        shown = self.world.stored(self.ada).locks if sees else None
        rows = len(self.world.unlock_rows(self.ada))
        writes = len(self.world.side.writes)
        if attacked:
            self.directory(where).after_write = self.locks_again
        with self.reading():
            self.world.unlock(self.ada, shown=shown)
        self.directory(where).after_write = lambda _: None
        assert len(self.world.unlock_rows(self.ada)) == rows + 1
        assert len(self.world.side.writes) - writes <= 4, "two tries in two directories"

    @rule(where=places, hook=st.sampled_from(["before_read", "before_write", "after_write"]))
    def unlock_and_die(self, where: str, hook: str) -> None:
        setattr(self.directory(where), hook, crash)
        with contextlib.suppress(Crash), self.reading():
            self.world.unlock(self.ada)
        setattr(self.directory(where), hook, lambda _: None)
        self.world.processes.dead.add(self.world.processes.name)
        self.world.processes.name = f"process {len(self.world.processes.dead)}"

    @rule()
    def settle(self) -> None:
        writes = len(self.world.side.writes)
        with self.reading():
            while self.world.settle():
                pass
        assert len(self.world.side.writes) == writes, "settling never writes"

    def locks_again(self, entry: FakeEntry) -> None:
        for directory in self.world.side.directories.values():
            if directory.entries.get(entry.entry_id) is entry:
                directory.lock(entry.entry_id, self.world.clock.now())

    # what must hold --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Remember what the readings of an act showed, if it came to its end, and that it lost nothing unread."""
        before = self.world.stored(self.ada).locks
        self.world.side.shown.clear()
        with contextlib.suppress(LockstepError):
            yield
        self.told |= self.world.side.shown
        kept = self.world.lock_ids(self.ada)
        silent = {name for name, directory in self.world.side.directories.items() if directory.down}
        assert all(lock.id in kept for lock in before if lock.source in silent)

    @invariant()
    def whoever_was_read_as_locked_is_not_free(self) -> None:
        now = self.world.clock.now()
        for fact in (fact for facts in self.told.values() for fact in facts):
            begun = fact.since is None or fact.since <= now
            if begun and (fact.until is None or now < fact.until):
                assert not self.world.active(self.ada), fact

    @invariant()
    def the_ledger_is_sound(self) -> None:
        stored = self.world.stored(self.ada)
        assert len({lock.id for lock in stored.locks}) == len(stored.locks)
        references = [row.reference for row in self.world.unlock_rows(self.ada)]
        assert len(set(references)) == len(references), "one row for each unlock"


# Shrinking takes minutes here: each step is a transaction. Add Phase.shrink to look into a failure.
Sequences.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None, phases=[Phase.generate])
TestSequences = Sequences.TestCase
