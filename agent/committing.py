"""Phases 6 and 7 of a pass: what was planned is written in fenced batches, and how the pass stands goes with the last.

A change to a user who was written after the pass began is dropped by the store, read again and planned again, so that a
pass never overwrites a fresh unlock. Whatever stops a pass half way, the next one simply does it again.
"""

from collections.abc import Iterable
from dataclasses import replace

from agent import alarms
from agent.braking import Braking
from agent.context import link_to
from agent.directories.client import Client
from agent.drafting import sightings_of
from agent.holding import Replanned
from agent.plan import Planned
from agent.plans import Draft, Plans
from agent.quarantine import Quarantine
from agent.reading import Reading, interpreter_for
from agent.rereading import ById
from agent.run import PassResult, Run, Start
from agent.writing import Tally, Writer
from ims.batches import Decision
from ims.errors import DirectoryUnreachable
from ims.passes import DirectoryState, PassKind, PassReport, Quarantined
from ims.people import EntryId, UserId
from ims.ports import Batch, Progress

_TRIES = 3
"""How often a user who keeps moving is read and planned again before they wait for the next pass."""
_NOTES = 50
"""How many notes a report keeps; the rest is counted."""
_LAST = 1_000_000
"""The number of the batch that closes a failed pass: later than any that it may have written."""
_SHOWN = 100
"""How many users an observed directory's state names as those who would be locked."""


class Committer:
    """Writes one pass's plans, batch after batch."""

    def __init__(
        self,
        run: Run,
        start: Start,
        reading: Reading,
        plans: Plans,
        quarantine: Quarantine,
        braking: Braking,
        writer: Writer | None = None,
    ) -> None:
        self._run = run
        self._braking = braking
        self._writer = writer or Writer(run, start, quarantine)
        self._start = start
        self._reading = reading
        self._plans = plans
        self._quarantine = quarantine

    @property
    def tally(self) -> Tally:
        """Return what became of the pass's plans."""
        return self._writer.tally

    def commit(self, client: Client) -> Tally:
        """Write all plans; those dropped are read and planned again. Raises FenceLost or StoreUnusable."""
        context = self._plans.context
        dropped = self._writer.write(self._plans.changed.values(), self._start.base, context)
        for _ in range(_TRIES):
            if not dropped:
                break
            base = self._run.store.revision()
            try:
                plans = self._planned_again(client, dropped)
            except DirectoryUnreachable:
                break
            dropped = self._writer.write(plans, base, context)
        self._writer.write_digests(self._plans.digests)
        self.tally.unsettled = dropped
        return self.tally

    def close(
        self,
        state: DirectoryState,
        report: PassReport,
        quarantine: tuple[Quarantined, ...] | None,
        replanned: Replanned,
    ) -> None:
        """Write how the pass stands: the watermark covers what was written before it, and what the brake keeps back."""
        rows = Batch(audit=alarms.held_rows(replanned, self._start))
        self._writer.apply(rows, state=state, report=report, quarantine=quarantine, held=replanned.change)

    # -----------------------------------------------------------------------------------------------------------------

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
        plans = self._braking.planned(tuple(drafts.values()), self._quarantine)
        return [left for planned in plans if (left := self._braking.again(planned)).changed]


def record(
    run: Run,
    start: Start,
    reading: Reading,
    plans: Plans,
    quarantine: Quarantine,
    committer: Committer,
    braking: Braking,
) -> PassResult:
    """Write how the pass stands (phase 7): its report, and the directory's state with the watermark."""
    tally = committer.tally
    unsettled = f"{len(tally.unsettled)} users keep changing; the next pass reads them again" if tally.unsettled else ""
    error = plans.why_incomplete or unsettled
    replanned = braking.result(reading, quarantine, tally.unsettled, error)
    report = _report(run, start, reading, plans, tally, error)
    report = replace(report, quarantined=len(quarantine), kept_back=replanned.waiting)
    state = _state(run, start, reading, plans, error)
    state = replace(state, kept_back=alarms.kept_back(replanned.open), attempts=braking.attempts)
    everybody = reading.kind is PassKind.RECONCILE and not plans.why_incomplete
    asked = frozenset() if plans.why_incomplete else reading.asked
    committer.close(state, report, quarantine.after(None if everybody else reading.stream.seen | asked), replanned)
    if not error and not run.dry:
        run.memory.keep(reading.groups)
    if not run.dry:
        alarms.tell(replanned, start.state, state)
    waits = tuple(item for item in replanned.items if item.decision is Decision.WAITING)
    batches = tuple(batch for batch in replanned.open if batch.waiting)
    return PassResult(report=report, state=state, preview=tuple(tally.preview), waits=waits, batches=batches)


def record_failure(run: Run, start: Start, error: DirectoryUnreachable) -> None:
    """Write that a directory could not be read, and since when; nothing else is known, and nothing else changes."""
    now = run.clock.now()
    state = run.store.directory(run.name)
    failed = replace(state, error=str(error), error_since=state.error_since or now, next_run=run.retry_at)
    failed = replace(failed, told=run.told or failed.told)
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
        read=reading.stream.read + reading.stream.passed_over,
        passed_over=reading.stream.passed_over,
        changed=tally.changed,
        raised=tally.raised,
        lifted=tally.lifted,
        dropped=tally.dropped,
        unmatched=plans.unmatched,
        canary_seen=reading.interpreter.canary,
        error=error,
        notes=(*plans.notes[:_NOTES], *((f"and {more} more",) if more > 0 else ())),
    )


def _state(run: Run, start: Start, reading: Reading, plans: Plans, error: str) -> DirectoryState:
    """Return the directory's state after the pass, on top of what others wrote into it meanwhile."""
    state = replace(
        run.store.directory(run.name),
        entries=run.store.count(directory=run.name),
        would_lock=_would_lock(plans),
        error=error,
        error_since=(start.state.error_since or start.now) if error else None,
        next_run=run.next_run,
    )
    state = replace(state, told=run.told or state.told)
    if error:
        return state
    ticked = reading.kind is PassKind.TICK
    return replace(
        state,
        watermark=reading.watermark(),
        fingerprint=start.fingerprint,
        settled=state.settled if ticked else run.directory.meaning,
        groups=tuple(group.found for group in reading.groups.values() if group.found is not None),
        server=reading.server,
        last_tick=start.now if ticked else state.last_tick,
        last_reconcile=state.last_reconcile if ticked else start.now,
    )


def _would_lock(plans: Plans) -> tuple[str, ...]:
    names = sorted(plans.would_lock.values())
    more = len(names) - _SHOWN
    return (*names[:_SHOWN], *((f"and {more} more",) if more > 0 else ()))
