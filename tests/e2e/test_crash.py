"""kill -9 in the middle of an unlock: settled once by whoever comes next, by reading, and never written again."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import pytest

from ims.audit import Action
from tests.e2e.conftest import UIDS
from tests.support.installation import Corner, Installation, corner, session_of, stop
from tests.support.slapd import Person, Slapd
from tests.support.waiting import wait_until
from tests.support.wire import proxy

pytestmark = pytest.mark.servers

MODIFY_RESPONSE = 0x67
"""The tag of a ModifyResponse (RFC 4511 section 4.6), right after a message's length and id."""


@dataclass
class HeldAnswer:
    """Lets everything pass but the answer to the first write: that one is held until the connection ends."""

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, data: bytes) -> bytes:
        """Return what goes on to the client."""
        if data[:1] == b"\x30" and len(data) > 5 and data[5] == MODIFY_RESPONSE and not self.arrived.is_set():
            self.arrived.set()
            assert self.released.wait(30)
            return b""
        return data


@dataclass(frozen=True)
class Scene:
    """An installation in which lena is locked and carla may unlock her."""

    installation: Installation
    corner: Corner
    slapd: Slapd
    carla: str
    lena: str

    @property
    def person(self) -> Person:
        """Return lena as the directory knows her."""
        return self.corner.person("lena")

    def unlock(self) -> threading.Thread:
        """Send the unlock from a thread; its answer never comes."""
        thread = threading.Thread(target=self._send)
        thread.start()
        return thread

    def _send(self) -> None:
        try:
            self.installation.patch_active(self.lena, self.carla)
        except (URLError, OSError):
            return

    def unlocks(self) -> list[dict[str, str]]:
        """Return the audit rows of unlocks."""
        return [row for row in self.installation.json("audit", "list") if row["action"] == Action.UNLOCK]

    def open_unlocks(self) -> int:
        """Return how many intents are open."""
        with self.installation.wired() as wiring:
            return len(wiring.store.open_intents())

    def writes(self) -> int:
        """Return how many writes of ours the directory has logged for lena."""
        return len(
            [row for row in self.slapd.log() if row["reqdn"] == [self.person.dn.encode()] and _removes_lock(row)]
        )

    def settle(self) -> None:
        """Start an agent, as after a crash, and let it settle what is open and read the directory once."""
        before = self.last_pass()
        agent = self.installation.start("agent")
        try:
            wait_until(lambda: self.open_unlocks() == 0 and self.last_pass() != before, "settled and read", 20)
        finally:
            assert stop(agent) == 0, self.installation.output()

    def last_pass(self) -> str:
        """Return the id of the newest pass."""
        with self.installation.wired() as wiring:
            return next(report.id for report in wiring.store.passes(limit=1))


def _removes_lock(row: dict[str, list[bytes]]) -> bool:
    return any(change.startswith(b"pwdAccountLockedTime:-") for change in row.get("reqmod", []))


@pytest.fixture
def scene(tmp_path: Path, start_slapd: Callable[..., Slapd]) -> Scene:
    slapd = start_slapd(log_writes=True)
    where = corner(slapd, UIDS)
    installation = Installation(folder=tmp_path, directories=_plain(where.settings()))
    slapd.lock(where.person("lena"))
    installation.ok("sync")
    (lena,) = installation.json("users", "--locked")
    carla = installation.token("--user", where.person("carla").uid, "--role", "co_administrator")
    return Scene(installation=installation, corner=where, slapd=slapd, carla=carla, lena=lena["id"])


def _plain(settings: str) -> str:
    """Return the settings without TLS, so that a proxy between can tell one answer from another."""
    lines = ['tls = { mode = "none" }' if line.startswith("tls =") else line for line in settings.splitlines()]
    return "\n".join(lines)


def kill(process: subprocess.Popen[str]) -> None:
    """End a process and everything that it started, without a chance to tidy up."""
    for pid in session_of(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(10)
    wait_until(lambda: not session_of(process.pid), "everything is gone")


def test_killed_before_the_write_nothing_was_done_and_that_is_recorded(scene: Scene) -> None:
    """The directory hangs while it is read. Afterwards: locked there, locked here, one row that says why."""
    with scene.installation.serving() as server:
        with scene.slapd.frozen():
            sending = scene.unlock()
            wait_until(lambda: scene.open_unlocks() == 1, "the unlock is under way")
            kill(server)
        sending.join(20)
    assert scene.open_unlocks() == 1
    scene.settle()
    (row,) = scene.unlocks()
    assert row["result"] == "failed"
    assert "before the directory was written" in row["detail"]
    assert row["actor"] == scene.corner.person("carla").uid
    assert not scene.slapd.sign_in(scene.person.dn, scene.person.password)
    assert [user["id"] for user in scene.installation.json("users", "--locked")] == [scene.lena]
    assert scene.writes() == 0


def test_killed_after_the_write_it_is_found_done_and_not_written_again(scene: Scene) -> None:
    """The answer never arrives. Afterwards: unlocked in both places, by one write, in one row."""
    held = HeldAnswer()
    direct = scene.installation.directories
    with proxy(scene.slapd.port, held) as between:
        scene.installation.directories = direct.replace(scene.slapd.url, between.url)
        scene.installation.write()
        with scene.installation.serving() as server:
            sending = scene.unlock()
            assert held.arrived.wait(20), scene.installation.output()
            kill(server)
            held.released.set()
            sending.join(20)
    scene.installation.directories = direct
    scene.installation.write()
    assert scene.open_unlocks() == 1
    scene.settle()
    (row,) = scene.unlocks()
    assert row["result"] == "done"
    assert "settled by reading" in row["detail"]
    assert scene.writes() == 1
    assert scene.installation.json("users", "--locked") == []
    assert scene.slapd.sign_in(scene.person.dn, scene.person.password)
    scene.settle()
    assert len(scene.unlocks()) == 1
    assert scene.writes() == 1
