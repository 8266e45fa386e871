"""What an answer may consist of: each message is judged by its number and its type, by explicit rules."""

import pytest

from agent.directories.answers import Answer, collect
from agent.directories.errors import ProtocolFault, Unreachable
from agent.directories.framing import messages
from agent.directories.limits import LIMITS, Limits
from tests.support.ber import Op, answer, element, entry, integer, message, reference

ONE, OTHER = (entry(5, dn, {"uid": [b"x"]}) for dn in ("uid=one", "uid=other"))
DONE = answer(5, Op.SEARCH_DONE, 0)
PAGED = b"1.2.840.113556.1.4.319"
GOOD_BYE = b"1.3.6.1.4.1.1466.20036"
INTERMEDIATE = 0x79


def received(*parts: bytes, limits: Limits = LIMITS) -> tuple[Answer, bytes]:
    """Return the answer to request 5 that consists of these messages, and what came after it."""
    pieces = iter([b"".join(parts), b""])
    return collect(messages(lambda: next(pieces), limits.message), 5, limits, "code {}".format)


def done(code: int = 0, *controls: bytes) -> bytes:
    """Return the end of a search with controls."""
    result = element(Op.SEARCH_DONE, integer(code, 0x0A), element(4), element(4, b"words of the server"))
    return element(0x30, integer(5), result, element(0xA0, *controls))


def paging(value: bytes) -> bytes:
    """Return the control that says where the next page is."""
    return element(0x30, element(4, PAGED), element(4, value))


def notice(name: bytes, code: int = 52) -> bytes:
    """Return what a server says without being asked."""
    parts = (integer(code, 0x0A), element(4), element(4, b"shutting down"), element(0x8A, name))
    return message(0, element(Op.EXTENDED_ANSWER, *parts))


def test_entries_are_collected_up_to_the_end() -> None:
    """As they came: each is where it stands, to the end of its message."""
    found, rest = received(ONE, OTHER, DONE)
    raws = [data[start:end] for data, start, end, digest in found.entries if digest == b""]
    assert raws == [ONE[5:], OTHER[5:]]
    assert (found.result.code, found.result.name, found.cookie, rest) == (0, "code 0", None, b"")


def test_the_code_is_told_whatever_it_is() -> None:
    """Unknown ones too; nothing of the server's words."""
    for code in (4, 32, 53, 123, 4096, 16654):
        found, _ = received(ONE, answer(5, Op.SEARCH_DONE, code, ("ldap://elsewhere",), "words"))
        assert (found.result.code, found.result.name, len(found.entries)) == (code, f"code {code}", 1)
        assert "words" not in repr(found.result)


def test_the_cookie_is_the_paging_control_s() -> None:
    """Some octets, none, or no control at all, which is not the same."""
    other = element(0x30, element(4, b"1.2.3"), b"\x01\x01\xff", element(4, b"value"))
    for cookie in (b"abc", b"\x00" * 200, b""):
        found, _ = received(done(0, other, paging(element(0x30, integer(0), element(4, cookie)))))
        assert found.cookie == cookie
        assert found.result.controls == {"1.2.3": b"value"}
    assert received(done(0, other))[0].cookie is None


@pytest.mark.parametrize(
    "value", ["", "30", "3000", "3003020100", "300502010004", "3005020100040130", "3006040100040130"]
)
def test_a_malformed_cookie_is_a_fault(value: str) -> None:
    """It would be sent back."""
    with pytest.raises(ProtocolFault):
        received(done(0, paging(bytes.fromhex(value))))


def test_references_and_intermediate_answers_are_left_alone() -> None:
    """Wherever they stand, however many there are."""
    intermediate = message(5, element(INTERMEDIATE, element(0x80, b"1.2.3"), element(0x81, b"value")))
    found, _ = received(reference(5, "ldap://a"), ONE, intermediate, reference(5, "ldap://b", "ldap://c"), OTHER, DONE)
    assert len(found.entries) == 2


def test_a_number_may_be_written_longer() -> None:
    """With a length of another form, or with zeros before it."""
    for number in (b"\x02\x81\x01\x05", b"\x02\x84\x00\x00\x00\x01\x05", b"\x02\x02\x00\x05"):
        found, _ = received(element(0x30, number, ONE[5:]), element(0x30, number, DONE[5:]))
        assert len(found.entries) == 1


@pytest.mark.parametrize("number", [4, 6, 261, 65541])
def test_an_answer_to_another_request_is_a_fault(number: int) -> None:
    """Ours are answered one after the other; 261 ends in the same octet as 5."""
    for wrong in (entry(number, "uid=one", {}), answer(number, Op.SEARCH_DONE, 0)):
        with pytest.raises(ProtocolFault, match=f"request {number}"):
            received(ONE, wrong, DONE)


@pytest.mark.parametrize("op", [Op.BIND_ANSWER, Op.MODIFY_ANSWER, Op.EXTENDED_ANSWER, Op.SEARCH, Op.BIND, 0x42, 0x30])
def test_an_operation_that_answers_no_search_is_a_fault(op: int) -> None:
    """Whatever it says."""
    with pytest.raises(ProtocolFault, match="another operation"):
        received(ONE, message(5, element(op, integer(0, 0x0A), element(4), element(4))), DONE)


def test_a_good_bye_ends_it() -> None:
    """RFC 4511 section 4.4.1: the server is about to close the connection."""
    with pytest.raises(Unreachable, match="ends the connection"):
        received(ONE, notice(GOOD_BYE), DONE)


def test_other_notices_are_advice() -> None:
    """RFC 4511 section 4.4: nobody has to take it."""
    found, _ = received(notice(b"1.2.3.4"), ONE, notice(GOOD_BYE + b"1"), DONE)
    assert len(found.entries) == 1


def test_a_notice_that_is_none_is_a_fault() -> None:
    """Number 0 is for extended answers only."""
    for wrong in (entry(0, "uid=one", {}), answer(0, Op.SEARCH_DONE, 0), message(0, b"")):
        with pytest.raises(ProtocolFault):
            received(wrong, DONE)


def test_what_comes_after_the_end_is_handed_back() -> None:
    """It belongs to somebody else, or to nobody: whoever reads next will find out."""
    _, rest = received(ONE, DONE, b"garbage", ONE)
    assert rest == b"garbage" + ONE


def test_a_message_without_number_or_operation_is_a_fault() -> None:
    """Empty, or only half."""
    for wrong in (b"\x30\x00", b"\x30\x03\x02\x01\x05", b"\x30\x02\x02\x00", b"\x30\x03\x04\x01\x05", b"\x30\x01\x02"):
        with pytest.raises(ProtocolFault):
            received(wrong, DONE)


@pytest.mark.parametrize(
    "end",
    [
        "300502010565000000",
        "3007020105650 20a00",
        "300a0201056505 0a01000400",
        "300c020105650702010004000400",
        "300c020105650801000400040000",
        "300d0201056507 0a0100040004 00a0",
        "30110201056507 0a01000400 0400a0033001 04",
        "30100201056507 0a01000400 0400a0020400",
        "30130201056507 0a01000400 0400a005300304 01e9",
    ],
)
def test_a_malformed_end_is_a_fault(end: str) -> None:
    """Success is not guessed."""
    with pytest.raises(ProtocolFault):
        received(bytes.fromhex(end.replace(" ", "")) + b"\x30\x00")


def test_the_whole_answer_has_its_limits() -> None:
    """Octets of all of it, those that are passed over too, and entries."""
    octets = len(ONE) * 3
    assert received(ONE, ONE, DONE, limits=Limits(page=octets))
    with pytest.raises(ProtocolFault, match="is not taken"):
        received(*[reference(5, "ldap://somewhere")] * 20, DONE, limits=Limits(page=octets))
    with pytest.raises(ProtocolFault, match="is not taken"):
        received(*[ONE] * 5, DONE, limits=Limits(entries=3))


def test_an_answer_that_does_not_end_is_none() -> None:
    """The other side hangs up in between."""
    with pytest.raises(Unreachable):
        received(ONE, OTHER)
