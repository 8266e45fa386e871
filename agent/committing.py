"""Phases 6 and 7 of a pass: what was planned is written in fenced batches, and how the pass stands goes with the last.

A change to a user who was written after the pass began is dropped by the store, read again and planned again, so that a
pass never overwrites a fresh unlock. Whatever stops a pass half way, the next one simply does it again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from agent.affiliation import with_link
from agent.changes import change_of, import_rows
from agent.context import link_to
from agent.directories.client import Client
from agent.drafting import Draft, Plans, plans_of, sightings_of
from agent.plan import Planned
from agent.quarantine import Quarantine
from agent.reading import Reading, interpreter_for
from agent.rereading import ById
from agent.run import PassResult, Run, Start
from ims.audit import AuditEntry
from ims.errors import DirectoryUnreachable, NotUnique
from ims.locks import ENTRY_REASONS, Lock
from ims.passes import DirectoryState, PassKind, PassReport, Quarantined
from ims.people import EntryId, Revision, UserId, same_but_for_bookkeeping
from ims.ports import Batch, Progress

BATCH = 2000
"""How many users one transaction writes at most."""
_TRIES = 3
"""How often a user who keeps moving is read and planned again before they wait for the next pass."""
_NOTES = 50
"""How many notes a report keeps; the rest is counted."""
_LAST = 1_000_000
"""The number of the batch that closes a failed pass: later than any that it may have written."""
_SHOWN = 100
"""How many users an observed directory's state names as those who would be locked."""


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
        self.raised += len(planned.raised)
        self.lifted += len(planned.lifted)


class Committer:
    """Writes one pass's plans, batch after batch."""

    def __init__(self, run: Run, start: Start, reading: Reading, plans: Plans, quarantine: Quarantine) -> None:
        self._run = run
        self._start = start
        self._reading = reading
        self._plans = plans
        self._quarantine = quarantine
        self._number = 0
        self.tally = Tally()

    def commit(self, client: Client) -> Tally:
        """Write all plans; those dropped are read and planned again. Raises FenceLost or StoreUnusable."""
        dropped = self._write(self._plans.changed.values(), self._start.base)
        for _ in range(_TRIES):
            if not dropped:
                break
            base = self._run.store.revision()
            try:
                plans = self._planned_again(client, dropped)
            except DirectoryUnreachable:
                break
            dropped = self._write(plans, base)
        self.tally.unsettled = dropped
        return self.tally

    def close(self, state: DirectoryState, report: PassReport, quarantine: tuple[Quarantined, ...] | None) -> None:
        """Write how the pass stands: the watermark covers what was written before it."""
        self._apply(Batch(), state=state, report=report, quarantine=quarantine)

    # -----------------------------------------------------------------------------------------------------------------

    def _write(self, plans: Iterable[Planned], base: Revision) -> frozenset[UserId]:
        """Write plans made on the state of `base`; return those whose user had moved."""
        todo = iter(list(plans))
        dropped: set[UserId] = set()
        while batch := tuple(islice(todo, BATCH)):
            self._run.go_on()
            dropped |= self._write_batch(batch, base)
        return frozenset(dropped)

    def _write_batch(self, plans: Sequence[Planned], base: Revision) -> set[UserId]:
        """Write some plans; where one of them would break a rule of the store, that one alone goes to quarantine."""
        try:
            dropped = self._apply_plans(plans, base)
        except NotUnique as error:
            if len(plans) == 1:
                return self._refuse(plans[0], base, error)
            half = len(plans) // 2
            return self._write_batch(plans[:half], base) | self._write_batch(plans[half:], base)
        for planned in plans:
            if planned.user.id not in dropped:
                self.tally.count(planned)
        self.tally.dropped += len(dropped)
        return dropped

    def _apply_plans(self, plans: Sequence[Planned], base: Revision) -> set[UserId]:
        context = self._plans.context
        changes = tuple(change_of(planned, base, context) for planned in plans)
        batch = Batch(changes=changes, audit=import_rows(plans, context))
        return set(self._apply(batch))

    def _apply(
        self,
        batch: Batch,
        *,
        state: DirectoryState | None = None,
        report: PassReport | None = None,
        quarantine: tuple[Quarantined, ...] | None = None,
    ) -> tuple[UserId, ...]:
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
        )
        applied = self._run.store.apply(replace(batch, progress=progress))
        self._number += 1
        return applied.dropped

    def _refuse(self, planned: Planned, base: Revision, error: NotUnique) -> set[UserId]:
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
        return self._write_batch((replace(planned, user=user),), base)

    def _is_of_the_entry(self, lock: Lock) -> bool:
        return lock.source == self._run.name and lock.reason in ENTRY_REASONS

    def _planned_again(self, client: Client, users: Iterable[UserId]) -> list[Planned]:
        """Read and plan users anew who were written meanwhile: their entries, and what the other servers show."""
        stored = [user for user_id in users if (user := self._run.store.user(user_id)) is not None]
        by_entry = {link.entry_id: user for user in stored if (link := link_to(user, self._run.name)) is not None}
        interpreter = interpreter_for(client, self._run, self._start, self._reading.groups)
        drafts: dict[EntryId, Draft] = {}
        for page in ById(client, self._run, by_entry):
            for seen in sightings_of(page, interpreter, self._quarantine):
                drafts[seen.entry_id] = Draft(stored=by_entry[seen.entry_id], seen=seen)
        missing = self._reading.kind is PassKind.RECONCILE
        for entry_id in by_entry.keys() - drafts.keys() if missing else ():
            if entry_id not in self._quarantine:
                drafts[entry_id] = Draft(stored=by_entry[entry_id])
        plans = plans_of(drafts.values(), self._plans.context, self._quarantine)
        return [planned for planned in plans if planned.changed]


def record(
    run: Run,
    start: Start,
    reading: Reading,
    plans: Plans,
    quarantine: Quarantine,
    committer: Committer,
) -> PassResult:
    """Write how the pass stands (phase 7): its report, and the directory's state with the watermark."""
    tally = committer.tally
    unsettled = f"{len(tally.unsettled)} users keep changing; the next pass reads them again" if tally.unsettled else ""
    error = plans.why_incomplete or unsettled
    report = _report(run, start, reading, plans, tally, error)
    report = replace(report, quarantined=len(quarantine))
    state = _state(run, start, reading, plans, error)
    everybody = reading.kind is PassKind.RECONCILE and not plans.why_incomplete
    asked = frozenset() if plans.why_incomplete else reading.asked
    committer.close(state, report, quarantine.after(None if everybody else reading.stream.seen | asked))
    if not error and not run.dry:
        run.memory.keep(reading.groups)
    return PassResult(report=report, state=state, preview=tuple(tally.preview))


def record_failure(run: Run, start: Start, error: DirectoryUnreachable) -> None:
    """Write that a directory could not be read, and since when; nothing else is known, and nothing else changes."""
    now = run.clock.now()
    state = run.store.directory(run.name)
    failed = replace(state, error=str(error), error_since=state.error_since or now, next_run=run.retry_at)
    report = PassReport(
        id=start.pass_id,
        directory=run.name,
        kind=start.kind,
        started=start.now,
        ended=now,
        complete=False,
        error=str(error),
    )
    if run.fence is not None:
        progress = Progress(fence=run.fence, pass_id=start.pass_id, number=_LAST, state=failed, report=report)
        run.store.apply(Batch(progress=progress))


def _report(run: Run, start: Start, reading: Reading, plans: Plans, tally: Tally, error: str) -> PassReport:
    more = len(plans.notes) - _NOTES
    return PassReport(
        id=start.pass_id,
        directory=run.name,
        kind=reading.kind,
        started=start.now,
        ended=run.clock.now(),
        complete=not error,
        server=reading.server,
        read=reading.stream.read,
        changed=tally.changed,
        raised=tally.raised,
        lifted=tally.lifted,
        dropped=tally.dropped,
        unmatched=plans.unmatched,
        kept_back=plans.context.verdict.count,
        canary_seen=reading.interpreter.canary,
        error=error,
        notes=(*plans.notes[:_NOTES], *((f"and {more} more",) if more > 0 else ())),
    )


def _state(run: Run, start: Start, reading: Reading, plans: Plans, error: str) -> DirectoryState:
    """Return the directory's state after the pass, on top of what others wrote into it meanwhile."""
    state = replace(
        run.store.directory(run.name),
        entries=run.store.count(directory=run.name),
        kept_back=_kept_back(start, reading, plans),
        would_lock=_would_lock(plans),
        error=error,
        error_since=(start.state.error_since or start.now) if error else None,
        next_run=run.next_run,
    )
    if error:
        return state
    ticked = reading.kind is PassKind.TICK
    return replace(
        state,
        watermark=reading.watermark(),
        fingerprint=start.fingerprint,
        groups=tuple(group.found for group in reading.groups.values() if group.found is not None),
        server=reading.server,
        last_tick=start.now if ticked else state.last_tick,
        last_reconcile=state.last_reconcile if ticked else start.now,
    )


def _kept_back(start: Start, reading: Reading, plans: Plans) -> str:
    """Say what waits. A tick sees no absences: while some are pending, what the reconcile said about them stays."""
    verdict = plans.context.verdict
    if verdict.text and verdict.text in start.state.kept_back:
        return start.state.kept_back
    if verdict.text:
        return f"since {start.now:%Y-%m-%d %H:%M} UTC: {verdict.text}; nobody was locked for that"
    return start.state.kept_back if reading.kind is PassKind.TICK and plans.pending_absences else ""


def _would_lock(plans: Plans) -> tuple[str, ...]:
    names = sorted(plans.would_lock.values())
    more = len(names) - _SHOWN
    return (*names[:_SHOWN], *((f"and {more} more",) if more > 0 else ()))
