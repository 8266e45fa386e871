"""Watermarks: a text that comes back as it was, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.watermarks import Watermark, decode


@given(st.text(), st.text(), st.text())
def test_what_was_kept_comes_back(dialect: str, server: str, position: str) -> None:
    """Whatever the parts hold."""
    mark = Watermark(dialect=dialect, server=server, position=position)
    assert decode(mark.encode()) == mark


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "[]",
        "null",
        "5",
        '"abcd"',
        '[2,"a","b","c"]',
        '[1,"a","b",5]',
        "[1,2,3,4,5]",
    ],
)
def test_anything_else_is_no_watermark(text: str) -> None:
    """Of another version, of another program, cut short."""
    assert decode(text) is None
