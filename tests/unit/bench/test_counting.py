"""What is counted is what happened: rows by the database, memory by the kernel, people by the generator."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import evidence, people
from bench.errors import BenchProblem
from bench.measuring import Done, found_by, measured, run_command
from bench.people import Sizes, ldif
from bench.results import BEGIN, END, put
from bench.stores import CONTENT, must_hold, new_store, remove_store, rows_written, watch
from tests.support.fault_report import rows_of, write
from tests.support.fault_table import SCENARIOS


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return an empty store that counts what is written."""
    file = new_store(tmp_path / "store.db")
    watch(file)
    return file


def _execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


_INSERT = "INSERT INTO quarantine (directory, key, dn, since, why) VALUES ('corp', '{key}', '', 0, '')"


def test_every_kind_of_write_counts(store: Path) -> None:
    """A row that is written as it was, too: comparing contents would not see it."""
    _execute(store, _INSERT.format(key="one"), _INSERT.format(key="two"))
    assert rows_written(store) == 2
    _execute(store, "UPDATE quarantine SET why = why")
    assert rows_written(store) == 4
    _execute(store, "DELETE FROM quarantine WHERE key = 'one'")
    assert rows_written(store) == 5


def test_every_table_of_content_is_watched(store: Path) -> None:
    """For each kind of write one trigger."""
    with closing(sqlite3.connect(store)) as connection:
        ours = "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'bench%' GROUP BY 1"
        assert dict(connection.execute(ours).fetchall()) == dict.fromkeys(CONTENT, 3)


def test_a_store_that_holds_too_few_stops_the_run(store: Path) -> None:
    """A faster pass that stores less is no faster pass."""
    with pytest.raises(BenchProblem, match="was to hold 3 users"):
        must_hold(store, 3)


def test_a_removed_store_leaves_nothing(store: Path) -> None:
    """SQLite keeps files beside it."""
    remove_store(store)
    assert list(store.parent.iterdir()) == []


def test_work_is_measured_with_what_it_read() -> None:
    """And memory never shrinks below what was there before."""
    sample = measured(lambda: Done(entries=len(bytearray(50_000_000)), values=1))
    assert (sample.entries, sample.values) == (50_000_000, 1)
    assert sample.wall_s > 0
    assert sample.peak_mib >= sample.idle_mib > 1


def test_a_peer_that_fails_is_no_peer() -> None:
    """What it said is told."""
    assert run_command(["sh", "-c", "true"]).wall_s > 0
    with pytest.raises(BenchProblem, match="because"):
        run_command(["sh", "-c", "echo because >&2; exit 3"])


@pytest.mark.parametrize("size", [1, 20, 500, 4000])
def test_the_directory_has_as_many_as_it_says(size: int) -> None:
    """One in a hundred is locked in both branches together, and few of them among the people."""
    sizes = Sizes(size)
    entries = [entry for entry in ldif(sizes) if "objectClass: inetOrgPerson" in entry and people.SERVICES not in entry]
    locked = [entry for entry in entries if "pwdAccountLockedTime" in entry]
    assert (len(entries), len(locked)) == (sizes.everybody, sizes.locked)
    assert len([entry for entry in entries if people.PEOPLE in entry]) == size
    assert len([entry for entry in locked if people.PEOPLE in entry]) == sizes.locked_at_rest


def test_the_directory_is_the_same_each_time() -> None:
    """To the byte: a figure of today can be held against yesterday's."""
    assert list(ldif(Sizes(100))) == list(ldif(Sizes(100)))


def test_a_text_takes_its_place_between_the_markers(tmp_path: Path) -> None:
    """And nothing else of the page moves; a page without the markers is refused."""
    page = tmp_path / "page.md"
    begin, end = BEGIN.format(name="here"), END.format(name="here")
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n", encoding="utf-8")
    for _ in range(2):
        put(page, "here", "new\n")
        assert page.read_text(encoding="utf-8") == f"before\n{begin}\nnew\n{end}\nafter\n"
    with pytest.raises(BenchProblem, match="no place"):
        put(page, "elsewhere", "new")


def test_what_ldapsearch_prints_is_counted(tmp_path: Path) -> None:
    """Entries, and each attribute of one once, however many values it has; not what it says between its pages."""
    first = "dn: a\nuid: a\nmail: 1\nmail: 2\n\n# pagedresults: cookie=8gMAAAAAAAA=\n"
    pages = f"{first}dn:: Yg==\nuid:: Yg==\n\n# pagedresults: cookie=\n"
    peer = tmp_path / "ldapsearch"
    peer.write_text(f"#!/bin/sh\ncat <<'LDIF'\n{pages}LDIF\n", encoding="utf-8")
    peer.chmod(0o700)
    assert found_by([str(peer)]) == Done(2, 3)
    peer.write_text("#!/bin/sh\nexit 4\n", encoding="utf-8")
    with pytest.raises(BenchProblem, match=r"ldapsearch failed \(4\)"):
        found_by([str(peer)])


def test_evidence_of_tests_is_read_from_pytest_s_report(tmp_path: Path) -> None:
    """Counts and duration; errors in fixtures count as failures."""
    counts = 'errors="1" failures="2" skipped="0" tests="1234" time="75.2"'
    (tmp_path / "tests.xml").write_text(f"<testsuites><testsuite {counts}/></testsuites>", encoding="utf-8")
    told = evidence.tests(tmp_path / "tests.xml")
    assert told.startswith(f"Run until {datetime.now(UTC):%Y-%m-}")
    assert "| tests | 1,234 |\n| failed | 3 |\n| skipped | 0 |\n| duration | 1 min 15 s |\n" in told


def test_evidence_of_faults_has_one_row_per_scenario(tmp_path: Path) -> None:
    """In the form in which `make faults` leaves it."""
    write(rows_of({}), tmp_path)
    told = evidence.faults(tmp_path / "faults.json")
    assert f" {len(SCENARIOS)} scenarios, 0 passed; 0 cases in 0 min 0 s." in told
    assert len(re.findall(r"^\| F\d+ \| .+ \| NOT TRIED \| 0\.0 \|$", told, re.MULTILINE)) == len(SCENARIOS)
