"""docs/commands.md against the program: every command, every option, every exit code, and nothing that is not there."""

import re
from collections.abc import Iterator
from functools import cache

import click
import pytest

from lockstep.__main__ import cli
from lockstep.exits import ExitCode
from tests.support.repository import ROOT


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by what is typed for it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join(("lockstep", *path, name)), command


def options(command: click.Command) -> set[str]:
    """Return the long names of a command's options."""
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    }


@cache
def sections() -> dict[str, str]:
    """Return the page's text below each heading that names a command."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    parts = re.split(r"^### `(lockstep [a-z ]+)`$", page, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


COMMANDS = dict(commands(cli))


def test_every_command_has_its_section_and_no_other_has() -> None:
    """A new command is told of, a gone one is not."""
    assert set(sections()) - {""} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_told_of_in_its_commands_section(name: str) -> None:
    """And every option that is told of exists."""
    listed = set(re.findall(r"^- `(--[a-z-]+)", sections()[name], re.MULTILINE))
    assert listed == options(COMMANDS[name])


def test_the_options_before_the_command_are_told_of() -> None:
    """Settings, debugging, version."""
    for name in options(cli):
        assert f"`{name}" in sections()[""]


def test_every_exit_code_is_told_of_in_the_same_words() -> None:
    """One enum is the truth."""
    rows = re.findall(r"^\| (\d) \| (.+) \|$", sections()[""], re.MULTILINE)
    assert rows == [(str(code.value), code.meaning) for code in ExitCode]


WITHOUT_DATA = {"lockstep demo", "lockstep run", "lockstep serve", "lockstep agent", "lockstep audit export"}
"""They run until they are stopped; the last one's own form is lines of JSON."""


def test_every_command_that_prints_data_prints_it_as_json() -> None:
    """A script never has to take a table apart."""
    assert {name for name, command in COMMANDS.items() if "--json" not in options(command)} == WITHOUT_DATA


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_explains_itself(name: str) -> None:
    """A short line for the list, a help text for each option."""
    command = COMMANDS[name]
    assert command.get_short_help_str(80)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
