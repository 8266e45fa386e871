"""The chain's format, which never changes in place: hashes, and lines that anybody can read back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import RowMapping

from ims.audit import Action, AuditEntry, Result
from ims.chain import (
    FIELDS,
    Extract,
    Head,
    Link,
    extract_of_line,
    first_previous,
    hash_of,
    head_of_line,
    line_of_extract,
    line_of_head,
    line_of_link,
    link_of_line,
    texts_of,
)
from ims.errors import InvalidInput
from ims.people import Channel, Role, TenantId
from ims.store.migrations.versions import v0004_audit_chain as migration
from ims.verifying import NEARBY, REMEMBERED, Break, BreakKind, Walk

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STORE = "7e0f0c52-8f6c-4e3a-9f5e-0d8a7c1b2a39"
ENTRY = AuditEntry(
    at=NOON,
    actor="Zoë",
    role=Role.AGENT,
    channel=Channel.SYNC,
    action=Action.LOCK_RAISED,
    result=Result.DONE,
    subject="ada",
    tenant=TenantId("acme"),
)
TEXTS = st.lists(st.text(), min_size=len(FIELDS), max_size=len(FIELDS)).map(tuple)
TIMES = st.datetimes(timezones=st.just(UTC))


def chained(count: int) -> list[Link]:
    """Return a chain of rows."""
    links: list[Link] = []
    previous = first_previous(STORE)
    for number in range(1, count + 1):
        texts = texts_of(replace(ENTRY, detail=str(number)))
        links.append(Link(number=number, texts=texts, previous=previous, hash=hash_of(number, texts, previous)))
        previous = links[-1].hash
    return links


def breaks(links: list[Link], last: int) -> tuple[Break, ...]:
    """Return the breaks of a chain."""
    walk = Walk(STORE)
    for link in links:
        walk.row(link)
    return walk.end(last).breaks


def test_the_format_is_what_it_always_was() -> None:
    """Rows that are recorded already cannot follow a change of it: another format needs another name."""
    start = first_previous(STORE)
    assert start == "dbe5c19a85393264ba13552c4823bb76e2a43268e0fd2fb8c36d8a765bb72d01"
    assert hash_of(1, texts_of(ENTRY), start) == "e59ac684bac2765be4d6e47ecc3d35283a6b6936b19a8f532c5d64e87ec2540f"


def test_the_migration_chains_as_the_program_does() -> None:
    """It has its own copy, so that it still does when the program has changed."""
    said = dict(zip(FIELDS[1:], texts_of(ENTRY)[1:], strict=True))
    row = cast("RowMapping", {"at": int(NOON.timestamp() * 1_000_000), **said})
    start = migration._hash([migration._FORMAT, STORE])
    made = migration._hash([migration._FORMAT, "1", *migration._texts(row), start.hex()])
    assert (start.hex(), made.hex()) == (first_previous(STORE), hash_of(1, texts_of(ENTRY), first_previous(STORE)))


def test_a_time_has_one_form_whatever_its_zone() -> None:
    """UTC, with microseconds even where there are none."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert texts_of(replace(ENTRY, at=elsewhere))[0] == texts_of(ENTRY)[0] == "2026-11-23T12:00:00.000000Z"


@given(TEXTS, TEXTS)
def test_no_two_rows_have_one_hash(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Also where a text moves from the end of one field to the beginning of the next."""
    moved = (one[0] + one[1][:1], one[1][1:], *one[2:])
    for texts in (other, moved):
        assert (hash_of(1, one, "") == hash_of(1, texts, "")) == (one == texts)


@given(st.integers(), TEXTS, st.text(), st.text())
def test_a_row_reads_back_as_it_was(number: int, texts: tuple[str, ...], previous: str, hash_: str) -> None:
    """One line, whatever it holds."""
    link = Link(number=number, texts=texts, previous=previous, hash=hash_)
    line = line_of_link(link)
    assert len(line.splitlines()) == 1
    assert link_of_line(line) == link


@given(st.integers(), st.text(), st.text(), TIMES, st.text())
def test_heads_read_back_as_they_were(number: int, store: str, hash_: str, at: datetime, tenant: str) -> None:
    """Of a heads file, and of an export."""
    head = Head(store=store, number=number, hash=hash_, at=at)
    assert head_of_line(line_of_head(head)) == head
    extract = Extract(head=head, after=number, previous=hash_, tenant=tenant)
    assert extract_of_line(line_of_extract(extract)) == extract


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "is not a head"),
        ("[" * 100_000, "is not a head"),
        ("{}", "is not a head"),
        ('{"number":1,"store":"s","hash":"h","at":"2026-11-23T12:00:00Z"}', "is not a head"),
        ('{"store":1,"number":1,"hash":"h","at":"2026-11-23T12:00:00Z"}', "1 where a text belongs"),
        ('{"store":"s","number":true,"hash":"h","at":"2026-11-23T12:00:00Z"}', "True where a number belongs"),
        ('{"store":"s","number":1,"hash":"h","at":"yesterday"}', "'yesterday' where a time belongs"),
        ('{"store":"s","number":1,"hash":"h","at":"2026-11-23T12:00:00"}', "without a zone"),
    ],
)
def test_what_is_no_head_is_said_to_be_none(line: str, why: str) -> None:
    """With what is wrong in it."""
    with pytest.raises(InvalidInput, match=why):
        head_of_line(line)


def test_an_export_in_another_format_is_not_guessed_at() -> None:
    """The version that wrote it can verify it."""
    head = Head(store=STORE, number=0, hash="", at=NOON)
    line = line_of_extract(Extract(head=head, after=0, previous=""))
    with pytest.raises(InvalidInput, match="tells of the format 'lockstep audit 2'"):
        extract_of_line(line.replace("lockstep audit 1", "lockstep audit 2"))


@pytest.mark.parametrize("many", [NEARBY, NEARBY + 1])
def test_a_long_part_that_was_taken_out_is_found_where_it_was(many: int) -> None:
    """Numbered anew behind it; only its kind is told less exactly where it is very long."""
    links = chained(many + 20)
    left = [*links[:10], *(replace(link, number=link.number - many) for link in links[10 + many :])]
    found = breaks(left, many + 20)[0]
    assert found.first == 11
    assert (found.kind is BreakKind.MISSING) is (many == NEARBY)


def test_a_long_part_that_was_put_in_is_found_where_it_is() -> None:
    """As many rows as are remembered, rightly chained, the rest numbered anew."""
    links, many = chained(20), REMEMBERED - 20
    forged, previous = list[Link](), links[9].hash
    for number in range(11, 11 + many):
        texts = texts_of(ENTRY)
        forged.append(Link(number=number, texts=texts, previous=previous, hash=hash_of(number, texts, previous)))
        previous = forged[-1].hash
    behind = [replace(link, number=link.number + many) for link in links[10:]]
    assert breaks([*links[:10], *forged, *behind], 20) == (Break(kind=BreakKind.INSERTED, first=11, last=10 + many),)


def test_breaks_without_end_are_counted_not_kept() -> None:
    """What was done to a whole audit needs no list."""
    links = [replace(link, hash="") for link in chained(12_000)]
    walk = Walk(STORE)
    for link in links:
        walk.row(link)
    verified = walk.end()
    assert len(verified.breaks) == 1
    assert verified.breaks[0].sentence == "rows 1 to 10000: no longer as written"
    assert verified.more == 2000
