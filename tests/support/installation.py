"""One installation of Lockstep as an administrator has it: a settings file, a store, the command line, a web server."""

import itertools
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3
import structlog
from click.testing import CliRunner, Result

from config.load import load
from lockstep.__main__ import cli
from lockstep.wiring import Wiring
from tests.support.ports import free_port
from tests.support.repository import ROOT
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE, DEFAULT_POLICY, GROUPS
from tests.support.waiting import wait_until

CORP = "corp"
LENGTH = "LOCKSTEP_FAULTS"
"""The variable that makes the tests of faults long; it is no setting."""
STARTS_WITHIN_S = 30.0
STOPS_WITHIN_S = 15
_NUMBERS = itertools.count(1)

NOWHERE = """
[directories.corp]
dialect = "openldap"
servers = ["ldap://127.0.0.1:9"]
base = "dc=example,dc=test"
bind = { dn = "cn=agent,dc=example,dc=test", password = "unused" }
connect_timeout = 1

[directories.corp.rules.staff]
tenant = "acme"
subtree = "dc=example,dc=test"
"""
"""A directory that is down: port 9 of loopback (discard) answers nobody."""


@dataclass(slots=True, kw_only=True)
class Installation:
    """A folder with lockstep.toml and a store, for whichever directories a test gives it."""

    folder: Path
    directories: str = NOWHERE
    web: str = ""
    more: str = ""
    port: int = field(default=0)

    def __post_init__(self) -> None:
        """Write the settings and make the store."""
        self.port = self.port or free_port()
        self.write()
        made = self.run("migrate")
        assert made.exit_code == 0, made.output

    @property
    def config(self) -> Path:
        """Return the settings file."""
        return self.folder / "lockstep.toml"

    @property
    def url(self) -> str:
        """Return the address that the web server listens on."""
        return f"http://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Write the settings file anew."""
        self.config.write_text(
            f"""
[store]
url = "sqlite:///{self.folder}/lockstep.db"

[web]
port = {self.port}
workers = 1
{self.web}
[log]
format = "json"

[affiliation]
confirm = 0

[tenants.acme]
display_name = "Acme Ltd."
[tenants.globex]

[connections.okta]
tenant = "acme"
role = "provisioner"
{self.directories}
{self.more}""",
            encoding="utf-8",
        )

    # --- the command line --------------------------------------------------------------------------------------------

    def run(self, *arguments: str, answers: str | None = None) -> Result:
        """Run a command in this process; `answers` is what somebody types."""
        with logging_as_before():
            given = ["--config", str(self.config), *arguments]
            return CliRunner().invoke(cli, given, input=answers, env={LENGTH: None})

    def ok(self, *arguments: str) -> Result:
        """Run a command that must succeed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result

    def json(self, *arguments: str) -> Any:
        """Run a command with --json that must succeed, and return what it prints."""
        return json.loads(self.ok(*arguments, "--json").stdout)

    def token(self, *whom: str) -> str:
        """Make a token."""
        return self.ok("token", "create", *whom).stdout.strip()

    def token_file(self, *whom: str) -> str:
        """Make a token in a file, and return the file's name."""
        file = self.folder / f"token-{next(_NUMBERS)}"
        self.ok("token", "create", *whom, "--out", str(file))
        return str(file)

    def person_file(self, user_name: str, role: str = "co_administrator") -> str:
        """Make a person's token in a file, and return the file's name."""
        return self.token_file("--user", user_name, "--role", role)

    @contextmanager
    def wired(self) -> Iterator[Wiring]:
        """Put the program together in this process."""
        with Wiring(load(self.config, {})) as wiring:
            yield wiring

    # --- processes ---------------------------------------------------------------------------------------------------

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        command = [sys.executable, "-m", "lockstep", "--config", str(self.config), *arguments]
        output = (self.folder / "output").open("a")
        with output:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )

    def output(self) -> str:
        """Return what all started processes have printed."""
        return (self.folder / "output").read_text()

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run the web server (or `run`), and stop it at the end: nothing may be left."""
        process = self.start(*(arguments or ("serve",)))
        try:
            wait_until(
                lambda: process.poll() is not None or answers(self.port),
                f"the web server answers; it said {self.output()}",
                STARTS_WITHIN_S,
            )
            assert process.poll() is None, self.output()
            yield process
        finally:
            stop(process)

    def get(self, path: str, token: str = "") -> tuple[int, dict[str, str], str]:
        """Send a GET; return status, headers and body."""
        return call(f"{self.url}{path}", "GET", token)

    def patch_active(self, user_id: str, token: str) -> tuple[int, dict[str, str], str]:
        """Send the unlock PATCH."""
        operation = {"op": "replace", "path": "active", "value": True}
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
        return call(f"{self.url}/scim/v2/Users/{user_id}", "PATCH", token, body)


def environment() -> dict[str, str]:
    """Return the variables for a process of the program: it refuses those of its kind that it does not know."""
    return {name: value for name, value in os.environ.items() if name != LENGTH}


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Let something configure logging, and take that back in the end."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def call(url: str, method: str, token: str = "", body: object = None) -> tuple[int, dict[str, str], str]:
    """Send a request; return status, headers (lower case) and body, whatever the status."""
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body:
        request.add_header("Content-Type", "application/scim+json")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, _lower(answer.headers.items()), answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _lower(refused.headers.items()), refused.read().decode()


def stop(process: subprocess.Popen[str]) -> int:
    """Stop a process with SIGTERM, and see that its whole session is gone with it. Return its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        code = process.wait(STOPS_WITHIN_S)
    finally:
        left = session_of(process.pid)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert not left, f"left behind: {left}"
    return code


def session_of(session: int) -> list[int]:
    """Return the processes of a session that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, _, own = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(own) == session and state != "Z":
                found.append(int(folder.name))
    return found


def answers(port: int) -> bool:
    """Return whether somebody takes connections on a port of loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


# --- a directory for it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Corner:
    """An organizational unit of a test's own in a slapd that tests share, with a group whose members are staff."""

    slapd: Slapd
    name: str
    people: tuple[Person, ...]
    group: str
    canary: str

    def person(self, uid: str) -> Person:
        """Return one of the people by the first part of their user name."""
        return next(person for person in self.people if person.uid.startswith(f"{uid}-"))

    def join(self, *people: Person) -> None:
        """Put people into the group that affiliates."""
        self._members(ldap3.MODIFY_ADD, people)

    def leave(self, *people: Person) -> None:
        """Take people out of the group that affiliates."""
        self._members(ldap3.MODIFY_DELETE, people)

    def _members(self, act: str, people: Sequence[Person]) -> None:
        with self.slapd.connected() as admin:
            admin.modify(self.group, {"member": [(act, [person.dn for person in people])]})

    def settings(self, mode: str = "enforce", more: str = "") -> str:
        """Return the [directories.corp] tables for this corner."""
        return f"""
[directories.corp]
dialect = "openldap"
servers = ["{self.slapd.url}"]
base = "{BASE}"
bind = {{ dn = "{AGENT_DN}", password = "{AGENT_PASSWORD}" }}
tls = {{ ca_file = "{self.slapd.ca_file}" }}
mode = "{mode}"
users = {{ base = "ou={self.name},{BASE}" }}
default_policy = "{DEFAULT_POLICY}"
canary = "{self.canary}"
receive_timeout = 5
{more}
[directories.corp.rules.staff]
tenant = "acme"
group = "{self.group}"
restore = true

[directories.corp.schedule]
tick = 1
jitter = 0
reconcile_every = "10m"
"""


def corner(slapd: Slapd, uids: Sequence[str]) -> Corner:
    """Make an organizational unit with these people, all of them staff, and a canary that is locked for good."""
    name = f"corner{next(_NUMBERS)}-{os.getpid()}"
    with slapd.connected() as admin:
        admin.add(f"ou={name},{BASE}", "organizationalUnit", {"ou": name})
    people = tuple(slapd.add_person(f"{uid}-{name}", parent=f"ou={name},{BASE}") for uid in uids)
    group = f"cn=staff-{name},{GROUPS}"
    with slapd.connected() as admin:
        admin.add(group, "groupOfNames", {"cn": f"staff-{name}", "member": [person.dn for person in people]})
    canary = slapd.add_person(f"canary-{name}", parent=GROUPS)
    slapd.force(canary.dn, pwdAccountLockedTime="000001010000Z")
    return Corner(slapd=slapd, name=name, people=people, group=group, canary=canary.dn)
