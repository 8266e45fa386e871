"""`lockstep rights`: a recipe from settings alone, and the files of deploy/rights that it printed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lockstep.__main__ import cli
from lockstep.exits import ExitCode
from tests.support.installation import logging_as_before
from tests.support.repository import ROOT
from tests.support.settings_texts import SMALLEST

EXAMPLE = ROOT / "deploy" / "rights" / "example.toml"
EXAMPLE_389 = EXAMPLE.with_name("example-389ds.toml")
EXAMPLE_IPA = EXAMPLE.with_name("example-freeipa.toml")
ACCOUNT_IPA = ("--account", "uid=lockstep,cn=users,cn=accounts,dc=example,dc=com")
EXAMPLE_AD = EXAMPLE.with_name("example-ad.toml")
ACCOUNT_AD = ("--account", "CN=lockstep,OU=Services,DC=example,DC=com")
ACCOUNT_389 = ("--account", "uid=lockstep,ou=services,dc=example,dc=com")
ACCOUNT = ("--account", "cn=lockstep,ou=services,dc=example,dc=com")


def run(config: Path, *arguments: str) -> Result:
    """Run the command under these settings."""
    with logging_as_before():
        return CliRunner().invoke(cli, ["--config", str(config), "rights", *arguments], env={})


@pytest.fixture
def smallest(tmp_path: Path) -> Path:
    """Return a settings file whose only rule gives nothing back, and no store."""
    config = tmp_path / "lockstep.toml"
    config.write_text(SMALLEST, encoding="utf-8")
    return config


@pytest.mark.parametrize(
    ("example", "account", "name", "options"),
    [
        (EXAMPLE, ACCOUNT, "openldap-unlock", ()),
        (EXAMPLE, ACCOUNT, "openldap-unlock-and-restore", ("--restore",)),
        (EXAMPLE_389, ACCOUNT_389, "389ds-unlock", ()),
        (EXAMPLE_389, ACCOUNT_389, "389ds-unlock-and-restore", ("--restore",)),
        (EXAMPLE_IPA, ACCOUNT_IPA, "freeipa-unlock", ()),
        (EXAMPLE_IPA, ACCOUNT_IPA, "freeipa-unlock-and-restore", ("--restore",)),
        (EXAMPLE_AD, ACCOUNT_AD, "ad-unlock", ()),
        (EXAMPLE_AD, ACCOUNT_AD, "ad-unlock-and-restore", ("--restore",)),
    ],
)
def test_the_files_are_what_the_command_prints(
    example: Path, account: tuple[str, ...], name: str, options: tuple[str, ...]
) -> None:
    """Mend them with: lockstep --config deploy/rights/EXAMPLE rights corp --account DN [--restore] > FILE."""
    printed = run(example, "corp", *account, *options)
    assert printed.exit_code == 0, printed.output
    assert printed.stdout == next(EXAMPLE.parent.glob(f"{name}.*")).read_text(encoding="utf-8")


def test_it_needs_no_store_and_no_directory(smallest: Path) -> None:
    """The first thing that an administrator is asked for, before anything runs."""
    printed = run(smallest, "corp")
    assert printed.exit_code == 0
    assert 'by dn.exact="cn=lockstep,ou=services,dc=example,dc=com" =zrsc' in printed.stdout
    assert list(smallest.parent.iterdir()) == [smallest]


def test_as_json_it_is_the_rules_and_the_text(smallest: Path) -> None:
    """Each rule with why it is there."""
    document = json.loads(run(smallest, "corp", "--json").stdout)
    assert (document["directory"], document["restore"]) == ("corp", False)
    assert document["rules"][-1] == {
        "what": "*",
        "right": "none",
        "why": "Nothing else, whatever the other rules give everybody.",
    }
    assert document["text"] == run(smallest, "corp").stdout


def test_the_database_can_be_named(smallest: Path) -> None:
    """It is the second one where there is a monitor."""
    printed = run(smallest, "corp", "--database", "olcDatabase={2}mdb,cn=config").stdout
    assert "\ndn: olcDatabase={2}mdb,cn=config\n" in printed


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nowhere",), "There is no directory nowhere"),
        (("corp", "--restore"), "No rule of corp has restore = true"),
    ],
)
def test_what_cannot_be_printed_is_told(smallest: Path, arguments: tuple[str, ...], text: str) -> None:
    """A mistake in the command."""
    result = run(smallest, *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert text in result.stderr


def test_without_an_account_it_cannot_be_said_whose_rights() -> None:
    """Over a socket the directory alone knows who comes in."""
    result = run(EXAMPLE, "corp")
    assert result.exit_code == ExitCode.USAGE
    assert "--account" in result.stderr


def test_restoring_is_not_forgotten() -> None:
    """Settings that ask for it and a recipe without it do not go together."""
    assert "--restore" in run(EXAMPLE, "corp", *ACCOUNT).stderr
