"""What a pass works with, what it starts from, and what it hands back."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from agent.configured import ConfiguredDirectory
from agent.context import Context
from agent.directories.client import Client
from agent.groups import GroupMemory
from ims.audit import AuditEntry
from ims.batches import HeldBatch, HeldItem
from ims.errors import DirectoryUnreachable
from ims.locks import LedgerRules
from ims.outside import last_complete
from ims.passes import DirectoryState, Fence, Mode, PassId, PassKind, PassReport, Told
from ims.people import DirectoryName, Revision
from ims.ports import Clock, Store


class PassStopped(Exception):
    """The agent is stopping: what the pass has not written is left to the next one."""


class Stop(threading.Event):
    """Tells passes to end. They look at it between two pages; what they wait for meanwhile is ended at once."""

    def __init__(self) -> None:
        super().__init__()
        self._endings: list[Callable[[], None]] = []

    def set(self) -> None:
        """Tell everybody, and end what is under way."""
        super().set()
        for end in tuple(self._endings):
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Have `end` called, by whichever thread it may be, if it is time to stop before this is over."""
        self._endings.append(end)
        try:
            if self.is_set():
                end()
            yield
        finally:
            self._endings.remove(end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that a pass of one directory works with.

    Without a `fence` nobody gave it the right to write: it is a dry run, and goes the same way. `mode` makes it act as
    if the directory were in that mode: what `lockstep enable` shows before it asks. When `stop` is set, the pass ends
    between two pages or batches. `next_run` and `retry_at` are when the scheduler comes back, after a success or not;
    `told` is whether it hears of changes meanwhile, None where nobody listens because no agent runs this.
    """

    directory: ConfiguredDirectory
    store: Store
    clock: Clock
    rules: LedgerRules
    fence: Fence | None = None
    mode: Mode | None = None
    memory: GroupMemory = field(default_factory=GroupMemory)
    stop: Stop = field(default_factory=Stop)
    next_run: datetime | None = None
    retry_at: datetime | None = None
    told: Told | None = None

    @property
    def name(self) -> DirectoryName:
        """Return the directory's name."""
        return self.directory.name

    @property
    def dry(self) -> bool:
        """Return whether nothing may be written."""
        return self.fence is None

    def go_on(self) -> None:
        """Raise PassStopped if the pass has to end here."""
        if self.stop.is_set():
            raise PassStopped(f"the pass of {self.name} was stopped; the next one does it again")

    @contextmanager
    def connected(self) -> Iterator[Client]:
        """Connect to the directory. A pass that is stopped while it waits for a server is woken, with PassStopped.

        Raises DirectoryUnreachable.
        """
        client = self.directory.client()
        try:
            with self.stop.ending(client.abort), client:
                yield client
        except DirectoryUnreachable:
            self.go_on()
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a pass starts: what the store held before the directory was read."""

    pass_id: PassId
    kind: PassKind
    now: datetime
    base: Revision
    state: DirectoryState
    mode: Mode
    fingerprint: str
    lag: str = ""
    """Why the server that is read is older than what was read before; empty = it is not."""

    def context(self, run: Run) -> Context:
        """Return what plans depend on, before anything was read."""
        return Context(
            directory=run.name,
            pass_id=self.pass_id,
            now=self.now,
            mode=self.mode,
            rules=run.rules,
            confirm=run.directory.confirm,
            canary=run.directory.settings.canary is not None,
            lagging=bool(self.lag),
            first_import=self.state.last_reconcile is None,
            last_seen=last_complete(self.state) if self.state.fingerprint in ("", self.fingerprint) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass came to. `preview` holds, of a dry run, the audit rows that it would have written.

    `waits` is what nobody has decided on yet, in these `batches`; of a dry run, what it would have left waiting.
    """

    report: PassReport
    state: DirectoryState
    preview: tuple[AuditEntry, ...] = ()
    waits: tuple[HeldItem, ...] = ()
    batches: tuple[HeldBatch, ...] = ()


def resume(run: Run, kind: PassKind) -> Start:
    """Return where to start (phase 1). A tick that has nothing to go on from is a reconcile.

    So is one under another version or other settings, and the first one after an approval: only a complete reading
    shows whether everything that was approved is still so.

    The revision is noted before anything is read: whoever is written later than that was not known to this pass.
    """
    state = run.store.directory(run.name)
    mode = run.mode or state.mode or run.directory.mode
    fingerprint = hashlib.sha256(f"{run.directory.meaning} {mode}".encode()).hexdigest()
    follows = bool(state.watermark) and state.fingerprint == fingerprint and not _looks_at_all(run, state)
    return Start(
        pass_id=PassId(str(uuid.uuid4())),
        kind=kind if follows else PassKind.RECONCILE,
        now=run.clock.now(),
        base=run.store.revision(),
        state=state,
        mode=mode,
        fingerprint=fingerprint,
    )


def _looks_at_all(run: Run, state: DirectoryState) -> bool:
    """Return whether the brake needs a complete reading: of another meaning, or since the last approval."""
    if state.settled != run.directory.meaning or state.last_reconcile is None:
        return True
    approvals = [batch.approved_at for batch in run.store.held_batches(run.name)]
    return any(at is not None and at >= state.last_reconcile for at in approvals)
