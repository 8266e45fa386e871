"""Several parts as one tree of processes: stopped together, whoever falls first, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lockstep.supervision import STOP_WITHIN_S
from tests.support.waiting import wait_until

_TREE = """
import os, signal, sys, time
from pathlib import Path
from config.settings import LogFormat, LogLevel
from lockstep.logs import configure
from lockstep.supervision import Part, supervise

configure(LogLevel.INFO, LogFormat.JSON)

folder = Path(sys.argv[1])

def stays():
    (folder / "stays").write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)

def falls():
    (folder / "falls").write_text(str(os.getpid()))
    while not (folder / "fall").exists():
        time.sleep(0.05)
    os._exit(7)

def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "deaf").write_text(str(os.getpid()))
    while True:
        time.sleep(0.05)

known = {"stays": stays, "falls": falls, "deaf": deaf}
ok = supervise([Part(name=name, run=known[name]) for name in sys.argv[2:]], stop_within_s=1.0)
sys.exit(0 if ok else 1)
"""


def start(folder: Path, *parts: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _TREE, str(folder), *parts]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: all((folder / part).exists() for part in parts), "all parts run")
    return process


def is_gone(folder: Path, part: str) -> bool:
    """Ended, and perhaps not yet taken note of by whoever inherited it: such a process has no command line."""
    command_line = Path(f"/proc/{(folder / part).read_text()}/cmdline")
    return not command_line.exists() or not command_line.read_bytes()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=15)
    return process.returncode, said


def test_a_signal_stops_all_parts_and_that_is_a_good_end(tmp_path: Path) -> None:
    """SIGTERM to the program alone, as a service manager may send it."""
    process = start(tmp_path, "stays")
    process.terminate()
    assert ended(process)[0] == 0
    assert is_gone(tmp_path, "stays")


def test_a_signal_to_the_whole_group_is_a_good_end_too(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches every process at once."""
    process = start(tmp_path, "stays", "falls")
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process)[0] == 0
    assert is_gone(tmp_path, "stays")
    assert is_gone(tmp_path, "falls")


def test_a_part_that_falls_takes_the_others_with_it(tmp_path: Path) -> None:
    """Half a program that goes on as if nothing had happened helps nobody; the code says that it failed."""
    process = start(tmp_path, "stays", "falls")
    (tmp_path / "fall").touch()
    code, said = ended(process)
    assert code == 1
    assert '"part": "falls"' in said
    assert is_gone(tmp_path, "stays")


def test_a_killed_program_leaves_no_part_behind(tmp_path: Path) -> None:
    """kill -9 cannot be handled; the kernel tells the parts."""
    process = start(tmp_path, "stays")
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    wait_until(lambda: is_gone(tmp_path, "stays"), "the part ends with its parent")


def test_a_part_that_does_not_stop_is_killed_within_the_time_allowed(tmp_path: Path) -> None:
    """The tree gives its parts one second here; `run` gives them 14."""
    process = start(tmp_path, "deaf")
    began = time.monotonic()
    process.terminate()
    assert ended(process)[0] == 1
    assert time.monotonic() - began < 5
    assert is_gone(tmp_path, "deaf")
    assert STOP_WITHIN_S < 15
