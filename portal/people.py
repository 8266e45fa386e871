"""Home, the list of users, and one user."""

from datetime import UTC, datetime

import flask

from ims.errors import InvalidInput
from ims.locks import locks_in_force
from ims.people import UserId
from ims.permits import Permission
from ims.pleas import PleaId
from portal.listing import asked_by, listed, locked_now
from portal.pages import away, page
from portal.visits import Visit

MAX_NOTE = 500
"""How many characters a reason for a lock, or a comment on an unlock, may have."""
_TIMELINE = 100


def home(visit: Visit) -> flask.Response:
    """Show the sections that the role may use."""
    if visit.role is None:
        return away("/me")
    view = visit.view
    waiting = sum(len(part.items) for part in view.held()) if visit.may(Permission.DECIDE) else 0
    asking = len(view.pleas()) if visit.may(Permission.UNLOCK) else 0
    return page("home", visit, locked=locked_now(view), waiting=waiting, asking=asking)


def requests(visit: Visit) -> flask.Response:
    """Show who asks for an unlock."""
    return page("requests", visit, pleadings=visit.view.pleas())


def dismiss(visit: Visit, plea_id: str) -> flask.Response:
    """Dismiss what somebody asked for."""
    visit.view.dismiss(PleaId(plea_id))
    return away("/requests")


def users(visit: Visit) -> flask.Response:
    """Show User Management."""
    asked = asked_by(flask.request.args)
    found = listed(visit.view, asked)
    locks = {user.id: locks_in_force(user.locks, visit.now) for user in found.users}
    nobody = flask.request.args.get("nobody", "")
    return page("users", visit, asked=asked, found=found, locks=locks, rules=visit.view.rules, nobody=nobody)


def user(visit: Visit, user_id: str) -> flask.Response:
    """Show one user: the locks with what they rest on, and what happened."""
    found = visit.view.user(UserId(user_id))
    return page(
        "user",
        visit,
        user=found,
        locks=locks_in_force(found.locks, visit.now),
        rules=visit.view.rules,
        rows=visit.view.audit(found.id, _TIMELINE),
    )


def hold(visit: Visit, user_id: str) -> flask.Response:
    """Lock a user here, with a reason and perhaps an end. Raises InvalidInput where either makes no sense."""
    form = flask.request.form
    note = form.get("note", "").strip()
    if not note:
        raise InvalidInput("Say why the user is locked: whoever unlocks them later reads it")
    if len(note) > MAX_NOTE:
        raise InvalidInput(f"The reason may have {MAX_NOTE} characters; it has {len(note)}")
    visit.view.hold(UserId(user_id), note, _end(form.get("until", ""), visit.now))
    return away(f"/users/{user_id}")


def _end(text: str, now: datetime) -> datetime | None:
    if not text.strip():
        return None
    try:
        until = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"{text!r} is no time; write it like 2030-01-31T18:00, in UTC") from None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    if until <= now:
        raise InvalidInput(f"{until:%Y-%m-%d %H:%M} UTC has passed; choose a later end, or none")
    return until
