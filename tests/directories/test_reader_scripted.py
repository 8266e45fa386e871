"""A reading from servers that do what no real one does: typed faults, bounded time, and nothing is mixed up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.directories import reader
from agent.directories.client import Client
from agent.directories.errors import AnswerLost, ProtocolFault, Refused, Unreachable
from agent.directories.reader import Pages, find_one, read_all
from agent.directories.searches import Ended, Search
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import DirectoryUnreachable
from tests.support.ber import Message, Op, answer, element, entry, integer, message, reference
from tests.support.scripted import Script, Server, client_at, end, scripted, slowly
from tests.support.waiting import wait_until
from tests.support.wire import silent

EVERYBODY = Search(base="dc=x", attributes=("uid",))
SLACK_S = 1.0
MODIFY = Modify(dn="uid=x", changes=(Modification(kind=Kind.ADD, attribute="title", values=(b"x",)),))
GOOD_BYE = message(
    0,
    element(Op.EXTENDED_ANSWER, integer(52, 0x0A), element(4), element(4), element(0x8A, b"1.3.6.1.4.1.1466.20036")),
)


def person(request: Message, uid: str) -> bytes:
    """Return one entry."""
    return entry(request.number, f"uid={uid}", {"uid": [uid.encode()]})


class Paged:
    """The pages of one or several searches, told apart by their base; `broken` is what comes in the place of a page."""

    def __init__(self, *pages: tuple[str, ...], broken: dict[int, Callable[[Message], bytes]] | None = None) -> None:
        self.pages = pages
        self.broken = broken or {}

    def __call__(self, request: Message) -> Iterator[bytes]:
        """Answer one request for a page; its number is the cookie."""
        page = next((n for n in range(1, len(self.pages)) if b"page%d" % n in request.raw), 0)
        if page in self.broken:
            yield self.broken[page](request)
        yield from (person(request, uid) for uid in self.pages[page])
        yield end(request, cookie=b"page%d" % (page + 1) if page + 1 < len(self.pages) else b"")


@contextmanager
def connected(script: Script, *operations: Op, patience_s: int = 5) -> Iterator[tuple[Client, Server]]:
    """Connect to a server that follows a script."""
    with scripted(script, *operations) as server, client_at(server.url, receive_timeout_s=patience_s) as client:
        yield client, server


def showing(*parts: bytes | Callable[[Message], bytes]) -> Script:
    """Return the script of a server that answers every search with this."""
    return lambda request: [part if isinstance(part, bytes) else part(request) for part in parts]


def nothing(_: Message) -> Iterator[bytes]:
    """Say nothing at all."""
    yield from ()


def ada(request: Message) -> bytes:
    """Show somebody."""
    return person(request, "ada")


def names(pages: Pages) -> list[str]:
    """Read to the end."""
    return [one.dn for page in pages for one in page]


def test_the_next_page_is_asked_for_before_this_one_is_decoded() -> None:
    """It was, when the first page turns out to hold something that is no entry."""
    bad = element(0x30, integer(3), element(Op.ENTRY, b"\x04\x00", b"\x31\x00"))
    broken = {0: lambda request: element(0x30, integer(request.number), bad[5:])}
    with connected(Paged(("a",), ("b",), broken=broken)) as (client, server):
        with pytest.raises(ProtocolFault):
            next(iter(Pages(client, EVERYBODY)))
        wait_until(lambda: server.asked(Op.SEARCH) == 2, "the second page was asked for")


def test_other_questions_come_between_two_pages() -> None:
    """While a page is on its way: its answer is kept, and each question gets its own."""
    with connected(Paged(("a", "b"), ("c",), ("d",))) as (client, server):
        one, other = Pages(client, EVERYBODY), Pages(client, Search(base="dc=y", attributes=("uid",)))
        first, second = iter(one), iter(other)
        seen = [entry.dn for entry in (*next(first), *next(second))]
        with pytest.raises(Refused, match="more pages"):
            find_one(client, EVERYBODY)
        assert client.modify(MODIFY).ok
        rest = [entry.dn for page in (*first, *second) for entry in page]
        assert (seen, rest) == (["uid=a", "uid=b"] * 2, ["uid=c", "uid=d"] * 2)
        assert one.completeness.complete
        assert other.completeness.complete
        assert server.asked(Op.SEARCH) == 7


def test_a_reading_that_is_given_up_disturbs_nobody() -> None:
    """The page that nobody wants any more is on its way all the same."""
    with connected(Paged(("a",), ("b",))) as (client, _):
        given_up = Pages(client, EVERYBODY)
        next(iter(given_up))
        assert names(Pages(client, EVERYBODY)) == ["uid=a", "uid=b"]
        assert given_up.completeness.ended is Ended.UNFINISHED


FAULTS: dict[str, tuple[Callable[[Message], bytes], type[DirectoryUnreachable]]] = {
    "another number": (lambda request: entry(request.number + 1, "uid=x", {}), ProtocolFault),
    "an old number": (lambda request: answer(request.number - 1, Op.SEARCH_DONE, 0), ProtocolFault),
    "another operation": (lambda request: answer(request.number, Op.MODIFY_ANSWER, 0), ProtocolFault),
    "no LDAP": (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", ProtocolFault),
    "an indefinite length": (lambda _: b"\x30\x80\x02\x01\x03", ProtocolFault),
    "a giant message": (lambda _: b"\x30\x84\x04\x00\x00\x01", ProtocolFault),
    "a broken entry": (lambda request: message(request.number, b"\x64\x03\x04\x05a"), ProtocolFault),
    "a broken cookie": (lambda request: end(request, cookie=b"x").replace(b"\x04\x01x", b"\x04\x02x"), ProtocolFault),
    "a good-bye": (lambda _: GOOD_BYE, Unreachable),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_typed_and_end_the_session(fault: str) -> None:
    """What was yielded before is true, completeness says that it was not all, and nothing goes on by itself."""
    script, kind = FAULTS[fault]
    with connected(Paged(("a",), ("b",), ("c",), broken={1: script})) as (client, server):
        pages, seen = Pages(client, EVERYBODY), list[str]()
        with pytest.raises(kind, match=rf"{server.url}: searching dc=x: \w") as caught:
            seen.extend(one.dn for page in pages for one in page)
        assert type(caught.value) is kind
        assert seen == ["uid=a"]
        assert pages.completeness.ended is Ended.UNFINISHED
        with pytest.raises(Unreachable, match="closed"):
            client.search_one("dc=x")
        assert server.connections == 1


def test_what_came_before_a_fault_was_yielded() -> None:
    """Page by page; a fault of the page after the next one does not take the next one away."""
    with connected(Paged(("a",), ("b",), ("c",), broken={2: FAULTS["no LDAP"][0]})) as (client, _):
        pages, seen = Pages(client, EVERYBODY), list[str]()
        with pytest.raises(ProtocolFault):
            seen.extend(one.dn for page in pages for one in page)
    assert seen == ["uid=a", "uid=b"]


def test_results_of_every_kind() -> None:
    """Limits are limits, refusals refusals, and a code of the future is one too; entries before it count."""
    for code, ended in ((4, Ended.LIMITED), (3, Ended.LIMITED), (53, Ended.REFUSED), (9999, Ended.REFUSED)):
        with connected(showing(ada, lambda request, code=code: end(request, code))) as (client, _):  # type: ignore[misc] # a default binds it now
            entries, completeness = read_all(client, EVERYBODY)
            assert (len(entries), completeness.ended, completeness.entries) == (1, ended, 1)


def test_a_server_that_does_not_page_says_nothing_about_completeness() -> None:
    """It shows some entries and no cookie: nobody knows whether that was all."""
    with connected(showing(ada, lambda request: answer(request.number, Op.SEARCH_DONE, 0))) as (client, _):
        entries, completeness = read_all(client, EVERYBODY)
    assert (len(entries), completeness.ended) == (1, Ended.UNFINISHED)


def test_pages_without_end_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie and nothing else, for ever; some empty pages between others are fine."""
    monkeypatch.setattr(reader, "_MOST_EMPTY_PAGES", 3)
    with connected(Paged((), (), ("a",), (), (), (), ("b",))) as (client, _):
        assert names(Pages(client, EVERYBODY)) == ["uid=a", "uid=b"]
    with connected(showing(lambda request: end(request, cookie=b"more"))) as (client, server):
        with pytest.raises(ProtocolFault, match="pages without end"):
            names(Pages(client, EVERYBODY))
        assert server.asked(Op.SEARCH) < 8


def test_references_are_left_alone() -> None:
    """Nobody connects to where they point."""
    with silent() as elsewhere:
        with connected(showing(lambda request: reference(request.number, elsewhere.url), ada, end)) as (client, _):
            assert names(Pages(client, EVERYBODY)) == ["uid=ada"]
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "stray", [GOOD_BYE, b"garbage", entry(99, "uid=x", {})], ids=["a good-bye", "garbage", "another answer"]
)
def test_what_comes_behind_an_answer_is_judged_by_the_next_operation(stray: bytes) -> None:
    """It is neither lost nor taken for a part of the answer, whoever reads next: we or ldap3."""
    script = showing(lambda request: ada(request) + end(request) + stray)
    for following in (lambda client: read_all(client, EVERYBODY), lambda client: client.modify(MODIFY)):
        with connected(script, patience_s=1) as (client, _):
            assert len(read_all(client, EVERYBODY)[0]) == 1
            with pytest.raises(DirectoryUnreachable):
                following(client)


# --- bounded time ----------------------------------------------------------------------------------------------------


def dribbling(request: Message) -> Iterator[bytes]:
    """Answer with octet after octet, each of them in time."""
    data = element(0x30, integer(request.number), bytes(5000))
    return slowly(data, 0.05)


def test_a_server_that_dribbles_is_given_up_in_time() -> None:
    """Whatever was asked, and whoever reads the answer; a write's answer is lost then."""
    with connected(dribbling, patience_s=1) as (client, _):
        began = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            read_all(client, EVERYBODY)
        assert time.monotonic() - began < 1 + SLACK_S
    with connected(dribbling, Op.MODIFY, patience_s=1) as (client, _):
        began = time.monotonic()
        with pytest.raises(AnswerLost):
            client.modify(MODIFY)
        assert time.monotonic() - began < 1 + SLACK_S


def test_a_sign_in_that_dribbles_is_given_up_in_time() -> None:
    """ldap3 reads that one."""
    with scripted(dribbling, Op.BIND) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            client_at(server.url, receive_timeout_s=1).__enter__()
        assert time.monotonic() - began < 1 + SLACK_S


@contextmanager
def ended_soon(client: Client, when: Callable[[], object]) -> Iterator[None]:
    """End a client from another thread as soon as something holds; what waits has to end at once then."""
    times: list[float] = []

    def ending() -> None:
        wait_until(when, "the moment to end it")
        times.append(time.monotonic())
        client.abort()

    thread = threading.Thread(target=ending)
    thread.start()
    yield
    thread.join(10)
    assert time.monotonic() - times[0] < SLACK_S


def test_anybody_can_end_a_client_that_waits() -> None:
    """For a page, for a sign-in, for a write; it is of no use afterwards."""
    with connected(nothing) as (client, server):
        with ended_soon(client, lambda: server.asked(Op.SEARCH)), pytest.raises(Unreachable, match="from this side"):
            read_all(client, EVERYBODY)
        with pytest.raises(Unreachable, match="closed"):
            client.search_one("dc=x")
    with (
        connected(nothing, Op.MODIFY) as (client, server),
        ended_soon(client, lambda: server.asked(Op.MODIFY)),
        pytest.raises(AnswerLost),
    ):
        client.modify(MODIFY)
    with silent() as mute:
        client = client_at(mute.url, servers=(mute.url, mute.url))
        with ended_soon(client, lambda: mute.received), pytest.raises(Unreachable):
            client.__enter__()
        assert mute.connections == 1, "no other server is tried"


def test_anybody_can_end_a_client_that_connects() -> None:
    """A server whose queue is full: the system tries on and on to reach it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(full.getsockname())
        client = client_at(f"ldap://127.0.0.1:{full.getsockname()[1]}", connect_timeout_s=30, receive_timeout_s=30)
        connecting = lambda: client._session is not None and client._session._connection.socket is not None  # noqa: E731 - a condition
        with ended_soon(client, connecting), pytest.raises(Unreachable):
            client.__enter__()


def test_a_client_that_was_ended_opens_nothing() -> None:
    """Neither itself nor those that come from it."""
    with scripted(nothing) as server:
        client = client_at(server.url)
        before = client.connect_to(server.url)
        client.abort()
        for ended in (client, before, client.connect_to(server.url)):
            with pytest.raises(Unreachable):
                ended.__enter__()
        assert server.connections == 0
