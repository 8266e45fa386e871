"""The benchmark's directory: a real slapd over a database that is made once per size and kept.

The database is only read: one run leaves it as the next one wants it. Its folder is named for everything that decides
what is in it, so that a change of the people or of slapd makes a new one.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench import people
from bench.errors import BenchProblem
from bench.people import ADMIN_DN, AGENT_DN, AGENT_PASSWORD, BASE, DEFAULT_POLICY, Sizes
from lockstep.demo.directory import DemoProblem
from lockstep.demo.directory import program as installed_program

_STARTS_WITHIN_S = 20.0
_STOPS_WITHIN_S = 10.0
_IN_PAGES = ("-E", "pr=1000/noprompt")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def program(name: str) -> str:
    """Return the full path of one of OpenLDAP's programs. Raises BenchProblem with what to install."""
    try:
        return installed_program(name)
    except DemoProblem as problem:
        raise BenchProblem(str(problem)) from problem


def slapd_version() -> str:
    """Return slapd's own version number."""
    said = subprocess.run([program("slapd"), "-VV"], capture_output=True, text=True, check=False)
    words = (said.stderr + said.stdout).split()
    return next((after for word, after in pairwise(words) if word == "slapd"), "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A running slapd."""

    url: str
    pid: int
    sizes: Sizes

    def cpu_s(self) -> float:
        """Return the CPU seconds that the server has used so far."""
        numbers = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / _TICKS_PER_S

    def ldapsearch(self, base: str, filter_: str, attributes: tuple[str, ...]) -> list[str]:
        """Return the command of the peer: OpenLDAP's own client, in pages, with the same rights as the agent."""
        signed_in = ["-x", "-D", AGENT_DN, "-w", AGENT_PASSWORD, "-H", self.url]
        return [program("ldapsearch"), *signed_in, *_IN_PAGES, "-LLL", "-b", base, filter_, *attributes]


@contextmanager
def running(sizes: Sizes, kept: Path) -> Iterator[Directory]:
    """Start slapd over a database with so many people, made in `kept` if it is not there. Raises BenchProblem."""
    folder = _prepared(sizes, kept)
    port = _free_port()
    url = f"ldap://127.0.0.1:{port}"
    command = [program("slapd"), "-d", "0", "-f", str(folder / "slapd.conf"), "-h", url]
    with (folder / "slapd.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _await_port(process, port, folder)
            yield Directory(url=url, pid=process.pid, sizes=sizes)
        finally:
            _stop(process)


def _prepared(sizes: Sizes, kept: Path) -> Path:
    """Return the folder of a loaded database."""
    folder = kept / f"{sizes.people}-{_fingerprint()}"
    if folder.exists():
        return folder
    making = kept / f"{folder.name}.{os.getpid()}"
    (making / "db").mkdir(parents=True)
    try:
        _load(sizes, making)
        (making / "slapd.conf").write_text(_configuration(folder), encoding="utf-8")
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return folder


def _load(sizes: Sizes, folder: Path) -> None:
    (folder / "slapd.conf").write_text(_configuration(folder), encoding="utf-8")
    with (folder / "people.ldif").open("w", encoding="utf-8") as file:
        file.writelines(f"{entry}\n" for entry in people.ldif(sizes))
    loading = [
        program("slapadd"),
        "-q",
        "-f",
        str(folder / "slapd.conf"),
        "-b",
        BASE,
        "-l",
        str(folder / "people.ldif"),
    ]
    loaded = subprocess.run(loading, capture_output=True, check=False)
    if loaded.returncode != 0:
        raise BenchProblem(f"slapadd failed ({loaded.returncode}): {loaded.stderr.decode(errors='replace')[-500:]}")
    (folder / "people.ldif").unlink()


def _fingerprint() -> str:
    """Return what a kept database is recognised by: the people, the configuration, and slapd."""
    parts = (Path(people.__file__).read_text(encoding="utf-8"), _configuration(Path("/")), slapd_version())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _configuration(folder: Path) -> str:
    """Return slapd.conf. `sortvals`: without it slapd compares each new member of a group with all the others."""
    schemas = "\n".join(
        f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson", "namedobject")
    )
    return f"""{schemas}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
sortvals member

database mdb
suffix {BASE}
rootdn "{ADMIN_DN}"
directory {folder}/db
maxsize 8589934592
dbnosync
index objectClass,entryCSN,entryUUID,uid eq
index pwdAccountLockedTime pres,eq
access to attrs=userPassword
  by anonymous auth by * none
access to *
  by dn.exact="{AGENT_DN}" read by anonymous auth by * none
limits dn.exact="{AGENT_DN}" size=unlimited
overlay ppolicy
ppolicy_default {DEFAULT_POLICY}
"""


def _await_port(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = (folder / "slapd.log").read_text(encoding="utf-8", errors="replace")[-500:]
                raise BenchProblem(f"slapd does not start in {folder}: {said or 'it says nothing'}") from None
            time.sleep(0.05)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
