"""The demonstration's directory: a real slapd with a password policy, in a folder of its own, and the people in it.

Everything goes through slapd's own tools (slapadd, ldapmodify, ldapwhoami): what locks a person here is what locks one
anywhere, a wrong password too many.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lockstep.demo.certificates import make_certificates
from lockstep.demo.ldif import configuration, entries, fates, groups
from lockstep.demo.people import ADMIN_DN, AGENT_DN, BASE, CAST, STAFF_GROUP_DN, Fate, Person

ADMIN_PASSWORD = "admin-demo-1"
AGENT_PASSWORD = "agent-demo-1"
WRONG_PASSWORDS = 3
"""How many wrong passwords the demonstration's policies take before they lock."""
_STARTS_WITHIN_S = 10.0
_STOPS_WITHIN_S = 5.0
_INVALID_CREDENTIALS = 49

PROGRAMS = ("slapd", "slapadd", "ldapmodify", "ldapwhoami", "openssl")
_PLACES = "/usr/sbin:/sbin:/usr/local/sbin"
"""Where Debian keeps slapd; an ordinary user's PATH often leaves these out."""


class DemoProblem(Exception):
    """The demonstration cannot start or go on; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPlace:
    """Where the directory lives: its folder and its port on loopback."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Return the address for clients on this machine; StartTLS is offered there too."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """Return the throw-away authority that vouches for the server."""
        return self.folder / "tls" / "ca.pem"


def program(name: str) -> str:
    """Return the full path of one of slapd's programs. Raises DemoProblem with what to install."""
    found = shutil.which(name) or shutil.which(name, path=_PLACES)
    if found is None:
        raise DemoProblem(f"{name} is not installed: install slapd, ldap-utils and openssl (make demo does on Debian)")
    return found


class DemoDirectory:
    """A running slapd. `start` builds it anew; `stop` ends it."""

    def __init__(self, place: DirectoryPlace) -> None:
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Build the directory and start it. Raises DemoProblem if slapd does not answer within ten seconds."""
        for name in PROGRAMS:
            program(name)
        folder = self.place.folder
        (folder / "db").mkdir(parents=True)
        make_certificates(folder / "tls", program("openssl"))
        (folder / "slapd.conf").write_text(configuration(folder, ADMIN_PASSWORD), encoding="utf-8")
        (folder / "people.ldif").write_text(entries(AGENT_PASSWORD), encoding="utf-8")
        _run(
            [program("slapadd"), "-q", "-f", str(folder / "slapd.conf"), "-b", BASE, "-l", str(folder / "people.ldif")]
        )
        self._launch()
        self.modify(groups())

    def lock(self, person: Person) -> None:
        """Lock a person as it really happens: with three wrong passwords."""
        for _ in range(WRONG_PASSWORDS):
            if self.signs_in(person, "not-the-password"):
                raise DemoProblem(
                    f"{person.uid} signed in with a wrong password; the demonstration's directory is broken"
                )

    def signs_in(self, person: Person, password: str) -> bool:
        """Try to sign a person in to the directory, and return whether it let them in."""
        answer = _run(
            [program("ldapwhoami"), "-x", "-H", self.place.url, "-D", person.dn, "-w", password],
            accept=(0, _INVALID_CREDENTIALS),
        )
        return answer == 0

    def befall(self, cast: Iterable[Person] = CAST) -> None:
        """Let happen to everybody what has happened to them, but for leaving the company account."""
        for person in cast:
            if person.fate in (Fate.LOCKED, Fate.LOCKED_TIMED):
                self.lock(person)
        self.modify(fates())

    def leave(self, person: Person) -> None:
        """Take a person out of the group that makes them part of the company account."""
        self.modify(f"dn: {STAFF_GROUP_DN}\nchangetype: modify\ndelete: member\nmember: {person.dn}\n")

    def modify(self, ldif: str) -> None:
        """Apply changes as the directory's administrator."""
        command = [program("ldapmodify"), "-x", "-H", self.place.url, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD]
        _run([*command, "-e", "relax"], text=ldif)

    def alive(self) -> bool:
        """Return whether slapd is still running."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End slapd, by force if it takes longer than five seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _launch(self) -> None:
        folder = self.place.folder
        socket = quote(str(folder / "ldapi"), safe="")
        with (folder / "slapd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program("slapd"),
                    "-d",
                    "0",
                    "-f",
                    str(folder / "slapd.conf"),
                    "-h",
                    f"{self.place.url} ldapi://{socket}",
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + _STARTS_WITHIN_S
        agent = [program("ldapwhoami"), "-x", "-H", self.place.url, "-D", AGENT_DN, "-w", AGENT_PASSWORD]
        while subprocess.run(agent, capture_output=True, check=False).returncode != 0:
            if not self.alive() or time.monotonic() > deadline:
                self.stop()
                log_tail = (folder / "slapd.log").read_text(encoding="utf-8", errors="replace")[-500:]
                raise DemoProblem(f"slapd did not start in {folder}: {log_tail or 'it says nothing'}")
            time.sleep(0.05)


def _run(command: list[str], *, text: str = "", accept: tuple[int, ...] = (0,)) -> int:
    environment = {**os.environ, "LDAPTLS_REQCERT": "demand", "LDAPNOINIT": "1"}
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=environment,
        timeout=30,
    )
    if done.returncode not in accept:
        raise DemoProblem(f"{Path(command[0]).name} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done.returncode
