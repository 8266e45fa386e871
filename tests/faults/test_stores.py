"""A store that cannot be written: refused before the directory is touched, reported, and right again afterwards."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from ims.audit import Action, Result
from ims.errors import StoreUnusable
from ims.store import open_store
from tests.support.ber import Message, Op
from tests.support.commits import Commits, Fault
from tests.support.fault_proxy import Messages, fault_proxy
from tests.support.full_disk import Disk, disks
from tests.support.installation import Installation, answers, call, corner, stop
from tests.support.logged import ATTEMPTS, locked, outcomes, writes
from tests.support.oracle import Oracle
from tests.support.people import ACME
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import SyncWorld, open_sync_world
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


# --- F44: somebody else holds the store -------------------------------------------------------------------------------


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Hold the store's one write lock, as a backup does that went wrong."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def threads_of(pid: int) -> int:
    """Return how many threads a process and its children have."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    return len(tasks) + sum(threads_of(child) for task in tasks for child in children_of(task))


def children_of(task: Path) -> list[int]:
    """Return which processes a thread has started; none if it has just ended."""
    with suppress(OSError):
        return [int(child) for child in (task / "children").read_text().split()]
    return []


def test_f44_a_store_that_somebody_holds_is_503_and_nothing_piles_up(tmp_path: Path, slapd: Slapd) -> None:
    """Unlocks are refused with the directory untouched, reading goes on, threads stay as many as they were."""
    where = corner(slapd, ("lena", "carla"))
    lena = where.person("lena")
    slapd.lock(lena)
    installation = Installation(folder=tmp_path, directories=where.settings())
    store = tmp_path / "lockstep.db"
    installation.config.write_text(installation.config.read_text().replace(str(store), f"{store}?timeout=0.5"))
    installation.ok("sync")
    token = installation.token("--user", where.person("carla").uid, "--role", "co_administrator")
    (user,) = installation.json("users", "--locked")
    users = f"{installation.url}/scim/v2/Users"
    with installation.serving() as server:
        with ThreadPoolExecutor(12) as pool:
            assert {status for status, _, _ in pool.map(lambda _: call(users, "GET", token), range(16))} == {200}
        before = threads_of(server.pid)
        with held(store), ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: installation.patch_active(user["id"], token), range(16)))
            assert {(status, "retry-after" in headers) for status, headers, _ in replies} == {(503, True)}
            assert call(users, "GET", token)[0] == 200
            assert installation.get("/readyz")[0] == 503
            assert installation.run("sync").exit_code == 1
            assert slapd.text(lena.dn, "pwdAccountLockedTime")
            assert threads_of(server.pid) <= before
        assert installation.patch_active(user["id"], token)[0] == 200
        assert installation.get("/readyz")[0] == 200
    assert slapd.sign_in(lena.dn, lena.password)
    installation.ok("sync")
    slapd.delete(where.group)


# --- F45: no room left ------------------------------------------------------------------------------------------------


class AfterAnswer(Messages):
    """Let something happen once an answer of some kind has come, before it goes on to the agent; once."""

    def __init__(self, op: Op, acts: list[Callable[[], object]]) -> None:
        super().__init__()
        self._op = op
        self._acts = acts

    def reply(self, message: Message) -> tuple[bytes, ...]:
        """Act, and let the answer pass."""
        if message.op == self._op and self._acts:
            self._acts.pop()()
        return (message.raw,)


@pytest.fixture(params=disks())
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """Return a disk that can be filled."""
    with disks()[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def cramped(disk: Disk, logging_slapd: Slapd) -> Iterator[SyncWorld]:
    """Return a world whose store is on that disk."""
    world = open_sync_world(logging_slapd, disk.folder)
    try:
        yield world
    finally:
        world.store.close()


def test_f45_with_the_disk_full_an_unlock_is_refused_and_reading_goes_on(cramped: SyncWorld, disk: Disk) -> None:
    """No audit row, no unlock; when there is room again, the same unlock works."""
    (ada,) = locked(cramped, "ada")
    oracle = Oracle.of(cramped)
    disk.fill(cramped.store)
    for act in (lambda: cramped.unlock(ada), cramped.tick):
        with pytest.raises(StoreUnusable, match="the disk is full; free some space"):
            act()
    assert writes(cramped, ada) == 0
    assert cramped.reasons(ada) == [ATTEMPTS]
    disk.free(cramped.store)
    assert cramped.unlock(ada).locks == ()
    assert writes(cramped, ada) == 1
    oracle.assert_recovers(cramped.tick, cramped.reconcile)


def test_f45_full_after_the_intent(cramped: SyncWorld, disk: Disk) -> None:
    """The room runs out while the entry is read: nothing is written to the directory, and the intent ends as failed."""
    (ada,) = locked(cramped, "ada")
    oracle = Oracle.of(cramped)
    full = AfterAnswer(Op.ENTRY, [lambda: disk.fill(cramped.store)])
    with disturbed(cramped, full), pytest.raises(StoreUnusable, match="the disk is full"):
        cramped.unlock(ada)
    assert writes(cramped, ada) == 0
    disk.free(cramped.store)
    recovered(cramped, Result.FAILED)
    assert cramped.reasons(ada) == [ATTEMPTS]
    oracle.assert_recovers(cramped.tick, cramped.reconcile)


def test_f45_full_after_the_write(cramped: SyncWorld, disk: Disk) -> None:
    """The directory is unlocked and that cannot be recorded: told as failed, found out by reading, recorded once."""
    (ada,) = locked(cramped, "ada")
    oracle = Oracle.of(cramped)
    full = AfterAnswer(Op.MODIFY_ANSWER, [lambda: disk.fill(cramped.store)])
    with disturbed(cramped, full), pytest.raises(StoreUnusable, match="the disk is full"):
        cramped.unlock(ada)
    assert cramped.reasons(ada) == [ATTEMPTS], "nothing is shown unlocked before that is recorded"
    disk.free(cramped.store)
    recovered(cramped, Result.DONE)
    assert cramped.reasons(ada) == []
    assert writes(cramped, ada) == 1
    oracle.assert_recovers(cramped.tick, cramped.reconcile)


def test_f45_full_in_a_pass(cramped: SyncWorld, disk: Disk) -> None:
    """Nothing of the batch is there; the next pass with room does all of it."""
    locked(cramped, "ada")
    oracle = Oracle.of(cramped)
    newcomers = cramped.people(20)
    before = cramped.versions()
    disk.fill(cramped.store)
    with pytest.raises(StoreUnusable, match="the disk is full"):
        cramped.tick()
    assert cramped.versions() == before
    disk.free(cramped.store)
    oracle.assert_recovers(cramped.tick)
    assert all(cramped.find(person) for person in newcomers)


@contextmanager
def disturbed(world: SyncWorld, disturbance: AfterAnswer) -> Iterator[None]:
    """Have Lockstep reach the directory through a proxy that does something for a while."""
    with fault_proxy(world.slapd.port) as proxy:
        world.configure(servers=[proxy.url])
        proxy.disturb(lambda: disturbance)
        yield
    world.configure(servers=[world.slapd.url])


def recovered(world: SyncWorld, expected: Result) -> None:
    """Require that the one unlock which was left open is settled once its time is over, and how."""
    assert world.settle() == 0, "its process lives, and its time is not over"
    world.later(minutes=2)
    assert world.settle() == 1
    assert outcomes(world)[-1] is expected


def test_f45_heads_that_find_no_room_are_an_alarm(tmp_path: Path, slapd: Slapd) -> None:
    """The agent goes on reading, and says in its log that the audit's head is not kept."""
    where = corner(slapd, ("lena",))
    heads = '[audit]\nheads_file = "/dev/full"\nheads_every = "1m"\n'
    installation = Installation(folder=tmp_path, directories=where.settings(), more=heads)
    installation.ok("sync")
    slapd.lock(where.person("lena"))
    agent = installation.start("agent")
    try:
        wait_until(lambda: installation.json("users", "--locked"), "the lock is seen", 20)
        wait_until(lambda: "audit_head_not_kept" in installation.output(), "that is told", 20)
        assert "No space left on device" in installation.output()
    finally:
        assert stop(agent) == 0
    slapd.delete(where.group)


@pytest.mark.parametrize("part", ["agent", "serve"])
def test_f45_a_log_that_takes_no_line_stops_nothing(tmp_path: Path, slapd: Slapd, part: str) -> None:
    """/dev/full answers every write as a full disk does: whoever logs there goes on with the work."""
    where = corner(slapd, ("lena", "carla"))
    lena = where.person("lena")
    installation = Installation(folder=tmp_path, directories=where.settings())
    installation.ok("sync")
    slapd.lock(lena)
    (tmp_path / "output").symlink_to("/dev/full")
    process = installation.start(part)
    try:
        if part == "agent":
            wait_until(lambda: installation.json("users", "--locked"), "the lock is seen", 20)
        else:
            token = installation.token("--user", where.person("carla").uid, "--role", "co_administrator")
            wait_until(lambda: answers(installation.port), "the web server answers", 20)
            (user,) = installation.json("users", "--search", lena.uid)
            assert installation.patch_active(user["id"], "lsk_000000000000_wrong")[0] == 401
            assert installation.patch_active(user["id"], token)[0] == 200
            assert slapd.sign_in(lena.dn, lena.password)
        assert process.poll() is None
    finally:
        assert stop(process) == 0
    slapd.delete(where.group)


# --- F46: the connection ends in a COMMIT -----------------------------------------------------------------------------

UNLOCKS_COMMITS = 3
"""An unlock commits its intent, that it is about to write, and its outcome."""


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST])
@pytest.mark.parametrize("number", range(UNLOCKS_COMMITS))
def test_f46_a_commit_of_an_unlock_is_cut(logged_world: SyncWorld, number: int, fault: Fault) -> None:
    """Whether it was done or not: the caller is told that it failed, and repeating it has one effect altogether."""
    (ada,) = locked(logged_world, "ada")
    oracle, commits = Oracle.of(logged_world), Commits.of(logged_world.store)
    commits.faults = [Fault.NONE] * number + [fault]
    with pytest.raises(StoreUnusable, match="the disk does not answer properly"):
        logged_world.unlock(ada)
    assert logged_world.unlock(ada).locks == ()
    assert writes(logged_world, ada) == 1
    logged_world.later(minutes=2)
    assert logged_world.settle() == ((number, fault) not in {(0, Fault.CUT), (2, Fault.LOST)})
    begun = 1 if (number, fault) == (0, Fault.CUT) else 2
    assert len({row.reference for row in logged_world.audit(Action.UNLOCK)}) == len(outcomes(logged_world)) == begun
    oracle.assert_recovers(logged_world.tick, logged_world.reconcile)


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST])
@pytest.mark.parametrize("number", range(3))
def test_f46_a_commit_of_a_pass_is_cut(logged_world: SyncWorld, number: int, fault: Fault) -> None:
    """Batches, watermark: the next pass ends in the same state, and nothing is raised or told twice."""
    ada, bob = locked(logged_world, "ada", "bob")
    oracle = Oracle.of(logged_world)
    logged_world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    logged_world.leave(bob)
    logged_world.person("new")
    commits = Commits.of(logged_world.store)
    commits.faults = [Fault.NONE] * number + [fault]
    with suppress(StoreUnusable):
        logged_world.tick()
    assert commits.count > number, "there are as many commits in a pass"
    oracle.assert_safe()
    oracle.assert_recovers(logged_world.tick, logged_world.reconcile)


def test_f46_a_log_that_ends_anywhere_is_whole_transactions(logged_world: SyncWorld, tmp_path: Path) -> None:
    """Power fails: SQLite's log is cut after any byte. What is left is a state that there was, with its audit."""
    (ada,) = locked(logged_world, "ada")
    file = logged_world.store._database.file
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    logged_world.unlock(ada)
    log = Path(f"{file}-wal").read_bytes()
    seen = []
    for length in (len(log) * part // CUTS for part in range(CUTS + 1)):
        folder = tmp_path / f"cut-{length}"
        folder.mkdir()
        shutil.copy(file, folder / "store.db")
        (folder / "store.db-wal").write_bytes(log[:length])
        seen.append(state_in(folder, ada))
        shutil.rmtree(folder)
    states = [state for state, after in zip(seen, [*seen[1:], None], strict=True) if state != after]
    assert states == [(1, 0, 0), (1, 1, 0), (0, 0, 1)], "locked; under way; unlocked, closed and told"


CUTS = 60
"""In how many places the log is cut."""


def state_in(folder: Path, person: Person) -> tuple[int, int, int]:
    """Return how many locks somebody has, how many unlocks are open, and how many the audit tells of."""
    store = open_store(f"sqlite:///{folder}/store.db")
    try:
        store.check()
        (user,) = store.named(ACME, [person.uid]).values()
        told = [row for row in store.audit(user=user.id) if row.action is Action.UNLOCK]
        return len(user.locks), len(store.open_intents()), len(told)
    finally:
        store.close()


def test_f46_a_power_cut_takes_no_commit_back(logged_world: SyncWorld) -> None:
    """Every COMMIT waits for the disk: an unlock in the directory never outlives its intent and its audit row."""
    with logged_world.store._database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == FULL


FULL = 2
"""SQLite's number for synchronous=FULL (pragma.html)."""
