"""Our reader and a real slapd: the same entries as ldap3 finds, over every way in, and known ones passed over."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import ldap3
import pytest

from agent.directories.access import BindMethod, Tls, server_url
from agent.directories.client import Client
from agent.directories.entry import Entry, entry_of
from agent.directories.errors import ProtocolFault
from agent.directories.reader import Pages, Unchanged, read_all
from agent.directories.searches import Search
from agent.directories.session import Session
from tests.support.agent_side import access_to, client_of
from tests.support.certificates import CertificateAuthority
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE, GROUPS, PEOPLE, SlapdOptions
from tests.support.wire import proxy

pytestmark = pytest.mark.servers
ODD = f"ou=odd,{PEOPLE}"
MEMBERS = 3000
ALL = ("*", "+")
KEY = b"k" * 32


@contextmanager
def started(authority: CertificateAuthority, **options: Any) -> Iterator[Slapd]:
    """Run a directory for the tests of this file."""
    server = Slapd(authority, SlapdOptions(**options))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def odd(authority: CertificateAuthority) -> Iterator[Slapd]:
    """Return a directory with entries of every kind."""
    with started(authority) as server:
        with server.connected() as admin:
            admin.add(ODD, "organizationalUnit", {"ou": "odd"})
            for number, attributes in enumerate(kinds()):
                uid = f"odd{number}"
                admin.add(f"uid={uid},{ODD}", "inetOrgPerson", {"uid": uid, "cn": uid, "sn": uid, **attributes})
            admin.add(f"cn=Zoë Ünïcødé\\2C 東京,{ODD}", "inetOrgPerson", {"sn": "ë"})
            members = [f"uid=member{number},{PEOPLE}" for number in range(MEMBERS)]
            admin.add(f"cn=odd,{GROUPS}", "groupOfNames", {"cn": "odd", "member": members})
        yield server


def kinds() -> Iterator[dict[str, Any]]:
    """Yield what people may have: long, binary, many, in several languages, and lengths around every border."""
    for size in (1, 100, 118, 119, 120, 121, 122, 126, 127, 128, 255, 256, 65_535, 65_536, 200_000):
        yield {"description": "x" * size}
    yield {"jpegPhoto": bytes(range(256)) * 50}
    yield {"mail": [f"a{number}@example.test" for number in range(300)]}
    yield {"cn;lang-de": "Zoë", "cn;lang-ja": "東京", "description;lang-en-us": "options"}
    yield {"title": " two  spaces ", "description": ["a\nb", "<>*()\\", "\u202e"]}


def by_ldap3(slapd: Slapd, search: Search) -> dict[str, Entry]:
    """Return what ldap3 finds with the agent's rights, by DN."""
    with slapd.connected(AGENT_DN, AGENT_PASSWORD) as connection:
        connection.search(search.base, search.filter, attributes=list(search.attributes))
        found = [entry for entry in connection.response if entry["type"] == "searchResEntry"]
        return {entry["dn"]: entry_of(entry["dn"], entry["raw_attributes"]) for entry in found}


def by_us(client: Client, search: Search) -> dict[str, Entry]:
    """Return what we find, by DN."""
    entries, completeness = read_all(client, search)
    assert completeness.complete
    return {entry.dn: entry for entry in entries}


@contextmanager
def connected(slapd: Slapd, way: str) -> Iterator[Client]:
    """Connect to a directory in one of the ways that there are."""
    ways: dict[str, dict[str, Any]] = {
        "ldapi": {"servers": (slapd.ipc_url,), "method": BindMethod.EXTERNAL, "secret": None},
        "plain": {"tls": Tls.PLAINTEXT},
        "StartTLS": {},
        "ldaps": {"servers": (slapd.tls_url,)},
    }
    with client_of(slapd, **ways[way]) as client:
        yield client


@pytest.mark.parametrize("way", ["ldapi", "plain", "StartTLS", "ldaps"])
def test_the_same_as_ldap3_finds(odd: Slapd, way: str) -> None:
    """Every attribute of every entry, operational ones too, in pages of several sizes."""
    for page_size in (1, 7, 1000):
        search = Search(base=BASE, attributes=ALL, page_size=page_size)
        with connected(odd, way) as client:
            found = by_us(client, search)
        assert found == by_ldap3(odd, search)
    assert max(len(entry.values("member")) for entry in found.values()) == MEMBERS
    assert any("東京" in dn for dn in found)
    assert any("cn;lang-de" in entry.attributes for entry in found.values())


def test_a_choice_of_attributes_is_the_same_too(odd: Slapd) -> None:
    """In the caller's spelling, with options, with none at all, and some that nobody has."""
    for attributes in (("UID", "cn", "ENTRYUUID"), ("cn;lang-de", "mail"), ("1.1",), ("noSuchAttribute",)):
        search = Search(base=ODD, attributes=attributes)
        with connected(odd, "plain") as client:
            assert by_us(client, search) == by_ldap3(odd, search)


def test_a_digest_is_that_of_the_entry_s_octets(odd: Slapd) -> None:
    """Keyed, without the number of the message: the same in every page of every reading."""
    search = Search(base=ODD, attributes=ALL)
    with connected(odd, "plain") as client:
        raws = client.receive(client.ask(search)).entries
        digests = [blake2b(data[at:end], digest_size=16, key=KEY).digest() for data, at, end, _ in raws]
        for page_size in (1, 5, 1000):
            pages = Pages(client, Search(base=ODD, attributes=ALL, page_size=page_size), nobody_known())
            assert [entry.digest for page in pages for entry in page] == digests
        other = Pages(client, search, Unchanged(key=b"o" * 32, known=set()))
        assert not {entry.digest for page in other for entry in page} & set(digests)
        assert {entry.digest for entry in read_all(client, search)[0]} == {b""}


def test_known_entries_are_passed_over(odd: Slapd) -> None:
    """What changed is shown, what is left over is gone or changed, and all are counted."""
    search = Search(base=ODD, attributes=ALL, page_size=6)
    with connected(odd, "StartTLS") as client:
        first = Pages(client, search, nobody_known())
        known = {entry.digest: entry.dn for page in first for entry in page}
        odd.modify(f"uid=odd3,{ODD}", title="changed")
        unchanged = Unchanged(key=KEY, known={*known, b"gone"})
        again = Pages(client, search, unchanged)
        shown = [entry for page in again for entry in page]
    assert [entry.dn for entry in shown] == [f"uid=odd3,{ODD}"]
    assert shown[0].digest not in known
    assert shown[0].values("title") == (b"changed",)
    assert {known.get(digest, digest) for digest in unchanged.known} == {f"uid=odd3,{ODD}", b"gone"}
    assert unchanged.passed == len(known) - 1
    assert again.completeness.entries == len(known)


def nobody_known() -> Unchanged:
    """Ask for digests, and pass nobody over."""
    return Unchanged(key=KEY, known=set())


# --- a stream that is signed -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signing(authority: CertificateAuthority) -> Iterator[Slapd]:
    """Return a directory that the agent may sign in to by SASL DIGEST-MD5."""
    who = f'authz-regexp "uid=agent,(cn=[^,]+,)?cn=digest-md5,cn=auth" "{AGENT_DN}"'
    with started(authority, tls=False, extra=("sasl-host localhost", who)) as server:
        for _ in range(9):
            server.add_person()
        yield server


@contextmanager
def signed_session(slapd: Slapd, port: int) -> Iterator[Session]:
    """Sign in so that both sides sign from then on. Settings do not offer it, so ldap3 is told directly."""
    session = Session(access_to(slapd, tls=Tls.PLAINTEXT), server_url(f"ldap://localhost:{port}"))
    session.open()
    connection = session._connection
    connection.authentication, connection.sasl_mechanism = ldap3.SASL, ldap3.DIGEST_MD5
    connection.sasl_credentials = (None, "agent", AGENT_PASSWORD, None, "sign")
    try:
        assert connection.bind()
        yield session
    finally:
        session.close()


def test_a_signed_stream_is_read_whole(signing: Slapd) -> None:
    """ldap3 shows one entry of it, and success. Ours are all there, page after page, and writes work in between."""
    search = Search(base=BASE, attributes=ALL, page_size=4)
    with signed_session(signing, signing.port) as session:
        found, cookie = dict[str, Entry](), b""
        while True:
            page = session.search(search, cookie=cookie)
            found |= {entry.dn: entry for entry in page.entries}
            assert AGENT_DN in session.who_am_i()
            cookie = page.cookie or b""
            if not cookie:
                break
    assert len(found) > 10
    assert found == by_ldap3(signing, search)


def test_a_forged_signature_is_a_fault(signing: Slapd) -> None:
    """One octet of an entry was changed on the way."""
    forging = [False]

    def forged(data: bytes) -> bytes:
        return data.replace(b"inetOrgPerson", b"inetOrgperson") if forging[0] else data

    with proxy(signing.port, forged) as listener, signed_session(signing, listener.port) as session:
        forging[0] = True
        with pytest.raises(ProtocolFault, match="signature"):
            session.search(Search(base=BASE, attributes=ALL))


def test_what_is_given_up_in_a_signed_stream_disturbs_nobody(signing: Slapd) -> None:
    """The answer to a search that nobody waits for is taken off the stream before the next one."""
    with signed_session(signing, signing.port) as session:
        session.ask(Search(base=BASE, attributes=ALL))
        assert AGENT_DN in session.who_am_i()
        assert len(session.search(Search(base=PEOPLE, attributes=ALL)).entries) > 9
