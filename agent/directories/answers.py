"""What a server sends in answer to one search request: which messages it may consist of, and how it ends.

Each message is judged by its number and its type alone (RFC 4511 sections 4.1.1, 4.4 and 4.5.2); the entries stay as
they came until somebody wants to know what they say.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agent.directories import ber
from agent.directories.controls import PAGED_RESULTS, paging_cookie
from agent.directories.errors import NotTold, ProtocolFault, Unreachable
from agent.directories.framing import Message
from agent.directories.limits import Limits
from agent.directories.results import Result

RawEntry = tuple[bytes, int, int, bytes]
"""A buffer, where in it an entry and the controls that came with it begin and end, and its digest where one is kept."""
ENTRY = 0x64
_DONE, _REFERENCE, _INTERMEDIATE, _EXTENDED = 0x65, 0x73, 0x79, 0x78
_IGNORED = frozenset({_REFERENCE, _INTERMEDIATE})
"""A reference to another server is never followed; nothing that is asked for here comes in intermediate answers."""
_CONTROLS = 0xA0
_RESPONSE_NAME = 0x8A
_NOTICE_OF_DISCONNECTION = b"1.3.6.1.4.1.1466.20036"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole answer to a search. `cookie` asks for the next page: empty = that was all, None = nobody says."""

    entries: list[RawEntry]
    result: Result
    cookie: bytes | None


def collect(
    messages: Iterable[Message],
    number: int,
    limits: Limits,
    name: Callable[[int], str],
) -> tuple[Answer, bytes]:
    """Return the answer to the request of this number, and what came after it. `name` gives a result code's name.

    Raises ProtocolFault for anything that does not belong to the answer; Unreachable where the server says good-bye.
    """
    entries: list[RawEntry] = []
    ours, octets = ber.encoded_integer(number), 0
    for data, start, end in messages:
        octets += end - start
        if octets > limits.page or len(entries) > limits.entries:
            raise ProtocolFault(f"an answer of more than {limits.page} bytes or {limits.entries} entries is not taken")
        if not data.startswith(ours, start, end):
            at = _after_number(data, start, end, number)
            if at is None:
                continue
        else:
            at = start + len(ours)
        operation = data[at] if at < end else None
        if operation == ENTRY:
            entries.append((data, at, end, b""))
        elif operation == _DONE:
            result, cookie = _ended(data, at, end, limits, name)
            return Answer(entries=entries, result=result, cookie=cookie), data[end:]
        elif operation not in _IGNORED:
            raise ProtocolFault("a search is answered by another operation")
    raise Unreachable("the server hung up")


def told(messages: Iterable[Message], number: int, limits: Limits, name: Callable[[int], str]) -> Iterator[None]:
    """Yield once for each message of a search that does not end. Raises as `collect`, and NotTold where it does end."""
    ours = ber.encoded_integer(number)
    for data, start, end in messages:
        at = start + len(ours) if data.startswith(ours, start, end) else _after_number(data, start, end, number)
        if at is None:
            continue
        if at < end and data[at] == _DONE:
            result, _ = _ended(data, at, end, limits, name)
            raise NotTold(f"the server does not go on telling what changes: {result.name}")
        yield


def _after_number(data: bytes, start: int, end: int, number: int) -> int | None:
    """Return where the operation of a message begins whose number may be written otherwise; None = pass it over."""
    number_at, at = ber.expect(ber.Tag.INTEGER, data, start, end)
    found = ber.integer(data, number_at, at)
    if found == number:
        return at
    if found != 0:
        raise ProtocolFault(f"an answer to request {found} comes where one to request {number} is due")
    _judge_notice(data, at, end)
    return None


def _judge_notice(data: bytes, at: int, end: int) -> None:
    """Take note of what nobody asked for (RFC 4511 section 4.4): a good-bye counts, all else is mere advice."""
    start, stop = ber.expect(_EXTENDED, data, at, end)
    for tag, name_at, name_end in ber.elements(data, start, stop):
        if tag == _RESPONSE_NAME and data[name_at:name_end] == _NOTICE_OF_DISCONNECTION:
            raise Unreachable("the server says that it ends the connection")


def _ended(data: bytes, at: int, end: int, limits: Limits, name: Callable[[int], str]) -> tuple[Result, bytes | None]:
    """Return how a search ended, and the cookie. The server's own words, and where else to ask, are left alone."""
    start, stop = ber.expect(_DONE, data, at, end)
    code_at, code_end = ber.expect(ber.Tag.ENUMERATED, data, start, stop)
    _, name_end = ber.expect(ber.Tag.OCTETS, data, code_end, stop)
    _, text_end = ber.expect(ber.Tag.OCTETS, data, name_end, stop)
    ber.ignore(data, text_end, stop)
    controls = controls_after(data, stop, end, limits)
    paging = controls.pop(PAGED_RESULTS, None)
    code = ber.integer(data, code_at, code_end)
    return Result(code, name(code), controls), None if paging is None else paging_cookie(paging)


def controls_after(data: bytes, at: int, end: int, limits: Limits) -> dict[str, bytes]:
    """Return the controls between an operation and the end of its message. Raises ProtocolFault."""
    found: dict[str, bytes] = {}
    for tag, start, stop in ber.elements(data, at, end):
        for bounds in ber.elements(data, start, stop) if tag == _CONTROLS else ():
            oid, value = _control(data, *bounds)
            found[oid] = value
            if len(found) > limits.controls:
                raise ProtocolFault("a message with more controls than there can be")
    return found


def _control(data: bytes, tag: int, at: int, end: int) -> tuple[str, bytes]:
    """Return a control's OID and value (RFC 4511 section 4.1.11). Whether it is critical only matters in requests."""
    if tag != ber.Tag.SEQUENCE:
        raise ProtocolFault("a control is not what its standard says")
    oid_at, oid_end = ber.expect(ber.Tag.OCTETS, data, at, end)
    parts = {part: data[start:stop] for part, start, stop in ber.elements(data, oid_end, end)}
    return ber.ascii_text(data, oid_at, oid_end), parts.get(ber.Tag.OCTETS, b"")
