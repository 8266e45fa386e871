"""One complete pass over a store: the first one, or one that finds what the store holds already."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent.sync import reconcile
from bench.measuring import Task, Work
from bench.tasks.syncing import complete, run_of


@contextmanager
def prepared(task: Task) -> Iterator[Work]:
    """Yield the pass over the task's store."""
    with run_of(task) as run:
        yield lambda: complete(reconcile(run))
