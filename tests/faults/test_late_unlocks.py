"""Unlocks that come too late or never come to an end: reported, never done afterwards, and in nobody's way."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ims.audit import Action, Result
from ims.errors import Conflict, DirectoryUnreachable, LockstepError
from ims.locks import LockFact
from ims.people import EntryLink, TenantId
from ims.ports import Batch, FreshReading, Intent, IntentId, WriteBack, Written
from ims.settling import settle_open_intents
from ims.unlocking import UnlockRequest
from lockstep.bounded import BoundedUnlocking
from tests.support import crash_work
from tests.support.ber import Message, Op
from tests.support.crash_oracle import assert_sound
from tests.support.crash_scene import DEAD, CrashScene
from tests.support.fault_proxy import Line, Messages, fault_proxy
from tests.support.logged import ATTEMPTS, locked, outcomes, writes
from tests.support.oracle import Oracle
from tests.support.people import ACME, actor
from tests.support.prefork import Prefork
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
GONE = "a process that is gone"


class Before(Messages):
    """Let time pass just before a request of some kind reaches the server."""

    def __init__(self, op: Op, act: Callable[[], object]) -> None:
        super().__init__()
        self._op = op
        self._act = act

    def request(self, message: Message, line: Line) -> Iterable[bytes]:
        """Act, and let the request pass."""
        del line
        if message.op == self._op:
            self._act()
        return (message.raw,)


def state_of_process(pid: int) -> str:
    """Return the state letter of a process (proc(5)): T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


# --- a directory that is down -----------------------------------------------------------------------------------------


def test_f40_with_the_directory_down_500_requests_are_reported_and_none_is_done_late(own_world: SyncWorld) -> None:
    """Each is told 503 and recorded; nothing waits in a queue; and when the directory is back, nobody is unlocked."""
    people = locked(own_world, "ada", "bob", "cyd")
    oracle = Oracle.of(own_world)
    own_world.configure(connect_timeout=1, receive_timeout=1)
    bounded = BoundedUnlocking(own_world.unlocking(), own_world.store, own_world.clock)
    before = threading.active_count()
    requests = [UnlockRequest(actor=actor(), user=own_world.user(people[number % 3])) for number in range(500)]

    def unlock(request: UnlockRequest) -> LockstepError | None:
        try:
            bounded.unlock(request)
        except LockstepError as error:
            return error
        return None

    with own_world.slapd.frozen(), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(unlock, requests))
        assert outcomes(own_world) == [Result.FAILED] * 500
    assert all(isinstance(answer, DirectoryUnreachable) for answer in answers), answers
    wait_until(lambda: threading.active_count() == before, "no thread is left")
    assert own_world.settle() == 0
    own_world.tick()
    assert [own_world.reasons(person) for person in people] == [[ATTEMPTS]] * 3
    assert all(own_world.slapd.text(person.dn, "pwdAccountLockedTime") for person in people)
    oracle.assert_recovers(own_world.tick, own_world.reconcile)


@pytest.mark.parametrize("op", [Op.BIND, Op.SEARCH])
def test_f40_an_unlock_that_was_held_up_past_its_deadline_is_not_done(logged_world: SyncWorld, op: Op) -> None:
    """The directory answers at last; whoever asked has gone, and may have been told that it failed."""
    (ada,) = locked(logged_world, "ada")
    with fault_proxy(logged_world.slapd.port) as proxy:
        logged_world.configure(servers=[proxy.url])
        proxy.disturb(lambda: Before(op, lambda: logged_world.later(minutes=2)))
        with pytest.raises(DirectoryUnreachable, match="took too long"):
            logged_world.unlock(ada)
    logged_world.configure(servers=[logged_world.slapd.url])
    assert outcomes(logged_world) == [Result.FAILED]
    assert writes(logged_world, ada) == 0
    Oracle.of(logged_world).assert_recovers(logged_world.tick)


@pytest.mark.parametrize("point", ["unlock.mark.after", "unlock.clear.before"])
def test_f40_a_process_that_stood_still_past_its_deadline_writes_no_more(
    scene: CrashScene, runner: Prefork, point: str
) -> None:
    """Stopped (SIGSTOP) before its write, taken for dead, settled, and woken: it finds that it is too late."""
    scene.deadline("1s")
    ada = scene.corner.person("ada")
    order = scene.order("unlock", point, journal=str(scene.journal.file), name="ada")
    child = runner.start(replace(order, deed="stop"))
    wait_until(lambda: state_of_process(child) == "T", "it stands still")
    with scene.installation.wired() as wiring:
        (intent,) = [one for one in wiring.store.open_intents() if one.actor.name != DEAD]
        wait_until(lambda: wiring.clock.now() > intent.deadline, "its deadline passes")
        assert crash_work.settle(wiring) == 3
    os.kill(child, signal.SIGCONT)
    assert runner.wait() == 0, scene.output.read_text()
    assert [result for _, _, result in scene.journal.read()] != [""]
    if point == "unlock.mark.after":
        assert scene.marker(ada) == scene.markers[ada.uid]
    scene.recover(runner)
    assert_sound(scene)


# --- intents that nobody can settle -----------------------------------------------------------------------------------


class Poisoned:
    """A write-back that stumbles over some entries; the others it reads as ever."""

    def __init__(self, inner: WriteBack, stumbles: Mapping[str, Exception]) -> None:
        self._inner = inner
        self._stumbles = stumbles

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        if link.entry_id in self._stumbles:
            raise self._stumbles[link.entry_id]
        return self._inner.read(link, tenant)

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        return self._inner.clear(reading, facts)

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        return self._inner.restore(reading, tenant)

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        return self._inner.plan(reading, facts)


def left_open(world: SyncWorld, person: Person, number: int) -> None:
    """Leave an unlock of a process that is gone, which had said that it was about to write."""
    user, now = world.user(person), world.clock.now()
    reading = world.fresh(person)
    intent = Intent(
        id=IntentId(f"left-open-{number}"),
        user=user.id,
        tenant=ACME,
        actor=actor(),
        opened=now + timedelta(microseconds=number),
        deadline=now + timedelta(minutes=1),
        owner=GONE,
    )
    world.processes.dead.add(GONE)
    world.store.open_intent(intent)
    world.store.mark_writing(intent.id, reading.facts)


def test_f41_intents_that_nobody_can_settle_do_not_keep_the_others_open(logged_world: SyncWorld) -> None:
    """An entry that was deleted, a user who was removed, entries that cannot be read or make us stumble: each ends."""
    world = logged_world
    people = locked(world, "deleted", "removed", "malformed", "broken", "dumb", "ada", "bob")
    for number, person in enumerate(people):
        left_open(world, person, number)
    deleted, removed, malformed, broken, dumb, ada, bob = people
    world.slapd.modify(bob.dn, pwdAccountLockedTime=[])
    world.slapd.delete(deleted.dn)
    world.store.apply(Batch(removed=(world.user(removed).id,)))
    stumbles = {
        malformed.entry_id: Conflict("the entry says two things at once"),
        broken.entry_id: ZeroDivisionError("a mistake of ours"),
        dumb.entry_id: DirectoryUnreachable("the entry cannot be read"),
    }
    write_back = Poisoned(world.write_back, stumbles)
    assert settle(world, write_back) == 6
    rows = {row.user: row for row in world.audit(Action.UNLOCK)}
    assert rows[world.user(bob).id].result is Result.DONE
    others = [row for row in rows.values() if row.user != world.user(bob).id]
    assert [row.result for row in others] == [Result.FAILED] * 5
    assert "a mistake of ours" not in str(others), "only the kind of an unforeseen error is told"
    assert [intent.user for intent in world.store.open_intents()] == [world.user(dumb).id]
    world.later(hours=25)
    assert settle(world, write_back) == 1
    assert outcomes(world)[-1] is Result.FAILED
    assert [writes(world, person) for person in people[1:]] == [0] * 6
    assert world.reasons(ada) == [ATTEMPTS]


def settle(world: SyncWorld, write_back: WriteBack) -> int:
    """Settle what is open, over another write-back."""
    return settle_open_intents(world.store, write_back, world.processes, world.clock, world.directories)
