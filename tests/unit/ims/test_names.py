"""Two user names are the same exactly where nobody could want two people to have them."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ims.names import key_of_name

VARYING = [
    letter
    for letter in map(chr, range(sys.maxunicode + 1))
    if not unicodedata.category(letter).startswith("C")
    and len({letter, letter.lower(), letter.upper(), unicodedata.normalize("NFD", letter)}) > 1
]
"""Every letter that has another case or another form."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "ADA"),
        ("zo\u00eb", "ZOE\u0308"),
        ("\uff21da", "ada"),
        ("\uff76\uff9e", "\u30ac"),
        ("a\u3000b", "a b"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
        ("\u03bf\u03b4\u03bf\u03c3", "\u03bf\u03b4\u03bf\u03c2"),
        ("\u0130", "i\u0307"),
        ("\u1e9e", "\u00df"),
        ("\u212b", "\u00e5"),
    ],
)
def test_case_width_and_form_do_not_matter(one: str, other: str) -> None:
    """Capitals, combining accents, full width, half-width katakana, both small sigmas."""
    assert key_of_name(one) == key_of_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paul", "p\u0430ul"),
        ("ida", "\u0131da"),
        ("strasse", "stra\u00dfe"),
        ("ada", "a\u200bda"),
        ("ada", "\u00e0da"),
        ("o", "0"),
        ("\ufb01n", "fin"),
        ("x\u00b2", "x2"),
        ("ada", " ada"),
    ],
)
def test_what_only_looks_alike_is_not_the_same(one: str, other: str) -> None:
    """Cyrillic, dotless i, sharp s, zero width, accents, ligatures, superscripts, blanks."""
    assert key_of_name(one) != key_of_name(other)


def test_the_key_of_a_key_is_itself_for_every_letter() -> None:
    """And a letter's other case and other forms have its key."""
    assert len(VARYING) > 2000
    wrong = [
        hex(ord(letter))
        for letter in VARYING
        if len(
            {
                key_of_name(form)
                for form in (
                    letter,
                    letter.lower(),
                    key_of_name(letter),
                    unicodedata.normalize("NFC", letter),
                    unicodedata.normalize("NFD", letter),
                )
            }
        )
        != 1
    ]
    assert wrong == []


@given(st.text())
def test_the_key_of_a_key_is_itself(text: str) -> None:
    """For whole names too; nothing is lost that would make two of one."""
    assert key_of_name(key_of_name(text)) == key_of_name(text)
    assert key_of_name(unicodedata.normalize("NFD", text)) == key_of_name(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_simply_lower_case(text: str) -> None:
    """The fast path says what the long one would."""
    assert key_of_name(text) == text.lower()
    assert key_of_name(text + "\u00e4") == text.lower() + "\u00e4"
