"""`lockstep unlock` and `lock`: with a person's token, by breaking the glass, and how it must not work."""

import json

import pytest

from ims.audit import Action
from lockstep.exits import ExitCode
from tests.e2e.conftest import Acme
from tests.support.installation import Installation

pytestmark = pytest.mark.servers


@pytest.fixture
def locked(acme: Acme) -> Acme:
    """Return acme with lena locked by wrong passwords, and read."""
    acme.lock("lena")
    acme.installation.ok("sync")
    return acme


def locks_of(acme: Acme, uid: str) -> list[str]:
    (user,) = acme.installation.json("users", "--search", acme.name(uid))
    return list(user["locks"])


def test_a_person_with_the_right_unlocks_in_the_directory_itself(locked: Acme) -> None:
    """The token says who acts; the audit says so too; the directory lets the person in again."""
    carla = locked.installation.person_file(locked.name("carla"))
    assert not locked.signs_in("lena")
    result = locked.installation.ok("unlock", locked.name("lena"), "--token-file", carla, "--reason", "called me")
    assert "unlocked" in result.stdout
    assert locked.signs_in("lena")
    assert locks_of(locked, "lena") == []
    rows = locked.installation.json("audit", "list", "--user", locked.name("lena"))
    (row,) = (row for row in rows if row["action"] == Action.UNLOCK)
    assert (row["actor"], row["role"], row["channel"]) == (locked.name("carla"), "co_administrator", "command_line")
    assert "called me" in row["detail"]


def test_several_users_are_each_reported_and_the_code_says_partly(locked: Acme) -> None:
    """One is locked, one is not there: the first is unlocked all the same."""
    carla = locked.installation.person_file(locked.name("carla"))
    result = locked.installation.run("unlock", locked.name("lena"), "nobody", "--token-file", carla, "--json")
    assert result.exit_code == ExitCode.PARTLY
    lena, nobody = json.loads(result.stdout)
    assert (lena["result"], lena["cleared"]) == ("unlocked", ["password_attempts"])
    assert nobody["result"] == "not unlocked"
    assert "no user nobody" in nobody["detail"]


def test_breaking_the_glass_needs_a_reason_and_raises_an_alarm(locked: Acme) -> None:
    """The last resort works, is recorded with the operating system's user, and shouts in the log."""
    name = locked.name("lena")
    assert locked.installation.run("unlock", name, "--break-glass").exit_code == ExitCode.USAGE
    assert not locked.signs_in("lena")
    result = locked.installation.ok("unlock", name, "--break-glass", "--reason", "the only admin is locked")
    assert "glass_broken" in result.stderr
    assert locked.signs_in("lena")
    rows = locked.installation.json("audit", "list", "--user", name)
    (row,) = (row for row in rows if row["action"] == Action.UNLOCK)
    assert (row["role"], row["tenant"]) == ("operator", "acme")
    assert "the only admin is locked" in row["detail"]


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("--break-glass", "--reason", " "), 2)])
def test_an_unlock_says_who_acts_or_does_nothing(locked: Acme, arguments: tuple[str, ...], code: int) -> None:
    """No token, no reason: refused before anything is read."""
    assert locked.installation.run("unlock", locked.name("lena"), *arguments).exit_code == code
    assert not locked.signs_in("lena")


def test_other_roles_unlock_nobody(locked: Acme) -> None:
    """An identity provider's token, an operator's, an auditor's: the directory stays as it is."""
    installation = locked.installation
    files = (
        installation.token_file("--connection", "okta"),
        installation.token_file("--role", "operator"),
        installation.person_file(locked.name("carla"), "auditor"),
    )
    for file in files:
        result = installation.run("unlock", locked.name("lena"), "--token-file", file)
        assert result.exit_code == ExitCode.FAILURE, result.output
    assert not locked.signs_in("lena")


def test_a_revoked_token_unlocks_nobody(locked: Acme) -> None:
    """From the next command on."""
    installation = locked.installation
    file = installation.person_file(locked.name("carla"))
    (token,) = installation.json("token", "list")
    installation.ok("token", "revoke", token["id"])
    result = installation.run("unlock", locked.name("lena"), "--token-file", file)
    assert result.exit_code == ExitCode.FAILURE
    assert "revoked" in result.stderr
    assert not locked.signs_in("lena")


def test_a_locked_person_has_no_power(locked: Acme) -> None:
    """Whoever is locked cannot free anybody, least of all themselves."""
    carla = locked.installation.person_file(locked.name("carla"))
    locked.lock("carla")
    locked.installation.ok("sync")
    for uid in ("lena", "carla"):
        result = locked.installation.run("unlock", locked.name(uid), "--token-file", carla)
        assert result.exit_code == ExitCode.FAILURE, result.output
        assert not locked.signs_in(uid)


def test_a_directory_that_is_down_has_a_code_of_its_own(locked: Acme) -> None:
    """6: try again later; nothing was decided."""
    carla = locked.installation.person_file(locked.name("carla"))
    settings = locked.installation
    settings.directories = settings.directories.replace(locked.corner.slapd.url, "ldap://127.0.0.1:9")
    settings.write()
    result = settings.run("unlock", locked.name("lena"), "--token-file", carla)
    assert result.exit_code == ExitCode.UNREACHABLE, result.output
    assert not locked.signs_in("lena")
    assert "password_attempts (corp)" in locks_of(locked, "lena")


def test_a_person_locks_somebody_with_a_note_and_an_end(acme: Acme) -> None:
    """A hold is in the identity store only; whoever may unlock ends it."""
    acme.installation.ok("sync")
    carla = acme.installation.person_file(acme.name("carla"))
    name = acme.name("olaf")
    hold = ("lock", name, "--token-file", carla, "--note", "lost laptop", "--until", "2999-12-24T00:00Z")
    document = acme.installation.json(*hold)
    assert document == {"user": name, "tenant": "acme", "until": "2999-12-24T00:00:00Z"}
    (user,) = acme.installation.json("users", "--search", name)
    assert (user["active"], user["locks"]) == (False, ["held (lockstep)"])
    assert user["until"].startswith("2999-12-2")
    assert acme.signs_in("olaf")
    acme.installation.ok("unlock", name, "--token-file", carla)
    assert locks_of(acme, "olaf") == []


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01", "2026-13-01"])
def test_an_end_that_is_none_locks_nobody(acme: Acme, until: str) -> None:
    """Not a time, or over already."""
    acme.installation.ok("sync")
    carla = acme.installation.person_file(acme.name("carla"))
    result = acme.installation.run("lock", acme.name("olaf"), "--token-file", carla, "--note", "x", "--until", until)
    assert result.exit_code == ExitCode.USAGE, result.output
    assert locks_of(acme, "olaf") == []


def test_a_token_file_that_is_not_there_is_named(installation: Installation) -> None:
    """And nothing of what a wrong file holds is repeated."""
    missing = installation.run("unlock", "x", "--token-file", "/nowhere/token")
    assert missing.exit_code == ExitCode.USAGE
    assert "/nowhere/token" in missing.stderr
    wrong = installation.folder / "wrong"
    wrong.write_text("swordfish")
    refused = installation.run("unlock", "x", "--token-file", str(wrong))
    assert refused.exit_code == ExitCode.FAILURE
    assert "swordfish" not in refused.output
