"""A real domain controller for the tests: Samba, in a folder of its own, reached through a socket, and always stopped.

Its ports cannot be chosen, so it gets an address that this machine does not have: then it serves the Unix socket in its
folder and nothing else. The helpers here speak to it with the administrator's rights and never through the agent's
code. A server that is missing fails the test; it never skips.

Provisioning a domain takes about 5 s and 33 MB, starting it less than one; both are done once for all tests.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ldap3
from ldap3.protocol.microsoft import security_descriptor_control

from tests.support.samba_domain import (
    ADMIN_NAME,
    ADMIN_PASSWORD,
    BASE,
    DACL_ONLY,
    GROUPS,
    PEOPLE,
    REALM,
    WORKGROUP,
    configuration,
    fine_policy,
    password_of,
    protected_descriptor,
    seed,
)
from tests.support.slapd import Person, program
from tests.support.waiting import wait_until

INVALID_CREDENTIALS = 49
_NUMBERS = itertools.count(1)
_PACKAGES = "install samba-ad-dc and samba-ad-provision (on Debian: apt-get install samba-ad-dc samba-ad-provision)"


class SambaDc:
    """A running domain controller with its people."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="samba-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address: a socket that never leaves this machine."""
        return f"ldapi://{quote(str(self._socket), safe='')}"

    # --- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the domain, start the controller and add what every test needs."""
        self._provision()
        for name in ("cache", "run", "ncalrpc"):
            (self.folder / name).mkdir()
        (self.folder / "run.conf").write_text(configuration(self.folder))
        self.resume()
        with self.connected() as admin:
            seed(admin)

    def resume(self) -> None:
        """Start the controller on the data that are there."""
        options = ["--foreground", "--no-process-group", "--debug-stdout", "-d", "0", "-M", "single"]
        command = [program_of_samba("samba"), *options, f"--configfile={self.folder / 'run.conf'}"]
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        wait_until(
            lambda: self._process is None or self._process.poll() is not None or self._answers(), "samba answers"
        )
        assert self._answers(), f"samba does not start: {(self.folder / 'output').read_text(errors='replace')[-2000:]}"

    def halt(self) -> None:
        """Stop the controller and keep its data."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """Stop the controller and remove what it wrote."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _provision(self) -> None:
        options = ["--server-role=dc", "--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.1"]
        options += ["--option=interfaces=lo", "--option=bind interfaces only=yes", "--option=vfs objects="]
        names = [f"--realm={REALM}", f"--domain={WORKGROUP}", f"--adminpass={ADMIN_PASSWORD}"]
        command = [
            program_of_samba("samba-tool"),
            "domain",
            "provision",
            f"--targetdir={self.folder}",
            *names,
            *options,
        ]
        done = subprocess.run(command, check=False, capture_output=True)
        said = done.stderr.decode(errors="replace")[-2000:]
        assert done.returncode == 0, f"samba-tool makes no domain: {said}; {_PACKAGES}; it has to run as root"

    @property
    def _socket(self) -> Path:
        return self.folder / "private" / "ldapi"

    def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        try:
            with self.connected():
                return True
        except ldap3.core.exceptions.LDAPException:
            return False

    # --- what an administrator does ----------------------------------------------------------------------------------

    @contextmanager
    def connected(self, name: str = ADMIN_NAME, password: str = ADMIN_PASSWORD) -> Iterator[ldap3.Connection]:
        """Hold an open connection of the administrator or somebody else; every refusal raises ldap3's error."""
        connection = self._connection(name, password, raise_exceptions=True)
        try:
            connection.bind()
            yield connection
        finally:
            connection.unbind()
            if connection.socket is not None:  # ldap3 leaves it open where nobody listened
                connection.socket.close()

    def add_person(self, uid: str = "", *, parent: str = PEOPLE, policy: str = "", **attributes: str) -> Person:
        """Add somebody with a right password of their own; `policy` is a fine-grained policy, or "default"."""
        uid = uid or f"person{next(_NUMBERS)}-{os.getpid()}"
        dn, password = f"CN={uid},{parent}", password_of(uid)
        usual = {
            "sAMAccountName": uid[:20],
            "userPrincipalName": f"{uid}@{REALM.lower()}",
            "mail": f"{uid}@example.test",
            "unicodePwd": f'"{password}"'.encode("utf-16-le"),
            "userAccountControl": "512",
        }
        with self.connected() as admin:
            admin.add(dn, ["user"], {**usual, **attributes})
            if policy not in ("", "default"):
                admin.modify(fine_policy(policy), {"msDS-PSOAppliesTo": [(ldap3.MODIFY_ADD, [dn])]})
        return Person(uid=uid, dn=dn, password=password, entry_id=self.entry_id(dn))

    def add_group(self, name: str, members: Sequence[str], parent: str = GROUPS) -> str:
        """Add a group. Return its DN."""
        dn = f"CN={name},{parent}"
        listed = {"member": list(members)} if members else {}
        with self.connected() as admin:
            admin.add(dn, ["group"], {"sAMAccountName": name, **listed})
        return dn

    def add_unit(self, name: str, parent: str = PEOPLE) -> str:
        """Add an organizational unit. Return its DN."""
        dn = f"OU={name},{parent}"
        with self.connected() as admin:
            admin.add(dn, ["organizationalUnit"])
        return dn

    def modify(self, dn: str, **attributes: Any) -> None:
        """Replace attributes; an empty list removes one, and an underscore in a name stands for a hyphen.

        A `userPassword` is set as this vendor wants it.
        """
        if "userPassword" in attributes:
            attributes["unicodePwd"] = f'"{attributes.pop("userPassword")!s}"'.encode("utf-16-le")
        changes = {
            name.replace("_", "-"): [(ldap3.MODIFY_REPLACE, [given] if isinstance(given, str | bytes) else list(given))]
            for name, given in attributes.items()
        }
        with self.connected() as admin:
            admin.modify(dn, changes)

    def delete(self, dn: str) -> None:
        """Remove an entry."""
        with self.connected() as admin:
            admin.delete(dn)

    def read(self, dn: str, *names: str) -> dict[str, list[bytes]]:
        """Return an entry's attributes by lower-cased names, raw."""
        with self.connected() as admin:
            admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(names) or ["*"])
            found = next(item for item in admin.response if item["type"] == "searchResEntry")
            return {name.lower(): list(values) for name, values in found["raw_attributes"].items() if values}

    def text(self, dn: str, name: str) -> str:
        """Return the one value of an attribute, or empty text."""
        return next(iter(self.read(dn, name).get(name.lower(), [])), b"").decode()

    def entry_id(self, dn: str) -> str:
        """Return an objectGUID as people write it."""
        (octets,) = self.read(dn, "objectGUID")["objectguid"]
        groups = (octets[3::-1], octets[5:3:-1], octets[7:5:-1], octets[8:10], octets[10:])
        return "-".join(group.hex() for group in groups)

    def restrict(self, dn: str, *readers: bytes) -> None:
        """Let nobody but administrators, and `readers` to read, do anything with an entry; nothing is inherited.

        So the domain's own background task leaves the members of protected groups (with every account as reader).
        """
        descriptor = protected_descriptor(*readers)
        with self.connected() as admin:
            change = {"nTSecurityDescriptor": [(ldap3.MODIFY_REPLACE, [descriptor])]}
            admin.modify(dn, change, controls=security_descriptor_control(sdflags=DACL_ONLY))

    @contextmanager
    def changed_policy(self, **attributes: str) -> Iterator[None]:
        """Change the domain's own policy for a while."""
        before = {name: self.text(BASE, name) for name in attributes}
        self.modify(BASE, **attributes)
        try:
            yield
        finally:
            self.modify(BASE, **before)

    # --- what a person does ------------------------------------------------------------------------------------------

    def sign_in(self, dn: str, password: str) -> bool:
        """Return whether the domain lets this person in; any answer but yes and no is an error."""
        connection = self._connection(dn, password, raise_exceptions=False)
        try:
            connection.bind()
            code = int(connection.result["result"])
        finally:
            connection.unbind()
        assert code in {0, INVALID_CREDENTIALS}, connection.result["description"]
        return code == 0

    def lock(self, person: Person, tries: int = 3) -> str:
        """Lock somebody as everybody locks themselves: by wrong passwords. Return the marker's value."""
        for _ in range(tries):
            assert not self.sign_in(person.dn, "a wrong password")
        marker = self.text(person.dn, "lockoutTime")
        assert int(marker or 0), f"{tries} wrong passwords did not lock {person.uid}"
        return marker

    def unlock(self, person: Person) -> None:
        """Unlock somebody as a help desk does."""
        self.modify(person.dn, lockoutTime="0")

    def _connection(self, name: str, password: str, **options: Any) -> ldap3.Connection:
        server = ldap3.Server(f"ldapi://{self._socket}", get_info=ldap3.NONE, connect_timeout=10)
        quiet = {"check_names": False, "return_empty_attributes": False, "auto_referrals": False}
        return ldap3.Connection(server, name, password, receive_timeout=10, **quiet, **options)


def program_of_samba(name: str) -> str:
    """Return the path of one of Samba's programs; one that is missing fails the test."""
    try:
        return program(name)
    except AssertionError:
        raise AssertionError(f"{name} is missing: {_PACKAGES}") from None
