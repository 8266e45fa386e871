"""The story of the README, told to the real demonstration: slapd, SQLite, agent and web server, each a process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_until

READY_WITHIN_S = 60
STOPS_WITHIN_S = 15
SEEN_WITHIN_S = 15
EXTENSION = "urn:ietf:params:scim:schemas:extension:lockstep:2.0:User"
DN = "uid={},ou=people,dc=demo,dc=test"
ACTIVATE = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": True}],
}

pytestmark = pytest.mark.servers


@dataclass
class Demo:
    """A running demonstration and what its demo.json says."""

    process: subprocess.Popen[str]
    folder: Path
    facts: dict[str, Any]

    def call(self, method: str, path: str, token: str, body: object = None) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(self.facts["scim_url"] + path, method=method)
        request.add_header("Authorization", f"Bearer {self.facts['tokens'][token]}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/scim+json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read() or b"{}")

    def user(self, part: str, token: str = "co_administrator") -> dict[str, Any]:
        status, user = self.call("GET", f"/Users/{self.facts['users'][part]['id']}", token)
        assert status == 200, user
        return user

    def unlock(self, part: str, token: str = "co_administrator") -> tuple[int, dict[str, Any]]:
        return self.call("PATCH", f"/Users/{self.facts['users'][part]['id']}", token, ACTIVATE)

    def named(self, user_name: str) -> str:
        status, found = self.call("GET", f"/Users?filter=userName%20eq%20%22{user_name}%22", "co_administrator")
        assert (status, found["totalResults"]) == (200, 1)
        return str(found["Resources"][0]["id"])

    def active(self, user_id: str) -> bool:
        status, user = self.call("GET", f"/Users/{user_id}", "co_administrator")
        assert status == 200, user
        return bool(user["active"])

    def signs_in(self, part: str, password: str | None = None) -> bool:
        who = self.facts["users"][part]
        return self.binds(who["dn"], password or who["password"])

    def binds(self, dn: str, password: str) -> bool:
        command = ["ldapwhoami", "-x", "-H", self.facts["directory"]["url"], "-D", dn, "-w", password]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode in (0, 49), done.stderr
        return done.returncode == 0

    def modify(self, ldif: str) -> None:
        directory = self.facts["directory"]
        command = ["ldapmodify", "-x", "-H", directory["url"], "-D", directory["admin_dn"]]
        subprocess.run(
            [*command, "-w", directory["admin_password"]], input=ldif.encode(), capture_output=True, check=True
        )


def reasons(user: dict[str, Any]) -> list[str]:
    return [lock["value"] for lock in user[EXTENSION]["locks"]]


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lockstep", "demo"],
        env={**os.environ, "PORT": str(port), "DEMO_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _ready_or_dead(written: Path, process: subprocess.Popen[str]) -> bool:
    return written.exists() or process.poll() is not None


def processes_naming(text: str) -> list[str]:
    """Return the command lines of running processes that hold `text`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if text in line]


def stop(process: subprocess.Popen[str]) -> str:
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=STOPS_WITHIN_S)
    return output


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    process = start(folder, free_port())
    written = folder / "demo.json"

    try:
        wait_until(partial(_ready_or_dead, written, process), "the demonstration is ready", READY_WITHIN_S)
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        yield Demo(process=process, folder=folder, facts=json.loads(written.read_text(encoding="utf-8")))
    finally:
        if process.poll() is None:
            output = stop(process)
            assert process.returncode == 0, output
        elif process.stdout:
            process.stdout.close()


def test_a_locked_person_is_freed_by_a_co_administrator_and_by_nobody_else(demo: Demo) -> None:
    """The main job: the reason shown, no identity provider, no stranger, the Co-Administrator, the directory itself."""
    assert demo.user("locked")["active"] is False
    assert reasons(demo.user("locked")) == ["password_attempts"]
    assert not demo.signs_in("locked")

    status, answer = demo.unlock("locked", "provisioner")
    assert (status, answer["active"]) == (200, False)
    assert demo.unlock("locked", "auditor")[0] == 403
    assert demo.unlock("locked", "operator")[0] == 403
    assert demo.unlock("locked", "other_tenant_co_administrator")[0] == 404
    assert not demo.signs_in("locked")

    status, answer = demo.unlock("locked")
    assert (status, answer["active"], reasons(answer)) == (200, True, [])
    assert answer[EXTENSION]["lastUnlock"]["cleared"] == ["password_attempts"]
    assert demo.signs_in("locked")


def test_somebody_who_locks_themself_now_is_shown_within_seconds(demo: Demo) -> None:
    """Three wrong passwords against the directory; nobody tells Lockstep."""
    assert demo.user("unlocked")["active"] is True
    for _ in range(3):
        assert not demo.signs_in("unlocked", "wrong")
    wait_until(lambda: not demo.user("unlocked")["active"], "the lock shows over SCIM", SEEN_WITHIN_S)
    assert reasons(demo.user("unlocked")) == ["password_attempts"]


def test_an_unlock_made_outside_is_shown_within_seconds(demo: Demo) -> None:
    """The directory's administrator removes the lock; the agent's next tick sees it."""
    tomas = demo.named("tomas.dvorak")
    for _ in range(3):
        assert not demo.binds(DN.format("tomas.dvorak"), "wrong")
    wait_until(lambda: not demo.active(tomas), "the lock shows over SCIM", SEEN_WITHIN_S)
    demo.modify(f"dn: {DN.format('tomas.dvorak')}\nchangetype: modify\ndelete: pwdAccountLockedTime\n")
    wait_until(lambda: demo.active(tomas), "the unlock shows over SCIM", SEEN_WITHIN_S)


def test_an_affiliation_lost_and_returned_is_shown_within_seconds(demo: Demo) -> None:
    """Out of the group and back within the grace: locked, then free again by itself, both without anybody's doing."""
    viktor = demo.named("viktor.nagy")
    group = demo.facts["directory"]["affiliation_group_dn"]
    change = f"dn: {group}\nchangetype: modify\n{{}}: member\nmember: {DN.format('viktor.nagy')}\n"
    demo.modify(change.format("delete"))
    wait_until(lambda: not demo.active(viktor), "the un-affiliation shows over SCIM", SEEN_WITHIN_S)
    demo.modify(change.format("add"))
    wait_until(lambda: demo.active(viktor), "the return shows over SCIM", SEEN_WITHIN_S)


def test_a_timed_lock_says_when_it_ends(demo: Demo) -> None:
    """The directory's policy times this one."""
    (lock,) = demo.user("locked_timed")[EXTENSION]["locks"]
    assert lock["value"] == "password_attempts"
    assert lock["until"] > lock["since"]
    assert "time" in lock["clearableBy"]


def test_an_unaffiliated_person_is_put_back_into_the_group(demo: Demo) -> None:
    """The unlock restores the affiliation in the directory itself."""
    assert reasons(demo.user("unaffiliated")) == ["unaffiliated"]
    status, answer = demo.unlock("unaffiliated")
    assert (status, answer["active"]) == (200, True), answer
    directory = demo.facts["directory"]
    search = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", directory["url"], "-D", directory["admin_dn"]]
    found = subprocess.run(
        [*search, "-w", directory["admin_password"], "-s", "base", "-b", directory["affiliation_group_dn"], "member"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert f"member: {demo.facts['users']['unaffiliated']['dn']}" in found.stdout


@pytest.mark.parametrize(("part", "reason"), [("administrator_locked", "disabled"), ("expired", "expired")])
def test_what_only_the_directory_may_undo_is_refused_with_the_reason(demo: Demo, part: str, reason: str) -> None:
    """409, named, and still locked."""
    assert reasons(demo.user(part)) == [reason]
    status, answer = demo.unlock(part)
    assert status == 409
    assert answer["status"] == "409"
    assert reason in answer["detail"]
    assert reasons(demo.user(part)) == [reason]


def test_a_protected_account_is_nobodys_to_unlock(demo: Demo) -> None:
    """403 before any state is looked at."""
    assert demo.unlock("protected")[0] == 403
    assert not demo.signs_in("protected")


def test_the_file_for_scripts_has_the_agreed_form(demo: Demo) -> None:
    """Names that other programs rely on; no user name is part of another."""
    facts = demo.facts
    assert set(facts["tokens"]) == {
        "co_administrator",
        "provisioner",
        "auditor",
        "operator",
        "other_tenant_co_administrator",
    }
    assert set(facts["directory"]) == {"url", "base", "admin_dn", "admin_password", "affiliation_group_dn"}
    for user in facts["users"].values():
        assert set(user) == {"id", "user_name", "dn", "password"}
    names = [user["user_name"] for user in facts["users"].values()]
    assert not [(one, other) for one in names for other in names if one != other and one in other]
    assert facts["scim_url"] == facts["base_url"] + "/scim/v2"


def test_a_taken_port_is_told_in_one_sentence(demo: Demo, tmp_path: Path) -> None:
    """No traceback, no half demonstration left behind."""
    port = int(demo.facts["base_url"].rpartition(":")[2])
    second = start(tmp_path / "second", port)
    output, _ = second.communicate(timeout=30)
    assert second.returncode != 0
    assert str(port) in output
    assert "PORT=" in output
    assert "Traceback" not in output


def test_the_folder_of_a_running_demonstration_is_left_alone(demo: Demo) -> None:
    """Another port is not enough: emptying the folder would take everything from under the first one."""
    second = start(demo.folder, free_port())
    output, _ = second.communicate(timeout=30)
    assert second.returncode != 0
    assert "DEMO_DIR=" in output
    assert "Traceback" not in output
    assert demo.user("protected")["active"] is False


def test_a_second_demonstration_in_the_same_folder_starts_anew_and_leaves_nothing(tmp_path: Path) -> None:
    """SIGINT to the group ends it with 0, its processes are gone, and the folder can be used again."""
    for _ in range(2):
        process = start(tmp_path / "demo", free_port())
        written = tmp_path / "demo" / "demo.json"
        wait_until(partial(_ready_or_dead, written, process), "the demonstration is ready", READY_WITHIN_S)
        output = stop(process)
        assert process.returncode == 0, output
        assert processes_naming(str(tmp_path)) == []
        written.unlink()
