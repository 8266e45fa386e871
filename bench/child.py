"""The process in which one task is measured: `python -m bench.child '{"work": ...}'` prints the sample as JSON.

Imports, settings, an open store: all of that is there before the clock starts.
"""

import importlib
import json
import sys
from dataclasses import asdict

from bench.measuring import Task, measured


def main(text: str) -> None:
    """Prepare the work that a task names, measure it once, and print the sample."""
    given = json.loads(text)
    task = Task(**{**given, "attributes": tuple(given["attributes"])})
    with importlib.import_module(f"bench.tasks.{task.work}").prepared(task) as work:
        sample = measured(work)
    sys.stdout.write(json.dumps(asdict(sample)))


if __name__ == "__main__":
    main(sys.argv[1])
