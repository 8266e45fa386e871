"""Why a user is locked, from the raw attributes to the exact write an unlock would do, read from the directory now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.errors import BadEntry, Refused
from agent.directories.reader import find_one, user_with_id
from ims.clearing import Decision, Step, brought_up, decide, fact_behind, stays
from ims.errors import DirectoryUnreachable
from ims.locks import Lock, clearable_by, display
from ims.people import EntryLink, User
from ims.ports import FreshReading
from ims.unlocking import why_protected
from lockstep.invocation import operator
from lockstep.wiring import Wiring

_EXPLAINER = "explain"
"""What raised a lock that only this look has seen; it is never stored."""
_STEPS = {
    Step.WRITE: "an unlock removes its marker from the directory (see the write below)",
    Step.RESTORE: "an unlock adds the affiliation back where the rule's settings allow it",
    Step.DROP: "an unlock ends it here; the directory needs no write",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerView:
    """What one server shows of an entry: raw lock attributes, the policy, the arithmetic; or why it shows nothing."""

    directory: str
    server: str
    answered: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLock:
    """One lock in force: who may clear it, and what an unlock would do about it, or why it would stay."""

    reason: str
    display: str
    source: str
    server: str
    since: datetime
    until: datetime | None
    clearable_by: tuple[str, ...]
    unlock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one user's locks at one moment.

    `protected` says why nobody may unlock them. Of the directories in `only_observed` no lock is in force, whatever
    their servers show; nor is one that the brake keeps back (`kept_back` says what would be, and which batch it is in).
    """

    user: User
    at: datetime
    protected: str
    only_observed: tuple[str, ...]
    kept_back: tuple[str, ...]
    servers: tuple[ServerView, ...]
    locks: tuple[ExplainedLock, ...]
    writes: tuple[str, ...]


def explain(wiring: Wiring, user: User) -> Explanation:
    """Read every entry behind a user, on every server, and say what that means and what an unlock would do.

    Nothing is written, neither there nor here. A server that gives no answer is shown with the reason.
    """
    now = wiring.clock.now()
    views = [view for link in user.entries for view in _views(wiring, link, now)]
    readings = tuple(reading for link in user.entries if (reading := _reading(wiring, user, link)) is not None)
    decision = decide(user, readings, wiring.rules, now, _EXPLAINER)
    fresh = brought_up(user, readings, now, _EXPLAINER)
    silent = {view.directory: f"{view.directory} gave no answer now" for view in views if not view.answered}
    return Explanation(
        user=fresh,
        at=now,
        protected=why_protected(operator(), user) or next((r.protected for r in readings if r.protected), ""),
        only_observed=tuple(link.directory for link in user.entries if not wiring.directories.enforced(link.directory)),
        kept_back=tuple(_kept_back(wiring, user)),
        servers=tuple(views),
        locks=tuple(_explained(wiring, lock, step, readings, silent) for lock, step in decision.steps),
        writes=tuple(line for reading in readings for line in _writes(wiring, decision, reading)),
    )


def _kept_back(wiring: Wiring, user: User) -> Iterator[str]:
    """Say what each directory would change about a user, had nobody to decide on it first."""
    for batch in wiring.store.held_batches():
        for item in wiring.store.held_items(batch.directory):
            if item.user == user.id and item.why is batch.why:
                yield f"{batch.directory} would make it {item.after} ({item.decision.value}: batch {batch.id})"


def _views(wiring: Wiring, link: EntryLink, now: datetime) -> list[ServerView]:
    if link.directory not in wiring.settings.directories:
        return [_view(link, "", "settings no longer name this directory")]
    directory = wiring.directory(link.directory)
    return [_on_server(directory, server, link, now) for server in directory.access.servers]


def _on_server(directory: ConfiguredDirectory, server: str, link: EntryLink, now: datetime) -> ServerView:
    try:
        with directory.client().connect_to(server) as client:
            return _view(link, server, *_lines(directory, client, link, now), answered=True)
    except (DirectoryUnreachable, Refused, BadEntry) as error:
        return _view(link, server, str(error))


def _lines(directory: ConfiguredDirectory, client: Client, link: EntryLink, now: datetime) -> tuple[str, ...]:
    dialect, rules = directory.dialect, directory.reading
    entry = find_one(client, user_with_id(dialect, rules, link.entry_id))
    if entry is None:
        return (f"no entry with the id {link.entry_id} (last seen as {link.dn})",)
    policy = dialect.policies(client, rules).of(entry, now)
    return (f"dn: {entry.dn}", *dialect.explain(entry, policy, now))


def _view(link: EntryLink, server: str, *lines: str, answered: bool = False) -> ServerView:
    return ServerView(directory=link.directory, server=server, answered=answered, lines=lines)


def _reading(wiring: Wiring, user: User, link: EntryLink) -> FreshReading | None:
    """Return what an unlock would read; None where it would read nothing, or gets no answer."""
    if link.directory not in wiring.settings.directories or not wiring.directories.enforced(link.directory):
        return None
    try:
        return wiring.write_back.read(link, user.tenant)
    except DirectoryUnreachable:
        return None


def _explained(
    wiring: Wiring,
    lock: Lock,
    step: Step,
    readings: tuple[FreshReading, ...],
    silent: Mapping[str, str],
) -> ExplainedLock:
    return ExplainedLock(
        reason=lock.reason.value,
        display=display(lock),
        source=lock.source,
        server=lock.server,
        since=lock.since,
        until=lock.until,
        clearable_by=tuple(clearer.value for clearer in clearable_by(lock, wiring.rules)),
        unlock=_STEPS.get(step) or f"stays: {stays(lock, readings, silent).partition(': ')[2]}",
    )


def _writes(wiring: Wiring, decision: Decision, reading: FreshReading) -> tuple[str, ...]:
    """Return the modification that an unlock would send: it removes the markers in force and those that have lapsed."""
    in_force = [fact_behind(lock, reading) for lock in decision.doing(Step.WRITE)]
    lapsed = [fact for owner, fact in decision.lapsed if owner is reading]
    facts = [fact for fact in (*in_force, *lapsed) if fact is not None]
    return wiring.write_back.plan(reading, facts) if facts else ()
