"""Where an entry waits that could not be trusted: shown with the reason, and never in the way of the others."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ims.passes import Quarantined
from ims.people import DirectoryName


class Quarantine:
    """One directory's quarantine during one pass. What waits keeps since when, and what was decided on it."""

    def __init__(self, directory: DirectoryName, now: datetime, before: Iterable[Quarantined]) -> None:
        self._directory = directory
        self._now = now
        self._before = {waiting.key: waiting for waiting in before}
        self._put: dict[str, Quarantined] = {}

    def put(self, key: str, dn: str, why: str) -> None:
        """Keep an entry: `key` is its entry id, or its DN where that cannot be read."""
        fresh = Quarantined(directory=self._directory, key=key, dn=dn, since=self._now, why=why)
        before = self._before.get(key, fresh)
        self._put[key] = replace(before, dn=dn, why=why)

    def __contains__(self, key: str) -> bool:
        """Return whether this pass has put an entry here."""
        return key in self._put

    def __len__(self) -> int:
        """Return how many entries this pass has put here."""
        return len(self._put)

    def after(self, judged: Iterable[str] | None) -> tuple[Quarantined, ...]:
        """Return who waits after the pass.

        `judged` are the keys that this pass looked at, so that those it did not put here are free; None = it looked at
        everybody.
        """
        if judged is None:
            return tuple(self._put.values())
        free = frozenset(judged)
        stay = {key: waiting for key, waiting in self._before.items() if key not in free}
        return tuple({**stay, **self._put}.values())
