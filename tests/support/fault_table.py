"""The table of fault scenarios: what is done to Lockstep, what must come of it, and which tests prove it.

A test in tests/faults belongs to the numbers in its name (`test_f31_…`, `test_f04_f15_…`); what a test elsewhere proves
already is named here. `python -m tests.support.fault_table page` prints docs/faults.md, and without a word the tests
elsewhere, for `make faults`.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.repository import functions, modules, read

FOLDER = "tests/faults/"
_NUMBERS = re.compile(r"test_((?:f\d\d_)+)")
PAGE = Path("docs/faults.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One fault. `elsewhere` are tests outside of tests/faults that prove it, as `file::test`."""

    number: int
    injection: str
    expected: str
    elsewhere: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return what it is called."""
        return f"F{self.number:02d}"

    @property
    def tests(self) -> tuple[str, ...]:
        """Return every test that proves it."""
        return (*_named().get(self.number, ()), *self.elsewhere)


def _scenario(number: int, injection: str, expected: str, *elsewhere: str) -> Scenario:
    return Scenario(number=number, injection=injection, expected=expected, elsewhere=elsewhere)


SCENARIOS = (
    _scenario(
        1,
        "a size limit cuts an answer short",
        "incomplete: what was seen counts, nobody is absent",
        "tests/directories/test_sync_knowledge.py::test_a_reading_that_the_server_cuts_short_makes_nobody_absent",
    ),
    _scenario(2, "a size limit cuts in between pages", "the same, and the watermark stays"),
    _scenario(3, "every result code at a bind, a search, a write", "only success is success; no crash"),
    _scenario(
        4,
        "the right to read the people is lost: success and nobody",
        "no knowledge: nobody is absent, nobody is freed",
        "tests/directories/test_sync_knowledge.py::test_success_with_nobody_in_it_says_nothing",
    ),
    _scenario(5, "the base is renamed or gone", "no knowledge"),
    _scenario(6, "a copy that is behind, or half filled", "passed over, or it proves nothing"),
    _scenario(7, "the connection is cut after byte k, for every k", "incomplete, repeated, nobody is absent"),
    _scenario(
        8,
        "the server stands still, or stalls in an answer",
        "given up in time; other directories keep their pace, and so does the web",
        "tests/directories/test_client_hostile.py::test_a_server_frozen_in_the_middle_is_given_up_in_time",
        "tests/e2e/test_web_service.py::test_reading_never_waits_for_a_directory_that_hangs",
    ),
    _scenario(9, "a server that takes connections and says nothing, or one byte a second", "bounded by the deadline"),
    _scenario(
        10,
        "mutated answers",
        "typed faults; no change without a whole, true entry",
        "tests/unit/agent/test_reader_fuzz.py::test_mutated_answers",
        "tests/unit/agent/test_reader_fuzz.py::test_no_answer_takes_more_memory_than_allowed",
    ),
    _scenario(
        11,
        "referrals that point elsewhere",
        "nobody goes there",
        "tests/directories/test_client_hostile.py::test_a_referral_is_never_followed",
    ),
    _scenario(
        12,
        "wrong certificates",
        "refused, with no byte of a credential sent",
        "tests/directories/test_client_connecting.py::test_a_wrong_name_sends_no_credential",
        "tests/directories/test_client_connecting.py::test_a_stranger_s_certificate_sends_no_credential",
    ),
    _scenario(
        13,
        "StartTLS is refused, stripped, or given in plain text before it",
        "refused",
        "tests/directories/test_client_connecting.py::test_start_tls_refused_sends_no_credential",
        "tests/directories/test_client_connecting.py::test_start_tls_with_a_stranger_sends_no_credential",
    ),
    _scenario(
        14,
        "the agent's own account is locked, expired, or has another password",
        "one try for each secret, remembered by all processes",
        "tests/directories/test_client_connecting.py::test_wrong_credentials_are_tried_once",
    ),
    _scenario(
        15,
        "the right to read the lock attribute is lost",
        "locks stay, and the pass says why",
        "tests/directories/test_sync_knowledge.py::test_a_lock_that_may_not_be_read_any_more_stays",
    ),
    _scenario(16, "thousands are locked within a minute", "all of them within two passes, and one alarm"),
    _scenario(17, "a watermark that the server does not know", "everything is read, nobody's state flips"),
    _scenario(18, "the server wants everything read anew", "everything is read"),
    _scenario(
        20,
        "entries are renamed, moved, and swap their names in one pass",
        "the same users, no lock moves",
        "tests/directories/test_sync_entries.py::test_a_renamed_and_moved_entry_is_the_same_user",
        "tests/directories/test_sync_entries.py::test_two_who_swap_their_names_stay_who_they_are",
    ),
    _scenario(
        21,
        "an entry is deleted and made anew under its name",
        "somebody else, who waits in quarantine",
        "tests/directories/test_sync_entries.py::test_a_new_entry_by_an_old_name_is_another_person",
    ),
    _scenario(
        22,
        "somebody leaves and comes back",
        "unaffiliated, and free again by the rule only",
        "tests/directories/test_sync_affiliation.py::test_back_within_the_grace_ends_by_itself_and_later_it_sticks",
    ),
    _scenario(
        23,
        "two entries with one key",
        "both wait, the rest goes on",
        "tests/directories/test_sync_entries.py::test_two_new_entries_with_one_user_name_both_wait",
    ),
    _scenario(24, "pairs of names that differ in form, case, width or script", "no two are merged that differ"),
    _scenario(25, "thousands of odd names and values", "stored or in quarantine, no crash"),
    _scenario(
        26,
        "odd times: zero, negative, huge, text, for good, a leap second",
        "one table of outcomes",
        "tests/unit/directories/test_times.py::test_moments",
        "tests/unit/directories/test_times.py::test_for_good",
        "tests/unit/directories/test_times.py::test_invalid",
    ),
    _scenario(
        27,
        "a timed lock runs out, and nothing changes in the directory",
        "free by the clock",
        "tests/directories/test_sync_locks.py::test_a_timed_lock_lapses_by_the_clock_and_nothing_is_written",
    ),
    _scenario(
        28,
        "the agent's clock is wrong or jumps",
        "the same locks as in the directory",
        "tests/directories/test_sync_locks.py::test_a_lock_counts_at_once_though_the_directory_s_clock_is_ahead",
    ),
    _scenario(
        31,
        "kill -9 between the intent and the directory's write",
        "settled within 10 s of the next start, once",
        "tests/e2e/test_crash.py::test_killed_before_the_write_nothing_was_done_and_that_is_recorded",
        "tests/directories/test_writeback_unlock.py::test_a_crash_is_settled_once_by_reading_and_never_written_again",
    ),
    _scenario(
        32,
        "kill -9 between the directory's write and the outcome",
        "found done by reading; one effect",
        "tests/e2e/test_crash.py::test_killed_after_the_write_it_is_found_done_and_not_written_again",
    ),
    _scenario(33, "the connection is cut after the write was sent, or in it", "the reading that follows decides"),
    _scenario(
        34,
        "locked again between the reading and the write",
        "the write takes nothing away; 409 or 412, and the lock stays",
        "tests/directories/test_openldap_unlock.py::test_a_fresh_lock_is_never_cleared",
        "tests/directories/test_openldap_unlock.py::test_an_attacker_s_fresh_lock_survives_every_unlock",
        "tests/directories/test_writeback_unlock.py::test_a_fresh_lock_is_never_taken_for_the_one_that_was_read",
    ),
    _scenario(35, "fifty unlocks of one person at once", "one effect, fifty consistent answers"),
    _scenario(
        36,
        "a help desk was faster",
        "success, and no write",
        "tests/directories/test_writeback_unlock.py::test_whoever_is_unlocked_already_is_told_so",
    ),
    _scenario(
        38,
        "the directory refuses the write, or the account is protected",
        "409 or 403, and nothing here changes",
        "tests/directories/test_writeback_unlock.py::test_without_the_right_to_unlock_the_results_name_is_told",
        "tests/directories/test_writeback_unlock.py::test_a_protected_account_is_refused_before_anything_is_read",
        "tests/directories/test_openldap_unlock.py::test_a_missing_right_is_refused",
    ),
    _scenario(39, "written to one server, read from a copy that lags", "nobody is locked again by what is stale"),
    _scenario(40, "the directory is down, and 500 unlocks are asked for", "each is told, none is done late"),
    _scenario(41, "unlocks that nobody can settle", "recorded as failed; the others are settled all the same"),
    _scenario(42, "kill -9 at every named failpoint, under load", "sound again within 10 s"),
    _scenario(44, "somebody holds the store", "503, reading goes on, nothing piles up"),
    _scenario(
        45,
        "the disk of the store, the log or the audit's heads is full",
        "no unlock, the service lives, and recovers by itself",
        "tests/contract/test_store_faults.py::test_a_full_disk_is_unusable_and_recovers",
    ),
    _scenario(46, "the connection to the store ends in a COMMIT", "read anew; no second effect"),
    _scenario(
        49,
        "kill -9 at every statement of a migration",
        "as it was or up to date, never between",
        "tests/contract/test_store_migrations.py::test_processes_that_start_at_once_migrate_once",
    ),
    _scenario(50, "a disk that is read-only, no random numbers, no name resolution", "a clear refusal"),
)
"""The scenarios that concern one OpenLDAP directory and SQLite, with the numbers that they have among all."""


def every_test() -> Iterator[str]:
    """Yield every test of the repository as `file::test`."""
    for path in modules("tests"):
        if path.name.startswith("test_"):
            yield from (f"{path}::{node.name}" for node in functions(path) if node.name.startswith("test_"))


def numbers_of(test: str) -> tuple[int, ...]:
    """Return the numbers of the scenarios that a test in tests/faults belongs to, by its name."""
    file, _, name = test.partition("::")
    found = _NUMBERS.match(name) if file.startswith(FOLDER) else None
    return tuple(int(part[1:]) for part in found[1].split("_") if part) if found else ()


def page() -> str:
    """Return docs/faults.md: what is before the table stays as it is written there."""
    begin, end = "<!-- scenarios: begin -->\n", "<!-- scenarios: end -->"
    head, _, rest = read(PAGE).partition(begin)
    return f"{head}{begin}{table()}{end}{rest.partition(end)[2]}"


def table() -> str:
    """Return the scenarios as a table in Markdown."""
    lines = ["| | what is done | what must come of it | proved by |", "|---|---|---|---|"]
    for scenario in SCENARIOS:
        proofs = "<br>".join(f"`{test.rpartition('::')[2]}`" for test in scenario.tests)
        lines.append(f"| {scenario.name} | {scenario.injection} | {scenario.expected} | {proofs} |")
    return "\n".join(lines) + "\n"


@cache
def _named() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for test in every_test():
        for number in numbers_of(test):
            found.setdefault(number, []).append(test)
    return found


def main(words: Sequence[str]) -> None:
    """Print the page, or the tests elsewhere."""
    if words == ["page"]:
        sys.stdout.write(page())
        return
    elsewhere = dict.fromkeys(test for scenario in SCENARIOS for test in scenario.elsewhere)
    sys.stdout.write(" ".join(elsewhere) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
