"""The lock by hand: of one user on their page, or of those who were ticked in the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import flask

from ims.errors import Conflict, Forbidden, InvalidInput, NotFound
from ims.people import User, UserId
from portal.listing import PAGE
from portal.pages import away, local, page
from portal.visits import Visit

MAX_NOTE = 500
"""How many characters a reason for a lock, or a comment on an unlock, may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeld:
    """Somebody who was not locked, and why."""

    user: User | None
    why: str


def hold(visit: Visit, user_id: str) -> flask.Response:
    """Lock a user here, with a reason and perhaps an end. Raises InvalidInput where either makes no sense."""
    note, until = _note(), _end(visit.now)
    visit.view.hold(UserId(user_id), note, until)
    return away(f"/users/{user_id}")


def confirm(visit: Visit) -> flask.Response:
    """Ask why and until when the ticked users are to be locked: the dialog, or a page where there are no scripts."""
    chosen = chosen_by(flask.request.args.getlist("user"))
    back = local(flask.request.args.get("back", "/users"))
    if not chosen:
        return away("/users?nobody=1")
    return page("lock", visit, users=[visit.view.user(one) for one in chosen], back=back, longest=MAX_NOTE)


def perform(visit: Visit) -> flask.Response:
    """Lock the ticked users, all for one reason; go back to the list, or tell who was not locked and why."""
    form = flask.request.form
    chosen, note, until = chosen_by(form.getlist("user")), _note(), _end(visit.now)
    back = local(form.get("back", "/users"))
    failed = [one for one in (_held(visit, user_id, note, until) for user_id in chosen) if one is not None]
    if not failed:
        return away(back)
    return page("not_locked", visit, failed=failed, locked=len(chosen) - len(failed), back=back)


def chosen_by(ids: Sequence[str]) -> list[UserId]:
    """Return whom somebody ticked, each once. Raises InvalidInput for more than a page of them."""
    chosen = [UserId(one) for one in dict.fromkeys(ids)]
    if len(chosen) > PAGE:
        raise InvalidInput(f"At most {PAGE} users can be chosen with one click; {len(chosen)} were ticked")
    return chosen


def _held(visit: Visit, user_id: UserId, note: str, until: datetime | None) -> NotHeld | None:
    try:
        visit.view.hold(user_id, note, until)
    except NotFound as error:
        return NotHeld(user=None, why=str(error))
    except (Forbidden, Conflict) as error:
        return NotHeld(user=visit.view.user(user_id), why=str(error))
    return None


def _note() -> str:
    note = flask.request.form.get("note", "").strip()
    if not note:
        raise InvalidInput("Say why the user is locked: whoever unlocks them later reads it")
    if len(note) > MAX_NOTE:
        raise InvalidInput(f"The reason may have {MAX_NOTE} characters; it has {len(note)}")
    return note


def _end(now: datetime) -> datetime | None:
    text = flask.request.form.get("until", "").strip()
    if not text:
        return None
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no time; write it like 2030-01-31T18:00, in UTC") from None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    if until <= now:
        raise InvalidInput(f"{until:%Y-%m-%d %H:%M} UTC has passed; choose a later end, or none")
    return until
