"""What changed since the last reading: nothing may be missed, and where that is not sure it says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from agent.directories import openldap
from agent.directories.client import Client
from agent.directories.dialect import Changes, Presence
from agent.directories.reader import Pages, read_all, users
from agent.directories.searches import Ended
from agent.directories.watermarks import Watermark, decode
from ims.ports import Outcome
from tests.support.agent_side import DIALECT, RULES, client_of, look
from tests.support.slapd import Slapd

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a reading go back by its own length only, so that a test sees what moved and nothing older."""
    monkeypatch.setattr(openldap, "OVERLAP", timedelta(0))


def read_fully(client: Client) -> str:
    """Read everybody and return the watermark to go on from, as a reconcile does."""
    entries, completeness = read_all(client, users(DIALECT, RULES))
    assert completeness.complete
    highest = max((DIALECT.stamp(entry) for entry in entries), default="")
    return DIALECT.watermark(client.server, highest, timedelta(0))


def uids(changes: Changes) -> list[str]:
    """Return who changed."""
    return sorted(entry.text("uid") for entry in changes.entries)


def test_locks_failures_unlocks_and_sign_ins_are_seen(start_slapd: Callable[..., Slapd]) -> None:
    """On the server that takes the writes each of them moves the stamp."""
    server = start_slapd()
    person = server.add_person("moving")
    server.add_person("later")
    with client_of(server) as client:
        mark = read_fully(client)

        def moved() -> list[str]:
            nonlocal mark
            changes = DIALECT.changes_since(client, RULES, mark)
            assert changes.completeness.complete
            assert not changes.compare_fully
            mark = changes.watermark
            return uids(changes)

        moved()
        server.sign_in(person.dn, "a wrong password")
        assert "moving" in moved()
        server.lock(person, tries=2)
        assert "moving" in moved()
        seen = look(client, person)
        write = DIALECT.unlock_modify(seen.entry.dn, seen.stamp, seen.reading.facts)
        assert DIALECT.outcome(client.modify(write)) is Outcome.DONE
        assert "moving" in moved()
        server.sign_in(person.dn, "a wrong password")
        server.sign_in(person.dn, person.password)
        assert "moving" in moved()
        server.add_person("newcomer")
        assert "newcomer" in moved()


def test_the_same_stamp_is_read_again(start_slapd: Callable[..., Slapd]) -> None:
    """Two entries may change in one instant: the last ones are always read once more."""
    server = start_slapd()
    server.add_person("last")
    with client_of(server) as client:
        mark = read_fully(client)
        for _ in range(2):
            changes = DIALECT.changes_since(client, RULES, mark)
            assert uids(changes) == ["last"]
            mark = changes.watermark


def test_a_watermark_never_goes_back(start_slapd: Callable[..., Slapd]) -> None:
    """However long the next reading takes."""
    server = start_slapd()
    server.add_person("last")
    with client_of(server) as client:
        ahead = f"{datetime.now(UTC) + timedelta(hours=1):%Y%m%d%H%M%S}.999999Z#000000#000#000000"
        first = DIALECT.watermark(client.server, ahead, timedelta(0))
        assert first
        assert DIALECT.changes_since(client, RULES, first).watermark == first


def test_what_changes_during_a_reading_is_seen_by_the_next(start_slapd: Callable[..., Slapd]) -> None:
    """The first entry moves after it was read, then the second, which is read with its new stamp."""
    server = start_slapd()
    one, two = server.add_person("one"), server.add_person("two")
    with client_of(server, page_size=1) as client:
        pages = iter(Pages(client, users(DIALECT, RULES)))
        next(pages)
        server.modify(one.dn, description="moved after it was read")
        server.modify(two.dn, description="moved before it was read")
        stamps = [DIALECT.stamp(entry) for page in pages for entry in page]
        mark = DIALECT.watermark(client.server, max(stamps), timedelta(seconds=1))
        assert "one" in uids(DIALECT.changes_since(client, RULES, mark))


def test_deletions_are_not_seen(start_slapd: Callable[..., Slapd]) -> None:
    """Stamps say nothing about what is gone, and the answer admits it."""
    server = start_slapd()
    person = server.add_person()
    with client_of(server) as client:
        mark = read_fully(client)
        server.delete(person.dn)
        assert DIALECT.changes_since(client, RULES, mark).presence is Presence.UNKNOWN


@pytest.mark.parametrize("mark", ["", "nonsense", "[]", '[1,"openldap","ldap://x"]', '[1,"ad","ldap://x","5"]', "null"])
def test_no_usable_watermark_means_comparing_everything(slapd: Slapd, mark: str) -> None:
    """Nothing is read in its name."""
    with client_of(slapd) as client:
        changes = DIALECT.changes_since(client, RULES, mark)
    assert changes.compare_fully == "there is no watermark to go on from"
    assert (changes.entries, changes.watermark) == ((), "")


def test_a_stamp_of_a_clock_that_was_wrong_is_no_place_to_go_on_from(slapd: Slapd) -> None:
    """Nothing that changes now is greater than a stamp of the year 2099: a tick from there would see no change."""
    with client_of(slapd) as client:
        mark = Watermark(dialect="openldap", server=client.server, position="20991231235959.000000Z#000000#000#000000")
        assert DIALECT.watermark(client.server, mark.position, timedelta(0)) == ""
        assert DIALECT.changes_since(client, RULES, mark.encode()).compare_fully
        assert DIALECT.lag(client, RULES, mark.encode()) == ""


def test_another_server_means_comparing_everything(slapd: Slapd) -> None:
    """Stamps of two servers are not compared: the other may lag, or lead."""
    slapd.add_person()
    with client_of(slapd, servers=(slapd.url, slapd.tls_url)) as client:
        mark = read_fully(client)
        with client.connect_to(slapd.tls_url) as other:
            changes = DIALECT.changes_since(other, RULES, mark)
    assert changes.compare_fully == f"the last reading was of {slapd.url}, this one is of {slapd.tls_url}"


def test_too_many_changes_mean_comparing_everything(
    start_slapd: Callable[..., Slapd],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tick holds what changed in memory; a reconcile does not."""
    monkeypatch.setattr(openldap, "MOST_CHANGES", 2)
    server = start_slapd()
    server.add_person("first")
    with client_of(server) as client:
        mark = read_fully(client)
        for _ in range(3):
            server.add_person()
        assert DIALECT.changes_since(client, RULES, mark).compare_fully == "more than 2 entries changed"


def test_a_shortened_answer_is_not_complete(start_slapd: Callable[..., Slapd]) -> None:
    """Then its watermark is not kept, and the next reading begins where this one did."""
    server = start_slapd()
    server.add_person()
    with client_of(server) as client:
        mark = read_fully(client)
    for _ in range(4):
        server.add_person()
    server.restart(limits="size=2")
    with client_of(server) as client:
        changes = DIALECT.changes_since(client, RULES, mark)
    assert changes.completeness.ended is Ended.LIMITED
    assert 0 < len(changes.entries) <= 2


def test_a_group_s_change_moves_no_member(start_slapd: Callable[..., Slapd]) -> None:
    """The memberof overlay leaves the user's stamp alone: groups are read on their own."""
    server = start_slapd()
    person, other = server.add_person(), server.add_person()
    group = server.add_group("staff", [other.dn])
    before = server.text(person.dn, "entryCSN")
    with server.connected() as admin:
        admin.modify(group, {"member": [("MODIFY_ADD", [person.dn])]})
    assert server.text(person.dn, "memberOf") == group
    assert server.text(person.dn, "entryCSN") == before


def test_a_watermark_is_opaque_and_says_its_server(slapd: Slapd) -> None:
    """Only the dialect knows what the position means."""
    with client_of(slapd) as client:
        slapd.add_person()
        mark = decode(read_fully(client))
    assert mark is not None
    assert (mark.dialect, mark.server) == ("openldap", slapd.url)
    assert DIALECT.watermark(slapd.url, "", timedelta(0)) == ""
