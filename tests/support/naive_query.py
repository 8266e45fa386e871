"""`ims.query` read literally: one user after the other, in Python, from nothing but what its docstrings promise.

Slow and plain; the store is compared with it, so it shares no code with the store.
"""

from collections.abc import Mapping
from datetime import datetime

from ims.locks import Lock, display, in_force, last_transition
from ims.names import key_of_name
from ims.people import Address, Contact, EntryLink, User
from ims.query import (
    CASE_EXACT,
    And,
    Attribute,
    Collection,
    Compare,
    Member,
    Not,
    Operator,
    Or,
    Present,
    Query,
    Some,
    Value,
)

Element = Mapping[Member, Value | None]


def satisfies(user: User, query: Query, now: datetime) -> bool:
    """Return whether a user satisfies a query at `now`."""
    match query:
        case Some(collection, where):
            found = elements(user, collection, now)
            return any(where is None or element_satisfies(element, where) for element in found)
        case Compare(Attribute() as attribute, operator, value):
            return compares(attribute, value_of(user, attribute, now), operator, value)
        case Present(Attribute() as attribute):
            return value_of(user, attribute, now) not in (None, "")
        case And(parts):
            return all(satisfies(user, part, now) for part in parts)
        case Or(parts):
            return any(satisfies(user, part, now) for part in parts)
        case Not(part):
            return not satisfies(user, part, now)
    raise AssertionError(f"no question for a user: {query}")


def element_satisfies(element: Element, query: Query) -> bool:
    """Return whether one element of a collection satisfies a query."""
    match query:
        case Compare(Member() as member, operator, value):
            return compares(member, element[member], operator, value)
        case Present(Member() as member):
            return element[member] not in (None, "")
        case And(parts):
            return all(element_satisfies(element, part) for part in parts)
        case Or(parts):
            return any(element_satisfies(element, part) for part in parts)
        case Not(part):
            return not element_satisfies(element, part)
    raise AssertionError(f"no question for an element: {query}")


def value_of(user: User, attribute: Attribute, now: datetime) -> Value | None:
    """Return the value of a user's attribute at `now`; None or empty = no value."""
    locked = any(in_force(lock, now) for lock in user.locks)
    affiliation = user.affiliation
    values: dict[Attribute, Value | None] = {
        Attribute.ID: user.id,
        Attribute.ACTIVE: not locked,
        Attribute.LOCKED: locked,
        Attribute.CREATED: user.created,
        Attribute.LAST_MODIFIED: max(user.modified, last_transition(user.locks, now)),
        Attribute.AFFILIATION_STATUS: affiliation.status.value if affiliation else None,
        Attribute.AFFILIATION_SINCE: affiliation.since if affiliation else None,
        Attribute.DELETED_BY: user.deleted_by,
    }
    return values[attribute] if attribute in values else str(getattr(user.profile, attribute.value))


def elements(user: User, collection: Collection, now: datetime) -> list[Element]:
    """Return the elements of a user's collection at `now`."""
    match collection:
        case Collection.ADDRESSES:
            return [_address(address) for address in user.profile.addresses]
        case Collection.LOCKS:
            return [_lock(lock) for lock in user.locks if in_force(lock, now)]
        case Collection.DIRECTORIES:
            return [_entry(entry) for entry in user.entries]
        case _:
            return [_contact(contact) for contact in getattr(user.profile, collection.value)]


def _contact(contact: Contact) -> Element:
    return {
        Member.VALUE: contact.value,
        Member.TYPE: contact.type,
        Member.PRIMARY: contact.primary,
        Member.DISPLAY: contact.display,
    }


def _address(address: Address) -> Element:
    return {
        Member.FORMATTED: address.formatted,
        Member.STREET_ADDRESS: address.street_address,
        Member.LOCALITY: address.locality,
        Member.REGION: address.region,
        Member.POSTAL_CODE: address.postal_code,
        Member.COUNTRY: address.country,
        Member.TYPE: address.type,
        Member.PRIMARY: address.primary,
    }


def _lock(lock: Lock) -> Element:
    return {
        Member.ID: lock.id,
        Member.VALUE: lock.reason.value,
        Member.DISPLAY: display(lock),
        Member.SOURCE: lock.source,
        Member.SERVER: lock.server,
        Member.SINCE: lock.since,
        Member.UNTIL: lock.until,
    }


def _entry(entry: EntryLink) -> Element:
    return {
        Member.VALUE: entry.directory,
        Member.ENTRY_ID: entry.entry_id,
        Member.DN: entry.dn,
        Member.LAST_SEEN: entry.seen_at,
    }


def compares(left: Attribute | Member, value: Value | None, operator: Operator, wanted: Value) -> bool:
    """Return whether `value operator wanted` is true; without a value only NE is."""
    if value is None or value == "":
        return operator is Operator.NE
    if isinstance(value, str) and isinstance(wanted, str):
        return _texts(folded(left, value), operator, folded(left, wanted))
    if isinstance(value, bool):
        return (value == wanted) is (operator is Operator.EQ)
    assert isinstance(value, datetime)
    assert isinstance(wanted, datetime)
    return _ordered((value > wanted) - (value < wanted), operator)


def folded(left: Attribute | Member, text: str) -> str:
    """Return a text as it is compared."""
    if left is Attribute.USER_NAME:
        return key_of_name(text)
    return text if left in CASE_EXACT else text.casefold()


def _texts(value: str, operator: Operator, wanted: str) -> bool:
    match operator:
        case Operator.CO:
            return wanted in value
        case Operator.SW:
            return value.startswith(wanted)
        case Operator.EW:
            return value.endswith(wanted)
    return _ordered((value > wanted) - (value < wanted), operator)


def _ordered(order: int, operator: Operator) -> bool:
    """Say what an operator makes of "greater" (1), "equal" (0) or "less" (-1)."""
    return {
        Operator.EQ: order == 0,
        Operator.NE: order != 0,
        Operator.GT: order > 0,
        Operator.GE: order >= 0,
        Operator.LT: order < 0,
        Operator.LE: order <= 0,
    }[operator]
