"""The settings that `lockstep init` writes load, whatever the directory holds, and observe only."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.directories.dialect import Knowledge, Policy
from agent.directories.openldap_survey import Group, Survey
from config import directories
from config.load import load_text
from config.settings import Settings
from lockstep.first_settings import Way, next_commands, settings_text, tenant_name

BASE = "dc=example,dc=com"
FOUND = Survey(
    base=BASE,
    contexts=(BASE, "dc=other"),
    people=12,
    users_base=f"ou=people,{BASE}",
    users_class="inetOrgPerson",
    user_name="mail",
    display_name="displayName",
    ppolicy=True,
    policies=(Policy(knowledge=Knowledge.KNOWN, source=f"cn=default,{BASE}", lockout=True, max_failures=5),),
    default_policy=f"cn=default,{BASE}",
    groups=(Group(dn=f"cn=staff,ou=groups,{BASE}", members=12, people=11),),
    locked_for_good=(f"uid=someone,{BASE}", f"uid=lockstep-canary,{BASE}"),
)


@pytest.fixture
def way(tmp_path: Path) -> Way:
    """Return a way in with a password in a file."""
    file = tmp_path / "bind-password"
    file.write_text("secret", encoding="utf-8")
    return Way(url="ldaps://ldap.example.com", bind_dn=f"cn=lockstep,{BASE}", password_file=file)


def loaded(found: Survey, way: Way, file: Path) -> Settings:
    """Return the settings that are written."""
    text = settings_text(found, way, "OpenLDAP", file)
    return load_text(text, {}, place="lockstep.toml", folder=file.parent)


def test_they_load_and_observe(way: Way, tmp_path: Path) -> None:
    """Everything that was found is in them; nobody is locked."""
    settings = loaded(FOUND, way, tmp_path / "lockstep.toml")
    corp = settings.directories["corp"]
    assert corp.mode is directories.Mode.OBSERVE
    assert (corp.base, corp.users.base, corp.users.filter) == (BASE, f"ou=people,{BASE}", "(objectClass=inetOrgPerson)")
    assert (corp.attributes.user_name, corp.attributes.display_name) == ("mail", "displayName")
    assert (corp.default_policy, corp.canary) == (f"cn=default,{BASE}", f"uid=lockstep-canary,{BASE}")
    assert [(rule.tenant, rule.subtree, rule.restore) for rule in corp.rules.values()] == [
        ("example", f"ou=people,{BASE}", False)
    ]
    assert settings.store.url == f"sqlite:///{tmp_path}/lockstep.db"


def test_the_lines_to_choose_from_load_too(way: Way, tmp_path: Path) -> None:
    """A group instead of everybody, a role's group: comments that only need their # taken away."""
    text = settings_text(FOUND, way, "OpenLDAP", tmp_path / "lockstep.toml")
    text = text.replace("\nsubtree =", "\n#subtree =")
    for key in ("group =", "restore =", "display_name =", "[tenants.example.roles]", "co_administrator ="):
        assert f"\n#{key}" in text
        text = text.replace(f"\n#{key}", f"\n{key}")
    settings = load_text(text, {}, place="lockstep.toml", folder=tmp_path)
    (rule,) = settings.directories["corp"].rules.values()
    assert (rule.group, rule.restore) == (f"cn=staff,ou=groups,{BASE}", True)
    assert settings.tenants["example"].roles.co_administrator is not None


def test_the_first_lines_say_what_to_type(way: Way, tmp_path: Path) -> None:
    """Three commands, each with the file."""
    file = tmp_path / "my settings.toml"
    head = settings_text(FOUND, way, "OpenLDAP", file).splitlines()[:4]
    assert [line.removeprefix("#   ") for line in head[1:]] == list(next_commands(file))
    assert f"--config '{file}' migrate" in head[1]


def test_what_a_directory_says_adds_no_line(way: Way, tmp_path: Path) -> None:
    """A DN full of quotation marks, line ends and control characters stays within its quotation marks."""
    evil = 'cn=x\\"\n[unlock]\ndisabled = "write"\n#\x1b[2J\x7f,dc=example,dc=com'
    policy = replace(FOUND.policies[0], source=evil)
    found = replace(
        FOUND,
        contexts=(BASE, evil),
        policies=(policy,),
        groups=(Group(dn=evil, members=1, people=1),),
        locked_for_good=(evil,),
    )
    text = settings_text(found, way, evil, tmp_path / "lockstep.toml")
    assert "\x1b" not in text
    assert "\x7f" not in text
    settings = load_text(text, {}, place="lockstep.toml", folder=tmp_path)
    assert settings.unlock.disabled.value == "directory"


def test_what_was_not_found_is_left_to_choose(way: Way, tmp_path: Path) -> None:
    """An empty look at a directory gives settings all the same."""
    nothing = Survey(
        base=BASE,
        contexts=(),
        people=0,
        users_base=BASE,
        users_class="inetOrgPerson",
        user_name="uid",
        display_name="cn",
        ppolicy=True,
    )
    corp = loaded(nothing, way, tmp_path / "lockstep.toml").directories["corp"]
    assert (corp.default_policy, corp.canary) == (None, None)
    text = settings_text(replace(nothing, ppolicy=False), way, "OpenLDAP", None)
    assert "ppolicy is not loaded" in text
    assert "No policy can be seen" in settings_text(nothing, way, "OpenLDAP", None)


def test_the_ways_in(tmp_path: Path) -> None:
    """A socket needs no password, a server without TLS on this machine is said to have none."""
    file = tmp_path / "lockstep.toml"
    socket = loaded(FOUND, Way(url="ldapi://%2Frun%2Fldapi", external=True), file).directories["corp"]
    assert socket.bind.method is directories.BindMethod.EXTERNAL
    anybody = settings_text(FOUND, Way(url="ldap://127.0.0.1:1389", plaintext=True), "OpenLDAP", file)
    assert 'tls = { mode = "none" }' in anybody
    assert "Nobody signed in" in anybody


def test_packages_keep_the_store_where_packages_do(way: Way) -> None:
    """Settings in /etc, data in /var/lib."""
    text = settings_text(FOUND, way, "OpenLDAP", Path("/etc/lockstep/lockstep.toml"))
    assert '\n#url = "sqlite:////var/lib/lockstep/lockstep.db"' in text


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("dc=Example,dc=com", "example"),
        ("o=Acme & Sons GmbH", "acme_sons_gmbh"),
        ("o=東京", "main"),
        ("o=__x-y__", "x_y"),
    ],
)
def test_a_tenant_is_named_after_the_base(base: str, name: str) -> None:
    """As far as a name of settings may look like it."""
    assert tenant_name(base) == name
