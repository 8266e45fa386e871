"""Phases 3 and 4 of a pass: entries become sightings, and sightings become plans.

Whoever matches a rule of their own tenant is planned at once, page by page, and only what changed is kept. Whoever does
not waits for the end of the reading: only then is it known whether it was complete, and which rules it knew about.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from agent.context import link_to
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.interpret import Interpreter
from agent.knowledge import silent_rules
from agent.matching import unknown_roles, unknown_rules
from agent.newcomers import Newcomers
from agent.plan import plan
from agent.plans import Draft, Plans
from agent.quarantine import Quarantine
from agent.reading import Reading
from agent.rereading import USERS_AT_ONCE, chunks
from agent.run import Run, Start
from agent.sightings import Sighting, Untrusted
from agent.writing import BATCH, Writer
from ims.errors import DirectoryUnreachable
from ims.passes import PassKind
from ims.people import EntryId, User


def interpret(reading: Reading, quarantine: Quarantine) -> Iterator[tuple[Sighting, ...]]:
    """Return the stream's entries as sightings, page by page (phase 3); what cannot be trusted goes to quarantine."""
    for page in reading.stream:
        yield sightings_of(page, reading.interpreter, quarantine)


def sightings_of(page: Iterable[Entry], interpreter: Interpreter, quarantine: Quarantine) -> tuple[Sighting, ...]:
    """Return what some entries say; what cannot be trusted goes to quarantine."""
    found = []
    for entry in page:
        try:
            found.append(interpreter.sighting(entry))
        except Untrusted as error:
            quarantine.put(_key(entry, interpreter), entry.dn, str(error))
    return tuple(found)


def draft(
    client: Client,
    run: Run,
    start: Start,
    reading: Reading,
    sightings: Iterable[tuple[Sighting, ...]],
    quarantine: Quarantine,
    writer: Writer | None = None,
) -> tuple[Plans, tuple[Draft, ...]]:
    """Plan everybody who was seen (phase 4).

    With a `writer`, a first import's newcomers are written as they come, and the digests of those who change nothing.

    Return the plans, and the drafts that wait for the brake: those whom the reading shows in no tenant of theirs, and
    those whom it does not show.
    """
    drafting = _Drafting(run, start, reading, quarantine, writer)
    for page in sightings:
        drafting.page(page)
    return drafting.end(client)


def _failed_over(run: Run, start: Start, reading: Reading) -> bool:
    """Return whether this server may show older entries than were read before: it is, or last time was, a stand-in."""
    moved = reading.server != run.directory.access.servers[0] or start.state.server not in ("", reading.server)
    return moved or bool(start.lag)


class _Drafting:
    """Phase 4 while the stream runs."""

    def __init__(
        self,
        run: Run,
        start: Start,
        reading: Reading,
        quarantine: Quarantine,
        writer: Writer | None,
    ) -> None:
        self._run = run
        self._reading = reading
        self._quarantine = quarantine
        self._now = start.now
        self._writer = writer
        groups = reading.interpreter.groups
        self._context = replace(
            start.context(run),
            servers=frozenset(other.server for other in reading.interpreter.others),
            failed_over=_failed_over(run, start, reading),
            unknown_roles=unknown_roles(run.directory, groups),
            silent_rules=unknown_rules(run.directory, groups),
        )
        self._plans = Plans(context=self._context)
        self._drafts: list[Draft] = []
        self._newcomers = Newcomers(run, start, self._plans, quarantine, writer)
        self._recognised = False
        self._kept, self._lost = Counter[str](), Counter[str]()

    def page(self, page: tuple[Sighting, ...]) -> None:
        """Plan one page of sightings."""
        stored = self._stored(seen.entry_id for seen in page)
        self._recognised = self._recognised or bool(stored)
        newcomers = []
        for seen in page:
            known = stored.get(seen.entry_id)
            if known is None:
                newcomers.append(seen)
            else:
                self._count_rule(known, seen)
                self._known(known, seen)
        self._newcomers.page(newcomers)
        if self._writer is not None and len(self._plans.digests) >= BATCH:
            self._writer.write_digests(self._plans.digests)
            self._plans.digests.clear()

    def end(self, client: Client) -> tuple[Plans, tuple[Draft, ...]]:
        """Add whoever was not seen, and say how far this reading is evidence."""
        why = self._reading.stream.why_incomplete or self._why_not_believed()
        silent: dict[str, str] = {}
        try:
            silent |= {} if why else self._silent_rules(client)
        except DirectoryUnreachable as error:
            why = str(error)
        self._plans.context = replace(
            self._context,
            complete=not why,
            silent_rules=self._context.silent_rules | silent.keys(),
        )
        self._plans.why_incomplete = why
        self._plans.notes += [*self._reading.notes, *silent.values()]
        return self._plans, (*self._drafts, *self._missing(believed=not why))

    # --- whoever was seen --------------------------------------------------------------------------------------------

    def _known(self, known: User, seen: Sighting) -> None:
        """Plan a user of this entry, at once or, where no rule of their own tenant matches, in the end."""
        if not any(match.tenant == known.tenant for match in seen.matches):
            self._drafts.append(Draft(stored=known, seen=seen))
            return
        try:
            planned = plan(known, seen, self._context)
        except Untrusted as error:
            self._quarantine.put(seen.entry_id, seen.dn, str(error))
            return
        if planned is not None:
            self._plans.add(planned)

    def _stored(self, ids: Iterable[EntryId]) -> Mapping[EntryId, User]:
        """Return the users behind entries: those that the reading has taken from the store already, and the others."""
        known = self._reading.stored
        others = [entry_id for entry_id in ids if entry_id not in known]
        return {**known, **self._run.store.behind(self._run.name, others)} if others else known

    def _count_rule(self, known: User, seen: Sighting) -> None:
        """Count, for each rule, those whom it matched before and matches still, and those whom it does not."""
        link = link_to(known, self._run.name)
        if link is not None and link.rule:
            still = any(match.rule == link.rule for match in seen.matches)
            (self._kept if still else self._lost)[link.rule] += 1

    # --- whoever was not ---------------------------------------------------------------------------------------------

    def _why_not_believed(self) -> str:
        """Say why absence in this reading means nothing, though every page ended well; empty = it does."""
        if self._reading.stream.nameless:
            return f"{self._reading.stream.nameless} entries did not show their id: nobody is taken for absent"
        known = self._reading.stream.known
        recognised = self._recognised or self._reading.stream.passed_over
        if known and not recognised:
            return (
                f"the search succeeded and showed nobody of the {known} who are known: that says nothing about anybody"
            )
        return ""

    def _silent_rules(self, client: Client) -> dict[str, str]:
        kind, groups = self._reading.kind, self._reading.interpreter.groups
        kept = self._kept + self._kept_by_passing_over()
        return silent_rules(client, self._run, kind, groups, kept=kept, lost=self._lost)

    def _kept_by_passing_over(self) -> Counter[str]:
        """Return, of the rules that lost people and kept none who was seen, those that keep somebody passed over."""
        doubtful = {rule for rule in self._lost if not self._kept[rule]}
        kept = Counter[str]()
        if not doubtful or not self._reading.stream.passed_over:
            return kept
        known = self._run.store.entry_ids(self._run.name).keys()
        for user in self._behind(known - self._reading.stream.unseen() - self._reading.stream.seen):
            link = link_to(user, self._run.name)
            kept.update({link.rule} & doubtful if link is not None else ())
            if kept.keys() == doubtful:
                break
        return kept

    def _missing(self, *, believed: bool) -> Iterator[Draft]:
        """Return the drafts of the users whose entries are not there; of a tick, those whose deletion was reported."""
        if self._reading.kind is PassKind.TICK:
            yield from (Draft(stored=user, deleted=True) for user in self._behind(self._reading.gone))
        elif believed:
            yield from (Draft(stored=user) for user in self._behind(self._reading.stream.unseen()))

    def _behind(self, ids: Iterable[EntryId]) -> Iterator[User]:
        for some in chunks(sorted(ids), USERS_AT_ONCE):
            yield from self._run.store.behind(self._run.name, some).values()


def _key(entry: Entry, interpreter: Interpreter) -> str:
    try:
        return interpreter.directory.dialect.entry_id(entry)
    except BadEntry:
        return entry.dn
