"""A process that has imported the product once and forks a child for each case, so that a case costs milliseconds.

It is a process of its own because pytest's has threads, and a fork with threads may stand still for ever. Orders come
as one line of JSON each; each is answered with the child's number at once and with its end later.
"""

import faulthandler
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.support.failpoints import FAILPOINTS, Failpoint, arm, die
from tests.support.installation import environment
from tests.support.repository import ROOT

LONGEST_S = 40
"""After so many seconds a child that neither ended nor died is ended by the kernel (SIGALRM)."""
FAILED = 70
"""What a child ends with whose work raised something."""
MISTAKE = "a mistake of ours"
"""What an error says that a failpoint raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a child shall do: call `work` ("module:function") with these arguments, and end at a failpoint.

    `deed` is what the failpoint does: "die" (SIGKILL), "stop" (SIGSTOP: it goes on when somebody says so) or "fail" (an
    error that nobody foresaw). `output` is the file that takes what it prints and logs.
    """

    work: str
    output: str
    arguments: dict[str, Any] = field(default_factory=dict)
    point: str = ""
    nth: int = 0
    deed: str = "die"


class Prefork:
    """The parent's side: gives orders, and waits for children."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, order: Order) -> int:
        """Start a child and return its number; the one before must have ended."""
        self._to.write(json.dumps(asdict(order)) + "\n")
        self._to.flush()
        return int(self._line())

    def wait(self) -> int:
        """Return how the child ended: its exit code, or minus the signal that ended it."""
        return int(self._line())

    def run(self, order: Order) -> int:
        """Start a child and return how it ended."""
        self.start(order)
        return self.wait()

    def _line(self) -> str:
        ready, _, _ = select.select([self._from], [], [], 2 * LONGEST_S)
        line = self._from.readline() if ready else ""
        assert line, "the process that forks does not answer"
        return line

    @property
    def _to(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _from(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout


@contextmanager
def prefork(*modules: str) -> Iterator[Prefork]:
    """Run such a process; `modules` are imported before the first fork.

    Whoever is killed cannot tell which lines it ran, so that none of its time is spent on counting them.
    """
    command = [sys.executable, "-m", "tests.support.prefork", *modules]
    unmeasured = {name: value for name, value in environment().items() if not name.startswith("COVERAGE")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=unmeasured, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        try:
            yield Prefork(process)
        finally:
            process.stdin.close()
            process.wait(2 * LONGEST_S)


# --- the other side ---------------------------------------------------------------------------------------------------


def main(modules: list[str]) -> None:
    """Take orders until nobody gives any more."""
    for name in modules:
        importlib.import_module(name)
    for line in sys.stdin:
        order = Order(**json.loads(line))
        child = os.fork()
        if child == 0:
            _run(order)
        print(child, flush=True)  # noqa: T201 - the parent reads it
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201 - the parent reads it


def _run(order: Order) -> None:
    """Be the child: never return."""
    signal.alarm(LONGEST_S)
    code = FAILED
    try:
        with Path(order.output).open("a", encoding="utf-8") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        faulthandler.enable(file=2)
        if order.point:
            arm(_chosen(order), {"die": die, "stop": _stop, "fail": _fail}[order.deed])
        module, _, name = order.work.partition(":")
        getattr(importlib.import_module(module), name)(**order.arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else FAILED
    except BaseException:  # noqa: BLE001 - whatever it is, the parent finds it in the output
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _chosen(order: Order) -> Failpoint:
    point = FAILPOINTS[order.point]
    nth = order.nth or point.nth
    return Failpoint(name=point.name, function=point.function, after=point.after, nth=nth)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _fail() -> None:
    raise ZeroDivisionError(MISTAKE)


if __name__ == "__main__":
    main(sys.argv[1:])
