"""What entries say, in every form in which a server may write them: the same as ldap3 and a plain reader find."""

import gc
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories import ber
from agent.directories.answers import RawEntry, collect
from agent.directories.decoding import Decoder
from agent.directories.entry import Entry
from agent.directories.errors import ProtocolFault
from agent.directories.framing import messages as framed
from agent.directories.limits import LIMITS, Limits
from tests.support import wild_ber
from tests.support.ber import Op, answer
from tests.support.wild_ber import LIKE_ACTIVE_DIRECTORY, NUMBER, ORDINARY, Attribute, Pen, Plain, by_ldap3, plainly


def raw(*messages: bytes, limits: Limits = LIMITS) -> list[RawEntry]:
    """Return entries as they stand in an answer, all of it in one buffer."""
    stream = iter([b"".join((*messages, answer(NUMBER, Op.SEARCH_DONE, 0))), b""])
    return collect(framed(lambda: next(stream), limits.message), NUMBER, limits, str)[0].entries


def decoded(*messages: bytes, decoder: Decoder | None = None, limits: Limits = LIMITS) -> tuple[Entry, ...]:
    """Return what these messages say."""
    return (decoder or Decoder(limits)).entries(raw(*messages, limits=limits))


def one(found: list[Attribute], pen: Pen = ORDINARY) -> Entry:
    """Return the entry with these attributes."""
    (entry,) = decoded(pen.entry(b"cn=x", found))
    return entry


def named_once(message: bytes) -> bool:
    """Return whether no attribute is named twice: of one that is, ldap3 only shows the last values."""
    return sum(map(len, by_ldap3(message).attributes.values())) == sum(map(len, plainly(message).attributes.values()))


@given(wild_ber.messages)
def test_every_form_says_the_same_as_to_others(message: bytes) -> None:
    """Names, options, values, controls, odd DNs, whatever the form of the lengths."""
    (entry,) = decoded(message)
    assert Plain.of(entry) == plainly(message)
    if named_once(message):
        assert Plain.of(entry) == by_ldap3(message)


@given(st.lists(wild_ber.messages, min_size=1, max_size=8))
def test_what_was_seen_before_changes_nothing(messages: list[bytes]) -> None:
    """Headers that are remembered, of these entries or of others before them, are found again and never confused."""
    decoder = Decoder()
    first = decoded(*messages, decoder=decoder)
    assert decoded(*reversed(messages), decoder=decoder) == tuple(reversed(first))
    assert [Plain.of(entry) for entry in first] == [plainly(message) for message in messages]


@given(wild_ber.dns, wild_ber.attributes)
def test_no_form_differs_from_the_ordinary_one(dn: bytes, found: list[Attribute]) -> None:
    """The same entry in short lengths, in Active Directory's, and in lengths of one to four octets throughout."""
    decoder = Decoder()
    pens = (ORDINARY, LIKE_ACTIVE_DIRECTORY, Pen([1]), Pen([2]), Pen([3]), Pen([4]))
    entries = decoded(*(pen.entry(dn, found) for pen in pens), decoder=decoder)
    assert len(set(map(repr, entries))) == 1


def test_an_attribute_named_twice_has_all_its_values() -> None:
    """In one case or in several, before the name is known and after."""
    found = [(b"cn", [b"a"]), (b"sn", [b"s"]), (b"CN", [b"b", b"c"]), (b"cn", []), (b"cn", [b"a"])]
    for pen in (ORDINARY, LIKE_ACTIVE_DIRECTORY):
        first, second = decoded(pen.entry(b"", found), pen.entry(b"", found))
        assert dict(first.attributes) == {"cn": (b"a", b"b", b"c", b"a"), "sn": (b"s",)}
        assert first == second


def test_attributes_without_values_are_left_out() -> None:
    """Presence is being in it; an empty value is one."""
    assert dict(one([(b"a", []), (b"b", [b""]), (b"c", [])]).attributes) == {"b": (b"",)}
    assert dict(one([]).attributes) == {}


def test_options_and_ranges_are_part_of_the_name() -> None:
    """What to make of them is for somebody else to say."""
    found = [(b"member;range=0-1499", [b"x"]), (b"CN;Lang-DE", [b"y"])]
    assert set(one(found).attributes) == {"member;range=0-1499", "cn;lang-de"}


def test_a_dn_that_is_no_utf_8_stays_recognisable() -> None:
    """Its octets can be seen; it is the name of nothing that could be found."""
    (entry,) = decoded(ORDINARY.entry(b"cn=\xff\xfe", []))
    assert entry.dn == "cn=\\xff\\xfe"


def test_controls_stay_with_their_entry() -> None:
    """With and without a value."""
    said = [(b"1.2.3", b"\x30\x00"), (b"1.2.4", None)]
    first, second = decoded(ORDINARY.entry(b"", [], said), ORDINARY.entry(b"", []))
    assert dict(first.controls) == {"1.2.3": b"\x30\x00", "1.2.4": b""}
    assert dict(second.controls) == {}


def test_a_critical_control_is_one_like_others() -> None:
    """Servers set what only requests need."""
    control = ORDINARY.element(0x30, b"\x04\x051.2.3", b"\x01\x01\xff", b"\x04\x01v")
    entry = ORDINARY.element(0x64, b"\x04\x00", b"\x30\x00")
    (found,) = decoded(ORDINARY.element(0x30, b"\x02\x01\x05", entry, ORDINARY.element(0xA0, control)))
    assert dict(found.controls) == {"1.2.3": b"v"}


def test_what_a_later_version_adds_is_passed_over() -> None:
    """RFC 4511 section 4: trailing elements of an unknown type are ignored, where they are well-formed."""
    name, held, unknown = b"\x04\x01a", b"\x31\x03\x04\x01v", b"\x85\x01z"
    attribute = ORDINARY.element(0x30, name, held, unknown)
    entry = ORDINARY.element(0x64, b"\x04\x00", ORDINARY.element(0x30, attribute, attribute), unknown)
    decoder = Decoder()
    for _ in range(2):
        (found,) = decoded(ORDINARY.element(0x30, b"\x02\x01\x05", entry, unknown), decoder=decoder)
        assert dict(found.attributes) == {"a": (b"v", b"v")}


@pytest.mark.parametrize(
    "attributes",
    [
        "3000",
        "30020401",
        "300304016131",
        "3005040161310104",
        "30080401613103040276",
        "30080401613103240176",
        "30080401613003040176",
        "30080c01613103040176",
        "31080401613103040176",
        "30070400310304017600",
        "3008040161310304017630",
        "3080040161310304017600",
        "30880401613103040176",
        "300904810161310304017631",
        "3008040161318003040176",
        "30080401e93103040176",
        "30090401613103040176ff",
        "3009040161310304017685",
        "30840000000a0401613103040176",
    ],
)
def test_malformed_attributes_are_a_fault(attributes: str) -> None:
    """Cut off, too long, of a wrong type, nameless, indefinite, constructed: nothing is guessed."""
    entry = ORDINARY.element(0x64, b"\x04\x00", ORDINARY.element(0x30, bytes.fromhex(attributes)))
    with pytest.raises(ProtocolFault):
        decoded(ORDINARY.element(0x30, b"\x02\x01\x05", entry))


def test_no_attribute_reaches_into_what_follows() -> None:
    """A header that is known, and a value that would only be complete with the octets of the next message."""
    decoder = Decoder()
    good = ORDINARY.entry(b"", [(b"uid", [b"value"])])
    decoded(good, decoder=decoder)
    inner = bytes.fromhex("300e0403756964310704057661")
    cut = ORDINARY.element(0x30, b"\x02\x01\x05", ORDINARY.element(0x64, b"\x04\x00", ORDINARY.element(0x30, inner)))
    with pytest.raises(ProtocolFault):
        decoded(cut, good, decoder=decoder)


def test_more_than_can_be_held_is_a_fault() -> None:
    """Values of one answer, attributes of one entry, controls of one message."""
    limits = Limits(values=10, attributes=5, controls=2)
    assert decoded(ORDINARY.entry(b"", [(b"a", [b"v"] * 9)]), limits=limits)
    too_much = [
        ([ORDINARY.entry(b"", [(b"a", [b"v"] * 11)])]),
        ([ORDINARY.entry(b"", [(b"a", [b"v"] * 4)])] * 3),
        ([ORDINARY.entry(b"", [(b"a%d" % number, [b"v"]) for number in range(7)])]),
        ([ORDINARY.entry(b"", [(b"a", [b"v"])] * 12)]),
        ([ORDINARY.entry(b"", [], [(b"1.%d" % number, None) for number in range(3)])]),
    ]
    for messages in too_much:
        with pytest.raises(ProtocolFault):
            decoded(*messages, limits=limits)


class Counted(bytes):
    """Octets that count what is taken of them."""

    taken = 0

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        type(self).taken += len(found) if isinstance(found, bytes) else 1
        return found


def test_a_giant_group_costs_what_it_weighs() -> None:
    """Every octet of it is taken a few times at most, however many members there are."""
    for members in (1_000, 10_000, 100_000):
        message = ORDINARY.entry(
            b"cn=everybody", [(b"member", [b"uid=user%09d,ou=people,dc=x" % n for n in range(members)])]
        )
        (data, at, end, digest), *_ = raw(message)
        Counted.taken = 0
        (entry,) = Decoder().entries([(Counted(data), at, end, digest)])
        assert len(entry.values("member")) == members
        assert Counted.taken < 3 * len(message)


def test_nothing_is_remembered_without_end() -> None:
    """A server that spells every attribute differently does not fill the memory with headers."""
    decoder = Decoder()
    for start in range(0, 12_000, 4_000):
        decoded(ORDINARY.entry(b"", [(b"a%d" % n, [b"v"]) for n in range(start, start + 4_000)]), decoder=decoder)
    assert len(decoder._headers) <= 8192
    (entry,) = decoded(ORDINARY.entry(b"", [(b"A11999", [b"w"])]), decoder=decoder)
    assert dict(entry.attributes) == {"a11999": (b"w",)}


def test_an_entry_is_made_with_all_its_fields() -> None:
    """The decoder fills the slots itself: a new field must be filled there too."""
    entry = one([(b"a", [b"v"])])
    made = {field.name: getattr(entry, field.name) for field in fields(Entry)}
    assert Entry(**made) == entry


def test_pythons_search_for_garbage_goes_on_afterwards() -> None:
    """Whether an entry could be understood or not; and where somebody switched it off, it stays off."""
    one([(b"a", [b"v"])])
    assert gc.isenabled()
    with pytest.raises(ProtocolFault):
        Decoder().entries([(b"\x64\x00", 0, 2, b"")])
    assert gc.isenabled()
    gc.disable()
    try:
        one([])
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 70_000])
def test_an_element_is_written_as_it_is_read(size: int) -> None:
    """With the shortest length of either form."""
    written = ber.encoded(ber.Tag.OCTETS, b"x" * size)
    assert ber.expect(ber.Tag.OCTETS, written, 0, len(written)) == (len(written) - size, len(written))
