"""One PATCH operation done on a document (RFC 7644 sections 3.5.2.1 to 3.5.2.3), its target already resolved."""

from dataclasses import dataclass
from enum import StrEnum

from ims.query import And, Compare, Member, Operator, Query
from scim.attributes import Document, Kind, Schema, ScimAttribute
from scim.errors import BadRequest, ScimType
from scim.matching import matches
from scim.values import accepted, accepted_element, assigned, one_primary_at_most, says_something


class Op(StrEnum):
    """What an operation does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An operation on a writable attribute, or on its sub-attribute `part`.

    `where` selects elements of a multi-valued attribute; None = all of it.
    """

    op: Op
    schema: Schema
    attribute: ScimAttribute
    part: ScimAttribute | None = None
    where: Query | None = None
    value: object = None


def perform(document: Document, change: Change, *, creates: bool) -> None:
    """Change `document` in place. Raises BadRequest; the document is then not to be used any more.

    With `creates`, a filter that selects nothing makes the element that it describes: identity providers set
    `emails[type eq "work"].value` on people who have none, and expect it to be there.
    """
    attribute = change.attribute
    if attribute.multi_valued:
        _change_elements(document, change, creates=creates)
    elif change.part is not None:
        parts = _object(document.get(attribute.name))
        _set(parts, change.part, change, f"{attribute.name}.{change.part.name}")
        _assign(document, attribute.name, assigned(parts))
    else:
        _set(document, attribute, change, attribute.name)


def _set(holder: Document, attribute: ScimAttribute, change: Change, where: str) -> None:
    """Set, merge or unassign one singular attribute in the object that holds it."""
    if change.op is Op.REMOVE:
        if attribute.required:
            raise BadRequest(ScimType.MUTABILITY, f"{where} is required and cannot be removed")
        holder.pop(attribute.name, None)
        return
    value = accepted(attribute, _unwrapped(attribute, change.value), where)
    if attribute.kind is Kind.COMPLEX and isinstance(value, dict):
        value = assigned(_object(holder.get(attribute.name)) | value)
    _assign(holder, attribute.name, value)


def _unwrapped(attribute: ScimAttribute, value: object) -> object:
    """Return the one value in an array of one, which a client of long ago sends for attributes that have but one."""
    if attribute.multi_valued or not isinstance(value, list) or len(value) != 1:
        return value
    (only,) = value
    return only.get("value", only) if isinstance(only, dict) and attribute.kind is not Kind.COMPLEX else only


def _assign(holder: Document, name: str, value: object) -> None:
    if value in (None, "", {}, []):
        holder.pop(name, None)
    else:
        holder[name] = value


def _object(value: object) -> Document:
    return dict(value) if isinstance(value, dict) else {}


# --- multi-valued attributes -----------------------------------------------------------------------------------------


def _change_elements(document: Document, change: Change, *, creates: bool) -> None:
    name = change.attribute.name
    held = document.get(name)
    before: list[Document] = [dict(element) for element in held] if isinstance(held, list) else []
    after = _of_all(before, change) if change.where is None else _of_some(before, change, creates=creates)
    told = [element for element in map(assigned, after) if says_something(change.attribute, element)]
    valued = [{"primary": False, **element} for element in told]
    if len(valued) > max(change.attribute.most, len(before)):
        raise BadRequest(ScimType.INVALID_VALUE, f"{name} would hold more than {change.attribute.most} values")
    _assign(document, name, _one_primary(before, valued, name))


def _of_all(before: list[Document], change: Change) -> list[Document]:
    name = change.attribute.name
    if change.part is not None:
        raise BadRequest(ScimType.INVALID_PATH, f'{name} has many values; say which: {name}[type eq "work"]')
    given = given_elements(change)
    match change.op:
        case Op.REPLACE:
            return given
        case Op.ADD:
            return _added(before, given)
        case Op.REMOVE if change.value is None:
            return []
        case Op.REMOVE:
            # With a value, remove means those elements: some clients send it, and must not empty the attribute.
            return [known for known in before if not any(_is_meant(known, element) for element in given)]


def given_elements(change: Change) -> list[Document]:
    """Return the elements in the operation's value; one object, or one bare text, stands for an array of one."""
    value = [change.value] if isinstance(change.value, dict | str) else change.value
    elements = accepted(change.attribute, value, change.attribute.name)
    return list(elements) if isinstance(elements, list) else []


def _added(before: list[Document], given: list[Document]) -> list[Document]:
    """Append what is not there yet; what is there already takes over what the client says of it."""
    after = list(before)
    for element in given:
        place = next((n for n, known in enumerate(after) if _identity(known) == _identity(element)), None)
        if place is None:
            after.append(element)
        else:
            after[place] = after[place] | element
    return after


def _identity(element: Document) -> tuple[tuple[str, str], ...]:
    """Return what makes an element this element: its value and type (RFC 7643 section 2.4), or all of an address."""
    names = ("value", "type") if "value" in element else sorted(element.keys() - {"primary", "display"})
    return tuple((name, str(element.get(name, "")).casefold()) for name in names)


def _is_meant(known: Document, given: Document) -> bool:
    """Return whether an element is one that a client names to be removed; without a type, it is of any type."""
    if "type" in given or "value" not in given:
        return _identity(known) == _identity(given)
    return str(known.get("value", "")).casefold() == str(given["value"]).casefold()


def _of_some(before: list[Document], change: Change, *, creates: bool) -> list[Document]:
    """Change the elements that the path's filter selects, and no other.

    An object given for an element is merged into it, as for every complex value: what it does not name stays.
    """
    if change.where is None:
        return before
    chosen = [matches(change.where, element) for element in before]
    if not any(chosen):
        made = _described(change.where) if creates and change.op is not Op.REMOVE else None
        if made is not None:
            return [*before, _changed(made, change)]
        raise BadRequest(ScimType.NO_TARGET, f"No value of {change.attribute.name} is selected by the path's filter")
    if change.op is Op.REMOVE and change.part is None:
        return [element for element, is_chosen in zip(before, chosen, strict=True) if not is_chosen]
    return [
        _changed(element, change) if is_chosen else element for element, is_chosen in zip(before, chosen, strict=True)
    ]


def _described(where: Query) -> Document | None:
    """Return the element that a filter describes, if all it says is what some sub-attributes are equal to."""
    match where:
        case Compare(Member() as member, Operator.EQ, str() | bool() as value):
            return {_SPELLED.get(member, member.value): value}
        case And(parts):
            described = [_described(part) for part in parts]
            return None if None in described else {k: v for one in described if one for k, v in one.items()}
        case _:
            return None


_SPELLED = {Member.STREET_ADDRESS: "streetAddress", Member.POSTAL_CODE: "postalCode"}
"""Members whose names differ from SCIM's."""


def _changed(element: Document, change: Change) -> Document:
    name = change.attribute.name
    after = dict(element)
    if change.part is not None:
        _set(after, change.part, change, f"{name}.{change.part.name}")
        return after
    return after | _object(accepted_element(change.attribute, change.value, name))


def _one_primary(before: list[Document], after: list[Document], where: str) -> list[Document]:
    """Let a newly primary element take the place of the old one (RFC 7644 section 3.5.2)."""
    if sum(element["primary"] is True for element in after) > 1:
        after = [element | {"primary": False} if element in before else element for element in after]
        one_primary_at_most(after, where)
    return after
