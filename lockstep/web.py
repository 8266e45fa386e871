"""Serving HTTP: granian, told everything explicitly, around the application that `lockstep/wsgi.py` makes.

The master process only watches over its workers: it opens no store and no directory, because both would be shared by
every worker that is forked from it.
"""

import errno
import os
import socket
from pathlib import Path
from wsgiref.types import WSGIApplication

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from config.settings import Settings
from config.sources import CONFIG_VARIABLE
from config.web import Web
from ims.errors import InvalidInput
from lockstep.supervision import ends_with_its_parent
from lockstep.wsgi import create_app

HEADER_READ_TIMEOUT_MS = 5_000
"""How long a client may take to send its request's header, and a kept-alive connection may be idle."""
HEADER_BUFFER_BYTES = 64 * 1024
"""What granian holds of a header before it refuses; `lockstep/limits.py` refuses earlier, with a SCIM error."""
CONNECTIONS_PER_WORKER = 512
"""granian's backpressure counts open connections, idle ones too: far more of them than requests are at work."""
KILL_MARGIN_S = 1
"""How much longer than an unlock a worker may take to stop, so that stopping never cuts one off."""


def serve(settings: Settings, config: Path | None) -> None:
    """Serve until SIGTERM or SIGINT, then let requests under way finish. Raises InvalidInput if that cannot begin."""
    require_startable(settings.web)
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    _server(settings).serve(target_loader=_load, wrap_loader=False)


def require_startable(web: Web) -> None:
    """Raise InvalidInput where serving could not begin: nothing should be started beside a server that will not be."""
    _require_free(web)
    _require_plain_key(web)


def _load() -> WSGIApplication:
    """Make the application: what each worker does first."""
    ends_with_its_parent()
    return create_app()


def _server(settings: Settings) -> MPServer:
    web = settings.web
    return MPServer(
        "lockstep.wsgi:create_app",
        address=web.host,
        port=web.port,
        interface=Interfaces.WSGI,
        workers=web.workers or len(os.sched_getaffinity(0)),
        blocking_threads=web.blocking_threads,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=CONNECTIONS_PER_WORKER,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_READ_TIMEOUT_MS,
            keep_alive=True,
            max_buffer_size=HEADER_BUFFER_BYTES,
        ),
        ssl_cert=web.certificate_file,
        ssl_key=web.key_file,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=kill_timeout(settings),
        log_level=LogLevels.warning,
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
    )


def kill_timeout(settings: Settings) -> int:
    """Return after how many seconds a worker that does not stop is killed: settings keep a deadline to 12 s at most."""
    return int(settings.unlock.deadline.total_seconds()) + KILL_MARGIN_S


def _require_free(web: Web) -> None:
    """Raise InvalidInput if somebody else listens there already.

    granian's workers share their port (SO_REUSEPORT), so without this look a second server of the same user would
    start without a word and take every other request.
    """
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((web.host, web.port))
        except OSError as error:
            raise InvalidInput(_why_not(error, web)) from None


def _why_not(error: OSError, web: Web) -> str:
    where = f"Port {web.port} of {web.host}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where} is taken by another program; stop that one, or choose another with web.port"
        case errno.EACCES:
            return f"{where} may be opened by the system's administrator only; choose one from 1024 on with web.port"
        case _:
            return f"{where} cannot be opened ({error.strerror}); web.host must be an address of this machine"


def _require_plain_key(web: Web) -> None:
    """Raise InvalidInput for a key with a passphrase: OpenSSL would ask for it on a terminal that nobody watches."""
    if web.key_file is not None and "ENCRYPTED" in web.key_file.read_text(errors="replace"):
        raise InvalidInput(f"{web.key_file} needs a passphrase; write the key without one: openssl pkey -in … -out …")
