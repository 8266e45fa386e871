"""`lockstep token` and `connection`: shown once, kept as a hash, and never on a command line."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ims.audit import Action
from ims.locks import LockReason
from ims.people import Role, TenantId, User, UserId
from ims.ports import Batch, UserChange
from lockstep.exits import ExitCode
from tests.support import people
from tests.support.installation import Installation

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def keep(installation: Installation, *users: User) -> None:
    """Put users into the store."""
    with installation.wired() as wiring:
        for user in users:
            wiring.store.apply(Batch(changes=(UserChange(user=user, base=wiring.store.revision()),)))


def test_a_token_is_printed_once_and_kept_as_a_hash_only(installation: Installation) -> None:
    """On standard output nothing but the token, so that a pipe takes just that; in the store nothing of its secret."""
    result = installation.ok("token", "create", "--connection", "okta", "--label", "prod")
    token = result.stdout.strip()
    assert token.startswith("lsk_")
    assert "\n" not in token
    assert token not in result.stderr
    secret = token.split("_", 2)[2].encode()
    for file in installation.folder.glob("lockstep.db*"):
        assert secret not in file.read_bytes()
    (listed,) = installation.json("token", "list")
    assert secret.decode() not in json.dumps(listed)
    assert (listed["id"], listed["role"], listed["tenant"]) == (token.split("_")[1], "provisioner", "acme")
    assert (listed["of"], listed["label"], listed["state"], listed["last_used"]) == ("okta", "prod", "works", None)


def test_a_token_in_a_file_is_its_owners_only(installation: Installation) -> None:
    """Mode 0600, never over a file that is there, and not printed."""
    file = installation.folder / "token"
    result = installation.ok("token", "create", "--role", "operator", "--out", str(file))
    assert "lsk_" not in result.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("lsk_")
    before = file.read_text()
    again = installation.run("token", "create", "--role", "operator", "--out", str(file))
    assert again.exit_code == ExitCode.USAGE
    assert file.read_text() == before
    assert len(installation.json("token", "list")) == 1


def test_no_file_is_left_without_a_token(installation: Installation) -> None:
    """A connection that is none: neither a token nor an empty file."""
    file = installation.folder / "token"
    result = installation.run("token", "create", "--connection", "entra", "--out", str(file))
    assert result.exit_code == ExitCode.FAILURE
    assert "okta" in result.stderr
    assert not file.exists()
    nowhere = installation.run("token", "create", "--connection", "okta", "--out", "/nowhere/token")
    assert nowhere.exit_code == ExitCode.USAGE
    assert installation.json("token", "list") == []


def test_json_has_the_token_or_its_file(installation: Installation) -> None:
    """For scripts."""
    made = installation.json("token", "create", "--connection", "okta")
    assert made["token"].split("_")[1] == made["id"]
    file = str(installation.folder / "token")
    kept = installation.json("token", "create", "--connection", "okta", "--out", file)
    assert kept["file"] == file
    assert "token" not in kept


@pytest.mark.parametrize(
    "whom",
    [
        (),
        ("--user", "carla"),
        ("--role", "co_administrator"),
        ("--connection", "okta", "--role", "operator"),
        ("--connection", "okta", "--user", "carla"),
        ("--user", "carla", "--role", "operator"),
        ("--role", "provisioner"),
        ("--role", "agent"),
    ],
)
def test_a_token_is_for_exactly_one_kind_of_bearer(installation: Installation, whom: tuple[str, ...]) -> None:
    """Anything else is a mistake in the command."""
    keep(installation, people.user("carla"))
    assert installation.run("token", "create", *whom).exit_code == ExitCode.USAGE
    assert installation.json("token", "list") == []


@pytest.mark.parametrize(
    ("expires", "days"),
    [("90d", 90), ("12h", 0.5), ("366d", 366)],
)
def test_a_token_expires_when_it_was_said(installation: Installation, expires: str, days: float) -> None:
    """Lengths of time as settings write them."""
    installation.ok("token", "create", "--role", "operator", "--expires", expires)
    (listed,) = installation.json("token", "list")
    ends = datetime.fromisoformat(listed["expires"])
    assert abs(ends - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("expires", ["0", "never", "-1d", "367d", "9999999w"])
def test_a_length_of_time_that_is_none_is_refused(installation: Installation, expires: str) -> None:
    """Nobody gets a token for ever by a slip."""
    result = installation.run("token", "create", "--role", "operator", "--expires", expires)
    assert result.exit_code == ExitCode.USAGE
    assert installation.json("token", "list") == []


def test_a_persons_token_is_made_only_where_it_would_work(installation: Installation) -> None:
    """Locked, unaffiliated, or without the role where groups decide: why, instead of a token that fails later."""
    locked = people.user("lena", locks=[people.lock(LockReason.HELD, name="lena", since=LONG_AGO)])
    keep(installation, people.user("carla"), locked)
    installation.ok("token", "create", "--user", "carla", "--role", "co_administrator")
    refused = installation.run("token", "create", "--user", "lena", "--role", "co_administrator")
    assert refused.exit_code == ExitCode.FAILURE
    assert "locked" in refused.stderr
    installation.more = '[tenants.acme.roles.auditor]\ndirectory = "corp"\ngroup = "cn=a,dc=example,dc=test"\n'
    installation.write()
    refused = installation.run("token", "create", "--user", "carla", "--role", "co_administrator")
    assert refused.exit_code == ExitCode.FAILURE
    assert "does not hold the role" in refused.stderr
    (carlas,) = installation.json("token", "list")
    assert "does not hold the role" in carlas["state"]


def test_a_person_of_two_company_accounts_is_asked_about(installation: Installation) -> None:
    """--tenant chooses."""
    twin = replace(people.user("carla", tenant=TenantId("globex")), id=UserId("other-carla"))
    keep(installation, people.user("carla"), twin)
    asked = installation.run("token", "create", "--user", "carla", "--role", "auditor")
    assert asked.exit_code == ExitCode.USAGE
    installation.ok("token", "create", "--user", "carla", "--role", "auditor", "--tenant", "globex")
    (listed,) = installation.json("token", "list")
    assert (listed["tenant"], listed["role"]) == ("globex", Role.AUDITOR)


def test_a_revoked_token_stays_revoked_and_both_acts_are_recorded(installation: Installation) -> None:
    """A second revocation is told apart from the first."""
    token_id = installation.token("--connection", "okta").split("_")[1]
    document = installation.json("token", "revoke", token_id)
    assert (document["id"], document["tenant"]) == (token_id, "acme")
    assert [one["state"] for one in installation.json("token", "list")] == ["revoked"]
    again = installation.run("token", "revoke", token_id)
    assert again.exit_code == ExitCode.FAILURE
    assert "revoked before" in again.stderr
    nobodys = installation.run("token", "revoke", "ffffffffffff")
    assert nobodys.exit_code == ExitCode.FAILURE
    rows = installation.json("audit", "list")
    assert [(row["action"], row["subject"]) for row in rows] == [
        (Action.TOKEN_REVOKED, token_id),
        (Action.TOKEN_CREATED, token_id),
    ]


def test_a_whole_token_on_the_command_line_is_refused_and_not_repeated(installation: Installation) -> None:
    """It would stand in the shell's history and in the list of processes."""
    token = installation.token("--connection", "okta")
    result = installation.run("token", "revoke", token)
    assert result.exit_code == ExitCode.USAGE
    assert token not in result.output


def test_connections_are_listed_with_their_working_tokens(installation: Installation) -> None:
    """What settings name, and whether anybody can come in by it."""
    (before,) = installation.json("connection", "list")
    assert (before["name"], before["tenant"], before["role"], before["working_tokens"]) == (
        "okta",
        "acme",
        "provisioner",
        0,
    )
    installation.token("--connection", "okta")
    revoked = installation.token("--connection", "okta").split("_")[1]
    installation.ok("token", "revoke", revoked)
    assert installation.json("connection", "list")[0]["working_tokens"] == 1


def test_a_token_of_a_connection_that_settings_no_longer_name_is_shown_as_such(tmp_path: Path) -> None:
    """It does not work any more, and whoever looks at the list sees why."""
    installation = Installation(folder=tmp_path, more='[connections.entra]\ntenant = "acme"\nrole = "reader"\n')
    installation.token("--connection", "entra")
    installation.more = ""
    installation.write()
    (listed,) = installation.json("token", "list")
    assert "entra" in listed["state"]
