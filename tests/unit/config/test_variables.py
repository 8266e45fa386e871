"""Environment variables: every key has one, it counts more than the file, and one that is not known is reported."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.keys import ANY_NAME, Key, all_keys
from config.load import load
from config.sources import tree_of_variables
from tests.support.settings_texts import SMALLEST, changed, in_corp, loaded, reported

CORP = "LOCKSTEP_DIRECTORIES__CORP__"
ALL_BY_VARIABLES = {
    "LOCKSTEP_TENANTS__ACME__DISPLAY_NAME": "Acme Ltd.",
    f"{CORP}DIALECT": "openldap",
    f"{CORP}SERVERS": "ldaps://ldap1.example.com, ldaps://ldap2.example.com",
    f"{CORP}BASE": "dc=example,dc=com",
    f"{CORP}BIND__DN": "cn=lockstep,dc=example,dc=com",
    f"{CORP}BIND__PASSWORD": "x",
    f"{CORP}RULES__STAFF__TENANT": "acme",
    f"{CORP}RULES__STAFF__GROUP": "cn=staff,dc=example,dc=com",
}


def test_variables_alone_are_enough() -> None:
    settings = load(None, ALL_BY_VARIABLES)
    corp = settings.directories["corp"]
    assert [server.host for server in corp.servers] == ["ldap1.example.com", "ldap2.example.com"]
    assert corp.rules["staff"].tenant == "acme"


def test_a_variable_counts_more_than_the_file_and_leaves_its_neighbours() -> None:
    text = changed(in_corp("connect_timeout = 7\nreceive_timeout = 8"))
    corp = loaded(text, {f"{CORP}CONNECT_TIMEOUT": "9"}).directories["corp"]
    assert (corp.connect_timeout, corp.receive_timeout) == (9, 8)


def test_every_kind_of_value_is_read_from_a_text() -> None:
    settings = loaded(
        environ={
            "LOCKSTEP_WEB__PORT": "8443",
            "LOCKSTEP_UNLOCK__DEPROVISIONED": "TRUE",
            "LOCKSTEP_AFFILIATION__CONFIRM": "0",
            "LOCKSTEP_LOG__LEVEL": "debug",
            "LOCKSTEP_PROTECTED__USER_NAMES": " root ,backup,",
            "LOCKSTEP_PROTECTED__DNS": '["cn=a,dc=x", "cn=b,dc=x"]',
            "LOCKSTEP_WEB__BEHIND_PROXY": "true",
            "LOCKSTEP_WEB__TRUSTED_PROXIES": "10.0.0.0/8",
            f"{CORP}ATTRIBUTES__GIVEN_NAME": "gn",
            f"{CORP}ATTRIBUTES__WORK_EMAIL": "rfc822Mailbox",
            f"{CORP}SCHEDULE__RECONCILE_AT": "23:15",
        },
    )
    corp = settings.directories["corp"]
    assert settings.web.port == 8443
    assert settings.unlock.deprovisioned is True
    assert settings.affiliation.confirm == timedelta(0)
    assert settings.log.level.value == "debug"
    assert settings.protected.user_names == ("root", "backup")
    assert settings.protected.dns == ("cn=a,dc=x", "cn=b,dc=x")
    assert settings.web.trusted_proxies == (ip_network("10.0.0.0/8"),)
    assert (corp.attributes.given_name, corp.attributes.work_email) == ("gn", "rfc822Mailbox")
    assert str(corp.schedule.daily_at) == "23:15:00"


def test_one_dn_is_a_list_of_one() -> None:
    assert loaded(environ={"LOCKSTEP_PROTECTED__DNS": "cn=a,dc=x"}).protected.dns == ("cn=a,dc=x",)


def test_a_list_in_the_file_may_be_a_text_too() -> None:
    text = changed(('["ldaps://ldap.example.com"]', '"ldaps://a.example,ldaps://b.example"'))
    assert len(loaded(text).directories["corp"].servers) == 2


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("LOCKSTEP_PROTECTED__DNS", "[cn=a]", "is no JSON list"),
        ("LOCKSTEP_PROTECTED__DNS", '["cn=a",', "is no JSON list"),
        ("LOCKSTEP_PROTECTED__USER_NAMES", "[1]", "item 1 must be a text in quotation marks"),
        ("LOCKSTEP_PROTECTED__USER_NAMES", "root,root", 'names "root" twice'),
        ("LOCKSTEP_WEB__PORT", "http", 'must be a whole number, not "http"'),
        ("LOCKSTEP_WEB__PORT", "8.5", 'must be a whole number, not "8.5"'),
        ("LOCKSTEP_UNLOCK__DEPROVISIONED", "yes", 'must be true or false, not "yes"'),
        ("LOCKSTEP_STORE__URL", "postgresql://u:hunter2@h/d", 'must begin with "sqlite:////"'),
        (f"{CORP}SERVERS", "ldaps://a.example ldaps://b.example", "must name one host"),
        (f"{CORP}RULES__STAFF__TENANT", "acne", 'did you mean "acme"?'),
    ],
)
def test_a_wrong_value_is_reported_under_its_variable(variable: str, value: str, reason: str) -> None:
    (mistake,) = reported(environ={variable: value})
    assert mistake.startswith(f"{variable}: ")
    assert reason in mistake
    assert "hunter2" not in mistake


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("LOCKSTEP_WEB_PORT", "LOCKSTEP_WEB__PORT"),
        ("LOCKSTEP_WEB__PROT", "LOCKSTEP_WEB__PORT"),
        ("lockstep_web__port", "LOCKSTEP_WEB__PORT"),
        ("LOCKSTEP_Web__Port", "LOCKSTEP_WEB__PORT"),
        ("LOCKSTEP_DIRECTORIES_CORP_BASE", None),
        ("LOCKSTEP_DIRECTORY__CORP__BASE", "LOCKSTEP_DIRECTORIES__CORP__BASE"),
        ("LOCKSTEP_DIRECTORIES__CORP__BIND__PASSWD", "LOCKSTEP_DIRECTORIES__CORP__BIND__PASSWORD"),
        ("LOCKSTEP_DIRECTORIES__CORP__ATTRIBUTES__GIVENNAME", "LOCKSTEP_DIRECTORIES__CORP__ATTRIBUTES__GIVEN_NAME"),
        ("LOCKSTEP_CONFIG_FILE", None),
        ("LOCKSTEP_", None),
        ("LOCKSTEP_WEB__", None),
        ("LOCKSTEP_WEB", None),
    ],
)
def test_an_unknown_variable_is_reported_with_what_was_meant(variable: str, meant: str | None) -> None:
    (mistake,) = reported(environ={variable: "hunter2"})
    assert mistake.startswith(f"{variable}: no such setting; ")
    assert meant is None or f"did you mean {meant}?" in mistake
    assert "hunter2" not in mistake


def test_an_empty_variable_counts_as_not_set() -> None:
    assert loaded(environ={"LOCKSTEP_WEB__PORT": "", "LOCKSTEP_WEB__HOST": "  "}).web.port == 8080
    assert reported(environ={"LOCKSTEP_WEB__PROT": ""}) != []


def test_other_programs_variables_are_none_of_ours() -> None:
    assert reported(environ={"PATH": "/bin", "LOCKSTEPS_X": "1", "MY_LOCKSTEP_WEB__PORT": "x"}) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOCKSTEP_SERVICE_HOST", "10.1.2.3"),
        ("LOCKSTEP_SERVICE_PORT", "443"),
        ("LOCKSTEP_SERVICE_PORT_HTTPS", "443"),
        ("LOCKSTEP_PORT", "tcp://10.1.2.3:443"),
        ("LOCKSTEP_PORT_443_TCP", "tcp://10.1.2.3:443"),
        ("LOCKSTEP_PORT_443_TCP_PROTO", "tcp"),
        ("LOCKSTEP_PORT_443_TCP_PORT", "443"),
        ("LOCKSTEP_PORT_443_TCP_ADDR", "10.1.2.3"),
        ("LOCKSTEP_WEB_SERVICE_HOST", "10.1.2.3"),
        ("LOCKSTEP_WEB_PORT", "tcp://10.1.2.3:443"),
        ("LOCKSTEP_WEB_PORT_8080_TCP_PORT", "8080"),
    ],
)
def test_what_kubernetes_places_for_a_service_named_lockstep_is_passed_over(variable: str, value: str) -> None:
    assert reported(environ={variable: value}) == []


def test_a_port_by_variable_is_not_taken_for_kubernetes() -> None:
    assert loaded(environ={"LOCKSTEP_WEB__PORT": "9000"}).web.port == 9000
    assert reported(environ={"LOCKSTEP_PORT": "9000"}) != []


def test_lockstep_config_names_the_file_and_an_argument_counts_more(tmp_path: Path) -> None:
    for name, port in (("one", 1001), ("two", 1002)):
        (tmp_path / name).write_text(SMALLEST + f"[web]\nport = {port}\n")
    environ = {"LOCKSTEP_CONFIG": str(tmp_path / "one")}
    assert load(None, environ).web.port == 1001
    assert load(tmp_path / "two", environ).web.port == 1002


def test_the_process_environment_is_not_read_behind_the_callers_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_WEB__PORT", "9999")
    monkeypatch.setenv("WEB", '{"port": 9999}')
    monkeypatch.setenv("STORE", "x")
    assert loaded().web.port == 8080


@given(
    st.sampled_from(all_keys()),
    st.from_regex(r"[a-z0-9]+(_[a-z0-9]+)*", fullmatch=True),
    st.from_regex(r"[a-z0-9]+(_[a-z0-9]+)*", fullmatch=True),
)
def test_every_key_can_be_set_by_its_variable_under_any_names(key: Key, first: str, second: str) -> None:
    """The tree that a variable makes has its value exactly at the key's path, whatever the tables are called."""
    names = iter((first, second))
    path = tuple(next(names) if part == ANY_NAME else part for part in key.path)
    chosen = iter((first, second))
    variable = "LOCKSTEP_" + "__".join(next(chosen) if part == ANY_NAME else part for part in key.parts).upper()
    tree = tree_of_variables({variable: "value"})
    assert tree.mistakes == []
    assert list(tree.variables) == [path]
    found: Any = tree.values
    for part in path:
        found = found[part]
    assert found == "value"


@given(st.dictionaries(st.from_regex(r"LOCKSTEP_[A-Z_]{0,30}", fullmatch=True), st.text(max_size=5), max_size=5))
def test_any_variables_end_in_settings_or_in_a_report(environ: dict[str, str]) -> None:
    environ.pop("LOCKSTEP_CONFIG", None)
    assert all(mistake.startswith("LOCKSTEP_") for mistake in reported(environ=environ))
