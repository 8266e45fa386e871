"""Values that a client sends, held against the schema table: the right type, a sane size, names spelled as we do."""

import base64

from scim.attributes import Document, Kind, Mutability, ScimAttribute
from scim.errors import BadRequest, ScimType

TEXT_CHARACTERS_MAX = 512
REFERENCE_CHARACTERS_MAX = 2_048
BINARY_CHARACTERS_MAX = 32_768
_MOST = {Kind.REFERENCE: REFERENCE_CHARACTERS_MAX, Kind.BINARY: BINARY_CHARACTERS_MAX}
_URL_SAFE = str.maketrans("-_", "+/")


def accepted(attribute: ScimAttribute, value: object, where: str) -> object:
    """Return `value` as an attribute's value, or None if it is unassigned. Raises BadRequest.

    null, "" and [] are all the same: unassigned (RFC 7643 section 2.5). In a complex value what the client set to null
    stays as None, because a merge has to tell it from what was not sent; unknown and readOnly names are left out.
    """
    if value is None:
        return None
    if attribute.multi_valued:
        return _elements(attribute, value, where)
    return accepted_element(attribute, value, where)


def accepted_element(attribute: ScimAttribute, value: object, where: str) -> object:
    """Return `value` as one element of a multi-valued attribute, or as the value of a singular one."""
    match attribute.kind:
        case Kind.COMPLEX:
            return _element(attribute, value, where)
        case Kind.BOOLEAN:
            return boolean(value, where)
        case _:
            return _text(attribute, value, where)


def boolean(value: object, where: str) -> bool:
    """Return a truth value. "True" and "False" as texts count: the most used identity provider sends them so."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadRequest(ScimType.INVALID_VALUE, f"{where} must be true or false")


def assigned(document: Document) -> Document:
    """Return a complex value without what is unassigned."""
    return {name: value for name, value in document.items() if value not in (None, "", [], {})}


def one_primary_at_most(elements: list[Document], where: str) -> None:
    """Raise BadRequest where more than one element is marked as primary (RFC 7643 section 2.4)."""
    if sum(element.get("primary") is True for element in elements) > 1:
        raise BadRequest(ScimType.INVALID_VALUE, f"{where}: only one value can be primary")


def elements_of(value: object) -> list[Document]:
    """Return the elements of an accepted multi-valued attribute; none where it is unassigned."""
    return list(value) if isinstance(value, list) else []


def _elements(attribute: ScimAttribute, value: object, where: str) -> list[Document] | None:
    if not isinstance(value, list):
        raise BadRequest(ScimType.INVALID_VALUE, f"{where} must be an array of objects")
    if len(value) > attribute.most:
        raise BadRequest(ScimType.INVALID_VALUE, f"{where} holds more than {attribute.most} values")
    elements = [
        assigned(_element(attribute, element, f"{where}[{number}]"))
        for number, element in enumerate(value)
        if element is not None
    ]
    one_primary_at_most(elements, where)
    return [element for element in elements if says_something(attribute, element)] or None


def _element(attribute: ScimAttribute, value: object, where: str) -> Document:
    """Return one complex element; a text alone is its value where clients send it so."""
    return _complex(attribute, {"value": value} if attribute.bare and isinstance(value, str) else value, where)


def says_something(attribute: ScimAttribute, element: Document) -> bool:
    """Return whether an element has what makes it one: a value, or any part where its schema knows no value."""
    return "value" in element if attribute.part("value") else bool(element.keys() - {"primary", "type"})


def _complex(attribute: ScimAttribute, value: object, where: str) -> Document:
    if not isinstance(value, dict):
        raise BadRequest(ScimType.INVALID_VALUE, f"{where} must be an object")
    document: Document = {}
    for name, member in value.items():
        part = attribute.part(name)
        if part is not None and part.mutability is not Mutability.READ_ONLY:
            document[part.name] = accepted(part, member, f"{where}.{part.name}")
    return document


def _text(attribute: ScimAttribute, value: object, where: str) -> str | None:
    if not isinstance(value, str):
        raise BadRequest(ScimType.INVALID_VALUE, f"{where} must be a string")
    most = _MOST.get(attribute.kind, TEXT_CHARACTERS_MAX)
    if len(value) > most:
        raise BadRequest(ScimType.INVALID_VALUE, f"{where} is longer than {most} characters")
    if attribute.kind is Kind.BINARY:
        _demand_base64(value, where)
    return value or None


def _demand_base64(value: str, where: str) -> None:
    """Refuse what is not base64 (RFC 7643 section 2.3.6); the text itself is kept as it was sent."""
    try:
        base64.b64decode(value.translate(_URL_SAFE), validate=True)
    except ValueError as error:
        raise BadRequest(ScimType.INVALID_VALUE, f"{where} is not base64: {error}") from error
