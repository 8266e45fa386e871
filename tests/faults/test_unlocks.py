"""What can happen to an unlock between a click and a directory: others act too, answers are lost, servers lag."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from ims.audit import Action, Result
from ims.errors import ChangedMeanwhile, DirectoryUnreachable, StillLocked
from ims.people import User
from ims.unlocking import UnlockRequest
from tests.support.ber import Message, Op
from tests.support.fault_proxy import CutAfter, FaultProxy, HangUp, Line, Messages, fault_proxy
from tests.support.logged import ATTEMPTS, locked, outcomes, writes
from tests.support.oracle import Oracle
from tests.support.people import actor
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


class CutAnswer(Messages):
    """Let so many bytes of the answer to a write pass, and end the connection: nobody knows whether it was done."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def reply(self, message: Message) -> Iterator[bytes]:
        """Cut the answer to a write."""
        if message.op != Op.MODIFY_ANSWER:
            yield message.raw
            return
        yield message.raw[: self._count]
        raise HangUp


class CutForGood(CutAnswer):
    """End the connection in the place of that answer, and every other one from then on at its first request."""

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__(0)
        self._proxy = proxy

    def reply(self, message: Message) -> Iterator[bytes]:
        """Cut the answer to a write, and have the others cut."""
        if message.op == Op.MODIFY_ANSWER:
            self._proxy.disturb(lambda: CutAfter(0, asked=True))
        yield from super().reply(message)


class CutWrite(Messages):
    """Let so many bytes of a write reach the server, and end the connection."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def request(self, message: Message, line: Line) -> Iterator[bytes]:
        """Cut the write."""
        del line
        if message.op != Op.MODIFY:
            yield message.raw
            return
        yield message.raw[: self._count]
        raise HangUp


class BeforeWrite(Messages):
    """Let somebody act just before a write reaches the server."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def request(self, message: Message, line: Line) -> Iterable[bytes]:
        """Act, and let the write pass."""
        del line
        if message.op == Op.MODIFY:
            self._act()
        return (message.raw,)


@contextmanager
def through(world: SyncWorld) -> Iterator[FaultProxy]:
    """Have Lockstep reach the directory through a proxy for a while, and directly again in the end."""
    with fault_proxy(world.slapd.port) as proxy:
        world.configure(servers=[proxy.url])
        yield proxy
    world.configure(servers=[world.slapd.url])


def written_once_and_free(world: SyncWorld, person: Person) -> None:
    """Require one effect, and that the person may sign in."""
    assert writes(world, person) == 1
    assert world.reasons(person) == []
    assert world.slapd.sign_in(person.dn, person.password)


# --- answers that are lost --------------------------------------------------------------------------------------------

ANSWER_BYTES = 14
"""How long slapd's answer to a write is that it has done."""


@pytest.mark.parametrize("count", range(ANSWER_BYTES))
def test_f33_the_answer_to_the_write_is_cut(logged_world: SyncWorld, count: int) -> None:
    """After each of its bytes: it was done, which the reading shows that follows, and it is not done again."""
    (ada,) = locked(logged_world, "ada")
    with through(logged_world) as proxy:
        proxy.disturb(lambda: CutAnswer(count))
        assert logged_world.unlock(ada).locks == ()
    written_once_and_free(logged_world, ada)
    assert outcomes(logged_world) == [Result.DONE]
    Oracle.of(logged_world).assert_recovers(logged_world.tick)


def test_f33_the_answer_is_cut_and_nobody_answers_afterwards(logged_world: SyncWorld) -> None:
    """Done, and nobody can know: reported as not done, shown locked, and found out by the next pass."""
    (ada,) = locked(logged_world, "ada")
    with through(logged_world) as proxy:
        proxy.disturb(lambda: CutForGood(proxy))
        with pytest.raises(DirectoryUnreachable, match="was not unlocked"):
            logged_world.unlock(ada)
    assert logged_world.reasons(ada) == [ATTEMPTS]
    assert outcomes(logged_world) == [Result.FAILED]
    Oracle.of(logged_world).assert_recovers(logged_world.tick)
    written_once_and_free(logged_world, ada)


@pytest.mark.parametrize("part", [0, 1, 40, -1])
def test_f33_the_write_itself_is_cut(logged_world: SyncWorld, part: int) -> None:
    """The server never had the whole of it: not done, told as such, and the lock stays everywhere."""
    (ada,) = locked(logged_world, "ada")
    with through(logged_world) as proxy:
        proxy.disturb(lambda: CutWrite(part))
        with pytest.raises(DirectoryUnreachable, match="was not unlocked"):
            logged_world.unlock(ada)
    assert writes(logged_world, ada) == 0
    assert logged_world.reasons(ada) == [ATTEMPTS]
    assert outcomes(logged_world) == [Result.FAILED]
    Oracle.of(logged_world).assert_recovers(logged_world.tick)


# --- others act meanwhile ---------------------------------------------------------------------------------------------


def relocked(world: SyncWorld, person: Person) -> None:
    """Let a help desk unlock somebody whom wrong passwords lock again: in another second (slapd tells no less)."""
    before = world.slapd.text(person.dn, "pwdAccountLockedTime")

    def locked_anew() -> bool:
        world.slapd.modify(person.dn, pwdAccountLockedTime=[])
        return world.slapd.lock(person) != before

    wait_until(locked_anew, "another second has come")


def test_f34_relocked_between_the_reading_and_the_write(logged_world: SyncWorld) -> None:
    """Each time: the write takes nothing away that was not seen, the caller is told, and the lock stays."""
    (ada,) = locked(logged_world, "ada")
    with through(logged_world) as proxy:
        proxy.disturb(lambda: BeforeWrite(lambda: relocked(logged_world, ada)))
        with pytest.raises(StillLocked, match="stays locked"):
            logged_world.unlock(ada)
    assert writes(logged_world, ada) == 0
    assert outcomes(logged_world) == [Result.FAILED]
    assert not logged_world.slapd.sign_in(ada.dn, ada.password)
    Oracle.of(logged_world).assert_recovers(logged_world.tick)
    assert logged_world.reasons(ada) == [ATTEMPTS]


def test_f34_whoever_named_the_lock_that_they_saw_is_told_at_the_first_try(logged_world: SyncWorld) -> None:
    """If-Match: the new lock is another decision."""
    (ada,) = locked(logged_world, "ada")
    user = logged_world.user(ada)
    shown = frozenset(lock.id for lock in user.locks)
    with through(logged_world) as proxy:
        proxy.disturb(lambda: BeforeWrite(lambda: relocked(logged_world, ada)))
        with pytest.raises(ChangedMeanwhile):
            logged_world.unlocking().unlock(UnlockRequest(actor=actor(), user=user, shown=shown))
    assert writes(logged_world, ada) == 0
    assert not logged_world.slapd.sign_in(ada.dn, ada.password)
    Oracle.of(logged_world).assert_recovers(logged_world.tick)


def test_f36_a_help_desk_was_faster(logged_world: SyncWorld) -> None:
    """Between our reading and our write: success, and ours took nothing away."""
    (ada,) = locked(logged_world, "ada")
    with through(logged_world) as proxy:
        proxy.disturb(lambda: BeforeWrite(lambda: logged_world.slapd.modify(ada.dn, pwdAccountLockedTime=[])))
        assert logged_world.unlock(ada).locks == ()
    assert writes(logged_world, ada) == 0
    assert outcomes(logged_world) == [Result.DONE]
    assert logged_world.slapd.sign_in(ada.dn, ada.password)
    Oracle.of(logged_world).assert_recovers(logged_world.tick)


# --- many at once -----------------------------------------------------------------------------------------------------

AT_ONCE = 50 if os.environ.get("LOCKSTEP_FAULTS") == "long" else 10
"""How many unlocks run at one moment: each reads anew whenever another one has committed before it."""


def test_f35_fifty_unlocks_of_one_person_are_one_effect(logged_world: SyncWorld) -> None:
    """Fifty Co-Administrators: one write, fifty equal answers, fifty rows. In a long run all come at one moment."""
    world = logged_world
    (ada,) = locked(world, "ada")
    oracle = Oracle.of(world)
    unlocking, user, together = world.unlocking(), world.user(ada), threading.Barrier(AT_ONCE)

    def unlock(number: int) -> User:
        together.wait(30)
        return unlocking.unlock(UnlockRequest(actor=actor(name=f"administrator {number}"), user=user))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(unlock, range(50)))
    assert writes(world, ada) == 1
    assert all(answer.locks == () for answer in answers)
    assert outcomes(world) == [Result.DONE] * 50
    assert len({row.reference for row in world.audit(Action.UNLOCK)}) == 50
    assert len(world.audit(Action.LOCK_LIFTED)) == 1
    assert world.slapd.sign_in(ada.dn, ada.password)
    oracle.assert_recovers(world.tick, world.reconcile)


# --- several servers --------------------------------------------------------------------------------------------------


def test_f39_a_stale_copy_locks_nobody_again(logged_world: SyncWorld, start_slapd: Callable[..., Slapd]) -> None:
    """The unlock went to one server; another one, which has not got it yet, stands in for it in the next passes."""
    world = logged_world
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[world.slapd.url, copy.url])
    ada, bob = locked(world, "ada", "bob")
    world.follow(copy, ada)
    world.follow(copy, bob)
    copy.halt()
    copy.resume(provider="")
    world.tick()
    world.configure(servers=[world.slapd.url])
    world.unlock(ada)
    world.configure(servers=["ldap://127.0.0.1:9", copy.url])
    assert copy.text(ada.dn, "pwdAccountLockedTime"), "the copy lags"
    for stale in (world.tick(), world.reconcile()):
        assert stale.report.server == copy.url
        assert stale.report.raised == 0
    assert (world.reasons(ada), world.reasons(bob)) == ([], [ATTEMPTS])
    world.configure(servers=[world.slapd.url])
    Oracle.of(world).assert_recovers(world.tick, world.reconcile)
