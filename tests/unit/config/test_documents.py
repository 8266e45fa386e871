"""The example file and docs/settings.md: made from the types, complete, and loading when every key is un-commented."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.document import ALTERNATIVES, RULE_SAMPLES, example_toml, reference_md
from config.keys import KeyKind, all_keys, all_tables, key_at
from config.load import load_text
from config.rules import Rule
from config.settings import Settings

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "lockstep.example.toml"
REFERENCE = ROOT / "docs" / "settings.md"
KEY_LINE = re.compile(r"^#(?=[\[A-Za-z'])(?!or )", re.MULTILINE)


def uncommented(text: str) -> str:
    """Return the example with every key in force, and the dialect that goes with a mapping, which is there too."""
    return KEY_LINE.sub("", with_a_mapping(text))


def with_a_mapping(text: str) -> str:
    return text.replace('dialect = "openldap"', 'dialect = "generic"')


def leaves(values: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every file that the example names."""
    for name in ("tls/server.pem", "tls/server.key", "tls/corp-ca.pem", "secrets/corp-bind-password"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("-----BEGIN X-----\n")
    return tmp_path


def load(text: str, folder: Path, **environ: str) -> Settings:
    return load_text(text, environ, place="example", folder=folder)


def test_the_files_are_what_the_types_say() -> None:
    assert EXAMPLE.read_text() == example_toml(), "python -m config.document example > config/lockstep.example.toml"
    assert REFERENCE.read_text() == reference_md(), "python -m config.document reference > docs/settings.md"


def test_the_command_that_makes_the_files_prints_them() -> None:
    for words, output, code in ((["example"], example_toml(), 0), (["reference"], reference_md(), 0), ([], "", 1)):
        command = [sys.executable, "-m", "config.document", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.stdout, done.returncode) == (output, code)
        assert bool(done.stderr) is bool(code)


def test_the_example_sets_nothing_by_itself() -> None:
    assert tomllib.loads(EXAMPLE.read_text()) == {}


def test_every_key_of_the_example_exists_and_every_key_is_in_it() -> None:
    text = uncommented(EXAMPLE.read_text())
    mentioned = {path for path, _ in leaves(tomllib.loads(text))}
    keys = {key_at(path) for path in mentioned}
    assert None not in keys
    alternatives = {key for key in all_keys() if key.path[-1] in ALTERNATIVES}
    assert keys == set(all_keys()) - alternatives
    assert {key.path[-1] for key in alternatives} == set(re.findall(r"^#or (\w+) = ", text, re.MULTILINE))


def test_every_variable_is_named_right_beside_its_key(folder: Path) -> None:
    """Each "Variable:" line is taken at its word: set to the value of the key below it, it gives the same settings."""
    text = with_a_mapping(EXAMPLE.read_text())
    whole = load(uncommented(text), folder)
    found = re.findall(r"Variable: (LOCKSTEP_\w+)\n#(?!or )(.+?) = (.+)\n", text)
    assert len(found) == len({variable for variable, _, _ in found}) >= 80
    for variable, _, value in found:
        plain = tomllib.loads(f"x = {value}")["x"]
        written = value if isinstance(plain, list) else str(plain).lower() if isinstance(plain, bool) else str(plain)
        if variable.endswith("_FILE"):
            written = str(folder / written)
        assert load(uncommented(text), folder, **{variable: written}) == whole, variable


def test_everything_un_commented_loads(folder: Path) -> None:
    settings = load(uncommented(EXAMPLE.read_text()), folder)
    assert set(settings.directories["corp"].rules) == set(RULE_SAMPLES)


@pytest.mark.parametrize("alternative", sorted(ALTERNATIVES))
def test_each_alternative_loads_in_place_of_what_it_stands_for(alternative: str, folder: Path) -> None:
    text = EXAMPLE.read_text()
    text = re.sub(rf"^#{ALTERNATIVES[alternative]} = ", "# = ", text, flags=re.MULTILINE)
    text = re.sub(rf"^#or {alternative} = ", f"{alternative} = ", text, flags=re.MULTILINE)
    settings = load(uncommented(text), folder, CORP_BIND_PASSWORD="x")
    assert settings != load(uncommented(EXAMPLE.read_text()), folder)


def test_every_default_in_the_example_is_the_real_one() -> None:
    """Where a key shows a default that is not also its sample, writing the default changes nothing."""
    found = re.findall(r"^# Default: (.+)\. Variable: \S+\n#(\S.*?) = ", EXAMPLE.read_text(), re.MULTILINE)
    defaults = {key.path[-1]: key for key in all_keys()}
    assert len(found) >= 45
    for default, name in found:
        bare = name.strip("'")
        assert not defaults[bare].field.is_required()
        tomllib.loads(f"x = {default}")


def test_the_three_rules_show_every_key_of_a_rule() -> None:
    assert {name for names in RULE_SAMPLES.values() for name in names} == set(Rule.model_fields)


def test_every_key_and_table_is_explained() -> None:
    for key in all_keys():
        assert key.field.description, key.path
        assert key.field.description.endswith("."), key.path
    assert not [table.path for table in all_tables() if not table.type.__doc__]


def test_the_reference_names_every_key_and_variable() -> None:
    text = REFERENCE.read_text()
    for key in all_keys():
        assert f"`{key.variable}` |" in text
        assert f"`{key.path[-1]}`" in text or f"`'{key.path[-1]}'`" in text


def test_the_only_secret_is_known_as_one() -> None:
    assert {key.path for key in all_keys() if key.kind is KeyKind.SECRET} == {("directories", "*", "bind", "password")}
