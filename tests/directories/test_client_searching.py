"""What a search shows and how it ends: absence is evidence only where every page ended well."""

from collections.abc import Callable

import pytest

from agent.directories.access import Scope
from agent.directories.errors import Refused
from agent.directories.reader import Pages, find_one, read_all
from agent.directories.searches import Ended, Search
from ims.errors import InvalidInput
from tests.support.agent_side import DIALECT, RULES, client_of
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, PEOPLE

pytestmark = pytest.mark.servers
PERSONS = Search(base=PEOPLE, filter="(objectClass=inetOrgPerson)", attributes=("uid",))


@pytest.fixture(scope="module")
def eleven(request: pytest.FixtureRequest) -> Slapd:
    """Return a directory with eleven people, shared by the tests of this file."""
    server: Slapd = request.getfixturevalue("slapd")
    with server.connected() as admin:
        admin.add(f"ou=eleven,{PEOPLE}", "organizationalUnit", {"ou": "eleven"})
    for number in range(11):
        server.add_person(f"eleven{number}", parent=f"ou=eleven,{PEOPLE}")
    return server


def test_every_page_is_seen(eleven: Slapd) -> None:
    """Eleven people in pages of four, and completeness only after the last."""
    search = Search(base=f"ou=eleven,{PEOPLE}", filter=PERSONS.filter, attributes=("uid",), page_size=4)
    with client_of(eleven) as client:
        pages = Pages(client, search)
        assert pages.completeness.ended is Ended.UNFINISHED
        sizes = [len(page) for page in pages]
    assert sizes == [4, 4, 3]
    assert pages.completeness.complete
    assert pages.completeness.entries == 11


def test_the_page_size_is_the_settings(eleven: Slapd) -> None:
    """A search that names none takes the directory's."""
    search = Search(base=f"ou=eleven,{PEOPLE}", filter=PERSONS.filter)
    with client_of(eleven, page_size=6) as client:
        assert [len(page) for page in Pages(client, search)] == [6, 5]


def test_a_reading_that_was_given_up_is_unfinished(eleven: Slapd) -> None:
    """Whoever stops early has no evidence of absence."""
    search = Search(base=f"ou=eleven,{PEOPLE}", filter=PERSONS.filter, page_size=4)
    with client_of(eleven) as client:
        pages = Pages(client, search)
        next(iter(pages))
    assert pages.completeness.ended is Ended.UNFINISHED
    assert pages.completeness.why == "the search was not read to its end"


@pytest.mark.parametrize("page_size", [2, 4, 1000])
def test_a_size_limit_shortens_visibly(start_slapd: Callable[..., Slapd], page_size: int) -> None:
    """What came before the limit is shown, and nothing follows from what is missing."""
    limited = start_slapd(limits="size=5")
    for _ in range(8):
        limited.add_person()
    with client_of(limited, page_size=page_size) as client:
        entries, completeness = read_all(client, PERSONS)
    assert 0 < len(entries) < 8
    assert completeness.ended is Ended.LIMITED
    assert completeness.entries == len(entries)
    assert completeness.why == "cut short by the server: sizeLimitExceeded"


def test_success_and_nothing_is_complete_and_empty(slapd: Slapd) -> None:
    """Whether that can be believed is for the reading's other proofs to say."""
    with client_of(slapd) as client:
        entries, completeness = read_all(client, Search(base=PEOPLE, filter="(uid=nobody at all)"))
    assert entries == ()
    assert completeness.complete


def test_a_missing_base_is_refused(slapd: Slapd) -> None:
    """A unit that was renamed is no empty unit."""
    with client_of(slapd) as client:
        _, completeness = read_all(client, Search(base=f"ou=gone,{PEOPLE}"))
    assert completeness.ended is Ended.REFUSED
    assert completeness.why == "refused by the server: noSuchObject"


def test_a_lost_right_shows_nothing_at_all(start_slapd: Callable[..., Slapd]) -> None:
    """slapd answers success and zero entries: only a canary can tell that from an empty company."""
    blind = start_slapd(access=(f'access to dn.subtree="{PEOPLE}" by dn.exact="{AGENT_DN}" none by * break',))
    blind.add_person()
    with client_of(blind) as client:
        entries, completeness = read_all(client, Search(base=RULES.base.partition(",")[2], filter=RULES.filter))
    assert entries == ()
    assert completeness.complete


def test_one_entry_is_found_or_is_not_there(slapd: Slapd) -> None:
    """By name, and by what it must satisfy."""
    person = slapd.add_person()
    with client_of(slapd) as client:
        found = client.search_one(person.dn, ("uid",))
        assert found is not None
        assert found.texts("uid") == (person.uid,)
        assert client.search_one(person.dn, ("uid",), "(uid=somebody else)") is None
        assert client.search_one(f"uid=nobody,{PEOPLE}") is None


def test_several_are_nobody(eleven: Slapd) -> None:
    """The first of several is never taken."""
    with client_of(eleven) as client:
        with pytest.raises(Refused, match="several entries"):
            find_one(client, Search(base=f"ou=eleven,{PEOPLE}", filter=PERSONS.filter))
        assert find_one(client, Search(base=PEOPLE, filter="(uid=nobody at all)")) is None
        with pytest.raises(Refused, match="noSuchObject"):
            find_one(client, Search(base=f"ou=gone,{PEOPLE}"))


def test_a_malformed_filter_is_the_caller_s(slapd: Slapd) -> None:
    """Nothing is sent, and the connection goes on."""
    with client_of(slapd) as client:
        with pytest.raises(InvalidInput, match="filter is malformed"):
            read_all(client, Search(base=PEOPLE, filter="(uid=a"))
        assert client.search_one(PEOPLE) is not None


def test_raw_values_come_as_they_are(slapd: Slapd) -> None:
    """Operational and odd values, in any case of their names, with nothing made of them."""
    person = slapd.add_person(description="Zoë\n<>*()\\ ", title="  two  spaces ")
    with client_of(slapd) as client:
        entry = client.search_one(person.dn, ("DESCRIPTION", "Title", "entryUUID", "noSuchAttribute"))
    assert entry is not None
    assert entry.values("description") == ("Zoë\n<>*()\\ ".encode(),)
    assert entry.values("title") == (b"  two  spaces ",)
    assert entry.values("entryuuid") == (person.entry_id.encode(),)
    assert set(entry.attributes) == {"description", "title", "entryuuid"}


def test_a_scope_is_kept(eleven: Slapd) -> None:
    """One level down, everything below, and the entry itself."""
    counts = {}
    with client_of(eleven) as client:
        for scope in Scope:
            entries, _ = read_all(client, Search(base=f"ou=eleven,{PEOPLE}", scope=scope))
            counts[scope] = len(entries)
    assert counts == {Scope.BASE: 1, Scope.LEVEL: 11, Scope.SUBTREE: 12}


def test_an_entry_is_found_by_its_id_wherever_it_moves(slapd: Slapd) -> None:
    """The name is an address: the id stays."""
    person = slapd.add_person()
    with slapd.connected() as admin:
        admin.modify_dn(person.dn, f"uid=renamed-{person.uid}")
    with client_of(slapd) as client:
        entry = find_one(
            client, Search(base=PEOPLE, filter=f"(entryUUID={person.entry_id})", attributes=("entryUUID",))
        )
    assert entry is not None
    assert entry.dn == f"uid=renamed-{person.uid},{PEOPLE}"
    assert DIALECT.entry_id(entry) == person.entry_id
