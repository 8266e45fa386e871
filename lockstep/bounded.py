"""The unlock as web workers use it: bounded, so that answering a question never waits for a directory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ims.audit import Action, Result, entry_by
from ims.errors import DirectoryUnreachable
from ims.people import Actor, User
from ims.permits import Unlocker
from ims.ports import Clock, Store
from ims.signing_in import Outcome, SignedIn
from ims.unlocking import Preview, UnlockRequest
from portal.services import Signer

PATIENCE_S = 0.5
"""How long an unlock normally takes at the very most. Whoever comes while one takes longer is not kept waiting."""
RETRY_AFTER_S = 2


class BoundedSigningIn:
    """Fewer sign-ins at a time than this process has threads, for the same reason as unlocks below."""

    def __init__(self, signing_in: Signer, threads: int = 2, patience_s: float = PATIENCE_S) -> None:
        """Bound `signing_in` for a process that answers with so many threads."""
        self._signing_in = signing_in
        self._patience_s = patience_s
        self._lanes = threading.BoundedSemaphore(max(1, threads - 1))

    def sign_in(self, user_name: str, password: str) -> SignedIn:
        """Sign in as `ims.signing_in.SigningIn` does; UNREACHABLE too where another sign-in waits for its directory."""
        if not self._lanes.acquire(timeout=self._patience_s):
            return SignedIn(outcome=Outcome.UNREACHABLE)
        try:
            return self._signing_in.sign_in(user_name, password)
        finally:
            self._lanes.release()


class BoundedUnlocking:
    """Fewer unlocks at a time than this process has threads; the next one waits a moment, or is told to come back.

    A worker has two threads. An unlock holds one of them for as long as its directory takes to answer, which may be
    until the timeout; a second one would hold the other, and then nobody could even read.
    """

    def __init__(
        self,
        unlocking: Unlocker,
        store: Store,
        clock: Clock,
        threads: int = 2,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Bound `unlocking` for a process that answers with so many threads."""
        self._unlocking = unlocking
        self._store = store
        self._clock = clock
        self._patience_s = patience_s
        self._lanes = threading.BoundedSemaphore(max(1, threads - 1))
        self._free_by = 0.0

    def unlock(self, request: UnlockRequest) -> User:
        """Unlock as `Unlocking.unlock` does. Raises DirectoryUnreachable (503) too where another unlock takes long."""
        with self._my_turn(request):
            return self._unlocking.unlock(request)

    def preview(self, actor: Actor, user: User) -> Preview:
        """Say what an unlock would do (see `Unlocking.preview`); it waits for a directory like an unlock."""
        if not self._lanes.acquire(timeout=PATIENCE_S):
            raise DirectoryUnreachable("Another unlock still waits for its directory", RETRY_AFTER_S)
        try:
            return self._unlocking.preview(actor, user)
        finally:
            self._lanes.release()

    @contextmanager
    def _my_turn(self, request: UnlockRequest) -> Iterator[None]:
        if not self._lanes.acquire(timeout=max(0.0, self._free_by - time.monotonic())):
            raise self._busy(request)
        self._free_by = time.monotonic() + self._patience_s
        try:
            yield
        finally:
            self._lanes.release()

    def _busy(self, request: UnlockRequest) -> DirectoryUnreachable:
        name = request.user.profile.user_name
        why = f"{name} was not unlocked: another unlock still waits for its directory; try again in a few seconds"
        row = entry_by(request.actor, Action.UNLOCK, Result.FAILED, self._clock.now(), request.user)
        self._store.record([replace(row, detail=why)])
        return DirectoryUnreachable(why, RETRY_AFTER_S)
