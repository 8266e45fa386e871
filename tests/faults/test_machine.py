"""A machine that lacks something: a disk that can be written, random numbers, name resolution. A clear refusal each."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockstep.exits import ExitCode
from tests.support import machine_work
from tests.support.full_disk import mounts
from tests.support.installation import Corner, Installation, corner
from tests.support.prefork import Order, Prefork
from tests.support.slapd import Slapd

pytestmark = pytest.mark.servers


class Machine:
    """Runs commands on an installation in a child that lacks something."""

    def __init__(self, runner: Prefork, installation: Installation, output: Path) -> None:
        self._runner = runner
        self._installation = installation
        self._output = output

    def run(self, *arguments: str, **lacks: bool) -> tuple[int, str]:
        """Return a command's exit code, and what it printed; it never prints where in the code something happened."""
        self._output.unlink(missing_ok=True)
        given = {"config": str(self._installation.config), "arguments": [*arguments], **lacks}
        order = Order(work=f"{machine_work.__name__}:command", output=str(self._output), arguments=given)
        code = self._runner.run(order)
        told = self._output.read_text()
        assert "Traceback" not in told
        return code, told


@pytest.fixture
def where(slapd: Slapd) -> Iterator[Corner]:
    """Return a corner of the shared directory in which lena is locked."""
    made = corner(slapd, ("lena", "carla"))
    slapd.lock(made.person("lena"))
    yield made
    slapd.delete(made.group)


@contextmanager
def permissions(place: Path) -> Iterator[None]:
    """Take the right to write from a folder and all that is in it."""
    for path in (*place.iterdir(), place):
        path.chmod(path.stat().st_mode & ~0o222)
    yield
    for path in (place, *place.iterdir()):
        path.chmod(path.stat().st_mode | 0o200)


@contextmanager
def read_only_mount(place: Path) -> Iterator[None]:
    """Mount a folder over itself, read-only."""
    subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


KINDS = {"permissions": permissions, **({"mount": read_only_mount} if mounts() else {})}


@pytest.mark.parametrize("kind", KINDS)
def test_f50_on_a_read_only_disk_nothing_is_done_and_that_is_told(
    runner: Prefork, where: Corner, tmp_path: Path, kind: str
) -> None:
    """The service does not start, a reading is not recorded, nobody is unlocked; and all goes on when it is back."""
    place = tmp_path / "disk"
    place.mkdir()
    installation = Installation(folder=place, directories=where.settings())
    installation.ok("sync")
    token = installation.person_file(where.person("carla").uid)
    lena = where.person("lena")
    unlock = ["unlock", lena.uid, "--token-file", token]
    machine = Machine(runner, installation, tmp_path / "output")
    with KINDS[kind](place):
        for command in (["migrate"], ["run"], ["serve"], ["agent"], ["sync"], unlock):
            code, told = machine.run(*command, obeys=True)
            assert (code, command) == (ExitCode.FAILURE, command), told
            assert re.search(r"The store \S+ is unusable: it (is read-only|cannot be opened)", told), told
        assert where.slapd.text(lena.dn, "pwdAccountLockedTime")
    assert machine.run(*unlock, obeys=True)[0] == ExitCode.OK
    assert where.slapd.sign_in(lena.dn, lena.password)


def test_f50_without_random_numbers_nothing_is_done_and_that_is_told(
    runner: Prefork, where: Corner, tmp_path: Path
) -> None:
    """No token, no reading, no unlock is made up from numbers that somebody could guess."""
    installation = Installation(folder=tmp_path, directories=where.settings())
    installation.ok("sync")
    token = installation.person_file(where.person("carla").uid)
    lena = where.person("lena")
    machine = Machine(runner, installation, tmp_path / "output")
    with installation.wired() as wiring:
        unlock = ["unlock", lena.uid, "--token-file", token]
        before = (wiring.store.revision(), len(wiring.store.tokens()), wiring.store.audit())
        for command in (["token", "create", "--connection", "okta"], ["sync"], unlock):
            code, told = machine.run(*command, entropy=False)
            assert (code, command) == (ExitCode.FAILURE, command)
            assert told.startswith("lockstep: "), told
            assert "Input/output error" in told
        assert (wiring.store.revision(), len(wiring.store.tokens()), wiring.store.audit()) == before
        assert wiring.store.open_intents() == ()
    assert where.slapd.text(lena.dn, "pwdAccountLockedTime")
    assert machine.run(*unlock)[0] == ExitCode.OK


def test_f50_without_name_resolution_the_server_is_named(runner: Prefork, where: Corner, tmp_path: Path) -> None:
    """A reading and an unlock say which server has no address; what was last known is shown all the same."""
    installation = Installation(folder=tmp_path, directories=where.settings())
    installation.ok("sync")
    token = installation.person_file(where.person("carla").uid)
    lena = where.person("lena")
    installation.directories = where.settings().replace(where.slapd.url, "ldap://directory.invalid")
    installation.write()
    machine = Machine(runner, installation, tmp_path / "output")
    for command in (["sync"], ["unlock", lena.uid, "--token-file", token], ["check", "--online"]):
        code, told = machine.run(*command)
        assert (code, command) == (ExitCode.UNREACHABLE, command), told
        assert "ldap://directory.invalid" in told
    assert lena.uid in machine.run("users", "--locked")[1]
    assert where.slapd.text(lena.dn, "pwdAccountLockedTime")
