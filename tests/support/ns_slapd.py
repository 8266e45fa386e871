"""A real 389 Directory Server for the tests: an instance of its own in a folder, as whoever runs the tests.

No dscreate and no systemd: the package's own template becomes the configuration. A server that is missing fails.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import ldap3

from agent.directories.ds389_policies import GLOBAL_ATTRIBUTES
from tests.support.ldap_administrator import LdapAdministrator
from tests.support.slapd import Person
from tests.support.waiting import wait_until

BASE = "dc=example,dc=test"
PEOPLE, GROUPS, SERVICES = (f"ou={unit},{BASE}" for unit in ("people", "groups", "services"))
ADMIN_DN, ADMIN_PASSWORD = "cn=Directory Manager", "manager-of-tests-1"
AGENT_DN, AGENT_PASSWORD = f"uid=agent,{SERVICES}", "agent-of-tests-1"
READER_DN, READER_PASSWORD = f"uid=reader,{SERVICES}", "reader-of-tests-1"
POLICIES = f"cn=nsPwPolicyContainer,{BASE}"
POLICY_ATTRIBUTES: dict[str, dict[str, str]] = {
    "timed": {"passwordLockout": "on", "passwordLockoutDuration": "1800"},
    "brief": {"passwordLockout": "on", "passwordLockoutDuration": "2"},
    "none": {"passwordLockout": "off"},
}
"""Local policies by name; what they leave out has the server's default: three failures, locks that end."""
_GLOBAL = {
    "nsslapd-listenhost": "127.0.0.1",
    "nsslapd-pwpolicy-local": "on",
    "passwordLockout": "on",
    "passwordMaxFailure": "3",
    "passwordUnlock": "off",
    "passwordStorageScheme": "SSHA",
}
_PLUGINS = ("MemberOf Plugin", "USN", "referential integrity postoperation")
_SHARE = Path("/usr/share/dirsrv/data")
_FILES = {
    "certmap.conf": "certmap default default\n",
    "slapd-collations.conf": "",
    "schema/99user.ldif": "dn: cn=schema\n",
}
"""What the server insists on; the package's own are readable by its own account only."""
_FOLDERS = ("conf/schema", "db", "bak", "ldif", "lock", "log", "run", "tmp")
_BACKEND = f"""
dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userRoot
nsslapd-suffix: {BASE}

dn: cn="{BASE}",cn=mapping tree,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsMappingTree
cn: {BASE}
nsslapd-state: backend
nsslapd-backend: userRoot
"""


class NsSlapd(LdapAdministrator):
    """A running ns-slapd. Its global policy locks for good after three wrong passwords."""

    admin_dn, admin_password, id_attribute = ADMIN_DN, ADMIN_PASSWORD, "nsUniqueId"
    people, groups = PEOPLE, GROUPS
    refusals = frozenset({19, 49, 53})
    more_files: dict[str, str] = {}  # noqa: RUF012 - of the class, and read only

    def __init__(self) -> None:
        # The server takes what follows "slapd-" in its path for its name, and ends where it is a folder.
        self.folder = Path(tempfile.mkdtemp(prefix="dirsrv-"))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    # --- its life ----------------------------------------------------------------------------------------------------

    def start(self, of: "NsSlapd | None" = None) -> None:
        """Make the instance, start it and add what every test needs; another port where somebody was faster.

        `of` is a halted server whose entries this one begins with, with ids and times, as another supplier has them.
        """
        for name in _FOLDERS:
            (self.folder / name).mkdir(parents=True)
        for name, text in (_FILES | self.more_files).items():
            (self.folder / "conf" / name).write_text(text)
        if of is not None:
            shutil.copytree(of.folder / "db", self.folder / "db", dirs_exist_ok=True)
        for _ in range(5):
            (self.folder / "conf" / "dse.ldif").write_text(self._configuration())
            if self._launch():
                self._open_policy()
                if of is None:
                    self._seed()
                return
            self.port = _free_port()
        raise AssertionError(f"ns-slapd does not start: {self._output()}")

    def stop(self) -> None:
        """Stop the server and remove what it wrote."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def halt(self) -> None:
        """Stop the server and keep its data."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def resume(self) -> None:
        """Start a halted server again."""
        assert self._launch(), f"ns-slapd does not start again: {self._output()}"

    def _launch(self) -> bool:
        command = [_program(), "-D", str(self.folder / "conf"), "-i", str(self.folder / "run" / "pid"), "-d", "0"]
        with (self.folder / "output").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(lambda: self._ended() or _answers(self.port), "ns-slapd takes connections", 30)
        return not self._ended()

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _output(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-2000:]

    def _configuration(self) -> str:
        """Return the package's template with this instance's places, plug-ins, policy and database."""
        folder = self.folder
        places = {f"{name}_dir": f"{folder}/{name}" for name in ("lock", "tmp", "ldif", "bak", "run", "log", "inst")}
        places |= {f"{name}_dir": f"{folder}/conf" for name in ("cert", "config")}
        places |= dict.fromkeys(("db_dir", "db_home_dir", "db_lib_dir"), f"{folder}/db")
        places |= {"schema_dir": f"{folder}/conf/schema", "fqdn": "localhost", "ds_port": str(self.port)}
        places |= {"ds_user": pwd.getpwuid(os.geteuid()).pw_name, "rootdn": ADMIN_DN, "ds_suffix": BASE}
        places |= {"ds_passwd": f"{{CLEAR}}{ADMIN_PASSWORD}", "ldapi_enabled": "off", "ldapi": f"{folder}/ldapi"}
        places |= {"ldapi_autobind": "off", "db_lib": "bdb"}
        text = (_SHARE / "template-dse.ldif").read_text()
        text = re.sub(r"%(\w+)%", lambda found: places[found[1]], text)
        for name in _PLUGINS:
            head, tail = re.split(rf"(?mi)(?=^dn: cn={name},cn=plugins,cn=config)", text, maxsplit=1)
            text = head + re.sub(r"(?mi)^(nsslapd-pluginenabled:).*$", r"\1 on", tail, count=1)
        ours = "".join(f"\n{name}: {value}" for name, value in _GLOBAL.items())
        return text.replace("nsslapd-localhost: localhost", f"nsslapd-localhost: localhost{ours}", 1).rstrip() + (
            f"\n{_BACKEND}"
        )

    def _seed(self) -> None:
        """Add the tree, the local policies and the accounts; only the agent may delete lock attributes."""
        with self.connected() as admin:
            admin.add(BASE, ["top", "domain"], {"dc": "example", "aci": _instructions()})
            for unit in ("people", "groups", "services"):
                admin.add(f"ou={unit},{BASE}", "organizationalUnit")
            admin.add(POLICIES, "nsContainer")
            for name, attributes in POLICY_ATTRIBUTES.items():
                admin.add(policy_dn(name), ["ldapsubentry", "passwordpolicy"], attributes)
        for dn, password in ((AGENT_DN, AGENT_PASSWORD), (READER_DN, READER_PASSWORD)):
            self.add_person(dn.split(",")[0].removeprefix("uid="), parent=SERVICES, policy="none")
            self.modify(dn, userPassword=password, nsSizeLimit="-1", nsLookThroughLimit="-1")

    def _open_policy(self) -> None:
        """Let every account read the global policy, which each server has for itself."""
        names = " || ".join(("objectClass", *GLOBAL_ATTRIBUTES))
        rule = f'(targetattr="{names}")(version 3.0; acl "policy"; allow (read, search) userdn="ldap:///all";)'
        with self.connected() as admin:
            admin.modify("cn=config", {"aci": [(ldap3.MODIFY_ADD, [rule])]})

    # --- what an administrator does ----------------------------------------------------------------------------------

    def govern(self, dn: str, policy: str) -> None:
        """Put somebody under a local policy; the default one is global."""
        if policy and policy != "default":
            self.modify(dn, pwdpolicysubentry=policy_dn(policy))

    def lock(self, person: Person, tries: int = 3) -> str:
        """Lock somebody as everybody locks themselves: by wrong passwords. Return the marker's value."""
        for _ in range(tries):
            assert not self.sign_in(person.dn, "a wrong password")
        marker = self.text(person.dn, "accountUnlockTime")
        assert marker, f"{tries} wrong passwords did not lock {person.uid}"
        return marker


def policy_dn(name: str) -> str:
    """Return the address of one of the local policies."""
    return f"cn={name},{POLICIES}"


def _instructions() -> list[str]:
    """Return the access control instructions of the suffix: both accounts read, and one deletes lock attributes."""
    agent, reader = (f'userdn="ldap:///{dn}"' for dn in (AGENT_DN, READER_DN))
    names = ("accountUnlockTime", "passwordRetryCount", "retryCountResetTime")
    filters = " && ".join(f"{name}:({name}=*)" for name in names)
    who = f"{agent} or {reader}"
    return [
        f'(targetattr!="userPassword || aci")(version 3.0; acl "read"; allow (read, search, compare) ({who});)',
        f'(targattrfilters="del={filters}")(version 3.0; acl "unlock"; allow (write) {agent};)',
    ]


def _program() -> str:
    found = shutil.which("ns-slapd", path="/usr/sbin:/sbin:/usr/local/sbin:/usr/bin")
    assert found, "ns-slapd is missing: install 389-ds-base (on Debian: apt-get install 389-ds-base)"
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
