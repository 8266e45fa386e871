"""`lockstep init`: from a directory's address to settings that `check --online` accepts and a first pass reads with."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.directories import Mode
from config.load import load
from lockstep.__main__ import cli
from lockstep.exits import ExitCode
from tests.support.fault_proxy import Disturbance, Line, fault_proxy
from tests.support.installation import logging_as_before
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE, DEFAULT_POLICY, PEOPLE

pytestmark = pytest.mark.servers
Typed = Callable[..., Result]
READABLE = ("access to attrs=userPassword by anonymous auth by * none", "access to * by * read")
"""A directory that shows itself to everybody."""


@pytest.fixture
def lockstep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Return a function that types a command, in a folder of its own with the agent's password in a file."""
    (tmp_path / "password").write_text(f"{AGENT_PASSWORD}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: str) -> Result:
        with logging_as_before():
            return CliRunner().invoke(cli, arguments, env={"LOCKSTEP_CONFIG": ""})

    return typed


@pytest.fixture
def populated(start_slapd: Callable[..., Slapd]) -> Slapd:
    """Return a directory with six people, a group that four of them are in, and a canary."""
    slapd = start_slapd()
    people = [slapd.add_person(f"person{number}", displayName=f"Person {number}") for number in range(6)]
    slapd.add_group("staff", [person.dn for person in people[:4]])
    slapd.add_group("chess", [people[0].dn])
    with slapd.connected() as admin:
        canary = f"cn=lockstep canary,ou=services,{BASE}"
        admin.add(canary, "organizationalRole", {"cn": "lockstep canary"})
    slapd.force(canary, pwdAccountLockedTime="000001010000Z")
    return slapd


def signed_in(slapd: Slapd, *options: str) -> tuple[str, ...]:
    """Return the command for a look with the agent's account."""
    return (
        "init",
        slapd.url,
        "--bind-dn",
        AGENT_DN,
        "--password-file",
        "password",
        "--ca-file",
        str(slapd.ca_file),
        *options,
    )


def test_from_nothing_to_a_first_reading(populated: Slapd, lockstep: Typed, tmp_path: Path) -> None:
    """Exactly what the first lines of the file tell to type."""
    written = lockstep(*signed_in(populated, "--output", "lockstep.toml"))
    assert written.exit_code == 0, written.output
    assert written.stdout == ""
    file = tmp_path / "lockstep.toml"
    first = [line.removeprefix("#   ") for line in file.read_text(encoding="utf-8").splitlines()[1:4]]
    assert first == [
        f"lockstep --config {file} {rest}" for rest in ("migrate", "check --online", "sync --reconcile --dry-run")
    ]
    for command in first:
        assert command in written.stderr
        done = lockstep(*command.split()[1:])
        assert done.exit_code == 0, done.output
    corp = load(file, {}).directories["corp"]
    assert corp.mode is Mode.OBSERVE
    assert (corp.users.base, corp.default_policy) == (PEOPLE, DEFAULT_POLICY)
    assert corp.attributes.display_name == "displayName"
    assert corp.canary == f"cn=lockstep canary,ou=services,{BASE}"
    assert f'#group = "cn=staff,ou=groups,{BASE}"  # 4 members, 4 of them' in file.read_text(encoding="utf-8")


def test_a_canary_among_the_services_is_no_person(populated: Slapd, lockstep: Typed, tmp_path: Path) -> None:
    """It may well be made of a person's class: it widens neither the base of the users nor what an unlock may touch."""
    canary = populated.add_person("other-canary", parent=f"ou=services,{BASE}")
    populated.force(canary.dn, pwdAccountLockedTime="000001010000Z")
    assert lockstep(*signed_in(populated, "--output", "lockstep.toml")).exit_code == 0
    assert load(tmp_path / "lockstep.toml", {}).directories["corp"].users.base == PEOPLE


def test_the_checks_have_nothing_to_say_against_it(populated: Slapd, lockstep: Typed) -> None:
    """Missing is nothing; a password is nowhere in the file."""
    lockstep(*signed_in(populated, "--output", "lockstep.toml"))
    lockstep("--config", "lockstep.toml", "migrate")
    found = json.loads(lockstep("--config", "lockstep.toml", "check", "--online", "--json").stdout)
    assert {one["grade"] for one in found} <= {"ok", "warning", "unknown"}
    assert AGENT_PASSWORD not in Path("lockstep.toml").read_text(encoding="utf-8")
    dry = json.loads(lockstep("--config", "lockstep.toml", "sync", "--reconcile", "--dry-run", "--json").stdout)
    assert "6" in json.dumps(dry)


def test_a_file_is_never_replaced_without_force(populated: Slapd, lockstep: Typed) -> None:
    """Whatever somebody wrote there is theirs, and the directory is not even asked."""
    Path("lockstep.toml").write_text("mine", encoding="utf-8")
    refused = lockstep(*signed_in(populated, "--output", "lockstep.toml"))
    assert (refused.exit_code, "--force" in refused.stderr) == (ExitCode.USAGE, True)
    assert Path("lockstep.toml").read_text(encoding="utf-8") == "mine"
    assert lockstep(*signed_in(populated, "--output", "lockstep.toml", "--force")).exit_code == 0
    assert "[directories.corp]" in Path("lockstep.toml").read_text(encoding="utf-8")
    assert sorted(path.name for path in Path().iterdir()) == ["lockstep.toml", "password"]


def test_a_file_that_cannot_be_written_is_told(populated: Slapd, lockstep: Typed) -> None:
    """Before anything is half there."""
    refused = lockstep(*signed_in(populated, "--output", "no/such/folder/lockstep.toml"))
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (ExitCode.USAGE, True)


def test_anybody_may_look_and_is_told_what_is_missing(start_slapd: Callable[..., Slapd], lockstep: Typed) -> None:
    """Without an account: what the directory shows everybody, printed; then what has to be filled in."""
    slapd = start_slapd(access=READABLE)
    slapd.add_person("ann")
    done = lockstep("init", slapd.tls_url, "--ca-file", str(slapd.ca_file))
    assert done.exit_code == 0
    assert "Nobody signed in" in done.stdout
    assert f'base = "{PEOPLE}"' in done.stdout
    assert "password_file" in done.stderr


def test_a_directory_that_hides_its_people(slapd: Slapd, lockstep: Typed) -> None:
    """It is said that nothing was seen, and the settings are a guess."""
    done = lockstep("init", slapd.url, "--ca-file", str(slapd.ca_file))
    assert "No people could be seen" in done.stderr
    assert f'base = "{BASE}"' in done.stdout


def test_over_the_socket_the_system_says_who_asks(populated: Slapd, lockstep: Typed) -> None:
    """No password anywhere."""
    done = lockstep("init", populated.ipc_url, "--output", "lockstep.toml")
    assert done.exit_code == 0, done.output
    corp = load(Path("lockstep.toml"), {}).directories["corp"]
    assert (corp.bind.method.value, corp.users.base) == ("external", PEOPLE)
    lockstep("--config", "lockstep.toml", "migrate")
    checked = lockstep("--config", "lockstep.toml", "check", "--online")
    assert checked.exit_code == 0, checked.output


def test_without_tls_on_this_machine_it_is_plaintext(start_slapd: Callable[..., Slapd], lockstep: Typed) -> None:
    """The server offers none, and nothing leaves the machine; the settings say so."""
    slapd = start_slapd(tls=False)
    done = lockstep(
        "init", slapd.url, "--bind-dn", AGENT_DN, "--password-file", "password", "--output", "lockstep.toml"
    )
    assert done.exit_code == 0, done.output
    tls = load(Path("lockstep.toml"), {}).directories["corp"].tls
    assert tls.mode is not None
    assert (tls.mode.value, tls.allow_plaintext) == ("none", False)


def test_a_certificate_that_nobody_vouches_for_is_refused(slapd: Slapd, lockstep: Typed) -> None:
    """On this machine too, as the server offers TLS; and how to mend it."""
    for url in (slapd.url, slapd.tls_url):
        done = lockstep("init", url)
        assert (done.exit_code, "--ca-file" in done.stderr) == (ExitCode.UNREACHABLE, True)


def test_a_wrong_password_is_told(slapd: Slapd, lockstep: Typed) -> None:
    """Tried once."""
    Path("password").write_text("wrong", encoding="utf-8")
    done = lockstep(*signed_in(slapd))
    assert (done.exit_code, "correct the secret" in done.stderr) == (ExitCode.UNREACHABLE, True)


class Renamed(Disturbance):
    """Takes from slapd's root DSE the class by which OpenLDAP is recognised."""

    def replies(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Yield another class of the same length."""
        del line
        yield data.replace(b"OpenLDAProotDSE", b"AnotherProotDSE")


@pytest.mark.parametrize(
    ("vendor", "version", "name", "advice"),
    [
        ("Novell", "eDirectory 9.2", "eDirectory (Novell eDirectory 9.2)", 'dialect = "edirectory"'),
        ("Acme", "Directory 7", "Acme Directory 7", 'dialect = "generic" and a mapping'),
    ],
)
def test_another_product_is_named_and_left_to_people(
    start_slapd: Callable[..., Slapd], lockstep: Typed, vendor: str, version: str, name: str, advice: str
) -> None:
    """Rather than settings that look right and find nobody locked: it says which dialect to write."""
    root = Path("root.ldif").absolute()
    root.write_text(f"dn:\nvendorName: {vendor}\nvendorVersion: {version}\n", encoding="utf-8")
    slapd = start_slapd(tls=False, extra=(f"rootDSE {root}",))
    with fault_proxy(slapd.port) as proxy:
        proxy.disturb(Renamed)
        done = lockstep("init", proxy.url, "--output", "lockstep.toml")
    assert done.exit_code == ExitCode.FAILURE, done.output
    assert name in done.stderr
    assert advice in done.stderr
    assert not Path("lockstep.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("ldap.example.com",), "scheme"),
        (("http://ldap.example.com",), "http://"),
        (("ldap://ldap.example.com:636",), "ldaps://"),
        (("ldap://user:secret@ldap.example.com",), "must not hold a user"),
        (("ldaps://ldap.example.com", "--bind-dn", "cn=x"), "--password-file go together"),
        (("ldaps://ldap.example.com", "--password-file", "password"), "--password-file go together"),
    ],
)
def test_a_mistake_in_the_command_is_told(lockstep: Typed, arguments: tuple[str, ...], text: str) -> None:
    """Before anything is connected to; never with a password in it."""
    done = lockstep("init", *arguments)
    assert (done.exit_code, text in done.stderr) == (ExitCode.USAGE, True), done.output
    assert "secret" not in done.output


def test_a_base_can_be_named(populated: Slapd, lockstep: Typed) -> None:
    """Part of a tree, or the tree of a server that shows none."""
    found = json.loads(lockstep(*signed_in(populated, "--base", f"ou=services,{BASE}", "--json")).stdout)
    assert (found["base"], found["people"], found["file"]) == (f"ou=services,{BASE}", 0, None)
    assert 'base = "ou=services,dc=example,dc=test"' in found["settings"]
