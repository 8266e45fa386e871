"""Home, the list of users, and one user."""

from datetime import datetime

import flask

from ims.locks import locks_in_force
from ims.people import User, UserId
from ims.permits import Permission
from ims.pleas import PleaId
from portal.downloads import as_csv, file
from portal.listing import asked_by, everybody, listed, locked_now
from portal.pages import away, page
from portal.visits import Visit

_COLUMNS = ("user_name", "name", "mail", "directories", "reasons", "since", "until")
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


def export(visit: Visit) -> flask.Response:
    """Hand out everybody whom the list would show, page after page, as a file."""
    rows = (_row(user, visit.now) for user in everybody(visit.view, asked_by(flask.request.args)))
    return file(as_csv(_COLUMNS, rows), "text/csv", "users.csv")


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


def _row(user: User, now: datetime) -> dict[str, str]:
    """Return what a file tells of a user. Its times are the first lock's beginning and the last one's end, if any."""
    profile, locks = user.profile, locks_in_force(user.locks, now)
    ends = [lock.until for lock in locks if lock.until is not None]
    return {
        "user_name": profile.user_name,
        "name": profile.display_name or profile.formatted_name,
        "mail": profile.emails[0].value if profile.emails else "",
        "directories": " ".join(dict.fromkeys(entry.directory for entry in user.entries)),
        "reasons": " ".join(dict.fromkeys(lock.reason.value for lock in locks)),
        "since": locks[0].since.isoformat() if locks else "",
        "until": max(ends).isoformat() if locks and len(ends) == len(locks) else "",
    }
