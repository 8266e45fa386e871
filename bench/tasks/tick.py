"""One tick of an agent that has been running: it remembers the groups, as the agent does from one tick to the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from agent.sync import tick
from bench.errors import BenchProblem
from bench.measuring import Done, Task, Work
from bench.tasks.syncing import complete, run_of
from ims.passes import PassKind


@contextmanager
def prepared(task: Task) -> Iterator[Work]:
    """Yield the second tick."""
    with run_of(task) as run:
        tick(run)

        def ticked() -> Done:
            result = tick(run)
            if result.report.kind is not PassKind.TICK:
                raise BenchProblem(f"the tick became a complete pass: {result.report}")
            return complete(result)

        yield ticked
