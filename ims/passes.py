"""What the store remembers of the sync: directories, passes, leases, circuits, quarantine (see `lockstep status`)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from ims.people import DirectoryName, EntryId

PassId = NewType("PassId", str)


class Mode(StrEnum):
    """What a directory's passes may do. OBSERVE: no lock in force, no write; what would happen is shown."""

    OBSERVE = "observe"
    ENFORCE = "enforce"


class PassKind(StrEnum):
    """An incremental or a complete reading of a directory."""

    TICK = "tick"
    RECONCILE = "reconcile"


class ChangeSource(StrEnum):
    """How the agent learns that something changed: it asks in a rhythm, or a server tells it at once as well."""

    POLL = "poll"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How changes of a directory become known now; `why` says in words what keeps servers from telling of them."""

    source: ChangeSource = ChangeSource.POLL
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """A group that settings name, known by its entry id since it was first found, so that a rename does not lose it.

    `members` is how many it had in the last reading that is evidence; `stamp` is its change stamp then.
    """

    dn: str
    entry_id: EntryId
    members: int = 0
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryState:
    """Where the sync of one directory stands. `watermark` is opaque to all but the directory's dialect.

    `fingerprint` is that of the settings that decide what a reading means; a tick under another one is a reconcile.
    `mode` is None until `lockstep enable` says otherwise than the settings.
    """

    name: DirectoryName
    mode: Mode | None = None
    watermark: str = ""
    fingerprint: str = ""
    groups: tuple[RuleGroup, ...] = ()
    server: str = ""
    entries: int = 0
    last_tick: datetime | None = None
    last_reconcile: datetime | None = None
    next_run: datetime | None = None
    error: str = ""
    error_since: datetime | None = None
    settled: str = ""
    """Version and settings' fingerprint under which the last complete reading was taken in; the first one waits."""
    kept_back: str = ""
    """Why batches wait, since when and what to do, in words; empty = nothing waits."""
    attempts: str = ""
    """That unusually many are being locked by wrong passwords, since when, in words; empty = no."""
    told: Told = Told()
    would_lock: tuple[str, ...] = ()
    """Under OBSERVE: whom the last pass would have locked, as "user: reason"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """What one pass read and did. `complete` = every page ended well, so that absence in it is evidence.

    `passed_over` are those of the `read` entries that need not be looked at, because they are as they were.
    """

    id: PassId
    directory: DirectoryName
    kind: PassKind
    started: datetime
    ended: datetime
    complete: bool
    server: str = ""
    read: int = 0
    passed_over: int = 0
    changed: int = 0
    raised: int = 0
    lifted: int = 0
    dropped: int = 0
    quarantined: int = 0
    unmatched: int = 0
    kept_back: int = 0
    canary_seen: bool = False
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """An entry that could not be trusted: where it is, since when, why, and what to do. `key` is its entry id or DN.

    `rejected` is since when a person wants it left out; it stays here, and nobody has to decide on it any more.
    """

    directory: DirectoryName
    key: str
    dn: str
    since: datetime
    why: str
    rejected: datetime | None = None
    rejected_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The right to write one directory's results, until somebody else has a higher number."""

    directory: DirectoryName
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A secret that a directory refused: not tried again before it changes. `secret` is its fingerprint only."""

    secret: str
    directory: DirectoryName
    opened: datetime
    why: str
