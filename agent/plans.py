"""What a pass collects between reading and writing: drafts that can be planned again, and plans."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.context import Context
from agent.plan import Planned, plan, plan_missing
from agent.quarantine import Quarantine
from agent.sightings import Sighting, Untrusted
from ims.people import User, UserId
from ims.ports import EntryDigest


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

    `digests` are those of entries that changed nothing.
    """

    context: Context
    changed: dict[UserId, Planned] = field(default_factory=dict)
    digests: list[EntryDigest] = field(default_factory=list)
    would_lock: dict[UserId, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unmatched: int = 0
    why_incomplete: str = ""

    def add(self, planned: Planned) -> None:
        """Take a plan in: kept if it changes something, told in any case."""
        self.notes += planned.notes
        if planned.changed:
            self.changed[planned.user.id] = planned
        elif planned.digest is not None:
            self.digests.append(planned.digest)
        if planned.would_lock:
            name, reasons = planned.user.profile.user_name, ", ".join(planned.would_lock)
            self.would_lock[planned.user.id] = f"{name}: {reasons}"

    def forget(self, user: UserId) -> None:
        """Take a plan back."""
        self.changed.pop(user, None)
        self.would_lock.pop(user, None)


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
