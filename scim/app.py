"""The Flask blueprint: the routes with their permissions, and the one way by which every request goes in and out.

Whoever asks is known before anything else is: there is no route, no unknown path and no method that answers before the
token was looked at, and a path that was spelled in another way ends in the same dispatch.
"""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from time import perf_counter

import flask
import structlog
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from ims import permits
from ims.errors import Forbidden, LockstepError, NotFound, StoreUnusable
from ims.people import Actor
from ims.permits import Permission
from scim import discovery, groups, root, users
from scim.attributes import Document
from scim.auth import ANONYMOUS, authenticate
from scim.bulk import bulk
from scim.calls import Answer, Call
from scim.conditions import Conditions
from scim.cursors import key_of
from scim.errors import HttpProblem, Problem, problem_of
from scim.media import MEDIA_TYPE, body_of
from scim.parameters import Parameters, parameters_of
from scim.services import ScimServices

PREFIX = "/scim/v2"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("scim")


@dataclass(frozen=True, slots=True)
class Route:
    """What one method of one path does, and the permissions any of which opens it."""

    method: str
    path: str
    permissions: tuple[Permission, ...]
    handler: Callable[..., Answer]


def _bulk(call: Call) -> Answer:
    return bulk(call, _performed)


def _performed(call: Call, method: str, path: str, body: Document, version: str) -> Answer:
    """Do one operation of a bulk request as if it had come alone. Raises what that would be answered with."""
    endpoint, _, resource_id = path.strip("/").partition("/")
    if endpoint not in _IN_BULK or "/" in resource_id or resource_id == ".search":
        raise NotFound(f"There is nothing at {path} that a bulk request could change")
    pattern = f"/{endpoint}" + (f"/<{endpoint.lower().removesuffix('s')}_id>" if resource_id else "")
    route = _route(pattern, method)
    authorize(call.actor, route)
    alone = replace(
        call,
        parameters=Parameters(),
        conditions=Conditions(if_match=version or None),
        body=lambda: body,
    )
    return route.handler(alone, resource_id) if resource_id else route.handler(alone)


_CHANGE = (Permission.PROVISION, Permission.HOLD, Permission.UNLOCK)

ROUTES = (
    Route("GET", "/Users", (Permission.READ_USERS,), users.list_users),
    Route("POST", "/Users", (Permission.PROVISION,), users.create_user),
    Route("POST", "/Users/.search", (Permission.READ_USERS,), users.search_users),
    Route("GET", "/Users/<user_id>", (Permission.READ_USERS,), users.get_user),
    Route("PUT", "/Users/<user_id>", (Permission.PROVISION,), users.replace_user),
    Route("PATCH", "/Users/<user_id>", _CHANGE, users.patch_user),
    Route("DELETE", "/Users/<user_id>", (Permission.PROVISION,), users.delete_user),
    Route("GET", "/Me", (Permission.READ_USERS,), users.get_me),
    Route("GET", "/Groups", (Permission.READ_GROUPS,), groups.list_groups),
    Route("POST", "/Groups", (Permission.PROVISION,), groups.create_group),
    Route("POST", "/Groups/.search", (Permission.READ_GROUPS,), groups.search_groups),
    Route("GET", "/Groups/<group_id>", (Permission.READ_GROUPS,), groups.get_group),
    Route("PUT", "/Groups/<group_id>", (Permission.PROVISION,), groups.replace_group),
    Route("PATCH", "/Groups/<group_id>", (Permission.PROVISION,), groups.patch_group),
    Route("DELETE", "/Groups/<group_id>", (Permission.PROVISION,), groups.delete_group),
    Route("GET", "", (Permission.READ_USERS,), root.query),
    Route("POST", "/.search", (Permission.READ_USERS,), root.search),
    Route("POST", "/Bulk", (Permission.PROVISION,), _bulk),
    Route("GET", "/ServiceProviderConfig", (Permission.DISCOVER,), discovery.service_provider_config),
    Route("GET", "/ResourceTypes", (Permission.DISCOVER,), discovery.resource_types),
    Route("GET", "/ResourceTypes/<name>", (Permission.DISCOVER,), discovery.resource_type),
    Route("GET", "/Schemas", (Permission.DISCOVER,), discovery.schemas),
    Route("GET", "/Schemas/<urn>", (Permission.DISCOVER,), discovery.schema),
)
"""Everything there is. What is not here is refused."""

_IN_BULK = ("Users", "Groups")
"""The endpoints whose operations may stand in a bulk request."""


class _Anything(BaseConverter):
    """Whatever stands below the prefix, slashes and all, so that nothing there is answered by somebody else."""

    regex = r"[\s\S]*"
    part_isolating = False


def blueprint(services: ScimServices) -> flask.Blueprint:
    """Return the service provider, to be registered once on a Flask application; it answers everything below PREFIX."""
    front = flask.Blueprint("scim", __name__, url_prefix=PREFIX)
    front.record_once(_teach_anything)
    for path in (*dict.fromkeys(route.path for route in ROUTES), "/<scim_anything:rest>"):
        front.add_url_rule(
            path,
            endpoint=path.translate(_ENDPOINT_NAMES) or "root",
            view_func=_view(path, services),
            methods=_METHODS,
            provide_automatic_options=False,
            strict_slashes=False,
            merge_slashes=False,
        )
    front.before_request(_begin)
    front.after_request(_finish)
    front.register_error_handler(Exception, _fail)
    return front


_ENDPOINT_NAMES = str.maketrans({".": "_", "<": "", ">": ""})
"""Flask keeps dots in endpoints for itself."""


def _teach_anything(state: flask.blueprints.BlueprintSetupState) -> None:
    state.app.url_map.converters["scim_anything"] = _Anything


def _view(path: str, services: ScimServices) -> Callable[..., flask.Response]:
    """Return the Flask view of a path: every method of it, one way in."""

    def view(**names: str) -> flask.Response:
        actor = _actor(path, services)
        route = _route(path, flask.request.method)
        authorize(actor, route)
        call = Call(
            services=services,
            actor=actor,
            parameters=parameters_of(flask.request.args.items(multi=True)),
            conditions=Conditions(
                if_match=flask.request.headers.get("If-Match"),
                if_none_match=flask.request.headers.get("If-None-Match"),
            ),
            body=lambda: body_of(flask.request, services.limits),
            cursor_key=key_of(flask.request.headers.get("Authorization", "")),
        )
        return _response(route.handler(call, **names))

    return view


# --- in --------------------------------------------------------------------------------------------------------------


def _begin() -> None:
    asked = flask.request.headers.get("X-Request-Id", "")
    flask.g.scim_request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
    flask.g.scim_began = perf_counter()
    flask.g.scim_actor = None


def _actor(path: str, services: ScimServices) -> Actor:
    header = flask.request.headers.get("Authorization")
    public = any(route.path == path and route.permissions == (Permission.DISCOVER,) for route in ROUTES)
    actor = ANONYMOUS if header is None and public and services.anonymous_discovery else authenticate(header, services)
    flask.g.scim_actor = actor
    if services.rates is not None:
        services.rates.take(actor)
    return actor


def _route(path: str, method: str) -> Route:
    """Return what was asked for. Raises NotFound, or HttpProblem (405) for what this path does not do."""
    here = {route.method: route for route in ROUTES if route.path == path}
    if not here:
        raise NotFound("There is nothing at this address")
    wanted = "GET" if method == "HEAD" else method
    if wanted not in here:
        allowed = ", ".join(name for known in here for name in (("GET", "HEAD") if known == "GET" else (known,)))
        raise HttpProblem(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not offered here", {"Allow": allowed})
    return here[wanted]


def authorize(actor: Actor, route: Route) -> None:
    """Raise Forbidden unless one of the route's permissions lets the actor in. What it does is asked again by `ims`."""
    if not any(permits.allows(actor, permission) for permission in route.permissions):
        raise Forbidden(f"The role {actor.role.value} may not do this ({route.permissions[0].value})")


# --- out -------------------------------------------------------------------------------------------------------------


def _response(answer: Answer) -> flask.Response:
    body = "" if answer.document is None else json.dumps(answer.document, separators=(",", ":"))
    return flask.Response(body, status=answer.status, headers=dict(answer.headers), mimetype=MEDIA_TYPE)


def _fail(error: Exception) -> flask.Response:
    """Turn whatever was raised into a SCIM Error; what nobody expected is logged and told as little as possible."""
    if isinstance(error, StoreUnusable):
        _log.error("store_unusable", request_id=flask.g.scim_request_id, error=str(error))
    if isinstance(error, LockstepError):
        problem = problem_of(error, conditional="If-Match" in flask.request.headers)
    elif isinstance(error, HTTPException) and error.code is not None:
        problem = Problem(status=HTTPStatus(error.code), detail=error.description or error.name)
    else:
        _log.error("scim_request_failed", request_id=flask.g.scim_request_id, exc_info=error)
        problem = Problem(
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
            detail=f"The request failed for a reason of ours; the log tells more under {flask.g.scim_request_id}",
        )
    return _response(Answer(status=problem.status, document=problem.document(), headers=problem.headers))


def _finish(response: flask.Response) -> flask.Response:
    """Mark and log every answer; neither body, token nor query string, which hold what is nobody else's business."""
    actor: Actor | None = flask.g.scim_actor
    response.headers["X-Request-Id"] = flask.g.scim_request_id
    response.headers["Cache-Control"] = "no-store"
    _log.info(
        "scim_request",
        request_id=flask.g.scim_request_id,
        method=flask.request.method,
        route=str(flask.request.url_rule),
        status=response.status_code,
        actor=actor.name if actor else None,
        role=actor.role.value if actor else None,
        tenant=actor.tenant if actor else None,
        milliseconds=round(1_000 * (perf_counter() - flask.g.scim_began)),
    )
    return response
