"""The audit: one append-only row for every change of a lock and every unlock, done, refused or failed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ims.locks import Lock, LockId, display
from ims.people import Actor, Channel, Role, TenantId, User, UserId

SOMEBODY_ELSE = "somebody outside Lockstep"
"""Who acted where a directory shows what none of us has done."""


class Action(StrEnum):
    """What was done, or tried."""

    LOCK_RAISED = "lock_raised"
    LOCK_UPDATED = "lock_updated"
    LOCK_LIFTED = "lock_lifted"
    UNLOCKED_OUTSIDE = "unlocked_outside"
    UNLOCK = "unlock"
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_DELETED = "user_deleted"
    GROUP_CREATED = "group_created"
    GROUP_CHANGED = "group_changed"
    GROUP_DELETED = "group_deleted"
    AFFILIATED = "affiliated"
    UNAFFILIATED = "unaffiliated"
    TRANSFERRED = "transferred"
    FIRST_IMPORT = "first_import"
    PASS_UNDONE = "pass_undone"  # noqa: S105 -- a pass of the sync, not a password
    DIRECTORY_ENABLED = "directory_enabled"
    ENTRY_LINKED = "entry_linked"
    ENTRY_REJECTED = "entry_rejected"
    BATCH_HELD = "batch_held"
    BATCH_APPROVED = "batch_approved"
    BATCH_REJECTED = "batch_rejected"
    TOKEN_CREATED = "token_created"  # noqa: S105 -- the name of an act
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 -- the name of an act
    UNLOCK_ASKED = "unlock_asked"
    UNLOCK_DECLINED = "unlock_declined"
    SIGNED_IN = "signed_in"
    READ_ON_THE_BOX = "read_on_the_box"


class Result(StrEnum):
    """How it ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When something happened that nobody saw: after this moment, and by that one."""

    after: datetime
    by: datetime

    @property
    def text(self) -> str:
        """Say when, to whole seconds that enclose the window."""
        form = "%Y-%m-%dT%H:%M:%SZ"
        return f"between {self.after:{form}} and {self.by + timedelta(seconds=1):{form}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom by which way, what was before and after, and how it ended.

    `before` and `after` are short texts (lock reasons, values), never secrets. `subject` is a user name, a directory or
    whatever `action` acts on; `reference` names the pass or the intent it belongs to. `number` is the row's place,
    which the store gives it: 0 for one that is not recorded yet.
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
    number: int = field(default=0, compare=False)


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


def ledger_entries(
    row: AuditEntry,
    before: Iterable[Lock],
    after: Iterable[Lock],
    outside: Mapping[LockId, Window] | None = None,
) -> tuple[AuditEntry, ...]:
    """Return one row for every lock that was lifted, raised or changed between two ledgers, in the order of lock ids.

    `row` says who acted on whom, when and in which act. Of a lock that was ended `outside`, it only says who noticed.
    """
    old = {lock.id: lock for lock in before}
    new = {lock.id: lock for lock in after}
    elsewhere = outside or {}
    return tuple(
        _ledger_row(row, lock, old.get(lock_id), new.get(lock_id), elsewhere.get(lock_id))
        for lock_id, lock in sorted((old | new).items())
        if old.get(lock_id) != new.get(lock_id)
    )


def _ledger_row(
    row: AuditEntry,
    lock: Lock,
    before: Lock | None,
    after: Lock | None,
    outside: Window | None,
) -> AuditEntry:
    told = replace(
        row,
        action=_change(before, after),
        result=Result.DONE,
        before=_named(before),
        after=_named(after),
        detail=display(lock),
    )
    if outside is None:
        return told
    detail = f"{told.detail}; unlocked outside Lockstep {outside.text}"
    return replace(told, actor=SOMEBODY_ELSE, role=Role.AGENT, action=Action.UNLOCKED_OUTSIDE, detail=detail)


def _change(before: Lock | None, after: Lock | None) -> Action:
    if before is None:
        return Action.LOCK_RAISED
    return Action.LOCK_UPDATED if after else Action.LOCK_LIFTED


def _named(lock: Lock | None) -> str:
    if lock is None:
        return ""
    end = f" until {lock.until:%Y-%m-%d %H:%M:%S} UTC" if lock.until else ""
    return f"{lock.reason} from {lock.source}{end}"
