"""Who is running: a name for this process that no other ever has, and whether the owner of such a name is gone.

An unlock leaves its owner's name in the store; whoever finds it open later may settle it only once that owner is gone.
A process number alone proves nothing: it is used again, it means another process in another container, and after a
restart of the machine it means nothing at all. So a name holds the machine, its boot, the PID namespace, the number and
the moment the process began.
"""

import os
import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_DEAD = frozenset({"Z", "X", "x"})
"""States of a process that has ended and waits only to be noticed (proc(5)): it runs nothing any more."""
_STATE, _START = 0, 19
"""Places of the state and of the start time in /proc/PID/stat, counted after the command's closing parenthesis."""


class LocalProcesses:
    """The processes of this machine, as far as /proc shows them."""

    def me(self) -> str:
        """Return the name of the process that asks; asked anew each time, because web workers are forked."""
        stat = _stat(os.getpid())
        start = stat[_START] if stat else ""
        return "/".join((*_here(), str(os.getpid()), start))

    def gone(self, owner: str) -> bool | None:
        """Return whether that process is gone; None if it runs where this one cannot look."""
        place, pid, start = _taken_apart(owner)
        if place != _here() or not pid.isdigit():
            return None
        stat = _stat(int(pid))
        if stat is None:
            return _nobody_has(int(pid))
        return stat[_START] != start or stat[_STATE] in _DEAD


def _taken_apart(owner: str) -> tuple[tuple[str, ...], str, str]:
    """Return the place, the number and the start of a name; empty texts for what is no name of ours."""
    place, _, rest = owner.rpartition("/")[0].rpartition("/")
    return tuple(place.split("/")), rest, owner.rpartition("/")[2]


def _here() -> tuple[str, ...]:
    """Return what makes process numbers comparable: the machine, its boot, and the PID namespace."""
    namespace = _PID_NAMESPACE.readlink().name.removeprefix("pid:").strip("[]")
    return (socket.gethostname(), _BOOT_ID.read_text().strip(), namespace)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the command, which alone may hold spaces and parentheses."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def _nobody_has(pid: int) -> bool | None:
    """Return whether a process that /proc does not show is gone: with hidepid, those of others are hidden there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return None
    return False
