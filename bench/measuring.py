"""What is measured of a process: wall time, CPU, peak memory; and how a task and its sample travel between processes.

A task runs in a fresh interpreter, so that no figure depends on what was measured before it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

from bench.errors import BenchProblem

ROOT = Path(__file__).resolve().parents[1]
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to measure: a module of `bench.tasks` and what it needs; what one does not need stays empty."""

    work: str
    url: str = ""
    base: str = ""
    attributes: tuple[str, ...] = ()
    store: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one run came to.

    Times are seconds: the wall's, and the CPU's in user and system mode together. `idle_mib` is the process's peak
    resident memory when it had imported and prepared everything, `peak_mib` that at its end. `entries` and `values`
    are what was read, so that a faster wrong answer is found out. `server_cpu_s` is what the directory used meanwhile.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float = 0.0
    idle_mib: float = 0.0
    entries: int = 0
    values: int = 0
    rows: int = 0
    server_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """What a piece of work read."""

    entries: int = 0
    values: int = 0


Work = Callable[[], Done]


def measured(work: Work) -> Sample:
    """Run a piece of work in this process and say what it took."""
    idle = _peak_mib()
    cpu, wall = time.process_time(), time.perf_counter()
    done = work()
    took, used = time.perf_counter() - wall, time.process_time() - cpu
    return Sample(
        wall_s=took, cpu_s=used, peak_mib=_peak_mib(), idle_mib=idle, entries=done.entries, values=done.values
    )


def run_task(task: Task) -> Sample:
    """Run a task in an interpreter of its own. Raises BenchProblem with what it said if it fails."""
    command = [sys.executable, "-m", "bench.child", json.dumps(asdict(task))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise BenchProblem(f"{task.work} failed: {done.stderr.strip()[-2000:]}")
    return Sample(**json.loads(done.stdout))


def run_command(command: list[str]) -> Sample:
    """Run a program with its output thrown away, and say what all of it took, from its start to its end.

    Raises BenchProblem if it fails.
    """
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchProblem(f"{Path(command[0]).name} failed ({process.returncode}): {said.decode(errors='replace')}")
    return Sample(wall_s=took, cpu_s=usage.ru_utime + usage.ru_stime)


def found_by(command: list[str]) -> Done:
    """Return how many entries, and attributes of them, an ldapsearch prints. Raises BenchProblem if it fails."""
    done = subprocess.run([*command[:1], "-o", "ldif-wrap=no", *command[1:]], capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchProblem(
            f"{Path(command[0]).name} failed ({done.returncode}): {done.stderr.decode(errors='replace')}"
        )
    lines = (line for line in done.stdout.splitlines() if not line.startswith(b"#"))
    entries = [[*entry] for said, entry in groupby(lines, key=bool) if said]
    return Done(len(entries), sum(len({line.partition(b":")[0] for line in entry[1:]}) for entry in entries))


def with_server(sample: Callable[[], Sample], server_cpu_s: Callable[[], float]) -> Sample:
    """Take a sample and note what the server used meanwhile."""
    before = server_cpu_s()
    taken = sample()
    return replace(taken, server_cpu_s=server_cpu_s() - before)


def _peak_mib() -> float:
    """Return this process's peak resident memory.

    From the kernel's count for this program alone: getrusage keeps that of the process that started it.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / _KIB_PER_MIB
