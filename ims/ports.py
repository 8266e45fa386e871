"""What the identity store needs and what it offers: protocols, plugged together by `lockstep.wiring`.

The web side reaches a directory only through `WriteBack` and `Directories`; nobody above `ims` sees SQL. Times are
aware datetimes in UTC.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol

from ims.audit import AuditEntry
from ims.batches import BatchId, Counted, Decision, HeldBatch, HeldChange, HeldItem
from ims.chain import Chain, Head
from ims.credentials import Token, TokenId
from ims.locks import LockFact, LockReason
from ims.passes import Circuit, DirectoryState, Fence, PassReport, Quarantined
from ims.people import Actor, Affiliation, DirectoryName, EntryId, EntryLink, Revision, TenantId, User, UserId
from ims.query import Page, Query, UserPage

IntentId = NewType("IntentId", str)


class Clock(Protocol):
    """The one source of "now", so that a test can move it."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


# --- what is written -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDigest:
    """The keyed digest of an entry's bytes as they were read, and what was planned on them changed nothing more.

    Up to `until` (None = for good) the same bytes, under the same key, mean the same for the same user. It is kept with
    the user's entries and is no part of the user: whoever writes the user next wipes it out.
    """

    directory: DirectoryName
    entry_id: EntryId
    digest: bytes
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Digests of entries whose users, as of revision `base`, are already what these entries make of them.

    The store keeps one only where the user was not written after `base`. No version moves for it.
    """

    base: Revision
    entries: tuple[EntryDigest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntries:
    """Every known entry of a directory: the digests of those that may be passed over, and the ids of the `others`.

    Both are the caller's own, to take out what was seen. Of whoever is passed over no id is kept: of 100,000 entries
    that would be most of what a reading needs to remember (see `People.entries_with`).
    """

    digests: set[bytes]
    others: set[EntryId]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """A user as it shall be, planned on the state of revision `base`.

    The store drops the change, and its audit rows with it, if the user was written after `base`: a pass that read the
    directory before an unlock must not undo that unlock. `history` are affiliations to remember, `digest` that of the
    entry on which the change was planned, `counted` what the brake remembers of it.
    """

    user: User
    base: Revision
    audit: tuple[AuditEntry, ...] = ()
    history: tuple[Affiliation, ...] = ()
    digest: EntryDigest | None = None
    counted: tuple[Counted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pass is: written in the same transaction as the users it covers, so that a pass can simply be repeated.

    `number` counts the pass's batches from 1; a batch that was applied already is not applied again. `state`, `report`
    and `held` come with the last one and carry the watermark and what the brake keeps back.
    """

    fence: Fence
    pass_id: str
    number: int
    state: DirectoryState | None = None
    report: PassReport | None = None
    quarantine: tuple[Quarantined, ...] | None = None
    """The directory's whole quarantine after this pass; None = unchanged."""
    held: HeldChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One transaction: users, their locks and audit, all or nothing. `removed` users leave no trace but the audit.

    With `closes`, a dropped change leaves everything unwritten and the intent open: an unlock and its outcome are one.
    """

    changes: tuple[UserChange, ...] = ()
    removed: tuple[UserId, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    digests: Digests | None = None
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

    def known_entries(
        self,
        directory: DirectoryName,
        now: datetime,
        but_not: Container[EntryId] = (),
    ) -> KnownEntries:
        """Return every known entry of a directory, by whether its digest counts at `now`.

        It does not for users with a lock from this directory, or with something to confirm, nor for the entries of
        `but_not`: they are looked at in every reading.
        """
        ...

    def entries_with(self, directory: DirectoryName, digests: AbstractSet[bytes]) -> set[EntryId]:
        """Return the entries whose digest is one of these; an entry that was written since has none."""
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

    def unlocks(
        self, *, since: datetime, tenant: TenantId, actor: str | None = None, user: UserId | None = None
    ) -> int:
        """Count the unlocks since then that ended a lock: by one actor, or of one user."""
        ...

    def head(self) -> Head:
        """Return the end of the audit's chain as it is now: row 0 where nothing was recorded yet."""
        ...

    def chain(
        self,
        *,
        after: int = 0,
        since: datetime | None = None,
        tenant: TenantId | None = None,
    ) -> AbstractContextManager[Chain]:
        """Open the chain as it is at this moment: all rows, or those after a number, or recorded at `since` or later.

        Rows are read while they are taken, whatever lies in them. Of one tenant's rows alone no chain can be verified.
        """
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

    def take_lease(
        self,
        directory: DirectoryName,
        owner: str,
        ttl: timedelta,
        now: datetime,
        processes: "Processes | None" = None,
    ) -> Fence | None:
        """Take or renew the lease on a directory; a new owner gets a higher number. None = another owner holds it.

        With `processes`, that of an owner who is known to be gone is taken at once: a crash need not be waited out.
        """
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


class HeldBatches(Protocol):
    """What the brake keeps back; passes write it with their progress, and people decide on it."""

    def held_batches(self, directory: DirectoryName | None = None) -> tuple[HeldBatch, ...]:
        """Return the open batches, oldest first."""
        ...

    def held_batch(self, batch: BatchId) -> HeldBatch | None:
        """Return a batch, open or not, or None. A closed one is remembered for a while, without its items."""
        ...

    def held_items(self, directory: DirectoryName, tenant: TenantId | None = None) -> tuple[HeldItem, ...]:
        """Return what waits in a directory, all of it or what concerns one tenant alone, in the order of names."""
        ...

    def decide(
        self,
        batch: BatchId,
        items: Sequence[HeldItem],
        decision: Decision,
        by: str,
        at: datetime,
        audit: Sequence[AuditEntry],
    ) -> None:
        """Record a decision on items of an open batch. Raises Conflict where any of them is not as it is given here."""
        ...

    def counted(self, of: DirectoryName | None, since: datetime, reasons: Iterable[LockReason]) -> tuple[Counted, ...]:
        """Return what counts of what passes of one directory, or of any, have raised after `since`; oldest first."""
        ...


class Store(People, AuditLog, Intents, Tokens, SyncState, HeldBatches, Protocol):
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
