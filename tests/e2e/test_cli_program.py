"""The program as a whole: help, version, settings that are wrong, errors in one sentence, and `check`."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lockstep import __version__
from lockstep.__main__ import cli
from lockstep.exits import ExitCode
from tests.e2e.conftest import Acme
from tests.support.installation import Installation
from tests.support.repository import ROOT


def test_help_lists_every_command_and_exit_code() -> None:
    """Whoever types `lockstep` sees what there is and what the codes mean."""
    text = CliRunner().invoke(cli, ["--help"]).stdout
    listed = re.findall(r"^  ([a-z]+) ", text.partition("Commands:")[2], re.MULTILINE)
    assert listed == list(cli.commands)
    for code in ExitCode:
        assert f"{code.value}  {code.meaning}" in text


def test_it_runs_as_a_module_and_tells_its_version() -> None:
    """What the console script runs too."""
    done = subprocess.run(
        [sys.executable, "-m", "lockstep", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"lockstep, version {__version__}\n"


def test_only_what_a_command_needs_is_imported() -> None:
    """Asking for the version does not wait for a database library."""
    code = (
        "import sys; from lockstep.__main__ import cli; print([n for n in ('sqlalchemy', 'ldap3') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments", [("unlcok",), ("users", "--frobnicate"), ("explain",), ("audit", "list", "--limit", "0")]
)
def test_a_mistake_in_the_command_has_code_2(installation: Installation, arguments: tuple[str, ...]) -> None:
    """And says where help is."""
    result = installation.run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert "Usage:" in result.stderr


def test_every_mistake_in_the_settings_is_in_one_report(installation: Installation) -> None:
    """2, the keys with their lines, and nothing was started; whichever command it was."""
    installation.more = '[tenants.acme.roles]\nco_administrator = "x"\n\n[wbe]\nport = 1\n'
    installation.write()
    for command in (("check",), ("status",), ("serve",), ("token", "list")):
        result = installation.run(*command)
        assert result.exit_code == ExitCode.USAGE
        assert "co_administrator" in result.stderr
        assert "wbe" in result.stderr
        assert "Traceback" not in result.output


def test_a_store_that_was_never_made_says_what_to_do(installation: Installation) -> None:
    """Commands do not make a store by the way."""
    for part in installation.folder.glob("lockstep.db*"):
        part.unlink()
    result = installation.run("users")
    assert result.exit_code == ExitCode.FAILURE
    assert "lockstep migrate" in result.stderr
    installation.ok("migrate")
    assert installation.json("migrate")["up_to_date"] is True
    installation.ok("users")


def test_what_should_not_happen_is_one_sentence_and_with_debug_a_traceback(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours does not throw pages of code at an administrator."""

    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("what a surprise")

    monkeypatch.setattr("ims.store.store.SqlStore.tokens", broken)
    result = installation.run("token", "list")
    assert result.exit_code == ExitCode.FAILURE
    assert "ZeroDivisionError: what a surprise" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    debugged = installation.run("--debug", "token", "list")
    assert isinstance(debugged.exception, ZeroDivisionError)


def test_settings_come_from_the_variable_too(installation: Installation) -> None:
    """What a service manager sets."""
    done = subprocess.run(
        [sys.executable, "-m", "lockstep", "connection", "list"],
        cwd=ROOT,
        env={**os.environ, "LOCKSTEP_CONFIG": str(installation.config)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "okta" in done.stdout


# --- check -----------------------------------------------------------------------------------------------------------


def findings(installation: Installation, *options: str) -> dict[str, dict[str, str]]:
    """Return what check finds, by the first word of what was looked at."""
    result = installation.run("check", *options, "--json")
    return {one["what"].split()[0]: one for one in json.loads(result.stdout)}


def test_check_reports_settings_and_store(installation: Installation) -> None:
    """Without --online nothing is connected to; warnings are no failure."""
    found = findings(installation)
    assert (found["settings"]["grade"], found["store"]["grade"]) == ("ok", "ok")
    assert found["roles"]["grade"] == "warning"
    installation.ok("check")


def test_check_reports_mistakes_as_json_too(installation: Installation) -> None:
    """A program that asks for JSON gets it whatever is wrong, each mistake with its place."""
    installation.more = "[wbe]\nport = 1\n\n[tenants.acme.roles]\nauditor = 1\n"
    installation.write()
    result = installation.run("check", "--json")
    assert result.exit_code == ExitCode.USAGE
    mistakes = json.loads(result.stdout)
    assert {one["grade"] for one in mistakes} == {"mistake"}
    assert [one["what"] for one in mistakes if "wbe" in one["what"]] == ["setting wbe"]
    assert all(str(installation.config) in one["advice"] for one in mistakes)


def test_check_says_that_the_store_is_missing(installation: Installation) -> None:
    """And how to make it."""
    for part in installation.folder.glob("lockstep.db*"):
        part.unlink()
    result = installation.run("check")
    assert result.exit_code == ExitCode.FAILURE
    assert "lockstep migrate" in result.stdout


def without_restoring(acme: Acme) -> None:
    """Take from the settings what the shared directory grants nobody."""
    acme.installation.directories = acme.installation.directories.replace("restore = true\n", "")
    acme.installation.write()


@pytest.mark.servers
def test_check_online_proves_rights(acme: Acme) -> None:
    """What settings ask for and the directory does not grant: code 1, with the command that prints what to grant."""
    result = acme.installation.run("check", "--online", "--json")
    missing = [one for one in json.loads(result.stdout) if one["grade"] == "missing"]
    assert [one["what"].split()[0] for one in missing] == ["restoring"]
    assert "lockstep rights --restore" in missing[0]["advice"]
    assert result.exit_code == ExitCode.FAILURE
    acme.installation.directories = acme.installation.directories.replace('mode = "enforce"', 'mode = "observe"')
    acme.installation.write()
    assert findings(acme.installation, "--online")["restoring"]["grade"] == "warning"


@pytest.mark.servers
def test_check_online_finds_a_directory_in_order(acme: Acme) -> None:
    """Connected, base, users, policy, canary, groups, rights: each by itself."""
    without_restoring(acme)
    found = findings(acme.installation, "--online")
    assert {what: found[what]["grade"] for what in ("server", "base", "users", "policy", "canary", "group")} == {
        "server": "ok",
        "base": "ok",
        "users": "ok",
        "policy": "ok",
        "canary": "ok",
        "group": "ok",
    }
    assert "4 members" in found["group"]["found"]
    rights = {what: found[what]["grade"] for what in ("attributes", "passwords", "unlocking", "other")}
    assert rights == dict.fromkeys(rights, "ok")
    acme.installation.ok("check", "--online")


@pytest.mark.servers
@pytest.mark.parametrize(
    ("old", "new", "what", "grade"),
    [
        ("canary-", "nobody-", "canary", "missing"),
        ('group = "cn=staff-', 'group = "cn=stuff-', "group", "missing"),
        ('base = "ou=corner', 'base = "ou=corn', "base", "missing"),
        ("cn=default,", "cn=defualt,", "lockout", "warning"),
    ],
)
def test_check_online_names_what_is_missing_and_what_to_do(
    acme: Acme, old: str, new: str, what: str, grade: str
) -> None:
    """One thing wrong: that one is found, with advice."""
    installation = acme.installation
    without_restoring(acme)
    assert old in installation.directories
    installation.directories = installation.directories.replace(old, new)
    installation.write()
    found = findings(installation, "--online")
    assert found[what]["grade"] == grade
    assert found[what]["advice"]
    code = ExitCode.FAILURE if grade == "missing" else ExitCode.OK
    assert installation.run("check", "--online").exit_code == code


@pytest.mark.servers
def test_a_refused_password_is_tried_once_until_it_changes_or_the_operator_says_so(acme: Acme) -> None:
    """Four retries would lock the agent's own account."""
    installation = acme.installation
    right = installation.directories
    installation.directories = right.replace('password = "agent-of-tests-1"', 'password = "outdated"')
    installation.write()
    first = findings(installation, "--online")["server"]
    assert (first["grade"], "correct the secret" in first["found"]) == ("unreachable", True)
    second = findings(installation, "--online")["server"]
    assert "not tried again before it changes" in second["found"]
    assert installation.run("check", "--online").exit_code == ExitCode.UNREACHABLE
    status = installation.json("status")
    assert "refused Lockstep's secret" in status["sentences"][0]
    forgotten = findings(installation, "--online", "--forget-refusals")["server"]
    assert "correct the secret" in forgotten["found"]
    installation.directories = right
    installation.write()
    assert findings(installation, "--online")["server"]["grade"] == "ok"


def test_check_online_of_a_directory_that_is_down(installation: Installation) -> None:
    """6 and what to look at."""
    result = installation.run("check", "--online")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "127.0.0.1:9" in result.stdout
