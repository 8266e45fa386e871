"""JSON from a stranger: what must never reach anything behind the parser."""

import json

import pytest

from scim.documents import parse
from scim.errors import BadRequest, ScimType


def test_an_object_is_taken_as_it_is() -> None:
    document = {
        "userName": "ada",
        "name": {"givenName": "Zoë 😀"},
        "emails": [{"value": "a@b", "primary": True}],
        "n": 1.5,
    }
    assert parse(json.dumps(document).encode(), 8) == document
    assert parse(json.dumps(document, ensure_ascii=False).encode("utf-8-sig"), 8) == document


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", ScimType.INVALID_SYNTAX),
        (b"  \n", ScimType.INVALID_SYNTAX),
        (b"{", ScimType.INVALID_SYNTAX),
        (b"[]", ScimType.INVALID_SYNTAX),
        (b'"text"', ScimType.INVALID_SYNTAX),
        (b"null", ScimType.INVALID_SYNTAX),
        (b"{'a': 1}", ScimType.INVALID_SYNTAX),
        (b'{"a": 1} {"b": 2}', ScimType.INVALID_SYNTAX),
        (b'{"a": NaN}', ScimType.INVALID_SYNTAX),
        (b'{"a": Infinity}', ScimType.INVALID_SYNTAX),
        (b'{"a": -Infinity}', ScimType.INVALID_SYNTAX),
        (b'{"a": 1, "a": 2}', ScimType.INVALID_SYNTAX),
        (b'{"active": true, "Active": false}', ScimType.INVALID_SYNTAX),
        (b'{"a": {"b": 1, "B": 2}}', ScimType.INVALID_SYNTAX),
        (b'{"a": "\xff"}', ScimType.INVALID_SYNTAX),
        ('{"a": "b"}'.encode("utf-16"), ScimType.INVALID_SYNTAX),
        ('{"a": "b"}'.encode("utf-16-le"), ScimType.INVALID_SYNTAX),
        (b'{"a": "line\nbreak"}', ScimType.INVALID_SYNTAX),
        (b'{"a": ' + b"9" * 5000 + b"}", ScimType.INVALID_SYNTAX),
        (rb'{"a": "\ud800"}', ScimType.INVALID_VALUE),
        (rb'{"a": ["x", {"b": "\udc00\ud800"}]}', ScimType.INVALID_VALUE),
        (rb'{"\ud800": 1}', ScimType.INVALID_VALUE),
        (rb'{"a": "\u0000"}', ScimType.INVALID_VALUE),
        (rb'{"a\u0000": 1}', ScimType.INVALID_VALUE),
    ],
)
def test_what_is_refused(data: bytes, kind: ScimType) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse(data, 8)
    assert refusal.value.scim_type is kind


def test_the_place_of_a_strange_text_is_named() -> None:
    with pytest.raises(BadRequest, match=r"name\.givenName holds a NUL"):
        parse(rb'{"name": {"givenName": "A\u0000"}}', 8)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_deep_nesting_is_refused_before_it_is_parsed(opening: bytes) -> None:
    with pytest.raises(BadRequest, match="deeper than 8"):
        parse(b'{"a":' + opening * 100_000, 8)


def test_brackets_inside_texts_do_not_nest() -> None:
    document = {"a": "[[[[[[[[[[{{{{{{{{{{", "b\\": '"[[[[[[[[[[', "c": "\\"}
    assert parse(json.dumps(document).encode(), 2) == document


def test_as_deep_as_allowed_is_allowed() -> None:
    assert parse(b'{"a": [[1]]}', 3) == {"a": [[1]]}
    with pytest.raises(BadRequest):
        parse(b'{"a": [[[1]]]}', 3)
