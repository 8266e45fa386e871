"""Where the demonstration plays: a folder and a port that nobody else uses, and a curtain that falls on a signal."""

import fcntl
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from lockstep.demo.directory import DemoProblem

_MARK = "this-is-a-lockstep-demonstration"
"""A file that says that a folder is ours: a demonstration begins by emptying it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The demonstration's folder and the port of its web server."""

    folder: Path
    port: int

    @property
    def base_url(self) -> str:
        """Return the address of the web server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        """Return the settings file."""
        return self.folder / "lockstep.toml"

    @property
    def log(self) -> Path:
        """Return what Lockstep itself writes while it runs."""
        return self.folder / "lockstep.log"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make sure of the port, and make the folder empty and ours, until the end.

        Raises DemoProblem with what to choose instead, also for the folder of a demonstration that is running.
        """
        self._require_free_port()
        with self._mark() as owned:
            try:
                fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._empty()
            except BlockingIOError:
                raise DemoProblem(
                    f"A demonstration is running in {self.folder}: stop it, or choose another folder with DEMO_DIR=",
                ) from None
            except OSError as error:
                raise self._unusable(error) from None
            yield

    def _mark(self) -> TextIO:
        mark = self.folder / _MARK
        try:
            if self.folder.exists() and not mark.exists() and any(self.folder.iterdir()):
                raise DemoProblem(f"{self.folder} holds files of something else; choose another folder with DEMO_DIR=")
            self.folder.mkdir(parents=True, exist_ok=True)
            return mark.open("w")
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> DemoProblem:
        return DemoProblem(f"{self.folder} cannot be used ({error.strerror}); choose another folder with DEMO_DIR=")

    def _empty(self) -> None:
        for left in self.folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            elif left.name != _MARK:
                left.unlink()

    def _require_free_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise DemoProblem(
                    f"Port {self.port} of 127.0.0.1 is taken, perhaps by another demonstration: stop that one, or "
                    f"choose another port and folder: PORT={self.port + 1} DEMO_DIR={self.folder}-2 make demo",
                ) from None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class CurtainFalls(BaseException):
    """The demonstration was asked to stop. Like KeyboardInterrupt, nothing that handles errors may catch it."""


class Curtain:
    """Falls once, on SIGINT or SIGTERM, whatever was inherited: a shell's background job starts with SIGINT ignored."""

    def __init__(self) -> None:
        self._down = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._fall)

    def lower(self) -> None:
        """Let no signal interrupt any more: the stage is being cleared."""
        self._down.set()

    def pause(self, seconds: float) -> None:
        """Wait a little. Raises CurtainFalls the moment a signal comes."""
        self._down.wait(seconds)

    def _fall(self, _number: int, _frame: FrameType | None) -> None:
        if not self._down.is_set():
            self._down.set()
            raise CurtainFalls
