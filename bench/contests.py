"""Who is measured against whom, alternately: one round measures everybody once, so that a busy moment hits all alike.

Each contest is a context that prepares what it needs and yields the contestants by name, in the order of a round.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.directory import Directory
from bench.errors import BenchProblem
from bench.giant import GROUP, serving
from bench.measuring import Sample, Task, found_by, run_command, run_task, with_server
from bench.people import BASE, PEOPLE, USERS
from bench.stores import must_hold, new_store, remove_store, rows_written, watch
from bench.tasks.syncing import asked

READ_ATTRIBUTES = (
    "entryUUID",
    "entryCSN",
    "pwdAccountLockedTime",
    "pwdChangedTime",
    "uid",
    "cn",
    "sn",
    "givenName",
    "mail",
    "telephoneNumber",
    "title",
    "employeeType",
    "departmentNumber",
)
"""The thirteen attributes of the reading contest; most people have twelve of them."""
SMALL_GROUP = 191_000
"""Members of a group that is an answer of 8 MB."""
LARGE_GROUP = 4 * SMALL_GROUP
FULL_SIZE = 100_000
"""How many people the figures are about. A directory of another size has groups of another size too."""
MOST_LOADED = 20_000
"""More users tell no more about the store alone."""
CANARY = 1
"""It is below `BASE` too, and locked."""
LOCKED_USERS = f"(&{USERS}(pwdAccountLockedTime=*))"

Contestants = Mapping[str, Callable[[], Sample]]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where contests take place: a directory, and a folder for stores."""

    directory: Directory
    folder: Path

    def scaled(self, members: int) -> int:
        """Return a number of members that fits the size of this directory."""
        return max(1, members * self.directory.sizes.people // FULL_SIZE)

    def peer(self, base: str, filter_: str, attributes: tuple[str, ...], finds: int) -> Callable[[], Sample]:
        """Return the peer of a reading: ldapsearch, asked for the same.

        Its output is counted once, beforehand: that also reads into memory what everybody is to read from there.
        """
        command = self.directory.ldapsearch(base, filter_, attributes)
        found = found_by(command)
        if found.entries != finds:
            raise BenchProblem(f"ldapsearch was to find {finds} entries below {base}, and found {found.entries}")

        def measure() -> Sample:
            sample = with_server(lambda: run_command(command), self.directory.cpu_s)
            return replace(sample, entries=found.entries, values=found.values)

        return measure

    def start_of_peer(self) -> Sample:
        """Measure an ldapsearch that signs in and finds nobody."""
        return run_command(self.directory.ldapsearch(PEOPLE, "(uid=nobody)", ("1.1",)))

    def ours(self, task: Task) -> Callable[[], Sample]:
        """Return a task of ours on this directory."""
        aimed = replace(task, url=self.directory.url)
        return lambda: with_server(lambda: run_task(aimed), self.directory.cpu_s)


@contextmanager
def reading(stage: Stage) -> Iterator[Contestants]:
    """Read and decode everybody: ldapsearch, Lockstep's reader, ldap3 tuned. All three must find the same."""
    task = Task(work="reading", base=PEOPLE, attributes=READ_ATTRIBUTES)
    everybody = stage.directory.sizes.people
    ldapsearch = stage.peer(PEOPLE, USERS, READ_ATTRIBUTES, everybody)
    ldap3, ours = stage.ours(replace(task, work="ldap3_tuned")), stage.ours(task)
    found: set[tuple[int, int]] = set()

    def alike(sample: Sample) -> Sample:
        found.add((sample.entries, sample.values))
        if len(found) > 1 or sample.entries != everybody:
            raise BenchProblem(f"readings of {everybody} people found (entries, attributes): {found}")
        return sample

    yield {
        "ldapsearch": lambda: alike(ldapsearch()),
        "ours": lambda: alike(ours()),
        "ldap3": lambda: alike(ldap3()),
        "ldapsearch_start": stage.start_of_peer,
    }


@contextmanager
def syncing(stage: Stage) -> Iterator[Contestants]:
    """Reconcile everybody, for the first time and when nothing changed."""
    first = stage.folder / "first.db"
    kept = _filled(stage, stage.folder / "unchanged.db", PEOPLE)
    users = stage.directory.sizes.people

    def first_pass() -> Sample:
        remove_store(first)
        task = Task(work="reconcile", base=PEOPLE, store=str(new_store(first)))
        sample = stage.ours(task)()
        must_hold(first, users)
        return sample

    attributes = asked(stage.directory.url, PEOPLE)
    yield {
        "ldapsearch": stage.peer(PEOPLE, USERS, attributes, users),
        "first": first_pass,
        "ldapsearch_again": stage.peer(PEOPLE, USERS, attributes, users),
        "unchanged": lambda: _counted(kept, stage.ours(Task(work="reconcile", base=PEOPLE, store=str(kept)))),
    }


@contextmanager
def ticking(stage: Stage) -> Iterator[Contestants]:
    """Tick, and reconcile, a directory where one user in a hundred is locked."""
    kept, sizes = _filled(stage, stage.folder / "locked.db", BASE), stage.directory.sizes
    attributes = asked(stage.directory.url, BASE)
    task = Task(work="tick", base=BASE, store=str(kept))
    yield {
        "ldapsearch": stage.peer(BASE, LOCKED_USERS, attributes, sizes.locked + CANARY),
        "tick": lambda: _all_of(sizes.locked, _counted(kept, stage.ours(task))),
        "ldapsearch_start": stage.start_of_peer,
        "ldapsearch_all": stage.peer(BASE, USERS, attributes, sizes.everybody + CANARY),
        "unchanged": lambda: _counted(kept, stage.ours(replace(task, work="reconcile"))),
    }


@contextmanager
def one_entry(stage: Stage) -> Iterator[Contestants]:
    """Read one entry that is four times as large as the other."""
    small, large = stage.scaled(SMALL_GROUP), stage.scaled(LARGE_GROUP)
    task = Task(work="one_entry", base=GROUP)
    with serving(small) as few, serving(large) as many:
        yield {
            "small": lambda: run_task(replace(task, url=few, count=small)),
            "large": lambda: run_task(replace(task, url=many, count=large)),
        }


@contextmanager
def loading(stage: Stage) -> Iterator[Contestants]:
    """Write users into an empty store, without a directory."""
    file = stage.folder / "load.db"
    count = min(MOST_LOADED, stage.directory.sizes.people)

    def load() -> Sample:
        remove_store(file)
        sample = run_task(Task(work="store_load", store=str(new_store(file)), count=count))
        must_hold(file, count)
        return sample

    yield {"load": load}


CONTESTS: Mapping[str, Callable[[Stage], AbstractContextManager[Contestants]]] = {
    "reading": reading,
    "syncing": syncing,
    "ticking": ticking,
    "one_entry": one_entry,
    "loading": loading,
}


def _filled(stage: Stage, file: Path, base: str) -> Path:
    """Return a store that holds what the directory has, and that counts what is written from now on.

    Two passes: what only a second one settles is settled then.
    """
    task = Task(work="reconcile", base=base, store=str(new_store(file)))
    for _ in range(2):
        stage.ours(task)()
    must_hold(file, stage.directory.sizes.people if base == PEOPLE else stage.directory.sizes.everybody)
    watch(file)
    return file


def _all_of(locked: int, sample: Sample) -> Sample:
    """Return a tick's sample. Raises BenchProblem unless it read everybody who is locked."""
    if sample.entries < locked:
        raise BenchProblem(f"{locked} are locked, and a tick read {sample.entries} entries")
    return sample


def _counted(file: Path, work: Callable[[], Sample]) -> Sample:
    """Take a sample and note how many rows it wrote."""
    before = rows_written(file)
    sample = work()
    return replace(sample, rows=rows_written(file) - before)
