"""Secrets: read from each place, read anew after a change, and shown nowhere."""

import copy
import json
import logging
import os
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.mistakes import SettingsError
from config.secrets import MAX_BYTES, Secret, SecretUnreadable
from config.settings import Settings
from tests.support.settings_texts import PASSWORD, changed, loaded, reported

IN_FILE = f'password = "{PASSWORD}"'


def bind_password(settings: Settings) -> Secret:
    secret = settings.directories["corp"].bind.password
    assert secret is not None
    return secret


def test_a_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    secret = bind_password(loaded(changed((IN_FILE, 'password_file = "password"')), folder=tmp_path))
    first = secret.fingerprint()
    assert secret.read() == "first"
    file.write_text("second\n")
    assert secret.read() == "second"
    assert secret.fingerprint() != first
    file.write_text("first")
    assert secret.fingerprint() == first


@pytest.mark.parametrize(
    ("content", "text"),
    [("x\n", "x"), ("x\r\n", "x"), ("x", "x"), ("x\n\n", "x\n"), (" x \n", " x "), ("x\r", "x\r"), ("ä€\n", "ä€")],
)
def test_one_line_end_is_taken_off_and_nothing_else(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "password").write_bytes(content.encode())
    assert Secret(file=tmp_path / "password").read() == text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"a\0b", "NUL"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (MAX_BYTES + 1), "longer than"),
    ],
)
def test_an_unusable_file_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(SecretUnreadable, match=re.escape(str(tmp_path / "password")) + f".*{reason}"):
        Secret(file=tmp_path / "password").read()


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("gone", "No such file"), ("", "no regular file"), ("pipe", "no regular file")):
        with pytest.raises(SecretUnreadable, match=reason):
            Secret(file=tmp_path / name).read()


def test_a_variable_holds_the_secret() -> None:
    text = changed((IN_FILE, 'password_env = "CORP_PW"'))
    assert bind_password(loaded(text, {"CORP_PW": "from-variable"})).read() == "from-variable"


@pytest.mark.parametrize("environ", [{}, {"CORP_PW": ""}, {"CORP_PW": "a\0b"}, {"CORP_PW": "\udcff"}])
def test_a_variable_without_a_secret_is_reported(environ: dict[str, str]) -> None:
    (mistake,) = reported(changed((IN_FILE, 'password_env = "CORP_PW"')), environ)
    assert mistake.startswith("directories.corp.bind.password_env: ")


def test_a_lockstep_variable_counts_more_than_the_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-file")
    for ending, value, expected in (("", "direct", "direct"), ("_FILE", str(tmp_path / "password"), "from-file")):
        environ = {f"LOCKSTEP_DIRECTORIES__CORP__BIND__PASSWORD{ending}": value}
        assert bind_password(loaded(environ=environ)).read() == expected


def test_two_ways_in_one_place_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x")
    text = changed((IN_FILE, f'{IN_FILE}\npassword_file = "password"'))
    assert reported(text, folder=tmp_path) == [
        "directories.corp.bind.password: is given 2 times (password_file, password): keep one",
    ]


def test_an_unreadable_file_is_named() -> None:
    text = changed((IN_FILE, 'password_file = "/no/such/file"'))
    assert reported(text) == [
        "directories.corp.bind.password_file: /no/such/file cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    "line",
    [
        'password_file = "hunter2"',
        'password_env = "hunter2"',
        'password_env = "hunter 2 hunter2"',
        'pasword = "hunter2"',
        'password = ["hunter2"]',
        'password = {value = "hunter2"}',
        'password = "hunter2\\u0000"',
        'passwd = "hunter2"',
        'password_file = ["hunter2"]',
        'dn2 = "hunter2"',
        'password = 2\nfile = "hunter2"',
    ],
)
def test_a_secret_in_the_wrong_key_or_form_is_not_repeated(line: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(changed((IN_FILE, line)))
    assert "hunter2" not in str(refused.value) + repr(refused.value) + repr(refused.value.mistakes)


def test_a_secret_where_a_table_belongs_is_not_repeated() -> None:
    text = changed(("[directories.corp.bind]\n", ""), ('dn = "cn=lockstep,ou=services,dc=example,dc=com"\n', ""))
    (mistake,) = reported(text.replace(IN_FILE, f'bind = "{PASSWORD}"'))
    assert mistake == "directories.corp.bind: must be a table"


@pytest.mark.parametrize("written", ['""', "12345", "true", "1.5"])
def test_a_secret_must_be_a_text(written: str) -> None:
    (mistake,) = reported(changed((IN_FILE, f"password = {written}")))
    assert mistake.startswith("directories.corp.bind.password: ")
    assert "12345" not in mistake


def test_no_way_of_showing_settings_shows_the_secret(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "true")
    with caplog.at_level(logging.DEBUG):
        settings = loaded()
    secret = bind_password(settings)
    shown = [
        repr(settings),
        str(settings),
        f"{secret}{secret!r}{[secret]}",
        str(settings.model_dump()),
        settings.model_dump_json(),
        json.dumps(settings.model_dump(mode="json")),
        str(settings.model_copy(deep=True)),
        caplog.text,
        secret.fingerprint(),
        secret.place,
    ]
    assert secret.read() == PASSWORD
    assert not [text for text in shown if PASSWORD in text]


def test_a_secret_is_not_pickled_and_copies_are_itself() -> None:
    secret = Secret("x")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


def test_a_secret_has_one_place() -> None:
    for arguments in ((None,), ()):
        with pytest.raises(ValueError, match="either"):
            Secret(*arguments)


def test_equal_is_what_comes_from_the_same_place(tmp_path: Path) -> None:
    assert Secret("x") == Secret("x")
    assert Secret("x") != Secret("y")
    assert Secret(file=tmp_path) == Secret(file=tmp_path) != Secret("x")
    assert Secret("x") != "x"
    assert len({Secret("x"), Secret("x"), Secret(file=tmp_path)}) == 2


def test_fingerprints_tell_secrets_and_their_owners_apart() -> None:
    assert Secret("x").fingerprint() == Secret("x").fingerprint()
    assert Secret("x").fingerprint("cn=a") != Secret("x").fingerprint("cn=b")
    assert re.fullmatch(r"[0-9a-f]{32}", Secret("x").fingerprint())


@given(st.text().filter(lambda text: "\0" not in text and text.removesuffix("\r")))
def test_whatever_is_written_to_a_file_is_read_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("secret") / "password"
    file.write_bytes(text.encode() + b"\n")
    assert Secret(file=file).read() == text.removesuffix("\r")
