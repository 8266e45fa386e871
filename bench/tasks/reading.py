"""Read and decode a search with Lockstep's own reader, and keep nothing: connecting and signing in included."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent.directories.reader import Pages
from agent.directories.searches import Search
from bench.errors import BenchProblem
from bench.measuring import Done, Task, Work
from bench.people import USERS
from bench.tasks.signing_in import client_of


@contextmanager
def prepared(task: Task) -> Iterator[Work]:
    """Yield the reading of everybody below the task's base, with its attributes."""
    search = Search(base=task.base, filter=USERS, attributes=task.attributes)

    def read() -> Done:
        entries = values = 0
        with client_of(task.url) as client:
            pages = Pages(client, search)
            for page in pages:
                entries += len(page)
                for entry in page:
                    values += len(entry.attributes)
        if not pages.completeness.complete:
            raise BenchProblem(f"the reading was cut short: {pages.completeness.why}")
        return Done(entries, values)

    yield read
