"""`lockstep users` and `explain`: what the operator sees, what it is made of, and that every look is recorded."""

import getpass
import json
import os
import pwd
from dataclasses import replace

import pytest

from ims.people import TenantId, UserId
from ims.ports import Batch, UserChange
from lockstep.exits import ExitCode
from tests.e2e.conftest import Acme
from tests.support.installation import Installation
from tests.support.people import user

pytestmark = pytest.mark.servers


@pytest.fixture
def read(acme: Acme) -> Acme:
    """Return acme with lena locked by wrong passwords, and everybody read."""
    acme.lock("lena")
    acme.installation.ok("sync")
    return acme


def test_users_shows_who_is_locked_and_why(read: Acme) -> None:
    """Everybody, or only those who are locked now."""
    everybody = {user["user_name"]: user for user in read.installation.json("users")}
    assert set(everybody) == {read.name(uid) for uid in ("lena", "olaf", "carla", "viktor")}
    assert everybody[read.name("olaf")]["active"] is True
    (lena,) = read.installation.json("users", "--locked")
    assert (lena["user_name"], lena["active"], lena["locks"]) == (
        read.name("lena"),
        False,
        ["password_attempts (corp)"],
    )
    assert (lena["tenant"], lena["affiliation"]) == ("acme", "affiliated")


def test_users_finds_parts_of_names_and_addresses(read: Acme) -> None:
    """Case does not matter; a tenant without such a person is empty, one that is none is a mistake."""
    assert len(read.installation.json("users", "--search", "LENA-")) == 1
    assert len(read.installation.json("users", "--search", f"{read.name('olaf')}@example")) == 1
    assert read.installation.json("users", "--search", "lena-", "--tenant", "globex") == []
    wrong = read.installation.run("users", "--tenant", "initech")
    assert wrong.exit_code == ExitCode.USAGE
    assert "acme, globex" in wrong.stderr


def test_users_says_how_many_it_leaves_out(read: Acme) -> None:
    """A limit must not look like the end."""
    result = read.installation.ok("users", "--limit", "3", "--json")
    assert len(json.loads(result.stdout)) == 3
    assert "1 more are not shown" in result.stderr


def test_every_look_is_recorded_with_the_operating_systems_user(read: Acme) -> None:
    """Who looked, at whom; before anything was shown."""
    read.installation.ok("users", "--search", "lena-")
    read.installation.ok("explain", read.name("lena"))
    rows = [row for row in read.installation.json("audit", "list") if row["action"] == "read_on_the_box"]
    explained, listed = rows
    assert listed["subject"] == "users"
    assert "lena-" in listed["detail"]
    assert (explained["subject"], explained["tenant"]) == (read.name("lena"), "acme")
    assert {row["role"] for row in rows} == {"operator"}
    assert all(row["actor"].startswith(pwd.getpwuid(os.getuid()).pw_name) for row in rows)


def test_the_name_in_the_audit_is_not_the_callers_to_choose(read: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOGNAME and SUDO_USER are anybody's to set."""
    for variable in ("LOGNAME", "USER", "SUDO_USER"):
        monkeypatch.setenv(variable, "somebody-else")
    assert getpass.getuser() == "somebody-else"
    read.installation.ok("users")
    (row,) = (row for row in read.installation.json("audit", "list") if row["action"] == "read_on_the_box")
    assert "somebody-else" not in row["actor"]


def test_explain_shows_attributes_policy_arithmetic_and_the_write(read: Acme) -> None:
    """The whole chain from the raw value to what an unlock would send."""
    marker = read.corner.slapd.text(read.corner.person("lena").dn, "pwdAccountLockedTime")
    text = read.installation.ok("explain", read.name("lena")).stdout
    assert f"pwdAccountLockedTime: {marker}" in text
    assert "policy cn=default" in text
    assert "in force" in text
    assert "co_administrator" in text
    assert "delete" in text.lower()
    assert text.count(marker) >= 2
    explained = read.installation.json("explain", read.name("lena"))
    (lock,) = explained["locks"]
    assert (lock["reason"], lock["source"]) == ("password_attempts", "corp")
    assert lock["clearable_by"] == ["co_administrator", "directory"]
    assert any(marker in line for line in explained["writes"])
    assert explained["servers"][0]["answered"] is True


def test_explain_writes_nothing(read: Acme) -> None:
    """Neither in the directory nor in the ledger."""
    before = read.corner.slapd.read(read.corner.person("lena").dn)
    read.installation.ok("explain", read.name("lena"))
    assert read.corner.slapd.read(read.corner.person("lena").dn) == before
    assert len(read.installation.json("users", "--locked")) == 1


def test_explain_reads_the_directory_now(read: Acme) -> None:
    """What was unlocked there since the last pass is not shown as locked."""
    read.corner.slapd.force(read.corner.person("lena").dn, pwdAccountLockedTime=[])
    explained = read.installation.json("explain", read.name("lena"))
    assert (explained["active"], explained["locks"], explained["writes"]) == (True, [], [])
    read.lock("olaf")
    assert [lock["reason"] for lock in read.installation.json("explain", read.name("olaf"))["locks"]] == [
        "password_attempts",
    ]


def test_explain_says_why_a_lock_would_stay(read: Acme) -> None:
    """Disabled by the directory's administrators: no write, and whom to ask."""
    read.corner.slapd.force(read.corner.person("olaf").dn, pwdAccountLockedTime="000001010000Z")
    explained = read.installation.json("explain", read.name("olaf"))
    (lock,) = explained["locks"]
    assert lock["reason"] == "disabled"
    assert lock["unlock"].startswith("stays: ")
    assert lock["clearable_by"] == ["directory"]
    assert explained["writes"] == []


def test_explain_of_an_observed_directory_says_that_nothing_counts_yet(acme: Acme) -> None:
    """The marker is shown all the same; no lock is in force."""
    acme.installation.directories = acme.corner.settings(mode="observe")
    acme.installation.write()
    acme.lock("lena")
    acme.installation.ok("sync")
    explained = acme.installation.json("explain", acme.name("lena"))
    assert (explained["only_observed"], explained["active"]) == (["corp"], True)
    assert any("pwdAccountLockedTime" in line for line in explained["servers"][0]["lines"])


def test_explain_takes_an_id_and_says_who_is_not_there(read: Acme) -> None:
    """The id that every other answer shows."""
    (lena,) = read.installation.json("users", "--search", "lena-")
    assert read.installation.json("explain", lena["id"])["user_name"] == read.name("lena")
    nobody = read.installation.run("explain", "nobody")
    assert nobody.exit_code == ExitCode.FAILURE
    assert "no user nobody" in nobody.stderr


def test_explain_without_its_directory_shows_what_is_known_and_says_so(read: Acme) -> None:
    """6, the reason, and the last known state all the same."""
    settings = read.installation
    settings.directories = settings.directories.replace(read.corner.slapd.url, "ldap://127.0.0.1:9")
    settings.write()
    result = settings.run("explain", read.name("lena"), "--json")
    assert result.exit_code == ExitCode.UNREACHABLE
    explained = json.loads(result.stdout)
    assert [lock["reason"] for lock in explained["locks"]] == ["password_attempts"]
    assert explained["servers"][0]["answered"] is False
    assert "127.0.0.1:9" in explained["servers"][0]["lines"][0]


def test_a_name_in_two_company_accounts_is_asked_about(installation: Installation) -> None:
    """Never the first of two; --tenant chooses."""
    keep_twins(installation)
    result = installation.run("explain", "Anna")
    assert result.exit_code == ExitCode.USAGE
    assert "acme, globex" in result.stderr
    assert "--tenant" in result.stderr
    assert installation.json("explain", "anna", "--tenant", "globex")["id"] == "id-globex"


def keep_twins(installation: Installation) -> None:
    """Put an anna into each tenant."""
    with installation.wired() as wiring:
        for tenant in ("acme", "globex"):
            anna = replace(user("anna", tenant=TenantId(tenant)), id=UserId(f"id-{tenant}"))
            wiring.store.apply(Batch(changes=(UserChange(user=anna, base=wiring.store.revision()),)))
