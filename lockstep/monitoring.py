"""For machines that watch machines: /healthz, /readyz and /metrics.

Anybody may learn that the program is alive and whether it can do its work; why not, and every number, is for operators.
"""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import flask
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ims.errors import LockstepError, StoreUnusable
from ims.people import Actor
from ims.permits import Permission, allows
from lockstep.health import Health, Verdict, health_of
from lockstep.metrics import Requests, registry_of
from lockstep.output import for_json
from lockstep.wiring import Wiring
from scim.auth import authenticate
from scim.errors import problem_of

_log = structlog.get_logger("lockstep.web")
_STATUS = {
    Verdict.OK: HTTPStatus.OK,
    Verdict.DEGRADED: HTTPStatus.OK,
    Verdict.UNUSABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


def blueprint(wiring: Wiring) -> flask.Blueprint:
    """Return the routes for monitoring."""
    front = flask.Blueprint("monitoring", __name__)
    requests = Requests()
    registry = registry_of(wiring, requests)

    @front.get("/healthz")
    def healthz() -> flask.Response:
        return _text("ok")

    @front.get("/readyz")
    def readyz() -> flask.Response:
        health = health_of(wiring)
        if _is_operator(wiring):
            return _details(health)
        return _text(health.verdict.value, _STATUS[health.verdict])

    @front.get("/metrics")
    def metrics() -> flask.Response:
        actor = _actor(wiring)
        if not allows(actor, Permission.READ_OPERATIONS):
            return _text(f"The role {actor.role.value} may not read metrics", HTTPStatus.FORBIDDEN)
        return flask.Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    front.register_error_handler(LockstepError, _fail)
    front.after_app_request(requests.count)
    return front


def _actor(wiring: Wiring) -> Actor:
    return authenticate(flask.request.headers.get("Authorization"), wiring.scim_services)


def _is_operator(wiring: Wiring) -> bool:
    """Return whether an operator asks. Whoever does not prove that is told no more than anybody, and not why."""
    if "Authorization" not in flask.request.headers:
        return False
    try:
        return allows(_actor(wiring), Permission.READ_OPERATIONS)
    except StoreUnusable:
        return False
    except LockstepError as error:
        _log.info("readyz_without_details", why=str(error))
        return False


def _details(health: Health) -> flask.Response:
    body: dict[str, Any] = asdict(health)
    return flask.Response(for_json(body), status=_STATUS[health.verdict], mimetype="application/json")


def _fail(error: LockstepError) -> flask.Response:
    problem = problem_of(error, conditional=False)
    response = _text(problem.detail, problem.status)
    response.headers.update(problem.headers)
    return response


def _text(text: str, status: HTTPStatus = HTTPStatus.OK) -> flask.Response:
    return flask.Response(f"{text}\n", status=status, mimetype="text/plain")
