"""`lockstep sync`, `status`, `enable`, `undo`, `quarantine`: reading a directory by hand, and letting it count."""

import json

import pytest

from ims.audit import Action
from lockstep.exits import ExitCode
from tests.e2e.conftest import Acme
from tests.support.installation import Installation, stop
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture
def observed(acme: Acme) -> Acme:
    """Return acme with a directory that is only observed, and lena locked in it."""
    acme.installation.directories = acme.corner.settings(mode="observe")
    acme.installation.write()
    acme.lock("lena")
    return acme


def locked(acme: Acme) -> list[str]:
    return [str(user["user_name"]) for user in acme.installation.json("users", "--locked")]


# --- sync ------------------------------------------------------------------------------------------------------------


def test_sync_reads_everybody_at_first_and_then_what_changed(acme: Acme) -> None:
    """The report says what was done; --reconcile reads everybody again."""
    (first,) = acme.installation.json("sync")
    assert (first["kind"], first["complete"], first["read"], first["raised"]) == ("reconcile", True, 4, 0)
    acme.lock("lena")
    (second,) = acme.installation.json("sync", "corp")
    assert (second["kind"], second["raised"]) == ("tick", 1)
    assert locked(acme) == [acme.name("lena")]
    (third,) = acme.installation.json("sync", "--reconcile")
    assert (third["kind"], third["read"], third["changed"]) == ("reconcile", 4, 0)


def test_a_dry_run_shows_what_would_be_written_and_writes_nothing(acme: Acme) -> None:
    """The same walk, without the right to write."""
    acme.lock("lena")
    acme.installation.ok("sync", "--dry-run")
    assert acme.installation.json("users") == []
    acme.installation.ok("sync")
    acme.lock("olaf")
    (one,) = acme.installation.json("sync", "--dry-run")
    (row,) = one["would_write"]
    assert (row["action"], row["user"]) == (Action.LOCK_RAISED, acme.name("olaf"))
    assert locked(acme) == [acme.name("lena")]
    assert acme.name("olaf") in acme.installation.ok("sync", "--dry-run").stdout


def test_a_directory_that_is_down_is_named(installation: Installation) -> None:
    """6 and a sentence; afterwards `status` knows too, and since when."""
    result = installation.run("sync")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "127.0.0.1:9" in result.stderr
    assert "Traceback" not in result.output
    status = installation.json("status")
    assert status["verdict"] == "degraded"
    (corp,) = status["directories"]
    assert corp["condition"] == "incomplete"
    assert "127.0.0.1:9" in corp["error"]
    assert corp["error_since"]


def test_one_of_two_directories_down_is_partly_done(acme: Acme) -> None:
    """3: what could be read was read."""
    elsewhere = acme.corner.settings().replace("directories.corp", "directories.branch")
    elsewhere = elsewhere.replace(acme.corner.slapd.url, "ldap://127.0.0.1:9").replace("canary = ", "# canary = ")
    acme.installation.directories += elsewhere
    acme.installation.write()
    result = acme.installation.run("sync")
    assert result.exit_code == ExitCode.PARTLY, result.output
    assert len(acme.installation.json("users")) == 4


def test_a_directory_that_settings_do_not_name_is_a_mistake(installation: Installation) -> None:
    """2, and what there is."""
    result = installation.run("sync", "crop")
    assert result.exit_code == ExitCode.USAGE
    assert "corp" in result.stderr


def test_a_pass_that_would_lock_too_many_is_kept_back(acme: Acme) -> None:
    """4: everybody left the group at once; nobody is locked, and `status` says why."""
    people = [acme.corner.slapd.add_person(f"p{n}-{acme.corner.name}", parent=_unit(acme)) for n in range(12)]
    acme.corner.join(*people)
    acme.installation.ok("sync")
    acme.corner.leave(*people)
    result = acme.installation.run("sync", "--reconcile")
    assert result.exit_code == ExitCode.KEPT_BACK, result.output
    assert locked(acme) == []
    status = acme.installation.json("status")
    assert status["directories"][0]["condition"] == "kept_back"
    assert "12 un-affiliations" in acme.installation.ok("status").stdout


def _unit(acme: Acme) -> str:
    return acme.corner.people[0].dn.partition(",")[2]


def test_while_an_agent_has_the_directory_only_dry_runs_go(acme: Acme) -> None:
    """Two writers of one directory would undo each other's work."""
    with acme.installation.serving("run"):
        _wait_for_first_pass(acme)
        refused = acme.installation.run("sync")
        assert refused.exit_code == ExitCode.FAILURE, refused.output
        assert "An agent is at work on corp" in refused.stderr
        acme.installation.ok("sync", "--dry-run")


def _wait_for_first_pass(acme: Acme) -> None:
    wait_until(lambda: acme.installation.json("users"), "the agent's first pass", 20)


def test_the_agent_alone_reads_and_gives_its_lease_back(acme: Acme) -> None:
    """SIGTERM ends it with 0, and the next one need not wait for anything."""
    process = acme.installation.start("agent")
    try:
        _wait_for_first_pass(acme)
        acme.lock("lena")
        wait_until(lambda: locked(acme) == [acme.name("lena")], "the lock appears", 20)
    finally:
        code = stop(process)
    assert code == 0, acme.installation.output()
    acme.installation.ok("sync")
    assert "Traceback" not in acme.installation.output()


# --- status, quarantine ----------------------------------------------------------------------------------------------


def test_status_of_a_healthy_directory(acme: Acme) -> None:
    """When it was read, how many users, the last passes; for people and for programs."""
    acme.installation.ok("sync")
    status = acme.installation.json("status")
    assert (status["verdict"], status["users"], status["open_unlocks"]) == ("ok", 4, 0)
    (corp,) = status["directories"]
    assert (corp["name"], corp["condition"], corp["mode"], corp["users"]) == ("corp", "ok", "enforce", 4)
    assert corp["last_reconcile"]
    assert [report["kind"] for report in status["passes"]] == ["reconcile"]
    text = acme.installation.ok("status").stdout
    assert "corp" in text
    assert status["passes"][0]["id"] in text


def test_quarantine_lists_what_cannot_be_trusted(acme: Acme) -> None:
    """Another entry with a known user's name: it waits with the reason, nobody is merged, the others go on."""
    acme.installation.ok("sync")
    folder = f"ou=others,{_unit(acme)}"
    with acme.corner.slapd.connected() as admin:
        admin.add(folder, "organizationalUnit", {"ou": "others"})
    twin = acme.corner.slapd.add_person(acme.name("lena"), parent=folder)
    acme.corner.join(twin)
    acme.installation.run("sync", "--reconcile")
    (waiting,) = acme.installation.json("quarantine", "list")
    assert (waiting["directory"], waiting["dn"]) == ("corp", twin.dn)
    assert acme.name("lena") in waiting["why"]
    assert acme.installation.json("quarantine", "list", "--directory", "corp") == [waiting]
    assert twin.dn in acme.installation.ok("quarantine", "list").stdout
    assert len(acme.installation.json("users")) == 4


# --- enable, undo ----------------------------------------------------------------------------------------------------


def test_enable_shows_the_first_effect_and_asks(observed: Acme) -> None:
    """No: nothing changes. Yes: the next pass locks whom it showed, and the audit says who decided."""
    observed.installation.ok("sync")
    assert locked(observed) == []
    refused = observed.installation.run("enable", "corp", answers="n\n")
    assert refused.exit_code == ExitCode.FAILURE
    assert observed.name("lena") in refused.stdout
    assert observed.installation.json("status")["directories"][0]["mode"] == "observe"
    accepted = observed.installation.run("enable", "corp", answers="y\n")
    assert accepted.exit_code == ExitCode.OK, accepted.output
    assert locked(observed) == []
    observed.installation.ok("sync")
    assert locked(observed) == [observed.name("lena")]
    rows = observed.installation.json("audit", "list")
    (row,) = (row for row in rows if row["action"] == Action.DIRECTORY_ENABLED)
    assert (row["subject"], row["before"], row["after"], row["role"]) == ("corp", "observe", "enforce", "operator")


def test_enable_by_a_script_says_what_it_did(observed: Acme) -> None:
    """--json without --yes could ask nobody."""
    observed.installation.ok("sync")
    assert observed.installation.run("enable", "corp", "--json").exit_code == ExitCode.USAGE
    done = observed.installation.json("enable", "corp", "--yes")
    assert (done["directory"], done["mode"]) == ("corp", "enforce")
    assert [(row["user"], row["action"]) for row in done["effect"]] == [(observed.name("lena"), "lock_raised")]
    again = observed.installation.run("enable", "corp", "--yes")
    assert again.exit_code == ExitCode.FAILURE
    assert "enabled already" in again.stderr


def test_a_directory_that_cannot_be_read_is_not_enabled(installation: Installation) -> None:
    """Nobody has seen the effect."""
    assert installation.run("enable", "corp", "--yes").exit_code == ExitCode.UNREACHABLE
    assert installation.json("status")["directories"][0]["mode"] == "observe"


def test_undo_takes_back_what_one_pass_did(acme: Acme) -> None:
    """Who was unaffiliated by it is affiliated again; other locks stay."""
    acme.installation.ok("sync")
    acme.lock("lena")
    acme.installation.ok("sync")
    acme.corner.leave(acme.corner.person("olaf"))
    (report,) = acme.installation.json("sync", "--reconcile")
    assert sorted(locked(acme)) == sorted([acme.name("lena"), acme.name("olaf")])
    refused = acme.installation.run("undo", report["id"], answers="n\n")
    assert refused.exit_code == ExitCode.FAILURE
    assert len(locked(acme)) == 2
    (undone,) = acme.installation.json("undo", report["id"], "--yes")
    assert (undone["user"], undone["locks"]) == (acme.name("olaf"), ["unaffiliated (corp)"])
    assert locked(acme) == [acme.name("lena")]
    (olaf,) = acme.installation.json("users", "--search", acme.name("olaf"))
    assert olaf["affiliation"] == "affiliated"
    rows = acme.installation.json("audit", "list", "--reference", report["id"])
    assert Action.PASS_UNDONE in {row["action"] for row in rows}
    nothing = acme.installation.run("undo", report["id"], "--yes")
    assert nothing.exit_code == ExitCode.USAGE


def test_the_output_of_a_dry_run_is_one_json_document(acme: Acme) -> None:
    """Whatever else is said goes to standard error."""
    assert isinstance(json.loads(acme.installation.ok("sync", "--dry-run", "--reconcile", "--json").stdout), list)
