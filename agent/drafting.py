"""Phases 3 and 4 of a pass: entries become sightings, and sightings become plans.

Whoever matches a rule of their own tenant is planned at once, page by page, and only what changed is kept. Whoever does
not waits for the end of the reading: only then is it known whether it was complete, and which rules it knew about.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agent.context import Context, link_to
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.interpret import Interpreter
from agent.knowledge import silent_rules
from agent.matching import unknown_roles, unknown_rules
from agent.plan import Planned, plan, plan_missing
from agent.quarantine import Quarantine
from agent.reading import Reading
from agent.rereading import USERS_AT_ONCE, chunks
from agent.run import Run, Start
from agent.sightings import Sighting, Untrusted
from ims.errors import DirectoryUnreachable
from ims.locks import LockReason
from ims.names import key_of_name
from ims.passes import PassKind
from ims.people import EntryId, TenantId, User, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one user is planned on, so that it can be planned again. `seen` is None for one whose entry is not there."""

    stored: User | None
    seen: Sighting | None = None
    deleted: bool = False

    def plan(self, context: Context) -> Planned | None:
        """Plan it in this context. Raises Untrusted."""
        if self.seen is not None:
            return plan(self.stored, self.seen, context)
        return plan_missing(self.stored, context, deleted=self.deleted) if self.stored is not None else None


@dataclass(slots=True, kw_only=True)
class Plans:
    """What a pass shall write, and what is worth telling of it. `context` is what the last plans were made in.

    `pending_absences`: somebody is missing and not locked for it yet.
    """

    context: Context
    changed: dict[UserId, Planned] = field(default_factory=dict)
    would_lock: dict[UserId, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unmatched: int = 0
    why_incomplete: str = ""
    pending_absences: bool = False

    def add(self, planned: Planned) -> None:
        """Take a plan in: kept if it changes something, told in any case."""
        self.notes += planned.notes
        if planned.changed:
            self.changed[planned.user.id] = planned
        if planned.would_lock:
            name, reasons = planned.user.profile.user_name, ", ".join(planned.would_lock)
            self.would_lock[planned.user.id] = f"{name}: {reasons}"

    def forget(self, user: UserId) -> None:
        """Take a plan back."""
        self.changed.pop(user, None)
        self.would_lock.pop(user, None)


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


def plans_of(drafts: Iterable[Draft], context: Context, quarantine: Quarantine) -> list[Planned]:
    """Return the plans for some drafts; who cannot be trusted goes to quarantine."""
    found = []
    for one in drafts:
        try:
            planned = one.plan(context)
        except Untrusted as error:
            if one.seen is not None:
                quarantine.put(one.seen.entry_id, one.seen.dn, str(error))
            continue
        if planned is not None:
            found.append(planned)
    return found


def draft(
    client: Client,
    run: Run,
    start: Start,
    reading: Reading,
    sightings: Iterable[tuple[Sighting, ...]],
    quarantine: Quarantine,
) -> tuple[Plans, tuple[Draft, ...]]:
    """Plan everybody who was seen (phase 4).

    Return the plans, and the drafts that wait for the brake: those whom the reading shows in no tenant of theirs, and
    those whom it does not show.
    """
    drafting = _Drafting(run, start, reading, quarantine)
    for page in sightings:
        drafting.page(page)
    return drafting.end(client)


class _Drafting:
    """Phase 4 while the stream runs."""

    def __init__(self, run: Run, start: Start, reading: Reading, quarantine: Quarantine) -> None:
        self._run = run
        self._reading = reading
        self._quarantine = quarantine
        groups = reading.interpreter.groups
        self._context = replace(
            start.context(run),
            servers=frozenset(other.server for other in reading.interpreter.others),
            failed_over=bool(start.state.server) and start.state.server != reading.server,
            unknown_roles=unknown_roles(run.directory, groups),
            silent_rules=unknown_rules(run.directory, groups),
        )
        self._plans = Plans(context=self._context)
        self._drafts: list[Draft] = []
        self._newcomers: dict[tuple[TenantId, str], tuple[Sighting, UserId]] = {}
        self._recognised = False
        self._kept, self._lost = Counter[str](), Counter[str]()

    def page(self, page: tuple[Sighting, ...]) -> None:
        """Plan one page of sightings."""
        stored = self._run.store.behind(self._run.name, [seen.entry_id for seen in page])
        self._recognised = self._recognised or bool(stored)
        namesakes = self._namesakes([seen for seen in page if seen.entry_id not in stored])
        for seen in page:
            known = stored.get(seen.entry_id)
            if known is None:
                self._newcomer(seen, namesakes.get(seen.entry_id))
            else:
                self._count_rule(known, seen)
                self._known(Draft(stored=known, seen=seen))

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

    def _known(self, known: Draft) -> None:
        """Plan a user of this entry, at once or, where no rule of their own tenant matches, in the end."""
        tenants = {match.tenant for match in known.seen.matches} if known.seen else set()
        if known.stored is None or known.stored.tenant not in tenants:
            self._drafts.append(known)
            return
        for planned in plans_of((known,), self._context, self._quarantine):
            self._plans.add(planned)

    def _newcomer(self, seen: Sighting, namesake: User | None) -> None:
        """Plan an entry without a user. Of two with one name neither is believed: nobody can say which is meant."""
        if not seen.matches:
            self._plans.unmatched += 1
            return
        for planned in plans_of((Draft(stored=namesake, seen=seen),), self._context, self._quarantine):
            key = (planned.user.tenant, key_of_name(planned.user.profile.user_name))
            other = self._newcomers.setdefault(key, (seen, planned.user.id))
            if other[0] is seen:
                self._plans.add(planned)
                continue
            self._plans.forget(other[1])
            for one, two in ((seen, other[0]), (other[0], seen)):
                why = f"{one.profile.user_name} is the user name of two new entries, this one and {two.dn}: rename one"
                self._quarantine.put(one.entry_id, one.dn, why)

    def _namesakes(self, newcomers: list[Sighting]) -> Mapping[EntryId, User]:
        """Return the users whose name entries without a user have, in the tenant that would be theirs."""
        by_tenant: dict[TenantId, list[Sighting]] = {}
        for seen in newcomers:
            for tenant in {match.tenant for match in seen.matches}:
                by_tenant.setdefault(tenant, []).append(seen)
        found: dict[EntryId, User] = {}
        for tenant, sightings in by_tenant.items():
            named = self._run.store.named(tenant, [seen.profile.user_name for seen in sightings])
            keys = ((seen.entry_id, key_of_name(seen.profile.user_name)) for seen in sightings)
            found |= {entry_id: named[key] for entry_id, key in keys if key in named}
        return found

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
        known = self._run.store.count(directory=self._run.name)
        if self._reading.kind is PassKind.RECONCILE and not self._recognised and known:
            return (
                f"the search succeeded and showed nobody of the {known} who are known: that says nothing about anybody"
            )
        return ""

    def _silent_rules(self, client: Client) -> dict[str, str]:
        kind, groups = self._reading.kind, self._reading.interpreter.groups
        return silent_rules(client, self._run, kind, groups, kept=self._kept, lost=self._lost)

    def _missing(self, *, believed: bool) -> Iterator[Draft]:
        """Return the drafts of the users whose entries are not there; of a tick, those whose deletion was reported."""
        if self._reading.kind is PassKind.TICK:
            unseen = self._reading.asked - self._reading.stream.seen
            self._plans.pending_absences = any(map(self._is_pending, self._behind(unseen)))
            yield from (Draft(stored=user, deleted=True) for user in self._behind(self._reading.gone))
        elif believed:
            left = self._run.store.entry_ids(self._run.name).keys() - self._reading.stream.seen
            yield from (Draft(stored=user) for user in self._behind(left))

    def _is_pending(self, user: User) -> bool:
        """Return whether a user is missing and not locked for it: a confirmation, or the brake, is waited for."""
        link = link_to(user, self._run.name)
        locked = any(lock.reason is LockReason.ABSENT and lock.source == self._run.name for lock in user.locks)
        return link is not None and link.missing_since is not None and not locked

    def _behind(self, ids: Iterable[EntryId]) -> Iterator[User]:
        for some in chunks(sorted(ids), USERS_AT_ONCE):
            yield from self._run.store.behind(self._run.name, some).values()


def _key(entry: Entry, interpreter: Interpreter) -> str:
    try:
        return interpreter.directory.dialect.entry_id(entry)
    except BadEntry:
        return entry.dn
