"""Mutated answers: a typed fault, or entries that others read the same; never another exception, never more memory.

With LOCKSTEP_FAULTS=long (`make faults`) it goes on fifty times as long.
"""

import os
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest

from agent.directories.answers import Answer, collect
from agent.directories.decoding import Decoder
from agent.directories.errors import ProtocolFault, Unreachable
from agent.directories.framing import messages
from agent.directories.limits import Limits
from tests.support.ber import Op, element, integer
from tests.support.wild_ber import LIKE_ACTIVE_DIRECTORY, NUMBER, ORDINARY, NotPlain, Pen, Plain, by_ldap3, plainly

ROUNDS = 600_000 if os.environ.get("LOCKSTEP_FAULTS") == "long" else 12_000
MEBIBYTE = 1024 * 1024
SMALL = Limits(message=MEBIBYTE, page=2 * MEBIBYTE, entries=5_000, values=20_000, attributes=1_000)
PEOPLE = [
    (
        b"uid=p%d,ou=people" % number,
        [
            (b"uid", [b"p%d" % number]),
            (b"cn", [b"Person %d" % number, b"x" * 130]),
            (b"entryUUID", [b"00000000-0000-4000-8000-%012d" % number]),
            (b"jpegPhoto", [bytes(range(256))]),
            (b"seeAlso", []),
        ],
        [(b"1.2.3", b"said")] if number % 2 else [],
    )
    for number in range(4)
]


def end() -> bytes:
    """Return the end of a page that is not the last."""
    cookie = element(0x30, integer(0), element(4, b"cookie"))
    control = element(0x30, element(4, b"1.2.840.113556.1.4.319"), element(4, cookie))
    result = element(Op.SEARCH_DONE, integer(0, 0x0A), element(4), element(4))
    return element(0x30, integer(NUMBER), result, element(0xA0, control))


def page(pen: Pen) -> bytes:
    """Return a proper answer."""
    return b"".join(pen.entry(*person) for person in PEOPLE) + end()


def mutated(dice: random.Random, stream: bytes) -> bytes:
    """Return the stream with a few octets changed, lost, doubled, added or set to what lengths are made of."""
    changed = bytearray(stream)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        at = dice.randrange(len(changed))
        match dice.randrange(6):
            case 0:
                changed[at] ^= 1 << dice.randrange(8)
            case 1:
                changed[at] = dice.randrange(256)
            case 2:
                del changed[at : at + dice.randint(1, 6)]
            case 3:
                changed[at:at] = dice.randbytes(dice.randint(1, 6))
            case 4:
                changed[at:at] = changed[at : at + dice.randint(1, 60)]
            case _:
                changed[at] = dice.choice((0x00, 0x04, 0x30, 0x31, 0x64, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xA0, 0xFF))
    return bytes(changed)


def pieces(dice: random.Random, stream: bytes) -> Iterator[bytes]:
    """Yield the stream as it may come, and then nothing any more."""
    at = 0
    while at < len(stream):
        size = dice.choice((1, 7, 100, 1000, 100_000))
        yield stream[at : at + size]
        at += size
    yield from iter(lambda: b"", None)


def received(dice: random.Random, stream: bytes) -> Answer:
    """Receive an answer as it comes."""
    coming = pieces(dice, stream)
    return collect(messages(lambda: next(coming), SMALL.message), NUMBER, SMALL, str)[0]


def compare(answer: Answer, decoder: Decoder) -> str:
    """Check what was read against two others; ldap3 is asked where it understands a message and shows all of it."""
    agreed = "as a plain reader"
    for raw, entry in zip(answer.entries, decoder.entries(answer.entries), strict=True):
        data, start, stop, _ = raw
        message = element(0x30, integer(NUMBER), data[start:stop])
        plain = plainly(message)
        assert Plain.of(entry) == plain
        try:
            seen = by_ldap3(message)
        except Exception:  # noqa: BLE001 - it raises all kinds of things
            continue
        if sum(map(len, seen.attributes.values())) == sum(map(len, plain.attributes.values())):
            assert (seen.dn, seen.attributes) == (plain.dn, plain.attributes)
            assert plain.controls.keys() <= seen.controls.keys(), "ldap3 takes other types for controls too"
            agreed = "as ldap3"
    return agreed


@pytest.mark.parametrize("pen", [ORDINARY, LIKE_ACTIVE_DIRECTORY, Pen([0, 1, 2, 3, 4])], ids=["short", "AD", "all"])
def test_mutated_answers(pen: Pen) -> None:
    """One decoder for all of them, which remembers the headers of proper ones: that must not make it trusting."""
    dice = random.Random(20261123 + ROUNDS)
    stream, decoder, outcomes = page(pen), Decoder(SMALL), Counter[str]()
    compare(received(dice, stream), decoder)
    for _ in range(ROUNDS // 3):
        try:
            outcomes[compare(received(dice, mutated(dice, stream)), decoder)] += 1
        except (ProtocolFault, Unreachable) as fault:
            outcomes[type(fault).__name__] += 1
    assert outcomes["ProtocolFault"] > ROUNDS / 20
    assert outcomes["as ldap3"] > ROUNDS / 20


def test_no_answer_takes_more_memory_than_allowed() -> None:
    """Mutated ones, and those that are made to be large when they are decoded."""
    dice = random.Random(20261124)
    heavy = [
        ORDINARY.entry(b"", [(b"a", [b""] * 15_000)]) * 3,
        ORDINARY.entry(b"", [(b"a%d" % number, [b""]) for number in range(15_000)]),
        ORDINARY.entry(b"", [(b"a%d" % number, [b"v"]) for number in range(15_000)]),
        ORDINARY.entry(b"", [(b"cn", [b"v"])] * 100) * 900,
        ORDINARY.entry(b"", []) * 10_000,
        ORDINARY.entry(b"", [], [(b"1.%d" % number, b"") for number in range(15_000)]),
        ORDINARY.entry(b"", [], [(b"1.%d" % number, b"") for number in range(100)]) * 1_000,
        ORDINARY.entry(b"", [(b"cn", [b"x" * MEBIBYTE])]),
    ]
    streams = [*(mutated(dice, page(ORDINARY)) for _ in range(100)), *(stream + end() for stream in heavy)]
    tracemalloc.start()
    try:
        for stream in streams:
            try:
                Decoder(SMALL).entries(received(dice, stream).entries)
            except (ProtocolFault, Unreachable):
                continue
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * MEBIBYTE


def test_a_plain_reader_refuses_what_is_none() -> None:
    """Guards the guard: it would otherwise agree to anything."""
    good = ORDINARY.entry(b"cn=x", [(b"cn", [b"x"])])
    assert plainly(good).attributes == {"cn": (b"x",)}
    for wrong in (*(good[:at] for at in range(len(good))), good + b"x", b"\x31" + good[1:], good[:-3] + b"\x05\x01x"):
        with pytest.raises(NotPlain):
            plainly(wrong)
