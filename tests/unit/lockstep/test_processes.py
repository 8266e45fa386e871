"""Whether the owner of an open unlock is gone: wrong in either direction, somebody is freed or kept out by mistake."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from lockstep.processes import LocalProcesses
from tests.support.waiting import wait_until

_SAY_WHO = "from lockstep.processes import LocalProcesses; print(LocalProcesses().me(), flush=True); input()"


def _other() -> tuple[subprocess.Popen[str], str]:
    """Start another process and return it with the name that it gives itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SAY_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_process_knows_itself() -> None:
    """The same name each time, and it is not gone."""
    processes = LocalProcesses()
    assert processes.me() == processes.me()
    assert processes.gone(processes.me()) is False


def test_a_running_process_is_not_gone_and_a_killed_one_is() -> None:
    """kill -9, as the fault tests do it."""
    process, name = _other()
    try:
        assert LocalProcesses().gone(name) is False
    finally:
        _end(process)
    assert LocalProcesses().gone(name) is True


def test_a_killed_process_that_nobody_has_waited_for_is_gone_too() -> None:
    """A zombie still has its number and its place in /proc, and does nothing any more."""
    process, name = _other()
    try:
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: LocalProcesses().gone(name), "the zombie counts as gone")
        assert Path(f"/proc/{process.pid}").exists()
    finally:
        _end(process)


def test_another_process_with_the_same_number_is_not_the_owner() -> None:
    """Numbers are used again; the moment of the start tells them apart."""
    *place, pid, start = LocalProcesses().me().split("/")
    assert LocalProcesses().gone("/".join((*place, pid, str(int(start) - 1)))) is True


def test_nothing_is_said_of_other_machines_boots_and_containers() -> None:
    """Their numbers mean nothing here: the deadline decides."""
    host, boot, namespace, pid, start = LocalProcesses().me().split("/")
    for other in (
        ("elsewhere", boot, namespace, pid, start),
        (host, "another-boot", namespace, pid, start),
        (host, boot, "4026000000", pid, start),
        ("",),
        (host, boot, namespace, "x", start),
    ):
        assert LocalProcesses().gone("/".join(other)) is None


def test_a_forked_child_has_a_name_of_its_own() -> None:
    """Web workers are forked from a process that has asked already."""
    reader, writer = os.pipe()
    mine = LocalProcesses().me()
    child = os.fork()
    if child == 0:
        os.write(writer, LocalProcesses().me().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        told = stream.read()
    os.waitpid(child, 0)
    assert told.split("/")[3] == str(child)
    assert told != mine
