"""The report: all mistakes at once, each with its place, its key and what would be right; broken files included."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.load import NO_FILE, load, load_text
from config.mistakes import Mistake, SettingsError, closest, report
from config.sources import ENVIRONMENT
from tests.support.settings_texts import PLACE, SMALLEST, changed, in_corp, loaded, reported

FULL_OF_MISTAKES = """\
colour = "red"

[web]
host = "0.0.0.0"
prot = 8080
port = true

[tenants.acme]

[connections.okta]
tenant = "acne"
role = "writer"

[directories.Corp-x]
dialect = "openldap"

[directories.corp]
dialect = "ldap"
servers = [
    "ldaps://a.example",
    "ldap://b.example:636",
    "c",
]
bsae = "dc=example,dc=com"
mode = "enforced"
schedule.tick = "1 minute"

[directories.corp.bind]
method = "external"
password = "hunter2"

[directories.corp.rules.staff]
tenant = "amce"
group = "cn=staff"
subtree = "ou=x"
"""


def test_one_report_holds_every_mistake_with_its_line() -> None:
    environ = {"LOCKSTEP_WEB_PORT": "80", "LOCKSTEP_LOG__LEVEL": "verbose"}
    with pytest.raises(SettingsError) as refused:
        loaded(FULL_OF_MISTAKES, environ)
    found = {(mistake.line, mistake.key) for mistake in refused.value.mistakes}
    assert found == {
        (0, "LOCKSTEP_WEB_PORT"),
        (0, "LOCKSTEP_LOG__LEVEL"),
        (1, "colour"),
        (3, "web"),
        (3, "web.public_url"),
        (5, "web.prot"),
        (6, "web.port"),
        (11, "connections.okta.tenant"),
        (12, "connections.okta.role"),
        (14, "directories.Corp-x"),
        (14, "directories.Corp-x.servers"),
        (14, "directories.Corp-x.base"),
        (14, "directories.Corp-x.bind"),
        (14, "directories.Corp-x.rules"),
        (17, "directories.corp.base"),
        (18, "directories.corp.dialect"),
        (19, "directories.corp.servers"),
        (24, "directories.corp.bsae"),
        (25, "directories.corp.mode"),
        (26, "directories.corp.schedule.tick"),
        (28, "directories.corp.bind"),
        (32, "directories.corp.rules.staff"),
        (33, "directories.corp.rules.staff.tenant"),
    }
    assert "hunter2" not in str(refused.value)


def test_the_report_is_grouped_by_place_and_ordered_by_line() -> None:
    mistakes = (
        Mistake(key="b", place="x.toml", text="two", line=2),
        Mistake(key="LOCKSTEP_A", place=ENVIRONMENT, text="three"),
        Mistake(key="a", place="x.toml", text="one", line=1),
        Mistake(key="", place="x.toml", text="all of it"),
    )
    assert report(mistakes).splitlines() == [
        "4 mistakes in the settings",
        "",
        "x.toml:",
        "  all of it",
        "  line 1, a: one",
        "  line 2, b: two",
        "",
        "the environment:",
        "  LOCKSTEP_A: three",
    ]
    assert report(mistakes[:1]).startswith("1 mistake in the settings\n")


def test_the_same_mistake_is_reported_once() -> None:
    mistake = Mistake(key="a", place="x", text="y")
    assert SettingsError([mistake, mistake]).mistakes == (mistake,)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("connect_timout = 5", 'directories.corp.connect_timout: no such key; did you mean "connect_timeout"?'),
        ("Canary = 'x'", 'directories.corp.Canary: no such key; did you mean "canary"?'),
        ("page-size = 5", 'directories.corp.page-size: no such key; did you mean "page_size"?'),
        (
            "method = 'external'",
            "directories.corp.method: no such key in this table; did you mean directories.<name>.bind.method?",
        ),
        (
            "tick = 5",
            "directories.corp.tick: no such key in this table; did you mean directories.<name>.schedule.tick?",
        ),
    ],
)
def test_an_unknown_key_is_reported_with_what_was_meant(lines: str, expected: str | None) -> None:
    assert reported(changed(in_corp(lines))) == [expected]


def test_an_unknown_key_like_no_other_is_reported_with_all_that_are_known() -> None:
    assert reported(changed(also="[log]\nzzz = 1\n")) == ["log.zzz: no such key; known here: format, level"]


def test_an_unknown_table_is_reported_with_what_was_meant() -> None:
    assert reported(changed(also="[tenant.beta]\n")) == ['tenant: no such key; did you mean "tenants"?']


def test_a_misspelled_scim_path_is_reported_with_the_right_one() -> None:
    text = changed(also="[directories.corp.attributes]\n'emails[type eq \"wrok\"].value' = 'mail'\n")
    (mistake,) = reported(text)
    assert 'did you mean "emails[type eq "work"].value"?' in mistake


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        ('dialect = "openldap"\n', 'dialect: is missing; for example dialect = "openldap"'),
        ('servers = ["ldaps://ldap.example.com"]\n', 'servers: is missing; for example servers = ["ldaps://'),
        ('base = "dc=example,dc=com"\n', 'base: is missing; for example base = "dc=example,dc=com"'),
        ('tenant = "acme"\n', 'rules.staff.tenant: is missing; for example tenant = "acme"'),
        ('dn = "cn=lockstep,ou=services,dc=example,dc=com"\n', "bind: needs a dn"),
        ('password = "correct-horse-battery"\n', "bind: needs a password_file, password_env or password"),
    ],
)
def test_a_missing_key_is_reported_with_an_example(old: str, reason: str) -> None:
    (mistake,) = reported(changed((old, "")))
    assert mistake.startswith(f"directories.corp.{reason}")


def test_missing_tables_are_reported() -> None:
    bind = SMALLEST[SMALLEST.index("[directories.corp.bind]") : SMALLEST.index("[directories.corp.rules")]
    rules = SMALLEST[SMALLEST.index("[directories.corp.rules") :]
    assert reported(changed((bind, ""), (rules, ""))) == [
        "directories.corp.bind: is missing: a table [directories.corp.bind]",
        "directories.corp.rules: is missing: at least one table [directories.corp.rules.staff]",
    ]


def test_nothing_at_all_is_reported_as_what_is_needed() -> None:
    assert reported("") == [
        "directories: is missing: write at least one table, such as [directories.corp]",
        "tenants: is missing: write at least one table, such as [tenants.acme]",
    ]
    with pytest.raises(SettingsError, match="no settings file") as refused:
        load(None, {})
    assert {mistake.place for mistake in refused.value.mistakes} == {NO_FILE}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tenants = 1", "tenants: must be a table"),
        ("tenants = []", "tenants: must be a table"),
        ("[[tenants]]", "tenants: must be a table"),
        ("web = 'x'", "web: must be a table"),
        ("[tenants]\nacme = 'x'", "tenants.acme: must be a table"),
        ("directories.corp = 5", "directories.corp: must be a table"),
    ],
)
def test_what_should_be_a_table_is_reported(text: str, expected: str | None) -> None:
    assert expected in reported(text)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("canary = 5", "canary: must be a text in quotation marks"),
        ('canary = ""', "canary: must not be empty"),
        ('canary = "uid=c;dc=x"', 'canary: "uid=c;dc=x" is not below'),
        ('canary = "example.com"', "canary: \"example.com\" is no DN: 'example.com' lacks name=value"),
        ('rules.x = {tenant = "acme", group = 5}', "rules.x.group: must be a text in quotation marks"),
        ("page_size = 0", "page_size: must be at least 1"),
        ("page_size = 10001", "page_size: must be at most 10000"),
        ("page_size = 1.5", "page_size: must be a whole number, not 1.5"),
        ("page_size = []", "page_size: must be a whole number, not a list"),
        ("page_size = 99999999999999999999999999999999999", "page_size: must be at most 10000"),
        ("connect_timeout = 0", "connect_timeout: must be at least 1"),
        ('connect_timeout = "2m"', "connect_timeout: must be at most 60"),
        ("connect_timeout = 2.5", 'connect_timeout: must be whole seconds, or a text such as "30s"'),
        ("schedule.tick = 0", "schedule.tick: must be at least 1s"),
        ('schedule.tick = "2d"', "schedule.tick: must be at most 24h"),
        ('schedule.reconcile_every = "5s"', "schedule.reconcile_every: must be at least 10s"),
        ('schedule.reconcile_at = "2:30"', 'schedule.reconcile_at: must be a time of day as "HH:MM"'),
        ('mode = "Enforce"', 'mode: must be "observe" or "enforce", not "Enforce"'),
        ("mode = true", 'mode: must be "observe" or "enforce", not true'),
        ('users.filter = "uid=*"', 'users.filter: "uid=*" is no LDAP filter: it must be in parentheses'),
        ("users.scope = 'sub'", 'users.scope: must be "subtree" or "onelevel", not "sub"'),
        ("tls.allow_plaintext = 'no'", 'tls.allow_plaintext: must be true or false, not "no"'),
        ("tls.ca_file = '/no/such.pem'", "tls.ca_file: /no/such.pem cannot be read: No such file or directory"),
        ("tls.ca_file = '/etc/passwd'", "tls.ca_file: /etc/passwd holds no PEM block"),
        ("attributes.userName = ''", "attributes.userName: must not be empty"),
        ("attributes.title = 'job title'", 'attributes.title: "job title" is no attribute name'),
        ("attributes.title = ['a']", "attributes.title: must be a text in quotation marks"),
    ],
)
def test_a_wrong_value_is_reported_with_what_would_be_right(lines: str, expected: str | None) -> None:
    (mistake,) = reported(changed(in_corp(lines)))
    assert mistake.startswith(f"directories.corp.{expected}")


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[web]\nhost = localhost\n", "line 2", "a text needs quotation marks"),
        ("[web]\nbehind_proxy = True\n", "line 2", "true and false are written small"),
        ("[web]\nport = 1\nport = 2\n", "line 3", "the same key is given twice"),
        ("[web]\n[log]\n[web]\n", "line 3", "each [table] may be there once"),
        ("[web]\nhost = 'x\n", "end of document", "must close on the same line"),
        ('[web]\nkey_file = "C:\\keys"\n', "line 2", "single quotation marks"),
        ("[web\n", "line 1", ""),
        ("host", "end of document", ""),
        ("a = " + "[" * 5000, "", "nested too deeply"),
    ],
)
def test_broken_toml_is_reported_with_its_line_and_a_hint(text: str, line: str, hint: str) -> None:
    (mistake,) = reported(text)
    assert mistake.startswith(": is no valid TOML")
    assert line in mistake
    assert hint in mistake


def test_broken_toml_does_not_hide_unknown_variables() -> None:
    assert len(reported("[web", {"LOCKSTEP_WEB_PORT": "1"})) == 2


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert reported("\ufeff" + SMALLEST) == []


def test_files_that_cannot_be_read_are_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"# \xe4\n")
    for name, reason in (("gone", "No such file"), ("", "Is a directory"), ("latin", "not UTF-8 text (at byte 2)")):
        with pytest.raises(SettingsError) as refused:
            load(tmp_path / name, {})
        assert str(tmp_path / name) in str(refused.value)
        assert reason in str(refused.value)


def test_relative_files_start_at_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "lockstep.toml").write_text(changed(in_corp('tls.ca_file = "ca.pem"')))
    settings = load(tmp_path / "lockstep.toml", {})
    assert settings.directories["corp"].tls.ca_file == tmp_path / "ca.pem"


def test_relative_files_in_variables_start_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    monkeypatch.chdir(tmp_path)
    settings = loaded(environ={"LOCKSTEP_DIRECTORIES__CORP__TLS__CA_FILE": "ca.pem"})
    assert settings.directories["corp"].tls.ca_file == tmp_path / "ca.pem"


def test_table_names_are_checked() -> None:
    for name in ("Acme", "a-b", "a__b", "_a", "a_", "'a b'", "'ä'", "''"):
        assert any("is no name: use a-z" in mistake for mistake in reported(changed(also=f"[tenants.{name}]\n")))
    assert reported(changed(also="[tenants.a_1_b]\n[tenants.42]\n")) == []


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("pasword", ["password", "port"], "password"),
        ("PASS-WORD", ["pass_word"], "pass_word"),
        ("zzz", ["password"], None),
        ("x", [], None),
    ],
)
def test_the_word_that_was_meant_is_found(word: str, known: list[str], meant: str | None) -> None:
    assert closest(word, known) == meant


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(min_value=-99, max_value=99, width=16) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["corp", "base", "x"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(st.sampled_from(["web", "tenants", "directories", "connections", "protected", "affiliation"]), TREES)
def test_any_shape_of_any_table_ends_in_a_report(name: str, tree: object) -> None:
    text = f"{name} = {_toml(tree)}\n"
    with pytest.raises(SettingsError) as refused:
        load_text(text, {}, place=PLACE, folder=Path("/"))
    assert all(str(mistake) for mistake in refused.value.mistakes)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return "0" if value is None else repr(value)
