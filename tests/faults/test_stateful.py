"""Any sequence of what happens to a directory and to Lockstep ends where the reference model says.

hypothesis chooses: people lock themselves, help desks unlock, entries are renamed, moved, removed and made anew, people
come and go, clocks step, passes and unlocks run, and processes are killed on the way.
"""

import itertools
import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.failpoints import INTENT_TO_WRITE, PASS, STORE, WRITE_TO_OUTCOME
from tests.support.living_directory import LivingDirectory, living_directory
from tests.support.prefork import Prefork
from tests.support.reference_model import FOR_GOOD, Entry
from tests.support.slapd import Slapd

pytestmark = pytest.mark.servers
LONG = os.environ.get("LOCKSTEP_FAULTS") == "long"
EXAMPLES, STEPS = (100, 50) if LONG else (12, 20)
MOST_PEOPLE = 5
MOST_WEIGHED = 7
"""How much of what the brake counts an hour may see: its limit is ten, and it has tests of its own."""
PASS_POINTS = [point.name for point in (*PASS, *STORE)]
UNLOCK_POINTS = [point.name for point in (*INTENT_TO_WRITE, *WRITE_TO_OUTCOME)]
STEPS_OF_THE_CLOCK = [timedelta(minutes=5), timedelta(minutes=31), timedelta(hours=25)]

pick = st.integers(0, 1000)


Wanted = Callable[[Entry], object]


def exists(entry: Entry) -> object:
    return entry.exists


def known(entry: Entry) -> object:
    return entry.known


def not_marked(entry: Entry) -> object:
    return entry.exists and not entry.marker


def marked(entry: Entry) -> object:
    return entry.exists and entry.marker


def not_disabled(entry: Entry) -> object:
    return entry.exists and entry.marker != FOR_GOOD


def gone(entry: Entry) -> object:
    return not entry.exists


def to_somebody(wanted: Wanted) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have a rule only where there is somebody to whom it can happen."""
    return precondition(lambda life: bool(life.able(wanted)))


class Life(RuleBasedStateMachine):
    """What can happen. `number` chooses among those to whom it can."""

    open: Callable[[], LivingDirectory]
    close: Callable[[], None]

    @initialize()
    def begin(self) -> None:
        self.world = self.open()
        self.names = itertools.count(1)
        self.weighed = 0
        for timed, member in ((False, True), (True, True), (False, False)):
            self.world.add(f"p{next(self.names)}", timed=timed, member=member)
        self.world.read(complete=False)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.reconcile()
            self.world.assert_directory()
            self.world.assert_steady()
        finally:
            self.close()

    # --- who ---------------------------------------------------------------------------------------------------------

    def able(self, wanted: Wanted) -> list[Entry]:
        """Return those to whom something can happen: everybody who is wanted but the keeper."""
        keeper = self.world.keeper.entry_id
        return [entry for entry in self.world.model.entries if entry.entry_id != keeper and wanted(entry)]

    def some(self, number: int, wanted: Wanted) -> Entry:
        """Return one of them."""
        able = self.able(wanted)
        return able[number % len(able)]

    def breathe(self) -> None:
        """Let an hour pass where so much has happened that the brake would hold the next of it."""
        if self.world.model.weighed - self.weighed >= MOST_WEIGHED:
            self.world.later(timedelta(minutes=61))
            self.weighed = self.world.model.weighed

    # --- in the directory --------------------------------------------------------------------------------------------

    @precondition(lambda life: len(life.able(exists)) < MOST_PEOPLE)
    @rule(timed=st.booleans(), member=st.booleans())
    def somebody_new(self, *, timed: bool, member: bool) -> None:
        self.world.add(f"p{next(self.names)}", timed=timed, member=member)

    @to_somebody(not_marked)
    @rule(number=pick)
    def wrong_passwords(self, number: int) -> None:
        self.world.guess(self.some(number, not_marked))

    @to_somebody(marked)
    @rule(number=pick)
    def help_desk_unlocks(self, number: int) -> None:
        self.world.set_marker(self.some(number, marked), "")

    @to_somebody(not_disabled)
    @rule(number=pick)
    def disabled(self, number: int) -> None:
        self.breathe()
        self.world.set_marker(self.some(number, not_disabled), FOR_GOOD)

    @to_somebody(exists)
    @rule(number=pick)
    def leaves_or_joins(self, number: int) -> None:
        self.breathe()
        entry = self.some(number, exists)
        self.world.set_member(entry, member=not entry.member)

    @to_somebody(exists)
    @rule(number=pick)
    def renamed(self, number: int) -> None:
        entry = self.some(number, exists)
        self.world.move(entry, name=f"p{next(self.names)}", in_scope=entry.in_scope)

    @to_somebody(exists)
    @rule(number=pick)
    def moved_out_or_back(self, number: int) -> None:
        self.breathe()
        entry = self.some(number, exists)
        self.world.move(entry, in_scope=not entry.in_scope)

    @to_somebody(exists)
    @rule(number=pick)
    def deleted(self, number: int) -> None:
        self.breathe()
        self.world.delete(self.some(number, exists))

    @to_somebody(gone)
    @rule(number=pick, member=st.booleans())
    def made_anew(self, number: int, *, member: bool) -> None:
        """An entry with a name that was there before is somebody else."""
        name = self.some(number, gone).name
        if name not in {entry.name for entry in self.able(exists)}:
            self.world.add(name, timed=False, member=member)

    # --- in Lockstep -------------------------------------------------------------------------------------------------

    @rule()
    def tick(self) -> None:
        self.world.read(complete=False)
        self.world.assert_store()

    @rule()
    def reconcile(self) -> None:
        self.world.read(complete=True)
        self.world.assert_store()

    @to_somebody(known)
    @rule(number=pick)
    def unlock(self, number: int) -> None:
        self.world.unlock(self.some(number, known))

    @to_somebody(known)
    @rule(number=pick)
    def hold(self, number: int) -> None:
        self.world.hold(self.some(number, known))

    @to_somebody(known)
    @rule(number=pick, active=st.booleans())
    def provision(self, number: int, *, active: bool) -> None:
        self.world.provision(self.some(number, known), active=active)

    @rule(length=st.sampled_from(STEPS_OF_THE_CLOCK))
    def time_passes(self, length: timedelta) -> None:
        self.world.later(length)

    # --- killed on the way -------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["tick", "reconcile"]), point=st.sampled_from(PASS_POINTS))
    def pass_is_killed(self, what: str, point: str) -> None:
        self.world.crash(what, point)
        self.world.assert_store()

    @to_somebody(known)
    @rule(number=pick, point=st.sampled_from(UNLOCK_POINTS))
    def unlock_is_killed(self, number: int, point: str) -> None:
        self.world.crash("unlock", point, self.some(number, known))
        self.world.assert_store()

    @invariant()
    def the_directory_is_what_people_made_it(self) -> None:
        if hasattr(self, "world"):
            self.world.assert_directory()


def test_f42_any_sequence_ends_where_the_model_says(
    logging_slapd: Slapd, runner: Prefork, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Locks by wrong passwords, help desks, renames, moves, clock steps, kills: one account of it all."""
    record_property("cases", EXAMPLES)
    numbers = itertools.count(1)

    class OneLife(Life):
        def __init__(self) -> None:
            super().__init__()
            self._stack = ExitStack()

        def open(self) -> LivingDirectory:
            return self._stack.enter_context(living_directory(logging_slapd, runner, tmp_path, next(numbers)))

        def close(self) -> None:
            self._stack.close()

    run_state_machine_as_test(
        OneLife,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not LONG,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert next(numbers) > EXAMPLES
