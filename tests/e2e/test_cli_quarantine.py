"""`lockstep quarantine`: somebody was deleted and made anew, and an operator says who that is."""

import json

import pytest

from ims.audit import Action
from lockstep.exits import ExitCode
from tests.e2e.conftest import Acme

pytestmark = pytest.mark.servers


@pytest.fixture
def anew(acme: Acme) -> Acme:
    """Return the installation after lena, who is known and locked, was deleted and made anew, unlocked."""
    acme.installation.ok("migrate")
    acme.lock("lena")
    acme.installation.ok("sync", "--reconcile")
    lena, slapd = acme.corner.person("lena"), acme.corner.slapd
    slapd.delete(lena.dn)
    acme.corner.join(slapd.add_person(lena.uid, parent=lena.dn.partition(",")[2]))
    acme.installation.ok("sync", "--reconcile")
    return acme


def waiting(acme: Acme, *options: str) -> list[dict[str, str]]:
    """Return what waits."""
    rows: list[dict[str, str]] = acme.installation.json("quarantine", "list", *options)
    return rows


def locks(acme: Acme) -> list[str]:
    """Return why lena is locked now, as it is listed."""
    (row,) = acme.installation.json("users", "--search", acme.name("lena"))
    return list(row["locks"])


def test_the_new_entry_is_said_to_be_the_old_user_s(anew: Acme) -> None:
    """The next pass reads it: what it says counts now, and the old entry no more."""
    (one,) = waiting(anew)
    assert "lockstep quarantine link" in one["why"]
    before = locks(anew)
    assert before
    command = ("quarantine", "link", "corp", one["key"], "--user", anew.name("lena"))
    asked = anew.installation.run(*command, answers="n\n")
    assert (asked.exit_code, "Nothing was changed" in asked.stderr) == (ExitCode.FAILURE, True)
    assert len(waiting(anew)) == 1
    done = anew.installation.run(*command, answers="y\n")
    assert done.exit_code == 0, done.output
    assert one["dn"] in done.stdout
    anew.installation.ok("sync")
    assert waiting(anew) == []
    assert locks(anew) == []
    (row,) = [row for row in anew.installation.json("audit", "list") if row["action"] == Action.ENTRY_LINKED]
    assert one["key"] in row["after"]
    assert row["before"]
    assert row["subject"] == anew.name("lena")


def test_an_entry_that_is_nobody_s_is_left_out(anew: Acme) -> None:
    """It waits no longer for anybody, in whatever pass, and can still be listed and linked."""
    (one,) = waiting(anew)
    done = anew.installation.run("quarantine", "reject", "corp", one["key"], "--yes", "--json")
    assert json.loads(done.stdout)["rejected_by"]
    assert waiting(anew) == []
    anew.installation.ok("sync", "--reconcile")
    assert waiting(anew) == []
    (rejected,) = waiting(anew, "--all")
    assert (rejected["key"], rejected["since"]) == (one["key"], one["since"])
    assert rejected["rejected"]
    assert anew.installation.json("status")["directories"][0]["quarantined"] == 0
    (row,) = [row for row in anew.installation.json("audit", "list") if row["action"] == Action.ENTRY_REJECTED]
    assert row["subject"] == one["dn"]
    linked = anew.installation.run(
        "quarantine", "link", "corp", one["key"], "--user", anew.name("lena"), "--yes", "--json"
    )
    assert json.loads(linked.stdout)["key"] == one["key"]
    anew.installation.ok("sync")
    assert waiting(anew, "--all") == []


def test_what_cannot_be_decided_is_told(anew: Acme) -> None:
    """No such entry, nobody to ask, no such user."""
    (one,) = waiting(anew)
    for words, said in (
        (("reject", "corp", "nothing", "--yes"), "Nothing waits in corp under nothing"),
        (("reject", "corp", one["key"], "--json"), "nobody can be asked"),
        (("link", "corp", one["key"], "--user", "nobody-here", "--yes"), "There is no user nobody-here"),
        (("link", "elsewhere", one["key"], "--user", "x", "--yes"), "There is no directory elsewhere"),
    ):
        done = anew.installation.run("quarantine", *words)
        assert done.exit_code != 0
        assert said in done.stderr
    assert len(waiting(anew)) == 1
