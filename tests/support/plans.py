"""What plans come to, so that two of them can be compared."""

from dataclasses import replace

from agent.plan import Planned
from ims.locks import LockId
from ims.people import UserId


def told(planned: Planned | None) -> object:
    """Return what a plan comes to, but for a new id, and for bookkeeping where nothing is to be written."""
    if planned is None:
        return None
    same = UserId("somebody")
    locks = {replace(lock, user=same, id=LockId("")) for lock in planned.user.locks}
    written = replace(planned.user, id=same, locks=()) if planned.changed else None
    return planned.changed, written, frozenset(locks), planned.would_lock, planned.notes, planned.digest
