"""The demonstration from its first file to its last process: what `make demo` does, told from the top down."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus

from agent.sync import reconcile
from config.load import load
from ims.people import DirectoryName
from lockstep.demo.directory import AGENT_PASSWORD, DemoDirectory, DemoProblem, DirectoryPlace
from lockstep.demo.facts import Facts, gather
from lockstep.demo.people import person
from lockstep.demo.settings import DIRECTORY, settings
from lockstep.demo.stage import Curtain, CurtainFalls, Stage, free_port
from lockstep.demo.text import spoken
from lockstep.wiring import Wiring
from scim.app import PREFIX

_READY_WITHIN_S = 30.0
_STOPS_WITHIN_S = 13.0
_LOG_TAIL = 2_000


def demonstrate(stage: Stage, say: Callable[[str], None]) -> None:
    """Set the stage, play until SIGINT or SIGTERM, and leave nothing running.

    Raises DemoProblem where it cannot begin (port or folder taken, slapd missing), or a part of it ends by itself.
    """
    curtain = Curtain()
    with suppress(CurtainFalls), stage.claimed():
        _play(stage, curtain, say)
    say("Stopped; nothing is left running.")


def _play(stage: Stage, curtain: Curtain, say: Callable[[str], None]) -> None:
    directory = DemoDirectory(DirectoryPlace(folder=stage.folder / "directory", port=free_port()))
    program: subprocess.Popen[bytes] | None = None
    try:
        say("Starting a directory, and locking people in it ...")
        directory.start()
        directory.befall()
        facts = _read_everybody_in(stage, directory)
        program = _start_program(stage)
        _wait_until_ready(stage, program, curtain)
        facts.publish(stage.folder / "demo.json")
        say(spoken(facts, stage))
        _watch(stage, directory, program, curtain)
    finally:
        curtain.lower()
        _stop(program)
        directory.stop()


def _read_everybody_in(stage: Stage, directory: DemoDirectory) -> Facts:
    """Read everybody, let one person leave the company account, read again, and make everybody's tokens."""
    password = stage.folder / "agent-password"
    password.touch(mode=0o600)
    password.write_text(AGENT_PASSWORD, encoding="utf-8")
    stage.config.write_text(settings(stage.folder, stage.port, directory.place), encoding="utf-8")
    wiring = Wiring(load(stage.config, {}))
    wiring.migrate()
    with wiring:
        _reconcile(wiring)
        directory.leave(person("unaffiliated"))
        _reconcile(wiring)
        return gather(wiring, stage.base_url, stage.base_url + PREFIX, directory.place.url)


def _reconcile(wiring: Wiring) -> None:
    """Run one complete pass as the agent would, and give the lease on the directory back for it."""
    name = DirectoryName(DIRECTORY)
    fence = wiring.store.take_lease(name, wiring.processes.me(), timedelta(minutes=1), wiring.clock.now())
    if fence is None:
        raise DemoProblem("Another agent works in this folder; stop it, or choose another folder with DEMO_DIR=")
    try:
        reconcile(wiring.run_of(name, fence))
    finally:
        wiring.store.drop_lease(fence)


def _start_program(stage: Stage) -> subprocess.Popen[bytes]:
    """Start Lockstep as an administrator would, under the demonstration's settings and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    with stage.log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "lockstep", "--config", str(stage.config), "run"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )


def _wait_until_ready(stage: Stage, program: subprocess.Popen[bytes], curtain: Curtain) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not _answers(stage):
        if program.poll() is not None or time.monotonic() > deadline:
            raise DemoProblem(f"Lockstep did not start; the end of {stage.log} says:\n{_tail(stage)}")
        curtain.pause(0.05)


def _answers(stage: Stage) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", stage.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _watch(stage: Stage, directory: DemoDirectory, program: subprocess.Popen[bytes], curtain: Curtain) -> None:
    """Wait for the signal, and tell if a part of the demonstration ends before it."""
    while True:
        curtain.pause(0.5)
        if not directory.alive():
            raise DemoProblem(f"slapd ended by itself; see {directory.place.folder / 'slapd.log'}")
        if program.poll() is not None:
            raise DemoProblem(f"Lockstep ended by itself; the end of {stage.log} says:\n{_tail(stage)}")


def _tail(stage: Stage) -> str:
    return stage.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]


def _stop(program: subprocess.Popen[bytes] | None) -> None:
    if program is None:
        return
    program.terminate()
    try:
        program.wait(_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
