"""JSON coming in, from bytes to a document that holds nothing which could surprise anybody behind this module.

Python's parser takes NaN, duplicate keys, lone surrogates and NUL, and gives up on deep nesting with an error of its
own; each of those has been a 500, or two readers seeing two requests in one, somewhere.
"""

import json
from collections.abc import Iterator
from typing import NoReturn

from scim.attributes import Document
from scim.errors import BadRequest, ScimType


def parse(data: bytes, max_depth: int) -> Document:
    """Return the JSON object in `data`, which must be UTF-8 (RFC 8259 section 8.1). Raises BadRequest.

    Names that differ in case only are one name (RFC 7643 section 2.1), so an object may hold only one of them.
    """
    text = _decoded(data)
    _refuse_deep(text, max_depth)
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadRequest(ScimType.INVALID_SYNTAX, f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadRequest(ScimType.INVALID_SYNTAX, "The body must be a JSON object")
    _refuse_strange_text(document)
    return document


def _decoded(data: bytes) -> str:
    if not data.strip():
        raise BadRequest(ScimType.INVALID_SYNTAX, "The body is empty; a JSON object belongs there")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(
            ScimType.INVALID_SYNTAX, f"The body is not UTF-8 (byte {error.start}); JSON is sent as UTF-8"
        ) from error


def _refuse_deep(text: str, max_depth: int) -> None:
    """Count brackets before anything parses them: the parser's own limit is the interpreter's stack."""
    depth = 0
    inside = escaped = False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > max_depth:
                raise BadRequest(ScimType.INVALID_SYNTAX, f"The body is nested deeper than {max_depth} levels")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> Document:
    seen: set[str] = set()
    for name, _ in pairs:
        if name.lower() in seen:
            raise BadRequest(ScimType.INVALID_SYNTAX, f"The name {name!r} appears twice in one JSON object")
        seen.add(name.lower())
    return dict(pairs)


def _refuse_constant(constant: str) -> NoReturn:
    raise BadRequest(ScimType.INVALID_SYNTAX, f"{constant} is not JSON")


def _refuse_strange_text(document: Document) -> None:
    for where, text in _texts("", document):
        if "\0" in text:
            raise BadRequest(ScimType.INVALID_VALUE, f"{where} holds a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadRequest(ScimType.INVALID_VALUE, f"{where} holds half of a surrogate pair")


def _texts(where: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield every text in a document, names included, with the path that leads to it."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for number, element in enumerate(value):
            yield from _texts(f"{where}[{number}]", element)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield f"A name in {where or 'the body'}", name
            yield from _texts(f"{where}.{name}" if where else name, member)
