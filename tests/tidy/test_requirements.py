"""What is installed is exactly what was locked: pinned, hashed, from wherever the machine is set up to look."""

import re
from pathlib import Path

import pytest

from tests.support.repository import declared, files, normal, pinned, project, read

LOCKED = ("run.txt", "dev.txt")


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    """`pip --require-hashes` refuses anything else at install time; this says so before."""
    blocks = pinned(name).values()
    assert [
        block for block in blocks if not re.match(r"[a-z0-9-]+==\S+.*(\n    --hash=sha256:[0-9a-f]{64}.*)+$", block)
    ] == []


@pytest.mark.parametrize("name", LOCKED)
def test_no_requirement_says_where_to_download(name: str) -> None:
    """The machine's own configuration decides: an index, a mirror, a folder of wheels."""
    assert (
        re.findall(
            r"--(?:extra-)?index\S*|--find-links\S*|--trusted-host\S*|\S*://\S*", read(Path("requirements", name))
        )
        == []
    )


def test_the_development_environment_is_the_run_time_and_more() -> None:
    """What is tested is what is shipped, to the hash."""
    run, dev = (pinned(name) for name in LOCKED)
    assert {name: block for name, block in run.items() if dev.get(name) != block} == {}


def test_every_dependency_is_locked() -> None:
    """pyproject.toml and requirements/ are changed together (`make lock`)."""
    tools = {normal(specifier) for specifier in project()["dependency-groups"]["dev"]}
    run, dev = (pinned(name) for name in LOCKED)
    assert declared() - set(run) == set()
    assert tools - set(dev) == set()


def test_there_is_no_other_lock_file() -> None:
    """Some formats record download addresses, and two locks disagree sooner or later."""
    assert [path for path in files() if path.name.endswith((".lock", "lock.json"))] == []


def test_nothing_is_resolved_anew_where_hashes_are_required() -> None:
    """The file names every package; pip, asked for "name[extra]", would find a newer one that has no hash there."""
    places = [Path("requirements/venv.sh"), Path("deploy/Containerfile"), Path("deploy/README.md")]
    lines = [line for place in places for line in read(place).splitlines() if "--require-hashes" in line]
    assert len(lines) == 4
    assert [line for line in lines if "--no-deps" not in line] == []
