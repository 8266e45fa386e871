"""The documents say what is there: commands, links, paths, decisions, dependencies, lock reasons."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ims.locks import LedgerRules, LockFact, LockReason, clearable_by, lock_of
from ims.people import TenantId, UserId
from tests.support.repository import ROOT, declared, files, project, read
from tests.support.words import NOUNS

PAGES = files(".md")
DECISIONS = tuple(path for path in PAGES if re.match(r"docs/adr/\d{4}-", str(path)))
ARCHITECTURE_LINES = 120
"""Two printed pages."""


def test_the_readme_names_the_two_commands() -> None:
    """What a newcomer types first."""
    commands = "\n".join(_blocks(Path("README.md")))
    assert re.search(r"^make demo\b", commands, re.MULTILINE)
    assert re.search(r"^make test\b", commands, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links and pictures within the repository; a folder is a page of its own there."""
    targets = re.findall(r"\]\(([^)#\s]+)", read(page))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (ROOT / page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_path_that_is_named_exists(page: Path) -> None:
    """A file that moved takes its mentions along."""
    named = re.findall(r"`((?:agent|bench|config|docs|ims|lockstep|requirements|scim|tests)/[\w./-]*)`", read(page))
    in_the_wheel_only = {"lockstep/app/"}
    assert [name for name in named if name not in in_the_wheel_only and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_example_is_a_command_line(page: Path) -> None:
    """Bash accepts the syntax of what readers are asked to copy."""
    for block in _blocks(page):
        checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert checked.stderr == ""


def test_the_list_of_decisions_is_complete() -> None:
    """Every record is listed under its own title, in order and without a gap."""
    listed = re.findall(r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", read(Path("docs/adr/README.md")), re.MULTILINE)
    titles = [(path.name[:4], path.name, _title(path)) for path in DECISIONS]
    assert listed == titles
    assert [int(number) for number, _, _ in listed] == list(range(1, len(listed) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name[:4])
def test_every_decision_has_its_form(decision: Path) -> None:
    """Where it stands and since when, why, what, and what follows."""
    text = read(decision)
    assert re.search(r"^(Accepted|Superseded by \[\d{4}\]\(\S+\)), \w+ \d{4}\.$", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:3] == ["Context", "Decision", "Consequences"]


def test_every_dependency_has_its_line_of_reason() -> None:
    """And no line is left of one that is gone."""
    rows = _rows(Path("docs/adr/0003-run-time-dependencies.md"))
    assert {row[0].strip("`") for row in rows} == declared()
    assert [row for row in rows if not all(row)] == []


def test_every_lock_reason_is_explained_with_who_may_clear_it() -> None:
    """The table's last column is what the code answers under the default settings."""
    told = {row[0].strip("`"): re.findall(r"`(\w+)`", row[3]) for row in _rows(Path("docs/locks.md")) if len(row) == 4}
    assert told == {reason.value: _clearers(reason) for reason in LockReason}


def test_the_glossary_has_one_row_per_word_and_rules_out_what_names_may_not_use() -> None:
    """The words that tests refuse in names are those that the glossary refuses."""
    rows = _rows(Path("docs/glossary.md"))
    words = [word for row in rows for word in re.findall(r"\*\*(.+?)\*\*", row[0])]
    refused = " ".join(row[2] for row in rows)
    assert sorted(words) == sorted(set(words))
    assert [word for word in NOUNS if not re.search(rf"\b{word}\b", refused)] == []


def test_the_changelog_knows_this_version() -> None:
    """What is not released yet stands on top; a release has its own heading."""
    headings = re.findall(r"^## \[(.+?)\]", read(Path("CHANGELOG.md")), re.MULTILINE)
    version = re.search(r'^__version__ = "(.+)"$', read(Path("lockstep/__init__.py")), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert version
    assert len(headings) == 1 or headings[1] == version[1]


def test_the_architecture_fits_on_two_pages() -> None:
    """Longer, and it is neither read nor kept true."""
    assert len(read(Path("ARCHITECTURE.md")).splitlines()) <= ARCHITECTURE_LINES


def test_make_help_lists_every_command() -> None:
    """Its text comes from the Makefile itself; a target without a text is an inner one."""
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^make (\w+)", listed, re.MULTILINE) == [
        "help",
        "demo",
        "test",
        "check",
        "faults",
        "bench",
        "freshness",
        "evidence",
        "lock",
        "clean",
    ]


def test_the_evidence_says_where_it_comes_from() -> None:
    """Each section names the command that showed it and the file that the command left."""
    page = read(Path("docs/evidence.md"))
    sections = dict(re.findall(r"^## `(make \w+)`\n(.+?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    sources = {"make test": "build/tests.xml", "make faults": "build/faults.json", "make bench": "latest.json"}
    assert list(sections) == list(sources)
    assert [command for command, source in sources.items() if source not in sections[command]] == []


def test_ci_runs_the_tests() -> None:
    """With the same command as everybody."""
    assert re.search(r"^exec make test$", read(Path(".ci/run")), re.MULTILINE)
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_the_licence_is_the_one_that_the_package_declares() -> None:
    """Its text is there, whole."""
    assert project()["project"]["license"] == "Apache-2.0"
    assert "Apache License" in read(Path("LICENSE"))
    assert "END OF TERMS AND CONDITIONS" in read(Path("LICENSE"))


def _blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL)


def _title(page: Path) -> str:
    return read(page).splitlines()[0].partition(". ")[2]


def _rows(page: Path) -> list[list[str]]:
    """Return the cells of a page's tables, without their headings."""
    return [row for table in _tables(page) for row in table[2:]]


def _tables(page: Path) -> Iterator[list[list[str]]]:
    for table in re.findall(r"(?:^\|.*\|\n)+", read(page), re.MULTILINE):
        yield [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def _clearers(reason: LockReason) -> list[str]:
    fact = LockFact(reason=reason, source="corp")
    lock = lock_of(fact, UserId("1"), TenantId("acme"), datetime(2026, 1, 1, tzinfo=UTC), raised_by="")
    return [clearer.value for clearer in clearable_by(lock, LedgerRules())]
