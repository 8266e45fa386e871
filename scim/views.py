"""What `active` means to a connection: the effective state, or what the connection itself has set.

An identity provider that reads `active` back into its own lifecycle would deactivate a person for a lock of a quarter
of an hour. To a connection that settings let see its own lock only, the truth is in the extension's `locked`.
"""

from ims.locks import Lock, LockReason
from ims.people import ConnectionName
from ims.query import And, Attribute, Collection, Compare, Member, Not, Operator, Or, Query, Some


def active_to(connection: ConnectionName | None, in_force: tuple[Lock, ...]) -> bool:
    """Return whether somebody is active as a connection sees it; None sees the effective state."""
    if connection is None:
        return not in_force
    return not any(lock.reason is LockReason.DEPROVISIONED and lock.source == connection for lock in in_force)


def query_of(connection: ConnectionName | None, query: Query) -> Query:
    """Return a query in which `active` means what it means to a connection."""
    if connection is None:
        return query
    match query:
        case And(parts):
            return And(tuple(query_of(connection, part) for part in parts))
        case Or(parts):
            return Or(tuple(query_of(connection, part) for part in parts))
        case Not(part):
            return Not(query_of(connection, part))
        case Compare(Attribute.ACTIVE, operator, value):
            wanted = value is True if operator is Operator.EQ else value is not True
            return Not(_own_lock(connection)) if wanted else _own_lock(connection)
        case _:
            return query


def _own_lock(connection: ConnectionName) -> Query:
    reason = Compare(Member.VALUE, Operator.EQ, LockReason.DEPROVISIONED.value)
    return Some(Collection.LOCKS, And((reason, Compare(Member.SOURCE, Operator.EQ, connection))))
