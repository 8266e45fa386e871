"""How many requests somebody may send, so that one client cannot take the service from the others.

A bucket for each connection or person of each tenant, filled at a steady rate and holding two seconds of it: a burst is
answered, a flood is asked to wait. Each web process counts for itself, so that a service of many processes takes that
many times as much. Identity providers expect 25 requests a second at least; the default is far above.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from threading import Lock
from time import monotonic

from ims.people import Actor
from scim.errors import HttpProblem

BURST_SECONDS = 2
_KEPT = 10_000
"""How many buckets are kept: many times the tokens of any installation."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True, kw_only=True)
class Rates:
    """The buckets of one process. `per_second` is what each caller may send; `clock` counts seconds."""

    per_second: int
    clock: Callable[[], float] = monotonic
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, actor: Actor) -> None:
        """Count one request. Raises HttpProblem (429) with when to come back, in whole seconds.

        A date would not be understood by the most used client, and less than a second not be waited for.
        """
        wait = self._wait(actor.tenant or "", actor.name)
        if wait > 0:
            raise HttpProblem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{actor.name} sends more than {self.per_second} requests a second; repeat the request later",
                {"Retry-After": str(max(1, ceil(wait)))},
            )

    def _wait(self, tenant: str, name: str) -> float:
        """Return how many seconds it takes until there is something in the bucket; 0 = there was, and it is taken."""
        most = float(self.per_second * BURST_SECONDS)
        with self._lock:
            now = self.clock()
            if len(self._buckets) >= _KEPT:
                self._buckets.clear()
            bucket = self._buckets.setdefault((tenant, name), _Bucket(most, now))
            bucket.left = min(most, bucket.left + (now - bucket.at) * self.per_second)
            bucket.at = now
            if bucket.left < 1:
                return (1 - bucket.left) / self.per_second
            bucket.left -= 1
            return 0.0
