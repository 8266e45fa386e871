"""`lockstep brake`: looking at what is kept back and deciding on it; what `status`, `sync` and the metrics say."""

import json
from typing import Any

import pytest

from ims.audit import Action
from lockstep.exits import ExitCode
from tests.e2e.conftest import Acme
from tests.support.installation import Corner, corner
from tests.support.slapd import Person

pytestmark = pytest.mark.servers
FOR_GOOD = "000001010000Z"


@pytest.fixture
def held(acme: Acme) -> Acme:
    """Return acme, where lena's eleven colleagues were disabled at once, and that was read."""
    colleagues(acme.corner, 11)
    acme.installation.ok("sync")
    for one in named(acme, "p"):
        acme.corner.slapd.force(one.dn, pwdAccountLockedTime=FOR_GOOD)
    assert acme.installation.run("sync").exit_code == ExitCode.KEPT_BACK
    return acme


def colleagues(where: Corner, count: int) -> list[Person]:
    """Add people to the staff."""
    unit = where.people[0].dn.partition(",")[2]
    people = [where.slapd.add_person(f"p{n:02}-{where.name}", parent=unit) for n in range(count)]
    where.join(*people)
    return people


def named(acme: Acme, start: str) -> list[Person]:
    """Return the colleagues whose names begin like this."""
    unit = acme.corner.people[0].dn.partition(",")[2]
    names = [f"{start}{n:02}-{acme.corner.name}" for n in range(11)]
    return [Person(uid=name, dn=f"uid={name},{unit}", entry_id="", password="") for name in names]


def batch(acme: Acme) -> dict[str, Any]:
    """Return the only batch that `list` shows."""
    (found,) = acme.installation.json("brake", "list")
    return dict(found)


def locked(acme: Acme) -> list[str]:
    return sorted(str(user["user_name"]) for user in acme.installation.json("users", "--locked"))


# --- looking ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_listed_and_shown(held: Acme) -> None:
    """Numbers for a program, a table for people; whoever looks at people is recorded."""
    found = batch(held)
    assert (found["directory"], found["tenant"], found["why"]) == ("corp", "acme", "too_many")
    assert (found["standing"], found["waiting"], found["approved"], found["rejected"]) == ("waiting", 11, 0, 0)
    shown = held.installation.json("brake", "show", found["batch"])
    assert [user["user"] for user in shown["users"]] == [one.uid for one in named(held, "p")]
    assert shown["users"][0]["differences"] == [{"what": "locks", "before": "", "after": "disabled"}]
    assert len(shown["hash"]) == 64
    text = held.installation.ok("brake", "show", found["batch"]).stdout
    assert "11 disabled accounts within an hour are more than the limit of 10" in text
    assert "locks: disabled" in text
    assert found["batch"] in held.installation.ok("brake", "list").stdout
    (look, *_) = [row for row in held.installation.json("audit", "list") if row["action"] == Action.READ_ON_THE_BOX]
    assert (look["subject"], look["detail"]) == ("brake", f"the batch {found['batch']}")


def test_status_says_what_waits_and_what_to_type(held: Acme) -> None:
    """For people and for programs; and the numbers for monitoring."""
    name = batch(held)["batch"]
    status = held.installation.json("status")
    assert (status["verdict"], status["directories"][0]["condition"]) == ("degraded", "kept_back")
    assert [(one["batch"], one["waiting"]) for one in status["batches"]] == [(name, 11)]
    text = held.installation.ok("status").stdout
    assert "11 users of corp since" in text
    assert f"`lockstep brake approve {name}` or `lockstep brake reject {name}`" in text
    token = held.installation.token("--role", "operator")
    with held.installation.serving():
        metrics = held.installation.get("/metrics", token)[2]
    assert 'lockstep_kept_back_users{directory="corp"} 11.0' in metrics
    assert 'lockstep_many_password_attempts{directory="corp"} 0.0' in metrics


def test_nothing_to_look_at(acme: Acme) -> None:
    """Before anything was read."""
    assert acme.installation.json("brake", "list") == []
    assert "Nothing is kept back" in acme.installation.ok("brake", "list").stdout
    missing = acme.installation.run("brake", "show", "nothing")
    assert missing.exit_code == ExitCode.FAILURE
    assert "There is no batch nothing" in missing.stderr


def test_explain_says_that_somebody_is_kept_back(held: Acme) -> None:
    """Or nobody would know why the directory shows a lock, and none is in force."""
    name, (one, *_) = batch(held)["batch"], named(held, "p")
    told = held.installation.json("explain", one.uid)["kept_back"]
    assert told == [f"corp would make it locks: disabled (waiting: batch {name})"]
    assert f"waiting: batch {name}" in held.installation.ok("explain", one.uid).stdout
    assert held.installation.json("explain", held.name("lena"))["kept_back"] == []


# --- deciding --------------------------------------------------------------------------------------------------------


def test_a_batch_is_approved_after_a_look_at_it(held: Acme) -> None:
    """No: nothing. Yes: the next pass does it, and the audit says who decided on which contents."""
    shown = held.installation.json("brake", "show", batch(held)["batch"])
    name = shown["batch"]
    refused = held.installation.run("brake", "approve", name, answers="n\n")
    assert refused.exit_code == ExitCode.FAILURE
    assert "locks: disabled" in refused.stdout
    assert batch(held)["waiting"] == 11
    accepted = held.installation.run("brake", "approve", name, answers="y\n")
    assert accepted.exit_code == ExitCode.OK, accepted.output
    assert "the next pass of corp does it" in accepted.stderr
    assert (batch(held)["standing"], locked(held)) == ("approved", [])
    (report,) = held.installation.json("sync")
    assert (report["raised"], report["kept_back"]) == (11, 0)
    assert len(locked(held)) == 11
    assert held.installation.json("brake", "list") == []
    rows = held.installation.json("audit", "list", "--reference", name)
    assert [row["action"] for row in rows] == [Action.BATCH_APPROVED, Action.BATCH_HELD]
    assert rows[0]["role"] == "operator"
    assert all(shown["hash"] in row["detail"] for row in rows)


def test_users_are_decided_on_one_by_one(held: Acme) -> None:
    """By name, as often as needed; by a script without a question."""
    name = batch(held)["batch"]
    one, two, three, *_ = (person.uid for person in named(held, "p"))
    done = held.installation.json("brake", "approve", name, "--user", one, "--user", two.upper(), "--yes")
    assert (done["decision"], [user["user"] for user in done["users"]]) == ("approved", [one, two])
    done = held.installation.json("brake", "reject", name, "--user", three, "--yes")
    assert done["decision"] == "rejected"
    assert held.installation.run("sync").exit_code == ExitCode.KEPT_BACK
    assert locked(held) == [one, two]
    assert (batch(held)["waiting"], batch(held)["rejected"]) == (8, 1)
    held.installation.ok("brake", "reject", name, "--yes")
    assert held.installation.run("sync").exit_code == ExitCode.OK
    assert held.installation.json("status")["verdict"] == "ok"
    overruled = held.installation.run("brake", "approve", name, "--user", three, answers="n\n")
    assert all(text in overruled.stdout for text in ("decided by", "rejected"))
    again = held.installation.run("brake", "reject", name, "--yes")
    assert again.exit_code == ExitCode.FAILURE
    assert f"Nothing waits in the batch {name}: it is rejected" in again.stderr


def test_what_makes_no_sense_is_refused(held: Acme) -> None:
    """Nobody to ask, nobody of that name, a batch that another one has replaced."""
    name = batch(held)["batch"]
    assert held.installation.run("brake", "approve", name, "--json").exit_code == ExitCode.USAGE
    stranger = held.installation.run("brake", "approve", name, "--user", "nobody", "--yes")
    assert stranger.exit_code == ExitCode.FAILURE
    assert "There is no nobody in the batch" in stranger.stderr
    held.corner.slapd.modify(named(held, "p")[0].dn, pwdAccountLockedTime=[])
    held.installation.run("sync")
    newer = batch(held)["batch"]
    late = held.installation.run("brake", "approve", name, "--yes")
    assert late.exit_code == ExitCode.FAILURE
    assert newer in late.stderr
    shown = held.installation.json("brake", "show", name)
    assert (shown["standing"], shown["taken_over_by"], shown["users"]) == ("superseded", newer, [])


def test_a_decision_shows_at_once_in_the_state(held: Acme) -> None:
    """Nothing waits any more, though no pass has used it yet: neither a person nor the monitoring is told otherwise."""
    name = batch(held)["batch"]
    one, *_ = named(held, "p")
    held.installation.ok("brake", "approve", name, "--user", one.uid, "--yes")
    status = held.installation.json("status")
    assert "for 10 users" in status["directories"][0]["kept_back"]
    held.installation.ok("brake", "reject", name, "--yes")
    status = held.installation.json("status")
    assert (status["verdict"], status["batches"]) == ("ok", [])
    assert (status["directories"][0]["condition"], status["directories"][0]["kept_back"]) == ("ok", "")
    token = held.installation.token("--role", "operator")
    with held.installation.serving():
        metrics = held.installation.get("/metrics", token)[2]
    assert 'lockstep_kept_back{directory="corp"} 0.0' in metrics


def test_two_directories_of_one_company_account_count_together(acme: Acme) -> None:
    """Eight leave in each of two: few for either of them, too many for acme. What was let go by a person then flows."""
    other = corner(acme.corner.slapd, ("gus",))
    acme.installation.directories += other.settings().replace("directories.corp", "directories.lab")
    acme.installation.write()
    here, there = colleagues(acme.corner, 24), colleagues(other, 24)
    acme.installation.ok("sync")
    acme.corner.leave(*here[:8])
    other.leave(*there[:8])
    assert acme.installation.run("sync").exit_code == ExitCode.KEPT_BACK
    found = batch(acme)
    assert (found["directory"], found["tenant"], found["waiting"]) == ("lab", "acme", 8)
    assert "8 of them by other directories" in acme.installation.ok("brake", "show", found["batch"]).stdout
    assert locked(acme) == [one.uid for one in here[:8]]
    acme.installation.ok("brake", "approve", found["batch"], "--yes")
    acme.installation.ok("sync")
    assert locked(acme) == sorted(one.uid for one in (*here[:8], *there[:8]))
    acme.corner.slapd.delete(other.group)


# --- trying ----------------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_wait(acme: Acme) -> None:
    """After other settings, before they are used."""
    acme.installation.ok("sync")
    acme.installation.directories += '\n[directories.corp.attributes]\ntitle = "sn"\n'
    acme.installation.write()
    result = acme.installation.run("sync", "--dry-run")
    assert result.exit_code == ExitCode.KEPT_BACK, result.output
    assert (
        "corp would keep this back until it is approved (in the first reading since settings changed" in result.stdout
    )
    (tried,) = json.loads(acme.installation.run("sync", "--dry-run", "--json").stdout)
    assert len(tried["would_wait"]) == 4
    assert tried["would_wait"][0]["before"] == "title: none"
    assert acme.installation.json("brake", "list") == []


def test_enable_shows_what_would_wait(acme: Acme) -> None:
    """A directory's old disabled accounts are more than the limit: they are approved once they are looked at."""
    acme.installation.directories = acme.corner.settings(mode="observe")
    acme.installation.write()
    for one in colleagues(acme.corner, 11):
        acme.corner.slapd.force(one.dn, pwdAccountLockedTime=FOR_GOOD)
    acme.installation.ok("sync")
    shown = acme.installation.run("enable", "corp", answers="n\n")
    assert "corp would keep this back until it is approved (11 disabled accounts" in shown.stdout
    enabled = acme.installation.run("enable", "corp", "--yes", "--json")
    done = json.loads(enabled.stdout)
    assert (len(done["effect"]), len(done["would_wait"])) == (0, 11)
    assert "and keeps 11 users back until `lockstep brake approve`" in enabled.stderr
    assert acme.installation.run("sync").exit_code == ExitCode.KEPT_BACK
    assert locked(acme) == []
    acme.installation.ok("brake", "approve", batch(acme)["batch"], "--yes")
    acme.installation.ok("sync")
    assert len(locked(acme)) == 11
