"""Python's cycle collector, held back while a pass runs.

It looks through all that is alive whenever enough new objects are, again and again: a pass makes hundreds of thousands,
keeps many of them for a while, and none of them is in a cycle. Half of the time of planning was the collector's.
What was alive before a pass is not looked through at all, and what comes later seldom.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (100_000, 50, 50)
"""After how many new objects the young ones are looked through, and how much more seldom the older ones."""
_lock = threading.Lock()
_passes = 0
_usual = gc.get_threshold()


@contextmanager
def held_back() -> Iterator[None]:
    """Hold the collector back; of several passes at once, the first begins that and the last one ends it."""
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _passes, _usual  # noqa: PLW0603 - the collector is one for the whole process, and so is this
    with _lock:
        _passes += 1
        if _passes == 1:
            _usual = gc.get_threshold()
            gc.freeze()
            gc.set_threshold(*_SELDOM)


def _end() -> None:
    global _passes  # noqa: PLW0603 - see above
    with _lock:
        _passes -= 1
        if not _passes:
            gc.set_threshold(*_usual)
            gc.unfreeze()
