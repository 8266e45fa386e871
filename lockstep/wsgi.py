"""The WSGI application: the SCIM service provider, the portal, health and metrics, behind one set of limits.

`create_app` is what a web worker calls; it takes its settings from where LOCKSTEP_CONFIG points, so any WSGI server can
run it. It starts while directories are down: the store holds what was last known of them.
"""

import os
from http import HTTPStatus
from wsgiref.types import WSGIApplication

import flask
from werkzeug.exceptions import HTTPException

from config.load import load
from lockstep import logs, monitoring
from lockstep.limits import RequestLimits
from lockstep.wiring import Wiring
from portal import app as portal
from scim.app import blueprint

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app() -> WSGIApplication:
    """Return the application for one worker. Raises SettingsError and StoreUnusable."""
    settings = load(None, os.environ)
    logs.configure(settings.log.level, settings.log.format)
    wiring = Wiring(settings)
    wiring.migrate()
    proxies = settings.web.trusted_proxies if settings.web.behind_proxy else None
    return RequestLimits(application(wiring), proxies)


def application(wiring: Wiring) -> flask.Flask:
    """Return the Flask application over a program that is put together. What is no route is told in a sentence."""
    app = flask.Flask("lockstep", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = wiring.settings.web.max_body_bytes
    app.register_blueprint(blueprint(wiring.scim_services))
    app.register_blueprint(monitoring.blueprint(wiring))
    if wiring.settings.portal.enabled:
        app.register_blueprint(portal.blueprint(wiring.portal_services))
    app.register_error_handler(HTTPException, _sentence)
    app.register_error_handler(Exception, _failed)
    app.after_request(_protect)
    return app


def _sentence(error: HTTPException) -> flask.Response:
    """Answer outside of SCIM: nobody's data is here, so a line of text is enough."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    text = "There is nothing at this address" if status is HTTPStatus.NOT_FOUND else status.description or status.phrase
    response = flask.Response(f"{status.value} {status.phrase}: {text}\n", status=status, mimetype="text/plain")
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _failed(error: Exception) -> flask.Response:
    """Log what nobody expected; whoever asked learns that it failed, and nothing of how it looks in here."""
    flask.current_app.logger.error("request_failed", exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return flask.Response(f"{status.value} {status.phrase}: the log tells more\n", status=status, mimetype="text/plain")


def _protect(response: flask.Response) -> flask.Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
