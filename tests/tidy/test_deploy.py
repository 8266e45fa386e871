"""What deploy/ promises: units that systemd accepts and rates as safe, an image without root, a way that works."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lockstep.__main__ import cli
from tests.support.repository import PARTS, ROOT

UNITS = ("lockstep-agent.service", "lockstep-web.service")
DEPLOY = ROOT / "deploy"
EXPOSURE = 20
"""The most that `systemd-analyze security` may find, in tenths."""
LINES = 10
"""In how many lines the wheel becomes a running service."""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return a root folder in which the units are installed as deploy/README.md says."""
    shutil.copytree(DEPLOY / "systemd", tmp_path / "etc/systemd/system")
    for name in ("sysinit", "basic", "shutdown", "multi-user", "network-online"):
        target = tmp_path / f"lib/systemd/system/{name}.target"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("[Unit]\n", encoding="utf-8")
    program = tmp_path / "opt/lockstep/bin/lockstep"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_rates_the_units_as_safe(machine: Path, unit: str) -> None:
    """2.0 or better, the common settings included; systemd-analyze itself compares."""
    ran = _systemd(machine, "security", "--offline=true", f"--threshold={EXPOSURE}", unit)
    found = re.search(rf"Overall exposure level for {unit}: (\d+\.\d)", ran.stdout)
    assert found is not None
    assert (ran.returncode, float(found[1]) <= EXPOSURE / 10) == (0, True)


def test_systemd_knows_every_setting_of_the_units(machine: Path) -> None:
    """A misspelt one would be ignored with a warning that nobody reads."""
    ran = _systemd(machine, "verify", *(str(machine / "etc/systemd/system" / unit) for unit in UNITS))
    assert [line for line in ran.stderr.splitlines() if "lockstep" in line] == []


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_start_commands_that_exist(unit: str) -> None:
    """By the path at which the README installs the program."""
    started = re.search(
        r"^ExecStart=/opt/lockstep/bin/lockstep (\w+)$", (DEPLOY / "systemd" / unit).read_text(), re.MULTILINE
    )
    assert started is not None
    assert started[1] in _commands()


def test_the_image_is_built_in_stages_and_runs_as_nobody_in_particular() -> None:
    """The last stage installs no tools, and its user is a number that is not root's."""
    stages = re.split(r"^FROM .*$", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE)
    last = stages[-1]
    assert len(stages) == 3
    assert re.search(r"^USER (\d+):\1$", last, re.MULTILINE)
    assert not re.search(r"^USER 0", last, re.MULTILINE)
    assert "pip" not in last
    assert re.search(r'^ENTRYPOINT \["/opt/lockstep/bin/lockstep"\]$', last, re.MULTILINE)


def test_the_image_is_built_from_everything_that_the_wheel_needs() -> None:
    """Every part, and nothing that is not in the repository."""
    text = (DEPLOY / "Containerfile").read_text()
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for source in line.split()[:-1]
    ]
    assert {name for name in copied if "/" not in name and "." not in name} == {*PARTS, "LICENSE"}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert "--require-hashes" in text


def test_the_way_to_a_running_service_is_ten_lines_of_things_that_exist() -> None:
    """Files, commands and units by their names here; first in observe mode, by `lockstep init`."""
    text = (DEPLOY / "README.md").read_text()
    lines = re.search(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert lines is not None
    steps = lines[1].splitlines()
    assert len(steps) <= LINES
    named = re.findall(r"(?:deploy|requirements)/[\w./-]+", lines[1])
    assert [name for name in named if not list(ROOT.glob(f"{name.rstrip('/')}*"))] == []
    used = {found[1] for step in steps if (found := re.search(r"(?:^|\s)lockstep ([a-z]+) ", f"{step} "))}
    assert {"init", "check"} <= used <= _commands()


def _commands() -> set[str]:
    return set(cli.commands)


def _systemd(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", f"--root={root}", "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
