"""Waiting for a condition instead of for a time."""

import threading
import time
from collections.abc import Callable

_PAUSE = threading.Event()


def wait_until(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Return as soon as `condition` holds; fail with `what` if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        _PAUSE.wait(0.02)
