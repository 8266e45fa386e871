"""How an unlock reaches the directories: read on every server, write conditionally (`ims.ports.WriteBack`).

Every configured server has to answer a reading. Whether a copy keeps locks of its own cannot be told from outside, and
one that says nothing may hold the very lock that keeps the person out; so a server that is gone for good belongs out of
the settings. A write is sent once. If its answer is lost the caller is told so, and reads again.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from agent.configured import ConfiguredDirectory
from agent.directories.dialect import NotWritable
from agent.directories.results import Code, Result
from agent.directories.writes import Modify
from agent.fresh import FreshReader, MarkerMemory, usable_answers
from agent.restoring import NotRestorable, affiliation_given_by
from ims.errors import DirectoryUnreachable
from ims.locks import LockFact
from ims.passes import DirectoryState, Mode
from ims.people import DirectoryName, EntryLink, TenantId
from ims.ports import Clock, FreshReading, Outcome, SyncState, Written

_ADVICE = {
    Code.INSUFFICIENT_ACCESS_RIGHTS: "give Lockstep's account the right to remove the lock (`lockstep check --online`)",
    Code.REFERRAL: "no configured server takes writes: name the one that does in `servers`",
    Code.UNWILLING_TO_PERFORM: "the directory does not allow that here; ask its administrators",
}
"""What to do about a refusal, by its result code."""


class DirectoryWriteBack:
    """`ims.ports.WriteBack` over all configured directories; one instance serves all threads."""

    def __init__(
        self,
        directories: Mapping[DirectoryName, ConfiguredDirectory],
        states: SyncState,
        clock: Clock,
    ) -> None:
        self._directories = directories
        self._states = states
        self._clock = clock
        self._memory = MarkerMemory()

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        """Read the entry now, on every server. Raises DirectoryUnreachable where one of them gave no answer."""
        return FreshReader(self._configured(link), self._states, self._clock, self._memory).read(link, tenant)

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        """Remove exactly these markers, each on the server that holds it. Raises DirectoryUnreachable.

        A marker of the directory as a whole is removed first and alone: that makes the entry anew on every copy, and a
        lock that only a copy holds goes with it. The reading that follows shows what is left.
        """
        directory = self._configured(reading.link)
        written: list[Written] = []
        for server, group in groupby(sorted(facts, key=_server), key=_server):
            written.append(self._clear_on(directory, server, reading, tuple(group)))
            if written[-1].outcome is Outcome.DONE and not server:
                break
        return _together(written)

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        """Add the affiliation back where settings say how; REFUSED says what to do. Raises DirectoryUnreachable."""
        directory = self._configured(reading.link)
        state = self._states.directory(directory.name)
        try:
            with usable_answers(), directory.client().connect_to(directory.access.servers[0]) as client:
                gives = affiliation_given_by(client, directory, state, tenant)
        except NotRestorable as why:
            return Written(outcome=Outcome.REFUSED, detail=str(why))
        modify = directory.dialect.affiliate_modify(reading.link.dn, gives)
        return self._written(directory, self._send(directory, modify))

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        """Say, for `explain`, the exact write that `clear` would send, one line per modification."""
        directory = self._configured(reading.link)
        lines: list[str] = []
        for server, group in groupby(sorted(facts, key=_server), key=_server):
            lines.append(f"on {server or directory.access.servers[0]}:")
            try:
                lines += _unlock(directory, server, reading, tuple(group)).lines()
            except NotWritable as why:
                lines.append(str(why))
        return tuple(lines)

    # -----------------------------------------------------------------------------------------------------------------

    def _clear_on(
        self,
        directory: ConfiguredDirectory,
        server: str,
        reading: FreshReading,
        facts: tuple[LockFact, ...],
    ) -> Written:
        try:
            modify = _unlock(directory, server, reading, facts)
        except NotWritable as why:
            return Written(outcome=Outcome.REFUSED, detail=str(why))
        if not server:
            return self._written(directory, self._send(directory, modify))
        with directory.client().connect_to(server) as client:
            result = client.modify(modify)
        if directory.dialect.is_copy(result):
            result = self._send(directory, directory.dialect.rewrite_modify(reading.link.dn, reading.stamp))
        return self._written(directory, result)

    def _send(self, directory: ConfiguredDirectory, modify: Modify) -> Result:
        """Send a write to the first server that takes writes; one that only holds a copy says so and does nothing."""
        for server in directory.access.servers:
            with directory.client().connect_to(server) as client:
                result = client.modify(modify)
            if not directory.dialect.is_copy(result):
                break
        return result

    @staticmethod
    def _written(directory: ConfiguredDirectory, result: Result) -> Written:
        """Return what an answer means, in words that the caller may read: never the server's own text."""
        outcome = directory.dialect.outcome(result)
        advice = next((text for code, text in _ADVICE.items() if code == result.code), "ask its administrators")
        refused = outcome is Outcome.REFUSED
        return Written(outcome=outcome, detail=f"{result.name}: {advice}" if refused else result.name)

    def _configured(self, link: EntryLink) -> ConfiguredDirectory:
        directory = self._directories.get(link.directory)
        if directory is None:
            raise DirectoryUnreachable(
                f"{link.directory} is no longer in the settings; the entry {link.dn} is not read"
            )
        return directory


class ConfiguredDirectories:
    """`ims.ports.Directories`: what the web side may know of the directories."""

    def __init__(self, directories: Mapping[DirectoryName, ConfiguredDirectory], states: SyncState) -> None:
        self._directories = directories
        self._states = states

    def states(self) -> tuple[DirectoryState, ...]:
        """Return the state of every configured directory, in the settings' order."""
        return tuple(self._states.directory(name) for name in self._directories)

    def enforced(self, name: DirectoryName) -> bool:
        """Return whether this directory's locks may be in force: as `lockstep enable` said, else as settings say."""
        directory = self._directories.get(name)
        return directory is not None and (self._states.directory(name).mode or directory.mode) is Mode.ENFORCE


def _unlock(
    directory: ConfiguredDirectory,
    server: str,
    reading: FreshReading,
    facts: tuple[LockFact, ...],
) -> Modify:
    """Return the write for one server's markers. The stamp is the first server's; elsewhere the value seen decides."""
    return directory.dialect.unlock_modify(reading.link.dn, "" if server else reading.stamp, facts)


def _server(fact: LockFact) -> str:
    return fact.server


def _together(written: Sequence[Written]) -> Written:
    """Return what became of several writes: a refusal first, then what has to be read again, then success."""
    for outcome in (Outcome.REFUSED, Outcome.CHANGED, Outcome.DONE):
        these = [one for one in written if one.outcome is outcome]
        if these:
            return Written(outcome=outcome, detail="; ".join(dict.fromkeys(one.detail for one in these)))
    return Written(outcome=Outcome.ALREADY)
