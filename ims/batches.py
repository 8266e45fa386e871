"""What the brake keeps back: changes of one directory that wait together until a person has decided on them.

A batch is bound to the hash of its contents, and each of its items to the hash of its own: whoever approves approves
exactly what they were shown. Where the directory moves, another batch with another hash takes its place.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from ims.locks import LockReason
from ims.people import DirectoryName, EntryId, TenantId, UserId

BatchId = NewType("BatchId", str)


class Why(StrEnum):
    """Why a batch waits."""

    TOO_MANY = "too_many"
    """More people would lose their access within an hour than the limit lets."""
    NEW_MEANING = "new_meaning"
    """It is the first reading since the mapping, the base or Lockstep itself changed."""


class BatchState(StrEnum):
    """Where a batch is. Only an open one can be decided on."""

    OPEN = "open"
    DONE = "done"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    NO_LONGER_PROPOSED = "no_longer_proposed"


class Decision(StrEnum):
    """What became of one item so far. A rejected one stays back, silently, while it is proposed unchanged."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that would change about somebody, in words; an empty text is nothing."""

    what: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldItem:
    """What would happen to one person.

    `key` is the user's id, or the entry's while there is no user yet; a directory has one item for each key at most.
    `tenant` is None where two tenants are concerned: then it is no tenant's own affair. `counts` are the locks among
    it that the brake counts, and `since` is when it was first proposed.
    """

    directory: DirectoryName
    why: Why
    key: str
    entry_id: EntryId
    name: str
    since: datetime
    hash: str
    user: UserId | None = None
    tenant: TenantId | None = None
    differences: tuple[Difference, ...] = ()
    counts: tuple[LockReason, ...] = ()
    decision: Decision = Decision.WAITING
    decided_at: datetime | None = None
    decided_by: str = ""

    @property
    def before(self) -> str:
        """Return in words what is now."""
        return "; ".join(f"{one.what}: {one.before or 'none'}" for one in self.differences)

    @property
    def after(self) -> str:
        """Return in words what would be."""
        return "; ".join(f"{one.what}: {one.after or 'none'}" for one in self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBatch:
    """One batch: what it is about, and how far it is decided. A directory has one open batch for each `why` at most.

    `tenant` is that of all its items, or None. `size` is how many it had when it was made; what is left of an open one
    is `waiting`, `approved` (until the next pass; the last one at `approved_at`) or `rejected`. `successor` is the
    batch that took its place.
    """

    id: BatchId
    directory: DirectoryName
    why: Why
    text: str
    created: datetime
    expires: datetime
    hash: str
    pass_id: str
    size: int
    tenant: TenantId | None = None
    state: BatchState = BatchState.OPEN
    closed: datetime | None = None
    successor: BatchId | None = None
    waiting: int = 0
    approved: int = 0
    rejected: int = 0
    approved_at: datetime | None = None

    @property
    def standing(self) -> str:
        """Return in one word where it is; an open batch waits while anybody in it does."""
        if self.state is not BatchState.OPEN:
            return self.state.value
        if self.waiting:
            return Decision.WAITING.value
        return (Decision.APPROVED if self.approved else Decision.REJECTED).value


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How an open batch ends."""

    id: BatchId
    state: BatchState
    at: datetime
    successor: BatchId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldChange:
    """What a pass changes of what is kept back; written with its last batch. `dropped` items wait no more."""

    opened: tuple[HeldBatch, ...] = ()
    closed: tuple[Closing, ...] = ()
    put: tuple[HeldItem, ...] = ()
    dropped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything changes."""
        return bool(self.opened or self.closed or self.put or self.dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A lock that a pass raised and that the brake remembers for an hour, whatever becomes of the lock meanwhile."""

    directory: DirectoryName
    tenant: TenantId
    user: UserId
    reason: LockReason
    at: datetime
    pass_id: str


def hash_of(parts: Iterable[str]) -> str:
    """Return the SHA-256 of some texts as lower-case hexadecimal; no two lists of texts are hashed alike."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode()
        digest.update(b"%d:" % len(text))
        digest.update(text)
    return digest.hexdigest()


def contents_of(directory: DirectoryName, why: Why, items: Iterable[HeldItem]) -> str:
    """Return the hash of a batch with these items, in whatever order they come."""
    return hash_of([directory, why.value, *sorted(item.hash for item in items)])
