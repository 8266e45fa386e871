"""Logs: one line per event on standard error, JSON for machines or text for people. Secrets never.

Our own events come through structlog; what libraries log (granian, APScheduler, Alembic) goes through the same
processors, so that a line has one shape whoever wrote it.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import LogFormat, LogLevel
from lockstep.output import visible

HIDDEN = "[hidden]"
_TOKEN = re.compile(r"lsk_([0-9a-f]{12})_[A-Za-z0-9_-]+")
_SECRET_KEYS = re.compile(r"password|secret|authorization|credential|cookie|^token$", re.IGNORECASE)
_QUIET = ("apscheduler", "alembic", "werkzeug")
"""Libraries whose information is our debugging."""
_SILENT = ("sqlalchemy",)
"""Libraries whose debugging prints what passes through them: whole rows, people and all."""


def configure(level: LogLevel = LogLevel.INFO, form: LogFormat = LogFormat.CONSOLE) -> None:
    """Set up logging for this process; safe to call again (a forked web worker does)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(form)],
        ),
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level is LogLevel.DEBUG else logging.WARNING)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take out of an event what looks like a secret, and make its control characters visible.

    The second wall only: nobody should log a secret. It looks at the names of the fields, and in every text for our own
    tokens, of which the public id stays, so that the leaked one can be revoked.
    """
    return {key: HIDDEN if _SECRET_KEYS.search(key) else _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:  # noqa: ANN401 -- whatever somebody logs
    if isinstance(value, str):
        return visible(_TOKEN.sub(rf"lsk_\1_{HIDDEN}", value))
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_KEYS.search(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value


def _renderer(form: LogFormat) -> Processor:
    if form is LogFormat.JSON:
        return structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
