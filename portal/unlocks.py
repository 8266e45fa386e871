"""The unlock by hand: what it would do, doing it for each of those who were ticked, and what became of it."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import flask

from ims.errors import (
    ChangedMeanwhile,
    Conflict,
    DirectoryUnreachable,
    Forbidden,
    InvalidInput,
    NotFound,
    StillLocked,
)
from ims.locks import Lock, LockId, locks_in_force, why_it_stays
from ims.operations import RETRYABLE, OperationId, UnlockOperation, UnlockOutcome, UnlockResult
from ims.people import User, UserId
from ims.permits import TenantView
from portal.locking import MAX_NOTE, chosen_by
from portal.pages import away, local, page
from portal.visits import Visit

FRESH = 10
"""For so many users the dialog asks the directories themselves; for more it shows what was last read."""
PATIENCE_S = 20.0
"""How long one click may take; whoever is left over by then is reported as not done, to be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What Confirm would do about one person. `shown` are the locks that are listed: a newer one is never cleared."""

    user: User
    goes: tuple[Lock, ...] = ()
    stays: tuple[tuple[Lock, str], ...] = ()
    writes_to: tuple[str, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    last_failure: datetime | None = None

    @property
    def shown(self) -> tuple[LockId, ...]:
        """Return the ids of the locks that the person who confirms has seen."""
        return tuple(lock.id for lock in (*self.goes, *(lock for lock, _ in self.stays)))


def confirm(visit: Visit) -> flask.Response:
    """Show what an unlock of the ticked users would do: the dialog, or a page where there are no scripts."""
    chosen = chosen_by(flask.request.args.getlist("user"))
    back = local(flask.request.args.get("back", "/users"))
    if not chosen:
        return away("/users?nobody=1")
    view = visit.view
    proposals = [_proposal(view, view.user(user_id), fresh=len(chosen) <= FRESH) for user_id in chosen]
    needed = visit.services.comment_required
    return page("confirm", visit, proposals=proposals, back=back, longest=MAX_NOTE, needed=needed)


def perform(visit: Visit) -> flask.Response:
    """Unlock the ticked users, one after the other, and go to the page that tells what became of it."""
    form = flask.request.form
    chosen = chosen_by(form.getlist("user"))
    if not chosen:
        return away("/users?nobody=1")
    comment = form.get("comment", "").strip()
    if len(comment) > MAX_NOTE:
        raise InvalidInput(f"The comment may have {MAX_NOTE} characters; it has {len(comment)}")
    if visit.services.comment_required and not comment:
        raise InvalidInput("Say why you unlock: whoever reads the audit later wants to know. Nothing was done")
    shown = frozenset(LockId(lock) for lock in form.getlist("shown"))
    operation = UnlockOperation(
        id=OperationId(uuid.uuid4().hex),
        tenant=visit.session.tenant,
        actor=visit.actor.name,
        at=visit.now,
        results=_unlock(visit.view, chosen, shown, comment),
    )
    visit.services.store.add_operation(operation)
    return away(f"/unlocks/{operation.id}")


def result(visit: Visit, operation_id: str) -> flask.Response:
    """Show what became of an operation, as often as it is asked for. Raises NotFound, for a foreign one too."""
    operation = visit.services.store.operation(OperationId(operation_id))
    if operation is None or operation.tenant != visit.session.tenant:
        raise NotFound("There is no such unlock")
    again = [one.user for one in operation.results if one.outcome in RETRYABLE]
    return page("result", visit, operation=operation, again=again)


# ---------------------------------------------------------------------------------------------------------------------


def _proposal(view: TenantView, user: User, *, fresh: bool) -> Proposal:
    unreachable = {}
    if fresh:
        try:
            preview = view.preview(user.id)
        except DirectoryUnreachable as error:
            unreachable = {"": str(error)}
        else:
            return Proposal(
                user=preview.user,
                goes=preview.goes,
                stays=preview.stays,
                writes_to=preview.writes_to,
                unreachable=preview.unreachable,
                refused=preview.refused,
                last_failure=preview.last_failure,
            )
    return _from_memory(view, user, unreachable)


def _from_memory(view: TenantView, user: User, unreachable: Mapping[str, str]) -> Proposal:
    locks = locks_in_force(user.locks, view.now())
    goes = tuple(lock for lock in locks if view.may_clear(lock))
    return Proposal(
        user=user,
        goes=goes,
        stays=tuple((lock, why_it_stays(lock)) for lock in locks if lock not in goes),
        unreachable=unreachable,
    )


def _unlock(
    view: TenantView, chosen: Sequence[UserId], shown: frozenset[LockId], comment: str
) -> tuple[UnlockResult, ...]:
    """Unlock one after the other, for as long as somebody will wait for it."""
    over = time.monotonic() + PATIENCE_S
    results: list[UnlockResult] = []
    for user_id in chosen:
        if time.monotonic() > over:
            text = "There was no time left: a directory answers slowly. Try again."
            results.append(_result(view, user_id, UnlockOutcome.UNREACHABLE, text))
        else:
            results.append(_unlocked(view, user_id, shown, comment))
    return tuple(results)


def _unlocked(view: TenantView, user_id: UserId, shown: frozenset[LockId], comment: str) -> UnlockResult:
    try:
        user = view.unlock(user_id, shown, comment)
    except ChangedMeanwhile as error:
        return _result(view, user_id, UnlockOutcome.CHANGED, str(error))
    except StillLocked as error:
        return _result(view, user_id, UnlockOutcome.STILL_LOCKED, "; ".join(error.reasons) or str(error))
    except Conflict as error:
        return _result(view, user_id, UnlockOutcome.STILL_LOCKED, str(error))
    except DirectoryUnreachable as error:
        return _result(view, user_id, UnlockOutcome.UNREACHABLE, str(error))
    except (Forbidden, NotFound) as error:
        return _result(view, user_id, UnlockOutcome.REFUSED, str(error))
    return _done(user, view.now())


def _done(user: User, now: datetime) -> UnlockResult:
    """Say what an unlock that went through has left: it is only called unlocked if nothing keeps the person out."""
    last = user.last_unlock
    left = (*last.failed, *last.remaining) if last else ()
    if locks_in_force(user.locks, now):
        outcome = UnlockOutcome.STILL_LOCKED
    else:
        outcome = UnlockOutcome.UNLOCKED if last and last.cleared else UnlockOutcome.ALREADY
    return UnlockResult(user=user.id, user_name=user.profile.user_name, outcome=outcome, text="; ".join(left))


def _result(view: TenantView, user_id: UserId, outcome: UnlockOutcome, text: str) -> UnlockResult:
    try:
        name = view.user(user_id).profile.user_name
    except NotFound:
        name = ""
    return UnlockResult(user=user_id, user_name=name, outcome=outcome, text=text)
