"""What the commands print: nothing lost in a pipe, nothing obeyed that a directory wrote, JSON for programs."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from lockstep.output import Cell, say, show_record, show_table, visible

AT = datetime(2026, 11, 23, 10, 2, 11, tzinfo=UTC)
COLUMNS = ("user_name", "active", "locks", "since")
ROWS: list[tuple[Cell, ...]] = [("anna", False, ("held (lockstep)", "disabled (corp)"), AT), ("bert", True, (), None)]


def test_a_table_becomes_a_list_of_objects_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The columns' names are the keys; times are RFC 3339 in UTC, lists stay lists, nothing stays null."""
    show_table(COLUMNS, ROWS, as_json=True, empty="none")
    assert json.loads(capsys.readouterr().out) == [
        {
            "user_name": "anna",
            "active": False,
            "locks": ["held (lockstep)", "disabled (corp)"],
            "since": "2026-11-23T10:02:11Z",
        },
        {"user_name": "bert", "active": True, "locks": [], "since": None},
    ]


def test_no_rows_are_a_sentence_for_people_and_an_empty_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """A script must not have to parse a sentence."""
    show_table(COLUMNS, [], as_json=False, empty="Nobody is locked.")
    assert capsys.readouterr().out == "Nobody is locked.\n"
    show_table(COLUMNS, [], as_json=True, empty="Nobody is locked.")
    assert json.loads(capsys.readouterr().out) == []


def test_a_table_in_a_pipe_is_not_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is no width to keep to."""
    long = "x" * 300
    show_table(("one", "two"), [(long, long)], as_json=False, empty="")
    assert capsys.readouterr().out.count(long) == 2


def test_control_characters_of_a_directory_are_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """An escape sequence in a display name would paint over somebody else's line; so would a right-to-left mark."""
    show_table(("name",), [("\x1b[2Jroot\u202e [red]x[/red]",)], as_json=False, empty="")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2Jroot\\u202e [red]x[/red]" in out


def test_a_column_that_is_empty_everywhere_is_left_out_for_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A directory with one server needs no column for servers; a program can rely on the key."""
    rows: list[tuple[Cell, ...]] = [("anna", "", None, 0), ("bert", "", (), 0)]
    columns = ("name", "server", "until", "count")
    show_table(columns, rows, as_json=False, empty="")
    assert capsys.readouterr().out.splitlines()[0].split() == ["name", "count"]
    show_table(columns, rows, as_json=True, empty="")
    assert set(json.loads(capsys.readouterr().out)[0]) == set(columns)


def test_what_is_said_goes_to_standard_error_and_is_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Data and sentences never mix."""
    say("user \x07bell")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "user \\x07bell\n")


def test_a_record_leaves_out_what_has_no_value_for_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON always has the same keys."""
    fields: list[tuple[str, Cell]] = [("last_tick", AT), ("error", ""), ("mode", None)]
    show_record(fields, as_json=False)
    assert capsys.readouterr().out.split() == ["last", "tick", "2026-11-23", "10:02:11", "UTC"]
    show_record(fields, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"last_tick": "2026-11-23T10:02:11Z", "error": "", "mode": None}


def test_times_of_other_zones_are_shown_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    """One zone for everybody who compares two lines."""
    show_record([("at", AT.astimezone(timezone(timedelta(hours=2))))], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"at": "2026-11-23T10:02:11Z"}


def test_letters_of_all_scripts_stay_as_they_are() -> None:
    """Only what does not print is escaped."""
    assert visible("Zoë Ångström 山田 😀\nnext") == "Zoë Ångström 山田 😀\nnext"
