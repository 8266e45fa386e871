"""What a person decides about an entry in quarantine: it is this user's, or it is nobody's here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ims.audit import Action, AuditEntry, Result, entry_by
from ims.errors import Conflict, NotFound
from ims.passes import Quarantined
from ims.people import Actor, DirectoryName, EntryId, EntryLink, User
from ims.ports import Batch, Clock, Store, UserChange


class QuarantineStore(Store, Protocol):
    """A store that keeps decisions about what waits."""

    def reject(self, waiting: Quarantined, audit: Sequence[AuditEntry]) -> None:
        """Keep who rejected an entry and when, and record it; one that waits no longer is left alone."""
        ...


def waiting_at(store: Store, directory: DirectoryName, key: str) -> Quarantined:
    """Return what waits under a key. Raises NotFound."""
    found = next((one for one in store.quarantine(directory) if one.key == key), None)
    if found is None:
        raise NotFound(f"Nothing waits in {directory} under {key}; `lockstep quarantine list` shows what does")
    return found


def link(store: Store, clock: Clock, actor: Actor, waiting: Quarantined, user: User) -> User:
    """Make an entry the one behind a user, in place of the one before, and record it; the next pass reads it.

    The user keeps every lock, and what a reading of the new entry says of them is settled as always: nothing is lifted
    here. Raises Conflict where the entry has no id or another user, or the user changed meanwhile.
    """
    now, before = clock.now(), next((one for one in user.entries if one.directory == waiting.directory), None)
    owner = store.behind(waiting.directory, [EntryId(waiting.key)]).get(EntryId(waiting.key))
    if owner is not None:
        raise Conflict(f"{waiting.dn} is the entry of {owner.profile.user_name} already")
    if waiting.key == waiting.dn:
        raise Conflict(f"{waiting.dn} has no id that could be read, so that it would not be found again: {waiting.why}")
    fresh = EntryLink(directory=waiting.directory, entry_id=EntryId(waiting.key), dn=waiting.dn, seen_at=now)
    rule = before.rule if before is not None else ""
    others = tuple(one for one in user.entries if one is not before)
    after = replace(user, entries=(*others, replace(fresh, rule=rule)), modified=now)
    row = replace(
        entry_by(actor, Action.ENTRY_LINKED, Result.DONE, now, after),
        before=f"{before.entry_id} {before.dn}" if before is not None else "",
        after=f"{waiting.key} {waiting.dn}",
        detail=waiting.directory,
    )
    change = UserChange(user=after, base=user.version, audit=(row,))
    if store.apply(Batch(changes=(change,))).dropped:
        raise Conflict(f"{user.profile.user_name} was changed meanwhile; nothing was linked: run the command again")
    return after


def reject(store: QuarantineStore, clock: Clock, actor: Actor, waiting: Quarantined) -> Quarantined:
    """Leave an entry out for good, and no longer among what somebody has to decide on. It may still be linked later."""
    now = clock.now()
    row = AuditEntry(
        at=now,
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=Action.ENTRY_REJECTED,
        result=Result.DONE,
        subject=waiting.dn,
        before=waiting.why,
        detail=f"{waiting.directory}, entry {waiting.key}",
    )
    rejected = replace(waiting, rejected=now, rejected_by=actor.name)
    store.reject(rejected, (row,))
    return rejected
