"""What a pass works with, what it starts from, and what it hands back."""

import hashlib
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from agent.configured import ConfiguredDirectory
from agent.context import Context
from agent.groups import GroupMemory
from ims.audit import AuditEntry
from ims.locks import LedgerRules
from ims.passes import DirectoryState, Fence, Mode, PassId, PassKind, PassReport
from ims.people import DirectoryName, Revision
from ims.ports import Clock, Store


class PassStopped(Exception):
    """The agent is stopping: what the pass has not written is left to the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that a pass of one directory works with.

    Without a `fence` nobody gave it the right to write: it is a dry run, and goes the same way. `mode` makes it act as
    if the directory were in that mode: what `lockstep enable` shows before it asks. When `stop` is set, the pass ends
    between two pages or batches. `next_run` and `retry_at` are when the scheduler comes back, after a success or not.
    """

    directory: ConfiguredDirectory
    store: Store
    clock: Clock
    rules: LedgerRules
    fence: Fence | None = None
    mode: Mode | None = None
    memory: GroupMemory = field(default_factory=GroupMemory)
    stop: threading.Event = field(default_factory=threading.Event)
    next_run: datetime | None = None
    retry_at: datetime | None = None

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
            first_import=self.state.last_reconcile is None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass came to. `preview` holds, of a dry run, the audit rows that it would have written."""

    report: PassReport
    state: DirectoryState
    preview: tuple[AuditEntry, ...] = ()


def resume(run: Run, kind: PassKind) -> Start:
    """Return where to start (phase 1). A tick that has nothing to go on from is a reconcile.

    The revision is noted before anything is read: whoever is written later than that was not known to this pass.
    """
    state = run.store.directory(run.name)
    mode = run.mode or state.mode or run.directory.mode
    fingerprint = hashlib.sha256(f"{run.directory.fingerprint} {mode}".encode()).hexdigest()
    follows = bool(state.watermark) and state.fingerprint == fingerprint
    return Start(
        pass_id=PassId(str(uuid.uuid4())),
        kind=kind if follows else PassKind.RECONCILE,
        now=run.clock.now(),
        base=run.store.revision(),
        state=state,
        mode=mode,
        fingerprint=fingerprint,
    )
