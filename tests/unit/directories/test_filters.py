"""Filters: a value can never close its filter."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.filters import all_of, at_least, equal, escaped, none_of, present


def test_forms() -> None:
    """What each builds."""
    assert equal("uid", "lena") == "(uid=lena)"
    assert at_least("entryCSN", "20261123120000.000000Z#0") == "(entryCSN>=20261123120000.000000Z#0)"
    assert present("mail") == "(mail=*)"
    assert none_of(present("mail")) == "(!(mail=*))"
    assert all_of("(a=b)") == "(a=b)"
    assert all_of("(a=b)", "(c=d)") == "(&(a=b)(c=d))"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("*", "\\2a"),
        ("a)(uid=*", "a\\29\\28uid\\3d\\2a"),
        ("\\", "\\5c"),
        ("\0", "\\00"),
        ("ë", "\\c3\\ab"),
        (b"\xff", "\\ff"),
        ("", ""),
        (" ", "\\20"),
        ("  Help Desk ", "\\20\\20Help Desk\\20"),
        (b"\xff ", "\\ff\\20"),
    ],
)
def test_escapes(value: str | bytes, text: str) -> None:
    """RFC 4515 section 3, and everything else that is not plainly harmless."""
    assert escaped(value) == text


@given(st.binary())
def test_whatever_was_escaped_comes_back(value: bytes) -> None:
    """And only letters, digits, escapes and a few signs stand in the filter."""
    text = escaped(value)
    assert set(text) <= set(string.ascii_letters + string.digits + "-._:@# \\")
    back, rest = b"", text
    while rest:
        size = 3 if rest[0] == "\\" else 1
        back += bytes.fromhex(rest[1:3]) if size == 3 else rest[0].encode()
        rest = rest[size:]
    assert back == value


@pytest.mark.parametrize("value", [None, 1, ["*"], {"a": "b"}, bytearray(b"x")])
def test_other_types_are_refused(value: Any) -> None:
    """Escaping skipped for lists has been a hole in another library."""
    with pytest.raises(TypeError, match="text or bytes"):
        escaped(value)
