"""Whose clock decides: the directory's, as far as it tells its time.

A lock that ends at noon ends when it is noon for the server. Where its clock and ours differ, entries are judged at the
server's time, and what comes of it is told in ours, since everybody who reads the ledger goes by ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.dialect import Dialect, Policy, Reading
from agent.directories.entry import Entry
from agent.directories.explaining import span
from ims.locks import BEGINNING, NEVER, LockFact

_STEP = timedelta(seconds=30)
"""Differences are rounded to this: clocks tell whole seconds, and the same difference must be the same in each pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClock:
    """How far a server's clock is ahead of ours; zero where it tells no time."""

    server: str = ""
    ahead: timedelta = timedelta(0)

    @property
    def warning(self) -> str:
        """Return what to say of a clock that goes wrong, empty if it does not."""
        if not self.ahead:
            return ""
        way = "ahead of" if self.ahead > timedelta(0) else "behind"
        return (
            f"the clock of {self.server} is {span(abs(self.ahead))} {way} this machine's: locks are judged by the "
            "server's; set both by the same time servers (NTP)"
        )

    def there(self, now: datetime) -> datetime:
        """Return what time it is for the server when it is `now` here."""
        return now + self.ahead

    def read_locks(self, dialect: Dialect, entry: Entry, policy: Policy, now: datetime) -> Reading:
        """Return what an entry says about its locks, with times by our clock. `now` is ours. Raises BadEntry."""
        there = self.there(now)
        reading = dialect.read_locks(entry, policy, there)
        return self._in_our_time(reading, there) if self.ahead else reading

    def _in_our_time(self, reading: Reading, there: datetime) -> Reading:
        return replace(
            reading,
            facts=tuple([self._fact(fact, there) for fact in reading.facts]),
            lapsed=tuple([self._fact(fact, there) for fact in reading.lapsed]),
            same_until=self._ours(reading.same_until),
        )

    def _fact(self, fact: LockFact, there: datetime) -> LockFact:
        until = self._ours(fact.until) if fact.until is not None else None
        return replace(fact, since=self._begun(fact.since, there), until=until)

    def _begun(self, since: datetime | None, there: datetime) -> datetime | None:
        """Return when a lock began or will begin.

        What has begun keeps the time that stands in the entry, by which a lock is recognised, unless that lies ahead of
        our clock: then it counts from when it is seen.
        """
        if since is None:
            return None
        if since > there:
            return self._ours(since)
        return since if since <= there - self.ahead else None

    def _ours(self, moment: datetime) -> datetime:
        if moment in (NEVER, BEGINNING):
            return moment
        try:
            return moment - self.ahead
        except OverflowError:
            return NEVER if self.ahead < timedelta(0) else BEGINNING


def clock_of(client: Client, directory: ConfiguredDirectory, now: Callable[[], datetime]) -> ServerClock:
    """Ask a server for its time. Raises Unreachable or ProtocolFault."""
    told = directory.dialect.clock_ahead(client, now)
    steps = round(told / _STEP) if told is not None else 0
    return ServerClock(server=client.server, ahead=steps * _STEP)
