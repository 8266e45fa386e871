"""The Flask blueprint: every page with who may open it, and the one way by which every request goes in and out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import flask
import structlog
from werkzeug.exceptions import HTTPException

from ims.errors import (
    Conflict,
    DirectoryUnreachable,
    Forbidden,
    InvalidInput,
    LockstepError,
    NotFound,
    StoreUnusable,
)
from ims.permits import Permission
from portal import batches, languages, locking, people, records, sign_in, unlocks
from portal.languages import gettext
from portal.pages import HEADERS, away, page
from portal.services import PortalServices
from portal.visits import Visit, same_key, visit_of

_log = structlog.get_logger("portal")
_STATUS = {
    InvalidInput: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    DirectoryUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreUnusable: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one method of one path does for whoever has signed in; `permission` None = for each of them."""

    method: str
    path: str
    handler: Callable[..., flask.Response]
    permission: Permission | None = None


ROUTES = (
    Route(method="GET", path="/", handler=people.home),
    Route(method="GET", path="/me", handler=sign_in.me),
    Route(method="POST", path="/sign-out", handler=sign_in.sign_out),
    Route(method="GET", path="/users", handler=people.users, permission=Permission.READ_USERS),
    Route(method="GET", path="/users.csv", handler=people.export, permission=Permission.READ_USERS),
    Route(method="GET", path="/users/<user_id>", handler=people.user, permission=Permission.READ_AUDIT),
    Route(method="POST", path="/users/<user_id>/lock", handler=locking.hold, permission=Permission.HOLD),
    Route(method="GET", path="/lock", handler=locking.confirm, permission=Permission.HOLD),
    Route(method="POST", path="/lock", handler=locking.perform, permission=Permission.HOLD),
    Route(method="GET", path="/unlock", handler=unlocks.confirm, permission=Permission.UNLOCK),
    Route(method="POST", path="/unlock", handler=unlocks.perform, permission=Permission.UNLOCK),
    Route(method="GET", path="/unlocks/<operation_id>", handler=unlocks.result, permission=Permission.READ_AUDIT),
    Route(method="GET", path="/requests", handler=people.requests, permission=Permission.UNLOCK),
    Route(method="POST", path="/requests/<plea_id>/dismiss", handler=people.dismiss, permission=Permission.UNLOCK),
    Route(method="GET", path="/batches", handler=batches.batches, permission=Permission.DECIDE),
    Route(
        method="POST",
        path="/batches/<batch_id>/<any(approve, reject):verb>",
        handler=batches.decide,
        permission=Permission.DECIDE,
    ),
    Route(method="GET", path="/audit", handler=records.audit, permission=Permission.READ_AUDIT),
    Route(method="GET", path="/audit.<any(csv, jsonl):form>", handler=records.export, permission=Permission.READ_AUDIT),
    Route(method="GET", path="/status", handler=records.status, permission=Permission.READ_HEALTH),
)
"""Every page but the sign-in. What is not here is not there."""


def blueprint(services: PortalServices) -> flask.Blueprint:
    """Return the portal, to be registered once on a Flask application."""
    front = flask.Blueprint(
        "portal", __name__, template_folder="templates", static_folder="static", static_url_path="/portal"
    )
    for route in ROUTES:
        front.add_url_rule(
            route.path,
            endpoint=_endpoint(route),
            view_func=_view(route, services),
            methods=[route.method],
            provide_automatic_options=False,
        )
    front.add_url_rule("/sign-in", "sign_in_form", lambda: sign_in.show(services), methods=["GET"])
    front.add_url_rule("/sign-in", "sign_in", lambda: sign_in.submit(services), methods=["POST"])
    front.add_url_rule("/sign-in/ask", "ask", lambda: sign_in.ask(services), methods=["POST"])
    front.record_once(languages.install)
    front.before_request(_only_from_here)
    front.after_request(partial(_protect, services))
    front.register_error_handler(Exception, _fail)
    return front


def _endpoint(route: Route) -> str:
    return f"{route.method.lower()}_{re.sub(r'[^a-z]+', '_', route.path)}"


def _view(route: Route, services: PortalServices) -> Callable[..., flask.Response]:
    def view(**names: str) -> flask.Response:
        visit = visit_of(services)
        flask.g.portal_visit = visit
        if visit is None:
            return _to_sign_in(route)
        if route.method == "POST" and not same_key(visit.session.form_key, flask.request.form.get("form_key")):
            raise Forbidden(gettext("This page is out of date. Go back, load it again, and repeat what you did"))
        if route.permission is not None and not visit.may(route.permission):
            raise Forbidden(gettext("Your role may not do this"))
        return route.handler(visit, **names)

    return view


def _to_sign_in(route: Route) -> flask.Response:
    """Have whoever is nobody sign in, and come back to the page that they wanted; nothing is sent a second time."""
    wanted = flask.request.full_path.rstrip("?") if route.method == "GET" else "/"
    return away("/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted)}")


def _only_from_here() -> None:
    """Refuse what another site has a browser send us (Fetch Metadata), long before any form's key is looked at."""
    site = flask.request.headers.get("Sec-Fetch-Site", "same-origin")
    if flask.request.method == "POST" and site not in {"same-origin", "none"}:
        raise Forbidden(gettext("Another site sent this. Nothing was done"))


def _protect(services: PortalServices, response: flask.Response) -> flask.Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    languages.keep(response, secure=services.secure)
    return response


def _fail(error: Exception) -> flask.Response:
    """Turn whatever was raised into a page; what nobody expected is logged, and told as little as possible."""
    if isinstance(error, LockstepError):
        status = next((known for kind, known in _STATUS.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
        text = str(error)
        if isinstance(error, StoreUnusable):
            _log.error("store_unusable", error=text)
            text = gettext(
                "Lockstep cannot reach what it has stored at the moment. Nothing was done; try again in a minute"
            )
    elif isinstance(error, HTTPException) and error.code is not None:
        status, text = HTTPStatus(error.code), gettext("There is nothing at this address")
    else:
        _log.error("portal_request_failed", exc_info=error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        text = gettext("This went wrong for a reason of ours; the log tells more")
    visit: Visit | None = flask.g.get("portal_visit")
    return page("error", visit, status, text=text)
