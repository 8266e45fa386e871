"""A second, slow and simple account of what Lockstep must say of everybody: written from the table of lock reasons.

It knows one directory with one group that affiliates, `confirm = 0`, a grace of a day, and a canary that is always
seen. It is told what happens to the directory and when a pass or an unlock has run, and shares no code with either.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FOR_GOOD = "000001010000Z"
LOCKOUT = timedelta(seconds=1800)
"""How long the policy "timed" locks; "default" locks until somebody unlocks."""
GRACE = timedelta(hours=24)


@dataclass(kw_only=True)
class Entry:
    """One entry, and the user that Lockstep has made of it once it is `known`.

    `name` is the entry's, `user_name` the user's since the last reading. `shown` are the directory's own locks as they
    were last read, each with its end.
    """

    entry_id: str
    name: str
    user_name: str = ""
    timed: bool
    exists: bool = True
    in_scope: bool = True
    member: bool = True
    marker: str = ""
    known: bool = False
    shown: dict[str, datetime | None] = field(default_factory=dict)
    unaffiliated: datetime | None = None
    absent: bool = False
    held: bool = False
    deprovisioned: bool = False
    moved_unknown: bool = False
    helped: bool = False
    """Whether an administrator or a help desk ever touched the marker: nobody else unlocks outside of Lockstep."""

    @property
    def visible(self) -> bool:
        """Return whether a reading finds it."""
        return self.exists and self.in_scope

    def marked(self) -> dict[str, datetime | None]:
        """Return what its marker means: a lock, and when that ends."""
        if not self.marker:
            return {}
        if self.marker == FOR_GOOD:
            return {"disabled": None}
        since = datetime.strptime(self.marker, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        return {"password_attempts": since + LOCKOUT if self.timed else None}

    def reasons(self, now: datetime) -> set[str]:
        """Return why the user is locked now."""
        found = {reason for reason, end in self.shown.items() if end is None or now < end}
        states = {"unaffiliated": self.unaffiliated, "absent": self.absent, "held": self.held}
        states["deprovisioned"] = self.deprovisioned
        return found | {reason for reason, state in states.items() if state}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What an unlock must come to: whether it succeeds, and what is different afterwards."""

    succeeds: bool
    removes_marker: bool
    drops_hold: bool
    brings_back: bool


@dataclass
class Model:
    """Everybody. `weighed` counts what the brake counts, so that a test can stay below its limit."""

    entries: list[Entry] = field(default_factory=list)
    weighed: int = 0

    @property
    def users(self) -> list[Entry]:
        """Return those whom Lockstep knows."""
        return [entry for entry in self.entries if entry.known]

    @property
    def quarantined(self) -> set[str]:
        """Return the entries that wait: new ones with the name of a user whose entry is another."""
        taken = {entry.user_name for entry in self.users}
        return {e.entry_id for e in self.entries if e.visible and e.member and not e.known and e.name in taken}

    def passed(self, now: datetime, *, complete: bool) -> None:
        """A pass has run: what it saw counts, and what a complete one did not see is absent."""
        taken = {entry.user_name for entry in self.users}
        for entry in self.entries:
            if entry.visible:
                entry.known = entry.known or (entry.member and entry.name not in taken)
                if entry.known:
                    self._seen(entry, now)
            elif entry.known and complete and not entry.absent:
                entry.absent = True
                self.weighed += 1

    def _seen(self, entry: Entry, now: datetime) -> None:
        entry.absent, entry.user_name = False, entry.name
        self._affiliate(entry, now)
        if "disabled" in entry.marked() and "disabled" not in entry.shown:
            self.weighed += 1
        entry.shown = entry.marked()

    def _affiliate(self, entry: Entry, now: datetime) -> None:
        if not entry.member and entry.unaffiliated is None:
            entry.unaffiliated = now
            self.weighed += 1
        if entry.member and entry.unaffiliated is not None and now - entry.unaffiliated <= GRACE:
            entry.unaffiliated = None

    def unlock(self, entry: Entry, now: datetime) -> Expected:
        """Return what an unlock by a Co-Administrator must come to."""
        shown = entry.marked() if entry.visible else entry.shown
        in_force = {reason for reason, end in shown.items() if end is None or now < end}
        in_force |= entry.reasons(now) - {"password_attempts", "disabled"}
        attempts = entry.visible and "password_attempts" in entry.marked()
        back = entry.visible and entry.member and entry.unaffiliated is not None
        cleared = {"password_attempts"} if attempts and "password_attempts" in in_force else set()
        cleared |= {"held"} if entry.held else set()
        cleared |= {"unaffiliated"} if back else set()
        return Expected(
            succeeds=bool(cleared) or not in_force,
            removes_marker=attempts,
            drops_hold=entry.held,
            brings_back=back,
        )

    def unlocked(self, entry: Entry, expected: Expected) -> None:
        """That unlock has run."""
        if expected.removes_marker:
            entry.marker = ""
        if entry.visible:
            entry.shown = entry.marked()
        entry.held = entry.held and not expected.drops_hold
        if expected.brings_back:
            entry.unaffiliated = None
