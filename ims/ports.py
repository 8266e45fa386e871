"""What the identity store needs and what it offers: protocols, plugged together by `lockstep.wiring`.

The web side reaches a directory only through `WriteBack` and `Directories`; nobody above `ims` sees SQL. Times are
aware datetimes in UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol

from ims.audit import AuditEntry
from ims.credentials import Token, TokenId
from ims.locks import LockFact
from ims.passes import Circuit, DirectoryState, Fence, PassReport, Quarantined
from ims.people import (
    Actor,
    Affiliation,
    DirectoryName,
    EntryId,
    EntryLink,
    Revision,
    TenantId,
    User,
    UserId,
)
from ims.query import Page, Query, UserPage

IntentId = NewType("IntentId", str)


class Clock(Protocol):
    """The one source of "now", so that a test can move it."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


# --- what is written -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """A user as it shall be, planned on the state of revision `base`.

    The store drops the change, and its audit rows with it, if the user was written after `base`: a pass that read the
    directory before an unlock must not undo that unlock. `history` are affiliations to remember.
    """

    user: User
    base: Revision
    audit: tuple[AuditEntry, ...] = ()
    history: tuple[Affiliation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pass is: written in the same transaction as the users it covers, so that a pass can simply be repeated.

    `number` counts the pass's batches from 1; a batch that was applied already is not applied again. `state` and
    `report` come with the last one and carry the watermark.
    """

    fence: Fence
    pass_id: str
    number: int
    state: DirectoryState | None = None
    report: PassReport | None = None
    quarantine: tuple[Quarantined, ...] | None = None
    """The directory's whole quarantine after this pass; None = unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One transaction: users, their locks and audit, all or nothing. `removed` users leave no trace but the audit.

    With `closes`, a dropped change leaves everything unwritten and the intent open: an unlock and its outcome are one.
    """

    changes: tuple[UserChange, ...] = ()
    removed: tuple[UserId, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    progress: Progress | None = None
    closes: IntentId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a batch: the revision it made, and whose change was dropped because they moved meanwhile."""

    revision: Revision
    dropped: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An unlock under way, committed before the directory is touched, so that a crash leaves a trace to settle.

    `owner` names the process (see `Processes`). `writing` is False until just before the first directory write; `seen`
    holds what that write ends (lock markers, and un-affiliations where it restores), so that the settler can tell by
    reading whether it happened.
    """

    id: IntentId
    user: UserId
    tenant: TenantId
    actor: Actor
    opened: datetime
    deadline: datetime
    owner: str
    writing: bool = False
    seen: tuple[LockFact, ...] = ()


# --- the store -------------------------------------------------------------------------------------------------------


class People(Protocol):
    """Users with their locks, affiliations and entries."""

    def revision(self) -> Revision:
        """Return the number of the last committed write; every write committed later has a higher one."""
        ...

    def user(self, user_id: UserId) -> User | None:
        """Return one user whole, or None."""
        ...

    def find(self, tenant: TenantId | None, query: Query, page: Page, now: datetime) -> UserPage:
        """Return the users of `tenant` (None = of all) that satisfy `query` at `now`, ordered by id."""
        ...

    def behind(self, directory: DirectoryName, entry_ids: Iterable[EntryId]) -> Mapping[EntryId, User]:
        """Return the users behind these entries; entries without a user are left out."""
        ...

    def named(self, tenant: TenantId, user_names: Iterable[str]) -> Mapping[str, User]:
        """Return the users with these user names (compared as `key_of_name` does), by that key."""
        ...

    def entry_ids(self, directory: DirectoryName) -> Mapping[EntryId, str]:
        """Return every known entry of a directory with its DN: what is left over after a complete reading is absent."""
        ...

    def to_reread(self, directory: DirectoryName, now: datetime) -> frozenset[EntryId]:
        """Return the entries a tick must read though nothing tells it to.

        Those with a lock from this directory, a transition due by `now`, or an absence or un-affiliation to confirm.
        """
        ...

    def count(self, tenant: TenantId | None = None, directory: DirectoryName | None = None) -> int:
        """Return how many users there are, in a tenant or with an entry in a directory."""
        ...

    def raised_by(self, pass_id: str) -> tuple[User, ...]:
        """Return the users who hold a lock that this pass raised."""
        ...

    def history(self, user_id: UserId) -> tuple[tuple[TenantId, Affiliation], ...]:
        """Return a user's affiliations, oldest first, each with its tenant."""
        ...

    def apply(self, batch: Batch) -> Applied:
        """Commit a batch. Raises NotUnique, FenceLost (nothing was written) or StoreUnusable."""
        ...


class AuditLog(Protocol):
    """The append-only record."""

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """Append rows. Raises StoreUnusable; whoever cannot record must not act."""
        ...

    def audit(
        self,
        *,
        tenant: TenantId | None = None,
        user: UserId | None = None,
        reference: str | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """Return the newest matching rows, newest first."""
        ...


class Intents(Protocol):
    """Unlocks under way."""

    def open_intent(self, intent: Intent) -> None:
        """Commit an intent. Raises StoreUnusable."""
        ...

    def mark_writing(self, intent: IntentId, seen: Sequence[LockFact]) -> None:
        """Commit that the directory write comes next and what it removes."""
        ...

    def open_intents(self) -> tuple[Intent, ...]:
        """Return the intents that nobody has closed; `Batch.closes` and `close_intent` close them."""
        ...

    def close_intent(self, intent: IntentId, audit: Sequence[AuditEntry]) -> bool:
        """Close an intent that changed no user, with its audit rows. Return False if somebody closed it before."""
        ...


class Tokens(Protocol):
    """Bearer tokens."""

    def token(self, token_id: TokenId) -> Token | None:
        """Return a token by its public id, or None."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        ...

    def add_token(self, token: Token, audit: Sequence[AuditEntry]) -> None:
        """Keep a new token."""
        ...

    def revoke_token(self, token_id: TokenId, at: datetime, audit: Sequence[AuditEntry]) -> bool:
        """Revoke a token with effect from the next request. Return False if there is none, or it was revoked before."""
        ...

    def touch_token(self, token_id: TokenId, at: datetime) -> None:
        """Remember when a token was last used; may be skipped when that is less than a minute ago."""
        ...


class SyncState(Protocol):
    """What the sync remembers between passes and shares between processes."""

    def directory(self, name: DirectoryName) -> DirectoryState:
        """Return a directory's state; a fresh one if it was never read."""
        ...

    def save_directory(self, state: DirectoryState) -> None:
        """Replace a directory's state outside a pass (mode, error, next run)."""
        ...

    def passes(self, directory: DirectoryName | None = None, limit: int = 20) -> tuple[PassReport, ...]:
        """Return the newest reports, newest first."""
        ...

    def quarantine(self, directory: DirectoryName | None = None) -> tuple[Quarantined, ...]:
        """Return what waits in quarantine, oldest first."""
        ...

    def take_lease(self, directory: DirectoryName, owner: str, ttl: timedelta, now: datetime) -> Fence | None:
        """Take or renew the lease on a directory; a new owner gets a higher number. None = another owner holds it."""
        ...

    def drop_lease(self, fence: Fence) -> None:
        """Give a lease back, so that another agent need not wait for its end."""
        ...

    def circuit(self, secret: str) -> Circuit | None:
        """Return the open circuit of a secret's fingerprint, if there is one."""
        ...

    def open_circuit(self, circuit: Circuit) -> None:
        """Remember that a directory refused this secret."""
        ...

    def close_circuit(self, secret: str) -> None:
        """Forget a refusal (the operator says that the account was repaired)."""
        ...

    def circuits(self) -> tuple[Circuit, ...]:
        """Return all open circuits."""
        ...


class Store(People, AuditLog, Intents, Tokens, SyncState, Protocol):
    """The identity store: one schema, real engines, one contract suite."""

    def check(self) -> None:
        """Prove that the store can be read and written. Raises StoreUnusable."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


# --- the directory side, as the web side sees it ---------------------------------------------------------------------


class Readable(StrEnum):
    """Whether a reading could have seen a lock, had there been one."""

    PROVED = "proved"
    NOT_PROVED = "not_proved"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshReading:
    """One entry as it is now, read for an unlock on every server that takes sign-ins.

    `facts` holds every lock marker that is there: in force, ahead or lapsed. `matched` is the tenant whose affiliation
    rule the entry matches now (None = none; that is knowledge, an unreadable group raises instead). `stamp` is the
    entry's change stamp: the write that follows is conditional on it.
    """

    link: EntryLink
    present: bool
    readable: Readable
    facts: tuple[LockFact, ...] = ()
    stamp: str = ""
    matched: TenantId | None = None
    rule: str = ""
    protected: str = ""
    doubt: str = ""
    last_failure: datetime | None = None


class Outcome(StrEnum):
    """What became of a directory write."""

    DONE = "done"
    ALREADY = "already"
    CHANGED = "changed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a directory write; `detail` is the LDAP result's name (never the server's text), or what to do."""

    outcome: Outcome
    detail: str = ""


class WriteBack(Protocol):
    """How an unlock reaches the directory: it reads, writes conditionally, and never asserts what it has not read."""

    def read(self, link: EntryLink, tenant: TenantId) -> FreshReading:
        """Read the entry now. Raises DirectoryUnreachable where any server that can hold a lock gave no answer."""
        ...

    def clear(self, reading: FreshReading, facts: Sequence[LockFact]) -> Written:
        """Remove exactly the lock markers in `facts`, if the entry is still as read. Raises DirectoryUnreachable."""
        ...

    def restore(self, reading: FreshReading, tenant: TenantId) -> Written:
        """Add the affiliation back where settings say how; REFUSED says what to do. Raises DirectoryUnreachable."""
        ...

    def plan(self, reading: FreshReading, facts: Sequence[LockFact]) -> tuple[str, ...]:
        """Say, for `explain`, the exact write that `clear` would send, one line per modification."""
        ...


class Directories(Protocol):
    """What the web side may know of the directories."""

    def states(self) -> tuple[DirectoryState, ...]:
        """Return the state of every configured directory, in the settings' order."""
        ...

    def enforced(self, name: DirectoryName) -> bool:
        """Return whether this directory's locks may be in force and unlocks may write to it."""
        ...


class Processes(Protocol):
    """Who is running: an open intent is settled only once its owner is gone."""

    def me(self) -> str:
        """Return a name for this process that no other process, now or later, has."""
        ...

    def gone(self, owner: str) -> bool | None:
        """Return whether that process is gone; None if that cannot be known from here (another host)."""
        ...
