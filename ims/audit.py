"""The audit: one append-only row for every change of a lock and every unlock, done, refused or failed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ims.locks import Lock, display
from ims.people import Actor, Channel, Role, TenantId, User, UserId


class Action(StrEnum):
    """What was done, or tried."""

    LOCK_RAISED = "lock_raised"
    LOCK_UPDATED = "lock_updated"
    LOCK_LIFTED = "lock_lifted"
    UNLOCK = "unlock"
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_DELETED = "user_deleted"
    AFFILIATED = "affiliated"
    UNAFFILIATED = "unaffiliated"
    TRANSFERRED = "transferred"
    FIRST_IMPORT = "first_import"
    PASS_UNDONE = "pass_undone"  # noqa: S105 -- a pass of the sync, not a password
    DIRECTORY_ENABLED = "directory_enabled"
    TOKEN_CREATED = "token_created"  # noqa: S105 -- the name of an act
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 -- the name of an act
    READ_ON_THE_BOX = "read_on_the_box"


class Result(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom by which way, what was before and after, and how it ended.

    `before` and `after` are short texts (lock reasons, values), never secrets. `subject` is a user name, a directory or
    whatever `action` acts on; `reference` names the pass or the intent it belongs to.
    """

    at: datetime
    actor: str
    role: Role
    channel: Channel
    action: Action
    result: Result
    subject: str
    tenant: TenantId | None = None
    user: UserId | None = None
    before: str = ""
    after: str = ""
    detail: str = ""
    reference: str = ""


def entry_by(
    actor: Actor,
    action: Action,
    result: Result,
    at: datetime,
    user: User,
) -> AuditEntry:
    """Return the row for an act of `actor` on `user`; add the details with `dataclasses.replace`."""
    return AuditEntry(
        at=at,
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=action,
        result=result,
        subject=user.profile.user_name,
        tenant=user.tenant,
        user=user.id,
    )


def ledger_entries(row: AuditEntry, before: Iterable[Lock], after: Iterable[Lock]) -> tuple[AuditEntry, ...]:
    """Return one row for every lock that was lifted, raised or changed between two ledgers, in the order of lock ids.

    `row` says who acted on whom, when and in which act.
    """
    old = {lock.id: lock for lock in before}
    new = {lock.id: lock for lock in after}
    return tuple(
        replace(
            row,
            action=_change(old.get(lock_id), new.get(lock_id)),
            result=Result.DONE,
            before=_named(old.get(lock_id)),
            after=_named(new.get(lock_id)),
            detail=display(lock),
        )
        for lock_id, lock in sorted((old | new).items())
        if old.get(lock_id) != new.get(lock_id)
    )


def _change(before: Lock | None, after: Lock | None) -> Action:
    if before is None:
        return Action.LOCK_RAISED
    return Action.LOCK_UPDATED if after else Action.LOCK_LIFTED


def _named(lock: Lock | None) -> str:
    if lock is None:
        return ""
    end = f" until {lock.until:%Y-%m-%d %H:%M:%S} UTC" if lock.until else ""
    return f"{lock.reason} from {lock.source}{end}"
