"""How a pass writes: fenced batches, numbered so that each is applied once, and what became of them.

Two things are written while the reading goes on, so that 100,000 of them need not be held at once: in a directory's
first import newcomers, since there is nothing to compare them with and nothing for the brake to keep back; and the
digests of entries that change nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from agent.affiliation import with_link
from agent.changes import change_of, import_rows, taken_back
from agent.context import Context, link_to
from agent.outside import with_unlocks
from agent.plan import Planned
from agent.quarantine import Quarantine
from agent.run import Run, Start
from ims.audit import AuditEntry
from ims.batches import HeldChange
from ims.errors import NotUnique
from ims.locks import ENTRY_REASONS, Lock
from ims.passes import DirectoryState, PassReport, Quarantined
from ims.people import Revision, User, UserId, same_but_for_bookkeeping
from ims.ports import Batch, Digests, EntryDigest, Progress

BATCH = 2000
"""How many users one transaction writes at most."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of a pass's plans."""

    changed: int = 0
    raised: int = 0
    lifted: int = 0
    dropped: int = 0
    unsettled: frozenset[UserId] = frozenset()
    preview: list[AuditEntry] = field(default_factory=list)

    def count(self, planned: Planned) -> None:
        """Count a plan that was written."""
        self.changed += 1
        if planned.before is None and not planned.user.locks:
            return
        self.raised += len(planned.raised)
        self.lifted += len(planned.lifted)


class Writer:
    """Writes one pass's batches. Without a fence nothing is written, and what would be audited is kept to be shown."""

    def __init__(self, run: Run, start: Start, quarantine: Quarantine) -> None:
        self._run = run
        self._start = start
        self._quarantine = quarantine
        self._number = 0
        self.tally = Tally()

    def write(self, plans: Iterable[Planned], base: Revision, context: Context) -> frozenset[UserId]:
        """Write plans made on the state of `base`; return those whose user had moved.

        Raises FenceLost, StoreUnusable, and PassStopped between two batches.
        """
        todo = iter(list(plans))
        dropped: set[UserId] = set()
        while batch := tuple(islice(todo, BATCH)):
            self._run.go_on()
            dropped |= self._write_batch(batch, base, context)
        return frozenset(dropped)

    def write_digests(self, digests: Iterable[EntryDigest]) -> None:
        """Keep the digests of what changed nothing. Raises as `write`."""
        todo = iter(digests)
        while batch := tuple(islice(todo, BATCH)):
            self._run.go_on()
            self.apply(Batch(digests=Digests(base=self._start.base, entries=batch)))

    def take_back(self, user: User, context: Context) -> None:
        """Remove somebody whom this pass has created, and who turns out not to be known well enough."""
        self.tally.changed -= 1
        self.apply(Batch(removed=(user.id,), audit=(taken_back(user, context),)))

    def apply(
        self,
        batch: Batch,
        *,
        state: DirectoryState | None = None,
        report: PassReport | None = None,
        quarantine: tuple[Quarantined, ...] | None = None,
        held: HeldChange | None = None,
    ) -> tuple[UserId, ...]:
        """Write a batch as the pass's next one; return the users whose change was dropped."""
        fence = self._run.fence
        if fence is None:
            self.tally.preview += [*(row for change in batch.changes for row in change.audit), *batch.audit]
            return ()
        progress = Progress(
            fence=fence,
            pass_id=self._start.pass_id,
            number=self._number + 1,
            state=state,
            report=report,
            quarantine=quarantine,
            held=held,
        )
        applied = self._run.store.apply(replace(batch, progress=progress))
        self._number += 1
        return applied.dropped

    # -----------------------------------------------------------------------------------------------------------------

    def _write_batch(self, plans: Sequence[Planned], base: Revision, context: Context) -> set[UserId]:
        """Write some plans; where one of them would break a rule of the store, that one alone goes to quarantine."""
        try:
            dropped = self._apply_plans(plans, base, context)
        except NotUnique as error:
            if len(plans) == 1:
                return self._refuse(plans[0], base, context, error)
            half = len(plans) // 2
            return self._write_batch(plans[:half], base, context) | self._write_batch(plans[half:], base, context)
        for planned in plans:
            if planned.user.id not in dropped:
                self.tally.count(planned)
        self.tally.dropped += len(dropped)
        return dropped

    def _apply_plans(self, plans: Sequence[Planned], base: Revision, context: Context) -> set[UserId]:
        context = with_unlocks(context, self._run, plans)
        changes = tuple([change_of(planned, base, context) for planned in plans])
        return set(self.apply(Batch(changes=changes, audit=import_rows(plans, context))))

    def _refuse(self, planned: Planned, base: Revision, context: Context, error: NotUnique) -> set[UserId]:
        """Send one to quarantine. Name and tenant stay as they are; what the directory locks is locked all the same."""
        link, before = link_to(planned.user, self._run.name), planned.before
        if link is not None:
            self._quarantine.put(link.entry_id, link.dn, str(error))
        if link is None or before is None or link_to(before, self._run.name) is None:
            return set()
        ours = [lock for lock in planned.user.locks if self._is_of_the_entry(lock)]
        others = [lock for lock in before.locks if not self._is_of_the_entry(lock)]
        locks = (*others, *(replace(lock, tenant=before.tenant) for lock in ours))
        held_on = replace(link_to(before, self._run.name) or link, stamp=link.stamp)
        user = replace(with_link(before, held_on), locks=locks)
        if same_but_for_bookkeeping(before, user):
            return set()
        return self._write_batch((replace(planned, user=user, digest=None),), base, context)

    def _is_of_the_entry(self, lock: Lock) -> bool:
        return lock.source == self._run.name and lock.reason in ENTRY_REASONS
