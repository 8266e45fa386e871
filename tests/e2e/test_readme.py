"""The README's story, copied into a shell beside a running demonstration, tells what the README says it tells."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT, read
from tests.support.waiting import wait_until

READY_WITHIN_S = 60
STORY_WITHIN_S = 60
STOPS_WITHIN_S = 15
EXTENSION = "urn:ietf:params:scim:schemas:extension:lockstep:2.0:User"
CUT = "-- next --"

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run a demonstration where the README expects it, seen from the folder that is returned."""
    folder = tmp_path_factory.mktemp("readme")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    written = folder / "var/demo/demo.json"
    log = folder / "demo.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "lockstep", "demo"],
            cwd=ROOT,
            env={**os.environ, "PORT": str(port), "DEMO_DIR": str(written.parent)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: written.exists() or process.poll() is not None, "demo.json", READY_WITHIN_S)
        assert process.poll() is None, log.read_text()
        yield folder
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOPS_WITHIN_S)


def test_the_story_happens_as_it_is_told(folder: Path) -> None:
    """Locked with a reason; not freed by the identity provider, nor by a stranger; freed; somebody else locked."""
    _, first, second, third, fourth = _told(folder)

    assert first.startswith("Lena cannot sign in")
    [lena] = _resources(first)
    assert lena["active"] is False
    [lock] = lena[EXTENSION]["locks"]
    assert lock["value"] == "password_attempts"
    assert {"since", "evidence", "clearableBy"} <= set(lock)

    assert [user["active"] for user in _resources(second)] == [False]

    stranger, freed = _resources(third)
    assert stranger["status"] == "404"
    assert freed["active"] is True
    assert freed[EXTENSION]["lastUnlock"]["cleared"] == ["password_attempts"]
    assert third.rstrip().endswith("dn:" + _fact(folder, "users", "locked", "dn"))

    [olaf] = _resources(fourth)
    assert olaf["active"] is False


def _told(folder: Path) -> list[str]:
    """Run the story's blocks in one shell and return what each prints."""
    story = read(Path("README.md")).partition("## What the demonstration shows")[2]
    blocks = re.findall(r"^```sh\n(.*?)^```", story, re.MULTILINE | re.DOTALL)
    script = f"\necho '{CUT}'\n".join(blocks)
    told = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=STORY_WITHIN_S,
        check=False,
    )
    return [part.strip() for part in told.stdout.split(CUT)]


def _resources(text: str) -> list[dict[str, Any]]:
    """Return the JSON documents in a text, each on a line of its own."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _fact(folder: Path, *path: str) -> str:
    fact: Any = json.loads((folder / "var/demo/demo.json").read_text(encoding="utf-8"))
    for name in path:
        fact = fact[name]
    return str(fact)
