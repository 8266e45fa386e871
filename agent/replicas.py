"""Which server a pass reads: the first one that is as far as the last reading was.

A server that is behind is passed over while another one is not. If all are, the first is read all the same: a lock that
it shows is one, and what it does not show means nothing.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from agent.directories.client import Client
from agent.run import Run, Start
from ims.errors import DirectoryUnreachable


@contextmanager
def far_enough(run: Run, start: Start) -> Iterator[tuple[Client, str]]:
    """Connect, and say why the server is not as far as it should be; empty = it is. Raises DirectoryUnreachable."""
    with ExitStack() as open_clients:
        first = open_clients.enter_context(run.connected())
        lag = _lag(first, run, start)
        client = _another(first, run, start, open_clients) if lag else None
        yield (first, lag) if client is None else (client, "")


def _another(first: Client, run: Run, start: Start, open_clients: ExitStack) -> Client | None:
    """Return a client of the first server after this one that is not behind, None if there is none."""
    servers = first.access.servers
    for server in servers[servers.index(first.server) + 1 :]:
        with suppress(DirectoryUnreachable):
            client = open_clients.enter_context(first.connect_to(server))
            if not _lag(client, run, start):
                return client
    return None


def _lag(client: Client, run: Run, start: Start) -> str:
    return run.directory.dialect.lag(client, run.directory.reading, start.state.watermark)
