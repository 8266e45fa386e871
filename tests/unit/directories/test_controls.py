"""Password policy controls: what they say, and what becomes of malformed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.controls import PolicyResponse, Usability, policy_response, usability
from agent.directories.errors import ProtocolFault


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("", None),
        ("3000", None),
        ("3003810101", 1),
        ("3003810102", 2),
        ("3006a00480020e10", None),
        ("3009a00480020e10810100", 0),
        ("308103810101", 1),
    ],
)
def test_policy_responses(value: str, error: int | None) -> None:
    """Empty, an error, a warning, both, and a length in the long form."""
    assert policy_response(bytes.fromhex(value)) == PolicyResponse(error)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8001ff", Usability(usable=True)),
        ("80020e10", Usability(usable=True)),
        ("a10f8001008101008201008301ff8401ff", Usability(usable=False)),
        ("a1128001ff8101008201008301ff840487a0865b", Usability(usable=False, inactive=True)),
        ("a10f8001ff8101008201008301ff840104", Usability(usable=False, seconds_to_unlock=4, inactive=True)),
        ("a1108001ff8101008201008301ff84020708", Usability(usable=False, seconds_to_unlock=1800, inactive=True)),
        ("a103800100", Usability(usable=False)),
        ("a1840000000d8001ff81010082010084020d9d", Usability(usable=False, seconds_to_unlock=3485, inactive=True)),
    ],
)
def test_usability(value: str, expected: Usability) -> None:
    """As slapd 2.5 and 389 Directory Server send them: usable, not usable for good, and until a moment.

    An overflown number says nothing.
    """
    assert usability(bytes.fromhex(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "30",
        "3001",
        "30ff",
        "3080",
        "3085ffffffffff",
        "3003840101",
        "3003820101",
        "300281",
        "3003810100aa",
        "0101ff",
        "31",
    ],
)
def test_malformed_policy_responses(value: str) -> None:
    """A fault of ours, whatever is wrong."""
    with pytest.raises(ProtocolFault):
        policy_response(bytes.fromhex(value))


@pytest.mark.parametrize("value", ["", "80", "8000a1", "3000", "a102", "a1038401", "a1028400", "8001ff8001ff"])
def test_malformed_usability(value: str) -> None:
    """A fault of ours, whatever is wrong."""
    with pytest.raises(ProtocolFault):
        usability(bytes.fromhex(value))


@given(st.binary(max_size=64))
def test_no_bytes_do_anything_else(value: bytes) -> None:
    """Neither another exception nor a long run."""
    for decode in (policy_response, usability):
        try:
            decoded: object = decode(value)
        except ProtocolFault:
            continue
        assert decoded is not None
