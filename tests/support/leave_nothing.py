"""Run a command and fail if it leaves a process behind: `python tests/support/leave_nothing.py pytest …`.

Linux gives the orphans of a "child subreaper" to it instead of to init, whatever session or environment they chose:
what is still our child when the command has ended was left behind. It is named, ended and counted as a failure.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
GRACE = 5.0
"""Seconds that an orphan has to end by itself: a server that was just told to stop is not left behind."""


def main(command: list[str]) -> int:
    """Return the command's exit code, or 1 if it succeeded and left a process behind."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
    with subprocess.Popen(command) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the command without us
        signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
        code = wait_as_init_does(process)
    left = left_behind()
    for pid, name in left.items():
        sys.stderr.write(f"left behind: process {pid}: {name}\n")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return code or bool(left)


def wait_as_init_does(process: subprocess.Popen[bytes]) -> int:
    """Return the process's exit code, and take those of orphans meanwhile: they would look alive to whoever asks."""
    ended, status = os.waitpid(-1, 0)
    while ended != process.pid:
        ended, status = os.waitpid(-1, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def left_behind() -> dict[int, str]:
    """Return the children that do not end within GRACE, with their command lines."""
    deadline = time.monotonic() + GRACE
    while True:
        reap()
        left = children()
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def reap() -> None:
    """Take the exit codes of all children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def children() -> dict[int, str]:
    """Return our children's process ids and command lines."""
    listed = Path("/proc/self/task", str(os.getpid()), "children").read_text(encoding="ascii")
    return {int(pid): command_line(pid) for pid in listed.split()}


def command_line(pid: str) -> str:
    """Return a process's command line; empty if it has just gone."""
    try:
        return Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
