"""`lockstep init` on a real 389 Directory Server: recognised, and settings that load and read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.directories import Dialect, Mode
from config.load import load
from lockstep.__main__ import cli
from tests.support.installation import logging_as_before
from tests.support.ns_slapd import AGENT_DN, AGENT_PASSWORD, BASE, PEOPLE, SERVICES, NsSlapd

pytestmark = pytest.mark.servers


@pytest.fixture
def populated() -> Iterator[NsSlapd]:
    """Return a directory with six people, a group of four of them, and a canary."""
    server = NsSlapd()
    try:
        server.start()
        people = [server.add_person(f"person{number}") for number in range(6)]
        server.add_group("staff", [person.dn for person in people[:4]])
        server.add_person("canary", parent=SERVICES, accountUnlockTime="19700101000000Z")
        yield server
    finally:
        server.stop()


def test_the_settings_fit_the_product(populated: NsSlapd, tmp_path: Path) -> None:
    """Its dialect, its people, its policy and its canary; and a dry run reads everybody."""
    password, file = tmp_path / "password", tmp_path / "lockstep.toml"
    password.write_text(f"{AGENT_PASSWORD}\n", encoding="utf-8")
    options = ("--bind-dn", AGENT_DN, "--password-file", str(password), "--output", str(file))
    with logging_as_before():
        done = CliRunner().invoke(cli, ("init", populated.url, *options), env={"LOCKSTEP_CONFIG": ""})
    assert done.exit_code == 0, done.output
    assert "389 Directory Server (389 Project 389-Directory/" in done.stderr
    corp = load(file, {}).directories["corp"]
    assert (corp.dialect, corp.mode, corp.base) == (Dialect.DS389, Mode.OBSERVE, BASE)
    assert corp.canary == f"uid=canary,{SERVICES}"
    assert PEOPLE.endswith(corp.users_base)
    assert "locks after 3 wrong passwords until somebody unlocks" in file.read_text(encoding="utf-8")
    for command in (("migrate",), ("sync", "--reconcile", "--dry-run")):
        with logging_as_before():
            done = CliRunner().invoke(cli, ("--config", str(file), *command), env={})
        assert done.exit_code == 0, done.output
