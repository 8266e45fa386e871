"""Several parts of the program as one tree of processes: started together, stopped together, none left behind."""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from types import FrameType

import structlog

from ims.errors import LockstepError
from lockstep.exits import code_of
from lockstep.output import say

STOP_WITHIN_S = 14.0
"""How long the parts have to stop by themselves; after that they are killed. Everything together stays below 15 s."""
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_SET_PARENT_DEATH_SIGNAL = 1
_log = structlog.get_logger("lockstep.run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the program that runs in a process of its own until it is told to stop."""

    name: str
    run: Callable[[], None]


def supervise(parts: Sequence[Part], stop_within_s: float = STOP_WITHIN_S) -> bool:
    """Run the parts until SIGTERM or SIGINT comes, or one of them ends; then stop them all.

    Return whether every part ended well: one that ends by itself is a failure, since whoever started the program has to
    know that half of it is gone. The caller must not have started threads, nor hold connections: parts are forked.
    """
    with _signals() as asked_to_stop:
        processes = [_start(part) for part in parts]
        ready = wait([asked_to_stop, *(process.sentinel for process in processes)])
        for process in processes:
            if process.sentinel in ready and asked_to_stop not in ready:
                process.join()
                _log.error("part_ended", part=process.name, exit_code=process.exitcode)
        _stop(processes, stop_within_s)
    return all(process.exitcode == 0 for process in processes)


@contextmanager
def stopping() -> Iterator[None]:
    """Do what is inside until SIGTERM or SIGINT comes, which interrupts it once; that is a good end."""
    for number in _STOPPING:
        signal.signal(number, _interrupt_once)
    with suppress(KeyboardInterrupt):
        yield


def ends_with_its_parent() -> None:
    """Have the kernel stop this process when its parent is gone, even if that was killed (prctl(2))."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _start(part: Part) -> ForkProcess:
    process = multiprocessing.get_context("fork").Process(target=_run, args=(part,), name=part.name)
    process.start()
    return process


def _run(part: Part) -> None:
    """Run a part in a process group of its own: a terminal's Ctrl-C reaches the supervisor, which tells each part once.

    Told twice, granian's workers have been seen to hang until they are killed.
    """
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    ends_with_its_parent()
    try:
        with stopping():
            part.run()
    except LockstepError as error:
        say(f"lockstep {part.name}: {error}")
        sys.exit(code_of(error).value)


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """End what runs, and let it end in peace: Ctrl-C reaches a part twice, from the terminal and from its parent."""
    for number in _STOPPING:
        signal.signal(number, _do_nothing)
    raise KeyboardInterrupt


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal without an effect. SIG_IGN will not do: Python raises OSError where that one comes already."""


def _stop(processes: Sequence[ForkProcess], within_s: float) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + within_s
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            _log.error("part_killed", part=process.name, after_seconds=within_s)
            process.kill()
            process.join()


@contextmanager
def _signals() -> Iterator[int]:
    """Give a file descriptor that becomes readable when SIGTERM or SIGINT arrives."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = {number: signal.signal(number, lambda *_: None) for number in _STOPPING}
    signal.set_wakeup_fd(writer)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
