"""`lockstep audit verify` and `export`, as an auditor uses them: on the box, and elsewhere with nothing but files."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from agent.heads import HeadKeeper, append_head
from lockstep import proving
from lockstep.__main__ import cli
from tests.support.installation import Installation, logging_as_before
from tests.support.repository import read
from tests.support.tampering import Tamperer


@pytest.fixture
def recorded(installation: Installation) -> Installation:
    """Return an installation that has recorded a few rows: tokens made, people looked at."""
    for number in range(4):
        installation.ok("token", "create", "--role", "operator", "--label", f"monitor {number}")
    installation.ok("users")
    return installation


def tamper(installation: Installation, statement: str) -> None:
    """Change the store's file behind Lockstep's back."""
    tamperer = Tamperer(installation.folder / "lockstep.db", 0)
    tamperer.sql(statement)
    tamperer.close()


def keep_head(installation: Installation, file: Path) -> None:
    """Append the head as it is now to a file, as an agent does."""
    with installation.wired() as wiring:
        HeadKeeper(wiring.store, file).keep()


def broken(installation: Installation, *options: str) -> list[tuple[str, int, int]]:
    """Return the breaks that `verify` names; it must fail for them."""
    result = installation.run("audit", "verify", "--json", *options)
    assert result.exit_code == 1, result.output
    report = json.loads(result.stdout)
    assert report["holds"] is False
    return [(one["kind"], one["first"], one["last"]) for one in report["breaks"]]


def test_rows_are_listed_with_their_numbers(recorded: Installation) -> None:
    """What a break's position refers to."""
    assert [row["number"] for row in recorded.json("audit", "list")] == [5, 4, 3, 2, 1]


def test_a_sound_chain_holds(recorded: Installation) -> None:
    """In words and in JSON."""
    report = recorded.json("audit", "verify")
    assert (report["holds"], report["rows"], report["number"], report["breaks"]) == (True, 5, 5, [])
    assert (
        f"The chain holds: 5 rows up to number 5, of the store {report['store']}"
        in recorded.ok("audit", "verify").stdout
    )


def test_a_broken_chain_fails_and_names_the_place(recorded: Installation) -> None:
    """The first break and all others."""
    tamper(recorded, "UPDATE audit SET actor = 'nobody' WHERE number = 2")
    tamper(recorded, "DELETE FROM audit WHERE number = 4")
    assert broken(recorded) == [("edited", 2, 2), ("missing", 4, 4)]
    told = recorded.run("audit", "verify").stdout
    assert "The first break is at number 2" in told
    assert "missing: row 4: missing" in told


def test_the_configured_heads_are_looked_at_unasked(recorded: Installation) -> None:
    """An end that was cut off shows in no other way; a heads file that is gone is told of."""
    heads = recorded.folder / "heads.jsonl"
    recorded.more = f'[audit]\nheads_file = "{heads}"\n'
    recorded.write()
    assert f"There is no {heads} yet" in recorded.ok("audit", "verify").stderr
    keep_head(recorded, heads)
    assert recorded.json("audit", "verify")["heads"] == 1
    tamper(recorded, "DELETE FROM audit WHERE number > 3")
    tamper(recorded, "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'audit'")
    assert broken(recorded) == [("truncated", 4, 5)]


def test_heads_from_elsewhere_can_be_named(recorded: Installation, tmp_path: Path) -> None:
    """A line that is no head is named, and nothing is verified without it."""
    heads = tmp_path / "elsewhere.jsonl"
    keep_head(recorded, heads)
    assert recorded.json("audit", "verify", "--heads", str(heads))["heads"] == 1
    heads.write_text(heads.read_text() + "{}\n")
    refused = recorded.run("audit", "verify", "--heads", str(heads))
    assert refused.exit_code == 2
    assert f"{heads}, line 2 is not a head of the audit" in refused.stderr


def test_an_export_is_verified_without_the_store(recorded: Installation, tmp_path: Path) -> None:
    """On a machine that has neither settings nor a store; the file is its owner's only."""
    out = tmp_path / "export.jsonl"
    recorded.ok("audit", "export", "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert elsewhere(out) == 0
    lines = out.read_text().splitlines()
    printed = recorded.ok("audit", "export").stdout.splitlines()
    assert lines[1:] == printed[1:]
    for changed, code in (
        ([lines[0], *lines[2:]], 1),
        (lines[:-1], 1),
        ([*lines[:3], lines[3].replace("monitor", "Monitor"), *lines[4:]], 1),
        ([*lines[:3], "[]", *lines[4:]], 2),
        (lines[1:], 2),
        ([], 2),
    ):
        out.write_text("".join(f"{line}\n" for line in changed))
        assert elsewhere(out) == code


def elsewhere(export: Path) -> int:
    """Return the exit code of `verify --export` where nothing else is there."""
    runner = CliRunner(env={"LOCKSTEP_CONFIG": "/nonexistent"})
    with logging_as_before():
        return runner.invoke(cli, ["audit", "verify", "--export", str(export)]).exit_code


def test_an_export_from_a_time_on_is_verified_too(recorded: Installation, tmp_path: Path) -> None:
    """It takes the chain up after the row before; nothing recorded since then is no mistake."""
    at = recorded.json("audit", "list")[2]["at"]
    for since, rows in ((at, 3), ("2100-01-01", 0)):
        out = tmp_path / f"{rows}.jsonl"
        recorded.ok("audit", "export", "--since", since, "--out", str(out))
        report = recorded.json("audit", "verify", "--export", str(out))
        assert (report["holds"], report["rows"], report["number"]) == (True, rows, 5)


def test_one_tenant_s_part_says_that_it_is_no_chain(recorded: Installation, tmp_path: Path) -> None:
    """When it is made, and when somebody tries to verify it."""
    out = tmp_path / "acme.jsonl"
    assert "cannot be verified" in recorded.ok("audit", "export", "--tenant", "acme", "--out", str(out)).stderr
    refused = recorded.run("audit", "verify", "--export", str(out))
    assert refused.exit_code == 2
    assert "holds the rows of acme only" in refused.stderr


def test_an_export_overwrites_nothing(recorded: Installation, tmp_path: Path) -> None:
    """Nor does it leave half a file where the disk is full."""
    there = tmp_path / "there"
    there.write_text("something else")
    refused = recorded.run("audit", "export", "--out", str(there))
    assert (refused.exit_code, there.read_text()) == (2, "something else")
    assert "cannot be made" in refused.stderr


def test_the_verifier_in_the_documentation_works(recorded: Installation, tmp_path: Path) -> None:
    """An auditor can write their own: docs/audit.md has one, which knows nothing of Lockstep."""
    script = re.findall(r"^```python\n(.*?)^```", read(Path("docs/audit.md")), re.MULTILINE | re.DOTALL)
    out = tmp_path / "export.jsonl"
    recorded.ok("audit", "export", "--out", str(out))
    lines = out.read_text().splitlines()
    at = recorded.json("audit", "list")[1]["at"]
    later = recorded.ok("audit", "export", "--since", at).stdout.splitlines()
    for shown, told in (
        (lines, "holds\n"),
        (later, "holds\n"),
        ([*lines[:2], *lines[3:]], "broken at row 3\n"),
        (lines[:-1], "the end is missing\n"),
        ([*lines[:4], lines[4].replace("monitor", "Monitor"), lines[5]], "broken at row 4\n"),
    ):
        out.write_text("".join(f"{line}\n" for line in shown))
        ran = subprocess.run([sys.executable, "-c", script[0], out], capture_output=True, text=True, check=False)
        assert ran.stdout + ran.stderr == told


# --- lockstep check --------------------------------------------------------------------------------------------------


def checked(installation: Installation) -> list[tuple[str, str]]:
    """Return how good `check` finds the audit, and why."""
    result = installation.run("check", "--json")
    return [(one["grade"], one["found"]) for one in json.loads(result.stdout) if one["what"] == "audit"]


def test_check_looks_at_the_newest_rows_and_the_last_head(
    recorded: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long the audit is: a head that is older than those rows is still compared with its own row."""
    assert checked(recorded) == [("ok", "its newest 5 rows hold")]
    heads = tmp_path / "heads.jsonl"
    recorded.more = f'[audit]\nheads_file = "{heads}"\n'
    recorded.write()
    keep_head(recorded, heads)
    recorded.ok("users")
    ((grade, found),) = checked(recorded)
    assert (grade, found.split(" on ")[0]) == ("ok", "its newest 6 rows hold, and follow the head kept")
    monkeypatch.setattr(proving, "NEWEST", 1)
    ((grade, found),) = checked(recorded)
    assert (grade, found.split(" on ")[0]) == ("ok", "its newest 1 rows hold, and follow the head kept")
    head = json.loads(heads.read_text())
    heads.write_text(json.dumps(head | {"hash": "0" * 64}, separators=(",", ":")) + "\n")
    ((grade, found),) = checked(recorded)
    assert (grade, found.split(": written")[0]) == ("missing", "its chain is broken: row 5")
    heads.write_text("nothing\n")
    assert [grade for grade, _ in checked(recorded)] == ["missing", "ok"]


def test_check_says_that_a_head_cannot_be_kept(recorded: Installation, tmp_path: Path) -> None:
    """And that rows were tampered with."""
    file = tmp_path / "gone" / "heads.jsonl"
    recorded.more = f'[audit]\nheads_file = "{file}"\n'
    recorded.write()
    tamper(recorded, "DELETE FROM audit WHERE number = 5")
    assert checked(recorded) == [
        ("missing", "its chain is broken: row 5: gone from the end"),
        ("warning", f"its head cannot be kept in {file}"),
    ]
    assert recorded.run("check").exit_code == 1


# --- heads -----------------------------------------------------------------------------------------------------------


def test_heads_are_lines_that_are_only_added(recorded: Installation, tmp_path: Path) -> None:
    """For their owner only; half a line that a power failure left stays a line of its own."""
    file = tmp_path / "heads.jsonl"
    keep_head(recorded, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    file.write_text(f'{first}{{"sto')
    keep_head(recorded, file)
    lines = file.read_text().splitlines()
    assert [lines[0] + "\n", lines[1]] == [first, '{"sto']
    assert json.loads(lines[2])["number"] == 5


def test_a_head_that_cannot_be_kept_is_an_alarm_and_nothing_else(recorded: Installation, tmp_path: Path) -> None:
    """A full disk, a folder that is gone, a store that cannot be read; where there is a head, the log has it."""
    with recorded.wired() as wiring:
        head = wiring.store.head()
        with pytest.raises(OSError, match="No space left"):
            append_head(Path("/dev/full"), head)
        with capture_logs() as logged:
            for file in (Path("/dev/full"), tmp_path / "gone" / "heads", None):
                HeadKeeper(wiring.store, file).keep()
            tamper(recorded, "DROP TABLE chain")
            HeadKeeper(wiring.store, None).keep()
    told = [(line["event"], line["log_level"]) for line in logged]
    kept, alarm = ("audit_head", "info"), ("audit_head_not_kept", "error")
    assert told == [kept, alarm, kept, alarm, kept, alarm]
    assert (logged[0]["number"], logged[0]["hash"]) == (5, head.hash)
    assert "No space left" in logged[1]["error"]
