"""What became of one click on Confirm: kept, so that the page that tells of it can be read again and passed on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from ims.people import TenantId, UserId

OperationId = NewType("OperationId", str)


class UnlockOutcome(StrEnum):
    """What became of one person of an operation."""

    UNLOCKED = "unlocked"
    ALREADY = "already"
    STILL_LOCKED = "still_locked"
    REFUSED = "refused"
    CHANGED = "changed"
    UNREACHABLE = "unreachable"


RETRYABLE = frozenset({UnlockOutcome.STILL_LOCKED, UnlockOutcome.CHANGED, UnlockOutcome.UNREACHABLE})
"""After which it makes sense to try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockResult:
    """What became of one person, in words too; `user_name` is empty for somebody who is not there (any more)."""

    user: UserId
    user_name: str
    outcome: UnlockOutcome
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockOperation:
    """One click on Confirm."""

    id: OperationId
    tenant: TenantId
    actor: str
    at: datetime
    results: tuple[UnlockResult, ...]


class Operations(Protocol):
    """Operations as the store keeps them."""

    def operation(self, operation: OperationId) -> UnlockOperation | None:
        """Return an operation, or None."""
        ...

    def add_operation(self, operation: UnlockOperation) -> None:
        """Keep an operation."""
        ...
