"""Phase 2: what a pass reads, as a stream of entries that knows at its end whether it showed everything there is.

A reconcile reads everybody. A tick reads what changed, everybody who is locked on either side, whoever waits to be
confirmed, and whoever came to or left a group that settings name: none of that shows in the entries themselves.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from agent.clocks import ServerClock, clock_of
from agent.digests import key_of
from agent.directories.client import Client
from agent.directories.dialect import Changes, Policies, Presence
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.reader import Pages, Unchanged, users
from agent.directories.searches import Completeness, Ended
from agent.elsewhere import other_servers
from agent.groups import GroupReading, groups_of, read_groups
from agent.interpret import Interpreter, canary_seen
from agent.rereading import (
    USERS_AT_ONCE,
    ByDn,
    ById,
    contradicts,
    moved_members,
    named_by_id,
    quarantined_ids,
    readable_ids,
    stored_behind,
)
from agent.run import Run, Start
from ims.errors import DirectoryUnreachable
from ims.passes import PassKind
from ims.people import EntryId, User


class Part(Protocol):
    """One search, or several of one kind: pages of entries, and at their end whether that was all."""

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield the pages."""
        ...

    @property
    def completeness(self) -> Completeness:
        """Return whether everything was shown."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """Entries that were read already."""

    entries: tuple[Entry, ...]
    completeness: Completeness

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield them in pages as long as the store likes them."""
        for first in range(0, len(self.entries), USERS_AT_ONCE):
            yield self.entries[first : first + USERS_AT_ONCE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a complete reading need not look at, and whom else it looks for: `others` are among the `known` too.

    `watermark` is where the earlier readings came to that looked at what is passed over now.
    """

    unchanged: Unchanged
    others: frozenset[EntryId]
    known: int
    watermark: str = ""


class Stream:
    """The entries of one pass, page by page, each once. Iterate once; then ask how it ended.

    A connection that breaks in the middle ends the stream and makes it incomplete: what was seen is true all the same.
    Raises DirectoryUnreachable only if nothing was seen at all. `nameless` counts entries without a readable id.
    """

    def __init__(self, run: Run, parts: Sequence[Part], passed: Passed | None = None) -> None:
        self._run = run
        self._dialect = run.directory.dialect
        self._parts = parts
        self._passed = passed
        self.seen: set[EntryId] = set()
        self.nameless = 0
        self.highest_stamp = ""
        self.read = 0
        self.why_incomplete = "the reading has not come to its end"

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield pages of entries that were not yielded before."""
        missing = []
        try:
            for part in self._parts:
                yield from self._new(part)
                missing.append("" if part.completeness.complete else part.completeness.why)
        except DirectoryUnreachable as error:
            self._run.go_on()
            if not self.read and not self.passed_over:
                raise
            missing.append(str(error))
        self.why_incomplete = next(filter(None, missing), "")

    @property
    def passed_over(self) -> int:
        """Return how many entries were passed over, because they are as they were."""
        return self._passed.unchanged.passed if self._passed is not None else 0

    @property
    def known(self) -> int:
        """Return how many entries a complete reading would show again if nobody were gone; 0 of any other reading."""
        return self._passed.known if self._passed is not None else 0

    def unseen(self) -> set[EntryId]:
        """Return the known entries that were neither seen nor passed over; none where nobody was looked for."""
        if self._passed is None:
            return set()
        left = self._run.store.entries_with(self._run.name, self._passed.unchanged.known)
        return (left | self._passed.others) - self.seen

    def _new(self, pages: Iterable[tuple[Entry, ...]]) -> Iterator[tuple[Entry, ...]]:
        for part in pages:
            self._run.go_on()
            page = tuple([entry for entry in part if self._is_new(entry)])
            self.read += len(page)
            if page:
                yield page

    def _is_new(self, entry: Entry) -> bool:
        """Return whether an entry was not seen before; one without a readable id always is, to be reported."""
        try:
            entry_id, stamp = self._dialect.entry_id(entry), self._dialect.stamp(entry)
        except BadEntry:
            self.nameless += 1
            return True
        if entry_id in self.seen:
            return False
        self.seen.add(entry_id)
        self.highest_stamp = max(self.highest_stamp, stamp)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a pass reads of its directory. `kind` is RECONCILE where a tick could not tell what changed.

    `asked` are the entries that a tick asked for by id, and `gone` those whose deletion the directory reported;
    `stored` are users who were taken from the store already, by their entries.
    """

    kind: PassKind
    server: str
    interpreter: Interpreter
    groups: Mapping[str, GroupReading]
    stream: Stream
    began: float
    asked: frozenset[EntryId] = frozenset()
    stored: Mapping[EntryId, User] = field(default_factory=dict)
    gone: frozenset[EntryId] = frozenset()
    changes: Changes | None = None
    earlier: str = ""
    """The watermark of the readings before, where some entries were passed over."""
    position: str = ""
    """How far the server was before a complete reading."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what could not be read besides users, and why, and which clocks go wrong."""
        others = self.interpreter.others
        clocks = (self.interpreter.clock.warning, *(other.clock_warning for other in others))
        groups = (reading.why for reading in self.groups.values() if reading.why)
        return (*filter(None, clocks), *groups, *(other.why for other in others if other.why))

    def watermark(self) -> str:
        """Return where the next tick goes on. Ask when the stream has come to its end."""
        if self.changes is not None:
            return self.changes.watermark
        took = timedelta(seconds=time.monotonic() - self.began)
        dialect = self.interpreter.directory.dialect
        return dialect.watermark(self.server, self.stream.highest_stamp, took, self.earlier, self.position)


def read(client: Client, run: Run, start: Start) -> Reading:
    """Read what decides what entries mean, and open the stream of entries. Raises DirectoryUnreachable."""
    changes = _changes(client, run, start)
    return _everything(client, run, start) if changes is None else _what_changed(client, run, start, changes)


def _everything(client: Client, run: Run, start: Start) -> Reading:
    began = time.monotonic()
    position = run.directory.dialect.position(client, run.directory.reading)
    groups = read_groups(client, run.directory, start.state.groups, run.memory, afresh=True)
    policies = run.directory.dialect.policies(client, run.directory.reading)
    clock = clock_of(client, run.directory, run.clock.now)
    key = key_of(start.fingerprint, run.directory.version, policies.fingerprint(), groups, clock.ahead)
    interpreter = interpreter_for(client, run, start, groups, policies, clock)
    passed = _to_pass_over(client, run, start, interpreter, key)
    pages = Pages(client, users(run.directory.dialect, run.directory.reading), passed.unchanged)
    return Reading(
        kind=PassKind.RECONCILE,
        server=client.server,
        interpreter=interpreter,
        groups=groups,
        stream=Stream(run, (pages, *_doubts(start)), passed),
        began=began,
        earlier=passed.watermark,
        position=position,
    )


def _to_pass_over(client: Client, run: Run, start: Start, interpreter: Interpreter, key: bytes) -> Passed:
    """Return whom this reading need not look at: known as they are, and locked on no server.

    Nobody is passed over where the last watermark is another server's, or there is none: it says how far those were
    read whose change stamps are not looked at now, and the next tick goes on from there.
    """
    if start.state.server != client.server or not start.state.watermark:
        everybody = run.store.entry_ids(run.name)
        return Passed(unchanged=Unchanged(key=key, known=set()), others=frozenset(everybody), known=len(everybody))
    locked = {entry_id for other in interpreter.others for entry_id in other.locked}
    known = run.store.known_entries(run.name, start.now, locked)
    return Passed(
        unchanged=Unchanged(key=key, known=known.digests),
        others=frozenset(known.others),
        known=len(known.digests) + len(known.others),
        watermark=start.state.watermark,
    )


def _what_changed(client: Client, run: Run, start: Start, changes: Changes) -> Reading:
    """Read what a tick reads. It is little, so it is read first: only then is it clear whether memory fits it."""
    groups = read_groups(client, run.directory, start.state.groups, run.memory, afresh=False)
    interpreter = interpreter_for(client, run, start, groups)
    gone = _gone(run, changes)
    moved = moved_members(run, groups)
    asked = _to_reread(run, start, interpreter) | moved.ids
    locked = users(run.directory.dialect, run.directory.reading, run.directory.dialect.locked_filter())
    told = Given(() if gone else changes.entries, changes.completeness)
    parts = _collected(told, Pages(client, locked), ByDn(client, run, moved.dns))
    named = named_by_id(run, (entry for part in parts for entry in part.entries))
    parts += _collected(ById(client, run, asked - named.keys()))
    named |= named_by_id(run, (entry for entry in parts[-1].entries))
    stored = stored_behind(run, named)
    if contradicts(run, named, stored, groups):
        groups = read_groups(client, run.directory, start.state.groups, run.memory, afresh=True)
        interpreter = replace(interpreter, groups=groups_of(groups))
        moved = moved_members(run, groups)
        asked |= moved.ids
        parts += _collected(ById(client, run, moved.ids), ByDn(client, run, moved.dns))
    return Reading(
        kind=PassKind.TICK,
        server=client.server,
        interpreter=interpreter,
        groups=groups,
        stream=Stream(run, (*parts, *_doubts(start))),
        began=time.monotonic(),
        asked=asked,
        stored=stored,
        gone=gone,
        changes=changes,
    )


def _doubts(start: Start) -> tuple[Given, ...]:
    """Return what keeps a reading from being evidence though every page of it ended well."""
    why = Completeness(ended=Ended.UNFINISHED, why=start.lag)
    return (Given((), why),) if start.lag else ()


def _collected(*parts: Part) -> tuple[Given, ...]:
    """Read parts to their end."""
    return tuple(Given(tuple(entry for page in part for entry in page), part.completeness) for part in parts)


def interpreter_for(
    client: Client,
    run: Run,
    start: Start,
    groups: Mapping[str, GroupReading],
    policies: Policies | None = None,
    clock: ServerClock | None = None,
) -> Interpreter:
    """Read policies, the clock, the canary and the other servers' locks, and return what makes sense of entries."""
    policies = policies or run.directory.dialect.policies(client, run.directory.reading)
    return Interpreter(
        directory=run.directory,
        policies=policies,
        groups=groups_of(groups),
        canary=canary_seen(client, run.directory, policies, start.now),
        now=start.now,
        clock=clock or clock_of(client, run.directory, run.clock.now),
        readable=readable_ids(client, run, start.now),
        others=other_servers(client, run.directory, run.clock.now),
    )


def _changes(client: Client, run: Run, start: Start) -> Changes | None:
    """Return what changed since the watermark; None where only a complete reading can tell."""
    if start.kind is PassKind.RECONCILE or start.state.server != client.server:
        return None
    changes = run.directory.dialect.changes_since(client, run.directory.reading, start.state.watermark)
    return None if changes.compare_fully else changes


def _gone(run: Run, changes: Changes | None) -> frozenset[EntryId]:
    if changes is None or changes.presence is not Presence.THESE_ARE_GONE:
        return frozenset()
    return frozenset(run.directory.dialect.entry_id(entry) for entry in changes.entries)


def _to_reread(run: Run, start: Start, interpreter: Interpreter) -> frozenset[EntryId]:
    """Return who is read though nothing changed: locked on either side, to be confirmed, due, or in quarantine."""
    elsewhere = (entry_id for other in interpreter.others for entry_id in other.locked)
    return run.store.to_reread(run.name, start.now) | quarantined_ids(run) | frozenset(elsewhere)
