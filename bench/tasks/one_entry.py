"""Read one enormous entry: a group with as many members as the task counts."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent.directories.reader import Pages
from agent.directories.searches import Search
from bench.errors import BenchProblem
from bench.measuring import Done, Task, Work
from bench.tasks.signing_in import client_of


@contextmanager
def prepared(task: Task) -> Iterator[Work]:
    """Yield the reading of the group."""
    search = Search(base=task.base, attributes=("member",))

    def read() -> Done:
        with client_of(task.url) as client:
            entries = [entry for page in Pages(client, search) for entry in page]
        found = sum(len(entry.values("member")) for entry in entries)
        if found != task.count:
            raise BenchProblem(f"{found} members were read of {task.count}")
        return Done(len(entries), found)

    yield read
