"""What a mapping of the settings makes of entries: every syntax, in force, ahead, over, and malformed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.configured import configured
from agent.directories.dialect import Knowledge, NotWritable
from agent.directories.edirectory import EDirectory
from agent.directories.entry import Entry, entry_of
from agent.directories.errors import BadEntry
from agent.directories.filetime import filetime_of
from agent.directories.generic import Generic
from agent.directories.mapping import IdSyntax, Mapping, Marker, Syntax, read_locks
from agent.directories.writes import Kind
from agent.examples import checked
from config.mapping import Mapping as Chosen
from ims.errors import InvalidInput
from ims.locks import BEGINNING, LockReason
from ims.people import DirectoryName, EntryId
from tests.support.agent_side import MemoryCircuits, WallClock
from tests.support.clock import NOON
from tests.support.settings_texts import changed, loaded, reported

ATTEMPTS = LockReason.PASSWORD_ATTEMPTS
CORP = DirectoryName("corp")
HOUR = timedelta(hours=1)
GENERIC = ('dialect = "openldap"', 'dialect = "generic"')
LOCK = '[directories.corp.mapping.lock]\nattribute = "locked"\nsyntax = "boolean"\n'


def stood(moment: datetime) -> str:
    """Return a generalizedTime."""
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}"


def entry(**attributes: str) -> Entry:
    """Return an entry with these attributes."""
    return entry_of("uid=ada", {name: [value.encode()] for name, value in attributes.items()})


def locked(syntax: Syntax, value: str, more: dict[str, str] | None = None, **marker: Any) -> list[tuple[Any, Any]]:
    """Return since when and until when the marker "mark" with this value locks at noon; empty = it does not."""
    mapping = Mapping(lock=Marker(attribute="mark", syntax=syntax, **marker))
    found = read_locks(mapping, "corp", entry(mark=value, **(more or {})), NOON)
    assert {fact.reason for fact in found.facts} <= {ATTEMPTS}
    return [(fact.since, fact.until) for fact in found.facts]


def test_a_boolean_locks_where_it_is_true() -> None:
    """With the end that another attribute tells, if one does."""
    assert locked(Syntax.BOOLEAN, "TRUE") == [(None, None)]
    assert locked(Syntax.BOOLEAN, "false") == []
    end = {"over": stood(NOON + HOUR)}
    assert locked(Syntax.BOOLEAN, "TRUE", end, ends="over") == [(None, NOON + HOUR)]
    assert locked(Syntax.BOOLEAN, "TRUE", {"over": stood(NOON)}, ends="over") == []
    assert locked(Syntax.BOOLEAN, "TRUE", ends="over") == [(None, None)]


def test_a_number_locks_from_its_least_on() -> None:
    """One, unless told otherwise."""
    assert locked(Syntax.INTEGER, "1") == [(None, None)]
    assert locked(Syntax.INTEGER, "0") == []
    assert locked(Syntax.INTEGER, "-1") == []
    assert locked(Syntax.INTEGER, "4", least=5) == []
    assert locked(Syntax.INTEGER, "5", least=5) == [(None, None)]


def test_a_beginning_locks_for_a_time_or_for_good() -> None:
    """Also one that lies ahead; the first instant of the year 0 has no end."""
    assert locked(Syntax.SINCE, stood(NOON - HOUR)) == [(NOON - HOUR, None)]
    assert locked(Syntax.SINCE, stood(NOON + HOUR)) == [(NOON + HOUR, None)]
    assert locked(Syntax.SINCE, stood(NOON - HOUR), duration=2 * HOUR) == [(NOON - HOUR, NOON + HOUR)]
    assert locked(Syntax.SINCE, stood(NOON - HOUR), duration=HOUR) == []
    assert locked(Syntax.SINCE, "000001010000Z", duration=HOUR) == [(None, None)]
    end = {"over": stood(NOON + 2 * HOUR)}
    assert locked(Syntax.SINCE, stood(NOON - HOUR), end, duration=HOUR, ends="over") == [(NOON - HOUR, NOON + 2 * HOUR)]


def test_an_end_locks_until_then() -> None:
    """And no longer."""
    assert locked(Syntax.UNTIL, stood(NOON + HOUR)) == [(None, NOON + HOUR)]
    assert locked(Syntax.UNTIL, stood(NOON - HOUR)) == []
    assert locked(Syntax.UNTIL, "000001010000Z") == [(None, None)]


def test_a_filetime_is_a_beginning() -> None:
    """Zero and "never" are none."""
    began = str(filetime_of(NOON - HOUR))
    assert locked(Syntax.FILETIME, began) == [(NOON - HOUR, None)]
    assert locked(Syntax.FILETIME, began, duration=2 * HOUR) == [(NOON - HOUR, NOON + HOUR)]
    assert locked(Syntax.FILETIME, "0") == []
    assert locked(Syntax.FILETIME, "9223372036854775807") == []


@pytest.mark.parametrize(
    ("syntax", "value"),
    [
        (Syntax.BOOLEAN, "yes"),
        (Syntax.INTEGER, "many"),
        (Syntax.INTEGER, ""),
        (Syntax.SINCE, "yesterday"),
        (Syntax.UNTIL, "20261341000000Z"),
        (Syntax.FILETIME, "soon"),
    ],
)
def test_what_the_syntax_does_not_know_is_no_lock_and_no_freedom(syntax: Syntax, value: str) -> None:
    """The entry is put aside."""
    with pytest.raises(BadEntry):
        locked(syntax, value)


def test_a_lock_that_is_over_is_remembered_as_lapsed() -> None:
    """An unlock removes it; and until when the same entry means the same is told."""
    mapping = Mapping(lock=Marker(attribute="mark", syntax=Syntax.UNTIL))
    over = read_locks(mapping, "corp", entry(mark=stood(NOON - HOUR)), NOON)
    assert (len(over.facts), len(over.lapsed), over.marker) == (0, 1, True)
    ahead = read_locks(mapping, "corp", entry(mark=stood(NOON + HOUR)), NOON)
    assert ahead.same_until == NOON + HOUR
    nothing = read_locks(mapping, "corp", entry(uid="ada"), NOON)
    assert (nothing.facts, nothing.lapsed, nothing.marker) == ((), (), False)
    assert nothing.same_until > NOON + timedelta(days=365)
    assert nothing.same_until != BEGINNING


# --- the dialect ------------------------------------------------------------------------------------------------------


def dialect(**changes: Any) -> Generic:
    """Return a dialect whose lock is a boolean that an unlock sets to FALSE, resetting a count."""
    lock = Marker(attribute="mark", syntax=Syntax.BOOLEAN, free="FALSE", resets={"count": "0", "end": ""})
    return Generic(CORP, Mapping(**{"lock": lock, **changes}))


def test_ids_are_text_or_octets() -> None:
    """A UUID in its usual form; what cannot be an id is refused."""
    found = dialect().entry_id(entry(entryUUID="6BA7B810-9DAD-11D1-80B4-00C04FD430C8"))
    assert found == "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    assert dialect(id="number").entry_id(entry(number="Ada 7")) == "Ada 7"
    assert dialect(id="number").entry_filter(EntryId("a*b")) == r"(number=a\2ab)"
    octets = dialect(id="GUID", id_syntax=IdSyntax.BINARY)
    raw = entry_of("uid=ada", {"GUID": [b"\x00\xff\x28"]})
    assert octets.entry_id(raw) == "00ff28"
    assert octets.entry_filter(EntryId("00ff28")) == r"(GUID=\00\ff\28)"
    with pytest.raises(InvalidInput):
        octets.entry_filter(EntryId("no hexadecimal"))
    for bad in (entry(uid="ada"), entry(entryUUID="x" * 201)):
        with pytest.raises(BadEntry):
            dialect().entry_id(bad)


def test_an_unlock_exchanges_what_was_seen() -> None:
    """Values that were not there, or are free already, are left alone; a validity that ended is nobody's here."""
    made = dialect(expired=Marker(attribute="gone", syntax=Syntax.SINCE))
    seen = entry(mark="TRUE", count="3", gone=stood(NOON - HOUR))
    facts = read_locks(made.mapping, "corp", seen, NOON).facts
    assert [fact.reason for fact in facts] == [ATTEMPTS, LockReason.EXPIRED]
    modify = made.unlock_modify("uid=ada", "20261124000000Z ~0", facts)
    assert [(one.kind, one.attribute, one.values) for one in modify.changes] == [
        (Kind.DELETE, "mark", (b"TRUE",)),
        (Kind.ADD, "mark", (b"FALSE",)),
        (Kind.DELETE, "count", (b"3",)),
        (Kind.ADD, "count", (b"0",)),
    ]
    assert modify.assertion == ""
    bound = dialect(asserts=True).unlock_modify("uid=ada", "20261124000000Z ~0", facts[:1])
    assert bound.assertion == "(modifyTimestamp=20261124000000Z)"
    with pytest.raises(NotWritable):
        made.unlock_modify("uid=ada", "", facts[1:])


def test_a_rewrite_frees_without_a_condition() -> None:
    """By the free value, or by none."""
    (change,) = dialect().rewrite_modify("uid=ada", "").changes
    assert (change.kind, change.values) == (Kind.REPLACE, (b"FALSE",))
    bare = Generic(CORP, Mapping(lock=Marker(attribute="mark", syntax=Syntax.SINCE)))
    assert bare.rewrite_modify("uid=ada", "").changes[0].values == ()


@pytest.mark.parametrize(
    ("marker", "filter_"),
    [
        (Marker(attribute="m", syntax=Syntax.BOOLEAN), "(m=TRUE)"),
        (Marker(attribute="m", syntax=Syntax.INTEGER, least=3), "(m>=3)"),
        (Marker(attribute="m", syntax=Syntax.FILETIME), "(&(m=*)(!(m=0)))"),
        (Marker(attribute="m", syntax=Syntax.UNTIL), "(m=*)"),
    ],
)
def test_the_locked_are_found_by_a_cheap_search(marker: Marker, filter_: str) -> None:
    """By the marker of wrong passwords alone."""
    assert Generic(CORP, Mapping(lock=marker)).locked_filter() == filter_


def test_states_within_a_second_are_told_apart_by_their_locks() -> None:
    """But for what else changed the time stands alone, so that nobody takes such a stamp for one state's."""
    free, held = (dialect().stamp(entry(modifyTimestamp="20261124000000Z", mark=mark)) for mark in ("FALSE", "TRUE"))
    assert free != held
    assert not dialect().exact(free)
    numbered = dialect().stamp(entry(modifyTimestamp="20261124000000Z", entryusn="7"))
    assert dialect().exact(numbered)
    assert dialect().stamp(entry(uid="ada")) == ""


def test_edirectory_is_a_mapping_that_is_known() -> None:
    """Locked by its intruder detection until a time, disabled, and expired."""
    made = EDirectory(CORP)
    found = entry(lockedByIntruder="TRUE", loginIntruderResetTime=stood(NOON + HOUR), loginIntruderAttempts="7")
    (fact,) = read_locks(made.mapping, "corp", found, NOON).facts
    assert (fact.reason, fact.until) == (ATTEMPTS, NOON + HOUR)
    (away, back) = made.unlock_modify("cn=ada", "", (fact,)).changes
    assert (away.values, back.values) == ((b"TRUE",), (b"FALSE",))
    others = entry(loginDisabled="TRUE", loginExpirationTime=stood(NOON - HOUR))
    reasons = [one.reason for one in read_locks(made.mapping, "corp", others, NOON).facts]
    assert reasons == [LockReason.DISABLED, LockReason.EXPIRED]


# --- settings ---------------------------------------------------------------------------------------------------------


def chosen(also: str = "", lock: str = LOCK) -> Chosen:
    """Return the mapping of settings with these tables."""
    mapping = loaded(changed(GENERIC, also=lock + also)).directories["corp"].mapping
    assert mapping is not None
    return mapping


def test_settings_become_a_dialect() -> None:
    """Every key of them."""
    text = """\
ends = "over"
free = "FALSE"
resets = ["count: 0", "end:"]
[directories.corp.mapping]
id = "GUID"
id_syntax = "binary"
failures = "count"
max_failures = 5
assertion = true
[directories.corp.mapping.disabled]
attribute = "off"
syntax = "integer"
least = 2
[directories.corp.mapping.expired]
attribute = "gone"
syntax = "filetime"
duration = "1h"
"""
    made = configured(loaded(changed(GENERIC, also=LOCK + text)), "corp", MemoryCircuits(), WallClock()).dialect
    assert isinstance(made, Generic)
    assert made.mapping == Mapping(
        lock=Marker(
            attribute="locked",
            syntax=Syntax.BOOLEAN,
            ends="over",
            free="FALSE",
            resets={"count": "0", "end": ""},
        ),
        disabled=Marker(attribute="off", syntax=Syntax.INTEGER, least=2),
        expired=Marker(attribute="gone", syntax=Syntax.FILETIME, duration=HOUR),
        id="GUID",
        id_syntax=IdSyntax.BINARY,
        failures="count",
        most=5,
        asserts=True,
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (changed(GENERIC), 'needed with dialect = "generic"'),
        (changed(also=LOCK), 'describes what dialect = "openldap" knows already'),
        (changed(GENERIC, also=f'{LOCK}duration = "1h"\n'), 'duration goes with syntax = "since" or "filetime" only'),
        (changed(GENERIC, also=f'{LOCK}resets = [": 0"]\n'), 'is not "name: value"'),
    ],
)
def test_settings_that_contradict_themselves_are_refused(text: str, complaint: str) -> None:
    """With what to do."""
    assert any(complaint in one for one in reported(text))


def test_another_mapping_means_something_else_and_another_example_does_not() -> None:
    """So that a changed one is read anew, under the brake."""
    before = loaded(changed(GENERIC, also=LOCK)).fingerprint_of("corp")
    example = '[directories.corp.mapping.examples.one]\nentry = ["locked: FALSE"]\n'
    assert loaded(changed(GENERIC, also=LOCK + example)).fingerprint_of("corp") == before
    assert loaded(changed(GENERIC, also=LOCK.replace('"locked"', '"other"'))).fingerprint_of("corp") != before


def verdicts(example: str, lock: str = LOCK) -> list[tuple[str, str]]:
    """Return grades and findings of one example."""
    text = f"[directories.corp.mapping.examples.one]\n{example}\n"
    return [(check.grade.value, check.found) for check in checked(chosen(text, lock), NOON)]


def test_examples_are_read_as_a_pass_would() -> None:
    """What they mean, and when it ends."""
    assert verdicts('entry = ["locked: TRUE"]\nreasons = ["password_attempts"]')[0][0] == "ok"
    assert verdicts('entry = ["locked: FALSE"]')[0][0] == "ok"
    assert verdicts('entry = ["locked: TRUE"]') == [("mistake", "it means password_attempts, and should mean no lock")]
    (wrong,) = verdicts('entry = ["locked: perhaps"]')
    assert wrong == ("mistake", "locked is neither TRUE nor FALSE")


def test_the_end_of_an_example_is_compared() -> None:
    """At its own moment."""
    since = LOCK.replace('"boolean"', '"since"') + 'duration = "1h"\n'
    example = 'entry = ["locked: 20261124120000Z"]\nat = "2026-11-24T12:30:00Z"\nreasons = ["password_attempts"]\n'
    assert verdicts(f'{example}until = "2026-11-24T13:00:00Z"', since)[0][0] == "ok"
    (wrong,) = verdicts(f'{example}until = "2026-11-24T14:00:00Z"', since)
    assert wrong[1] == "its lock ends 2026-11-24 13:00:00 UTC, and should end 2026-11-24 14:00:00 UTC"
    (endless,) = verdicts(f'{example}until = "2026-11-24T14:00:00Z"', LOCK.replace('"boolean"', '"since"'))
    assert endless[1].startswith("its lock ends with an unlock only")


def test_a_mapping_without_examples_is_told_so() -> None:
    """A warning: nothing shows that it is right."""
    assert [check.grade.value for check in checked(chosen(), NOON)] == ["warning"]


def test_of_an_unknown_policy_one_try_is_let_through() -> None:
    """Unless the mapping says how many wrong passwords lock."""
    policy = dialect().policies(None, None)  # type: ignore[arg-type]
    assert policy.of(entry(), NOON).knowledge is Knowledge.UNKNOWN
    known = dialect(most=3).policies(None, None)  # type: ignore[arg-type]
    assert known.of(entry(), NOON).max_failures == 3
    assert policy.fingerprint() != known.fingerprint()
