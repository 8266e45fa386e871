"""The audit: one append-only row for every change of a lock and every unlock, done, refused or failed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
