"""`lockstep init` on a real domain controller: recognised, and settings that load and read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.directories import Dialect, Mode
from config.load import load
from lockstep.__main__ import cli
from tests.support.installation import logging_as_before
from tests.support.samba_dc import SambaDc
from tests.support.samba_domain import AGENT_DN, BASE, password_of

pytestmark = pytest.mark.servers


@pytest.fixture
def populated() -> Iterator[SambaDc]:
    """Return a domain with four people, and a group of them."""
    server = SambaDc()
    try:
        server.start()
        people = [server.add_person(f"person{number}", displayName=f"Person {number}") for number in range(4)]
        server.add_group("staff", [person.dn for person in people])
        yield server
    finally:
        server.stop()


def test_the_settings_fit_the_product(populated: SambaDc, tmp_path: Path) -> None:
    """Its dialect, its people and its policy; and a dry run reads them."""
    password, file = tmp_path / "password", tmp_path / "lockstep.toml"
    password.write_text(f"{password_of('agent')}\n", encoding="utf-8")
    options = ("--bind-dn", AGENT_DN, "--password-file", str(password), "--output", str(file))
    with logging_as_before():
        done = CliRunner().invoke(cli, ("init", populated.url, *options), env={"LOCKSTEP_CONFIG": ""})
    assert done.exit_code == 0, done.output
    assert "Active Directory" in done.stderr
    corp = load(file, {}).directories["corp"]
    assert (corp.dialect, corp.mode, corp.base.lower()) == (Dialect.AD, Mode.OBSERVE, BASE.lower())
    assert corp.attributes.user_name == "sAMAccountName"
    assert "locks after 3 wrong passwords until somebody unlocks" in file.read_text(encoding="utf-8")
    for command in (("migrate",), ("sync", "--reconcile", "--dry-run")):
        with logging_as_before():
            done = CliRunner().invoke(cli, ("--config", str(file), *command), env={})
        assert done.exit_code == 0, done.output
