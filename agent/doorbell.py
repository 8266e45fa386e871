"""Changes within a second: every server of a directory is asked to tell when something changes, and a tick follows.

Only the moment of the tick is new. What a server tells is not read, so nothing that it leaves out, repeats or garbles
can lock or unlock anybody; the scheduled ticks go on, and are all there is while no server can be listened to.
"""

import threading
import time
from collections.abc import Callable

import structlog

from agent.configured import ConfiguredDirectory
from agent.run import Stop
from ims.errors import LockstepError
from ims.passes import ChangeSource, Told

RENEWED_AFTER_S = 300.0
"""How long one connection is listened to: one that died without a word is noticed then, at the latest."""
LEAST_PAUSE_S = 0.2
"""How long nothing follows a tick, whatever happens in the directory; a burst of changes becomes one tick."""
PAUSE_PER_TICK = 3
"""And how many times as long as the tick took: so ticks take a quarter of the time at most."""
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0
_ENDS_WITHIN_S = 2.0
_log = structlog.get_logger("lockstep.agent")


class Doorbell:
    """Runs `answer` whenever a server has told of a change, and when listening to one begins or fails."""

    def __init__(self, directory: ConfiguredDirectory, stop: Stop, answer: Callable[[], object]) -> None:
        self._directory = directory
        self._stop = stop
        self._answer = answer
        self._rang = threading.Event()
        servers = directory.access.servers
        self._silent = dict.fromkeys(servers, "nobody listens yet")
        """Why a server is not listened to; empty = it is."""
        listening = [threading.Thread(target=self._listen, args=(one,), name=f"listening to {one}") for one in servers]
        self._threads = [*listening, threading.Thread(target=self._answers, name=f"{directory.name} doorbell")]

    def start(self) -> None:
        """Begin to listen, in threads of its own, until the stop."""
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def join(self) -> None:
        """Wait until the threads have seen the stop."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_ENDS_WITHIN_S)

    def told(self) -> Told:
        """Return whether servers tell of changes now, and what keeps the others from it."""
        reasons = [why for why in tuple(self._silent.values()) if why]
        source = ChangeSource.PUSH if len(reasons) < len(self._silent) else ChangeSource.POLL
        return Told(source=source, why="; ".join(dict.fromkeys(reasons)))

    def _listen(self, server: str) -> None:
        """Listen to one server, again and again; the longer it cannot be done, the later it is tried again."""
        retry_s = FIRST_RETRY_S
        while not self._stop.is_set():
            try:
                self._hear(server)
                retry_s = FIRST_RETRY_S
                continue
            except LockstepError as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on; the log has the trace
                _log.exception("listening_failed", directory=self._directory.name, server=server)
                why = f"{server}: {type(error).__name__}; the log says where"
            if not self._silent[server]:
                retry_s = FIRST_RETRY_S
            self._note(server, why)
            self._stop.wait(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    def _hear(self, server: str) -> None:
        """Listen over one connection until it is time for a new one. Raises what the client and the dialect raise."""
        directory = self._directory
        client = directory.client(server)
        with self._stop.ending(client.abort), client:
            for _ in client.watch(directory.dialect.watch(client, directory.reading), RENEWED_AFTER_S):
                self._note(server, "")
                self._rang.set()

    def _note(self, server: str, why: str) -> None:
        """Remember whether a server is listened to; a change of that is told, by a tick too, which keeps it."""
        if self._silent[server] == why or self._stop.is_set():
            return
        self._silent[server] = why
        if why:
            _log.warning("not_listening", directory=self._directory.name, server=server, error=why)
        else:
            _log.info("listening", directory=self._directory.name, server=server)
        self._rang.set()

    def _answers(self) -> None:
        """Answer the bell, with a pause after each time; what rings meanwhile is answered after it."""
        with self._stop.ending(self._rang.set):
            while self._rang.wait() and not self._stop.is_set():
                self._rang.clear()
                began = time.monotonic()
                self._answer()
                self._stop.wait(max(LEAST_PAUSE_S, PAUSE_PER_TICK * (time.monotonic() - began)))
