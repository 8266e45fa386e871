"""The entries of a pass as a stream: each once, and at its end it is known whether that was everybody."""

from collections.abc import Iterator
from typing import cast

import pytest

from agent.directories.entry import Entry, entry_of
from agent.directories.errors import Unreachable
from agent.directories.searches import Completeness, Ended
from agent.reading import Given, Part, Stream
from agent.run import PassStopped, Run, Stop
from ims.locks import LedgerRules
from ims.ports import Store
from tests.support.agent_side import WallClock
from tests.support.configured import directory

ALL = Completeness(ended=Ended.COMPLETE)
CUT = Completeness(ended=Ended.LIMITED, why="cut short by the server: sizeLimitExceeded")


def entry(number: int, csn: str = "20261123120000.000000Z#000000#000#000000") -> Entry:
    """Return an entry with an id."""
    raw = {"entryUUID": [f"00000000-0000-4000-8000-{number:012d}".encode()], "entryCSN": [csn.encode()]}
    return entry_of(f"uid=p{number},dc=x", raw)


class Breaking:
    """A search whose connection breaks after some pages."""

    completeness = ALL

    def __init__(self, *pages: tuple[Entry, ...]) -> None:
        self._pages = pages

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        yield from self._pages
        raise Unreachable("the connection broke")


def stream(*parts: Part, stop: Stop | None = None) -> Stream:
    """Return the stream of these parts."""
    run = Run(
        directory=directory(),
        store=cast("Store", None),
        clock=WallClock(),
        rules=LedgerRules(),
        stop=stop or Stop(),
    )
    return Stream(run, parts)


def read(of: Stream) -> list[str]:
    """Read a stream to its end, and return the DNs."""
    return [one.dn for page in of for one in page]


def test_an_entry_in_two_parts_comes_once() -> None:
    """The first part's is the one."""
    both = stream(Given((entry(1), entry(2)), ALL), Given((entry(2), entry(3)), ALL))
    assert read(both) == ["uid=p1,dc=x", "uid=p2,dc=x", "uid=p3,dc=x"]
    assert (both.read, len(both.seen), both.why_incomplete) == (3, 3, "")


def test_it_is_incomplete_until_its_end_and_if_any_part_is() -> None:
    """Every part has to end well; the first that does not says why."""
    whole = stream(Given((entry(1),), ALL))
    assert whole.why_incomplete
    assert read(whole) == ["uid=p1,dc=x"]
    assert whole.why_incomplete == ""
    cut = stream(Given((entry(1),), CUT), Given((entry(2),), ALL))
    assert len(read(cut)) == 2
    assert cut.why_incomplete == CUT.why


def test_a_connection_that_breaks_in_the_middle_keeps_what_was_seen() -> None:
    """It is incomplete, and nothing that was seen is lost."""
    broken = stream(Breaking((entry(1),), (entry(2),)))
    assert len(read(broken)) == 2
    assert broken.why_incomplete == "the connection broke"


def test_a_connection_that_breaks_before_anything_was_seen_is_an_unreachable_directory() -> None:
    """There is nothing to take over."""
    with pytest.raises(Unreachable):
        read(stream(Breaking()))


def test_entries_without_an_id_are_counted_and_passed_on() -> None:
    """To be reported; whoever is known and not seen is then not taken for absent."""
    nameless = entry_of("uid=nobody,dc=x", {"uid": [b"nobody"]})
    some = stream(Given((nameless, nameless, entry(1)), ALL))
    assert len(read(some)) == 3
    assert (some.nameless, len(some.seen)) == (2, 1)


def test_the_highest_stamp_is_kept_for_the_watermark() -> None:
    """Whatever the order."""
    late = "20261123120001.000000Z#000000#000#000000"
    some = stream(Given((entry(1), entry(2, late), entry(3)), ALL))
    read(some)
    assert some.highest_stamp == late


def test_a_stopped_pass_ends_between_two_pages() -> None:
    """It is done again by the next one."""
    stop = Stop()
    pages = iter(stream(Given((entry(1),), ALL), Given((entry(2),), ALL), stop=stop))
    next(pages)
    stop.set()
    with pytest.raises(PassStopped):
        next(pages)


def test_many_given_entries_come_in_pages() -> None:
    """As the store likes them."""
    sizes = [len(page) for page in Given(tuple(entry(number) for number in range(2500)), ALL)]
    assert sizes == [1000, 1000, 500]


def test_an_empty_part_ends_nothing() -> None:
    """The next one is read all the same."""
    assert read(stream(Given((), ALL), Given((entry(1),), ALL))) == ["uid=p1,dc=x"]
