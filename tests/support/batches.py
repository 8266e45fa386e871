"""Batches for tests of a store: what changes, from which state, under which fence."""

from dataclasses import replace
from datetime import timedelta

from ims.audit import Action, AuditEntry, Result, entry_by
from ims.passes import DirectoryState, Fence, PassId, PassKind, PassReport, Quarantined
from ims.people import Affiliation, DirectoryName, EntryId, EntryLink, Revision, User
from ims.ports import Applied, Batch, Progress, Store, UserChange
from tests.support.clock import NOON
from tests.support.people import actor

CORP = DirectoryName("corp")
LAB = DirectoryName("lab")


def change(
    user: User,
    *,
    base: int = 0,
    audit: tuple[AuditEntry, ...] = (),
    history: tuple[Affiliation, ...] = (),
) -> UserChange:
    """Return a change to `user`, planned on the state of revision `base`."""
    return UserChange(user=user, base=Revision(base), audit=audit, history=history)


def save(store: Store, *users: User) -> Applied:
    """Write users as they are, planned on the newest state."""
    base = store.revision()
    return store.apply(Batch(changes=tuple(change(user, base=base) for user in users)))


def audited(user: User, detail: str = "", reference: str = "") -> AuditEntry:
    """Return an audit row about a user."""
    return replace(entry_by(actor(), Action.USER_CHANGED, Result.DONE, NOON, user), detail=detail, reference=reference)


def link(name: str = "ada", directory: DirectoryName = CORP, entry_id: str = "") -> EntryLink:
    """Return the entry behind the user called `name`."""
    return EntryLink(
        directory=directory,
        entry_id=EntryId(entry_id or f"entry-{name}"),
        dn=f"uid={name},ou=people,dc=example,dc=com",
        seen_at=NOON,
    )


def lease(store: Store, owner: str = "agent-1", directory: DirectoryName = CORP) -> Fence:
    """Take the lease on a directory at NOON for a minute."""
    fence = store.take_lease(directory, owner, timedelta(minutes=1), NOON)
    assert fence is not None
    return fence


def progress(
    fence: Fence,
    number: int = 1,
    *,
    pass_id: str = "pass-1",
    state: DirectoryState | None = None,
    report: PassReport | None = None,
    quarantine: tuple[Quarantined, ...] | None = None,
) -> Progress:
    """Return how far a pass is."""
    return Progress(fence=fence, pass_id=pass_id, number=number, state=state, report=report, quarantine=quarantine)


def report(pass_id: str = "pass-1", *, complete: bool = True, error: str = "", seconds: int = 0) -> PassReport:
    """Return the report of a pass over CORP that began `seconds` after NOON."""
    started = NOON + timedelta(seconds=seconds)
    return PassReport(
        id=PassId(pass_id),
        directory=CORP,
        kind=PassKind.TICK,
        started=started,
        ended=started + timedelta(seconds=1),
        complete=complete,
        error=error,
    )
