"""A real slapd for the tests: started in a folder of its own on free loopback ports, and always stopped.

The helpers here speak to it with the administrator's rights and never through the agent's code, so that a test can
compare what Lockstep says with what the directory holds. A server that is missing fails the test; it never skips.
"""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ldap3

from tests.support.certificates import CertificateAuthority
from tests.support.ports import free_port
from tests.support.slapd_config import (
    ADMIN_DN,
    ADMIN_PASSWORD,
    AGENT_DN,
    AGENT_PASSWORD,
    BASE,
    GROUPS,
    PEOPLE,
    SlapdOptions,
    configuration,
    policy_dn,
    seed,
)
from tests.support.waiting import wait_until

RELAX = ("1.3.6.1.4.1.4203.666.5.12", True, None)
"""The Relax Rules control: with it slapd's root may set what only slapd itself writes."""
INVALID_CREDENTIALS = 49
_PLACES = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in the directory."""

    uid: str
    dn: str
    password: str
    entry_id: str


class Slapd:
    """A running slapd with its people."""

    def __init__(self, authority: CertificateAuthority, options: SlapdOptions) -> None:
        self.authority = authority
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="slapd-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._port, self._tls_port = free_port(), free_port()

    @property
    def url(self) -> str:
        """Return the address for plaintext and StartTLS."""
        return f"ldap://127.0.0.1:{self._port}"

    @property
    def tls_url(self) -> str:
        """Return the address where TLS comes first."""
        return f"ldaps://127.0.0.1:{self._tls_port}"

    @property
    def ipc_url(self) -> str:
        """Return the address of the Unix socket; whoever comes in there is the agent (SASL EXTERNAL)."""
        return f"ldapi://{quote(str(self.folder / 'ldapi'), safe='')}"

    @property
    def ca_file(self) -> Path:
        """Return the authority that vouches for this server."""
        return self.authority.file

    @property
    def port(self) -> int:
        """Return the port of `url`."""
        return self._port

    # --- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the database and start the server; another port is tried where somebody was faster."""
        (self.folder / "db").mkdir()
        (self.folder / "log").mkdir()
        self._configure()
        if not self.options.provider:
            (self.folder / "seed.ldif").write_text(seed())
            files = ["-f", str(self.folder / "slapd.conf"), "-l", str(self.folder / "seed.ldif")]
            added = subprocess.run([program("slapadd"), "-q", "-b", BASE, *files], check=False, capture_output=True)
            assert added.returncode == 0, added.stderr.decode(errors="replace")
        for _ in range(5):
            if self._launch():
                self._await_the_agents_account()
                return
            self._port, self._tls_port = free_port(), free_port()
        raise AssertionError(f"slapd does not start: {self._output()}")

    def stop(self) -> None:
        """Stop the server and remove what it wrote."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def halt(self) -> None:
        """Stop the server and keep its data; `resume` starts it again on the same ports."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def resume(self, **changes: Any) -> None:
        """Start a halted server again, with `changes` of its options."""
        self.options = replace(self.options, **changes)
        self._configure()
        if not self._launch():
            raise AssertionError(f"slapd does not start again: {self._output()}")

    def restart(self, **changes: Any) -> None:
        """Stop the server and start it again, with `changes` of its options (rights, limits, TLS)."""
        self.halt()
        self.resume(**changes)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold the server still: it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        wait_until(self._stopped, "every thread of slapd stands still")
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _configure(self) -> None:
        files = None
        if self.options.tls:
            certificate = self.authority.issue(f"server-{next(_NUMBERS)}", *self.options.certificate_names)
            files = (certificate.ca, certificate.file, certificate.key)
        (self.folder / "slapd.conf").write_text(configuration(self.folder, self.options, files))

    def _launch(self) -> bool:
        """Start the program. Return False if it ended at once: the port was taken, or the configuration is wrong."""
        urls = [self.url, self.ipc_url, *([self.tls_url] if self.options.tls else [])]
        command = [program("slapd"), "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", " ".join(urls)]
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(lambda: self._ended() or _answers(self._port), "slapd takes connections")
        return not self._ended()

    def _await_the_agents_account(self) -> None:
        """Wait for a copy to have it: an agent that came earlier would be refused, and never try that secret again."""
        if self.options.provider:
            wait_until(lambda: self.sign_in(AGENT_DN, AGENT_PASSWORD), "the copy has the agent's account")

    def _stopped(self) -> bool:
        """Return whether the system has stopped all threads: a signal takes its time."""
        assert self._process is not None
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/stat")
        return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-2000:]

    # --- what an administrator does ----------------------------------------------------------------------------------

    @contextmanager
    def connected(self, dn: str = ADMIN_DN, password: str = ADMIN_PASSWORD) -> Iterator[ldap3.Connection]:
        """Hold an open connection of the administrator or somebody else; every refusal raises ldap3's error."""
        server = ldap3.Server("127.0.0.1", self._port, get_info=ldap3.NONE, connect_timeout=10)
        quiet = {"raise_exceptions": True, "check_names": False, "return_empty_attributes": False}
        connection = ldap3.Connection(server, dn, password, receive_timeout=10, auto_referrals=False, **quiet)
        try:
            connection.bind()
            yield connection
        finally:
            connection.unbind()

    def add_person(self, uid: str = "", *, parent: str = PEOPLE, policy: str = "", **attributes: str) -> Person:
        """Add somebody with a right password of their own; `policy` is the name of one of the fixture's policies."""
        uid = uid or f"person{next(_NUMBERS)}-{os.getpid()}"
        person = {"uid": uid, "cn": uid, "sn": uid, "mail": f"{uid}@example.test", "userPassword": f"right-{uid}"}
        subentry = {"pwdPolicySubentry": policy_dn(policy)} if policy else {}
        dn = f"uid={uid},{parent}"
        with self.connected() as admin:
            admin.add(dn, "inetOrgPerson", {**person, **subentry, **attributes})
        password = attributes.get("userPassword", person["userPassword"])
        return Person(uid=uid, dn=dn, password=password, entry_id=self.text(dn, "entryUUID"))

    def add_group(self, name: str, members: Sequence[str], parent: str = GROUPS) -> str:
        """Add a group over LDAP, so that the memberof overlay sees it. Return its DN."""
        dn = f"cn={name},{parent}"
        with self.connected() as admin:
            admin.add(dn, "groupOfNames", {"cn": name, "member": list(members)})
        return dn

    def modify(self, dn: str, **attributes: str | Sequence[str]) -> None:
        """Replace attributes as the administrator; an empty list removes one."""
        self._replace(dn, attributes, None)

    def force(self, dn: str, **attributes: str | Sequence[str]) -> None:
        """Replace attributes that only slapd itself writes otherwise, such as pwdLastSuccess."""
        self._replace(dn, attributes, [RELAX])

    def delete(self, dn: str) -> None:
        """Remove an entry."""
        with self.connected() as admin:
            admin.delete(dn)

    def read(self, dn: str, *names: str) -> dict[str, list[bytes]]:
        """Return an entry's attributes, all of them unless named; lower-cased names, raw values."""
        with self.connected() as admin:
            admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(names) or ["*", "+"])
            return {name.lower(): list(values) for name, values in admin.response[0]["raw_attributes"].items()}

    def text(self, dn: str, name: str) -> str:
        """Return the one value of an attribute, or empty text."""
        return next(iter(self.read(dn, name).get(name.lower(), [])), b"").decode()

    def log(self, of: str = "(objectClass=auditWriteObject)") -> list[dict[str, list[bytes]]]:
        """Return every write in the order in which it was done, which is not that of their start (`log_writes`)."""
        with self.connected() as admin:
            admin.search("cn=log", of, ldap3.LEVEL, attributes=["*", "+"])
            return [{k.lower(): list(v) for k, v in e["raw_attributes"].items()} for e in admin.response]

    # --- what a person does ------------------------------------------------------------------------------------------

    def sign_in(self, dn: str, password: str) -> bool:
        """Return whether the directory itself lets this person in; any answer but yes and no is an error."""
        return self.bind_result(dn, password) == 0

    def bind_result(self, dn: str, password: str) -> int:
        """Return the result code of a bind. Anything but success and invalidCredentials fails the test."""
        server = ldap3.Server("127.0.0.1", self._port, get_info=ldap3.NONE, connect_timeout=10)
        connection = ldap3.Connection(server, dn, password, receive_timeout=10)
        try:
            connection.bind()
            code = int(connection.result["result"])
        finally:
            connection.unbind()
        assert code in {0, INVALID_CREDENTIALS}, connection.result["description"]
        return code

    def lock(self, person: Person, tries: int = 3) -> str:
        """Lock somebody as everybody locks themselves: by wrong passwords. Return the marker's value."""
        for _ in range(tries):
            assert not self.sign_in(person.dn, "a wrong password")
        marker = self.text(person.dn, "pwdAccountLockedTime")
        assert marker, f"{tries} wrong passwords did not lock {person.uid}"
        return marker

    def _replace(self, dn: str, attributes: Mapping[str, str | Sequence[str]], controls: list[Any] | None) -> None:
        changes = {
            name: [(ldap3.MODIFY_REPLACE, [values] if isinstance(values, str) else list(values))]
            for name, values in attributes.items()
        }
        with self.connected() as admin:
            admin.modify(dn, changes, controls)


def program(name: str) -> str:
    """Return the path of a program of the server's packages; one that is missing fails the test."""
    found = shutil.which(name, path=_PLACES)
    if found is None:
        raise AssertionError(
            f"{name} is missing: install slapd and ldap-utils (on Debian: apt-get install slapd ldap-utils)"
        )
    return found


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
