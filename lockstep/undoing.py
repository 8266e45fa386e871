"""Taking back what one pass of the sync did: the locks it raised, and the un-affiliations behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ims.audit import Action, AuditEntry, Result, entry_by, ledger_entries
from ims.errors import Conflict
from ims.locks import Lock, LockReason
from ims.people import Actor, Affiliation, AffiliationStatus, EntryLink, User
from ims.ports import Batch, Clock, Store, UserChange

_BATCH = 500
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """One user from whom the locks of a pass were taken."""

    user: User
    locks: tuple[Lock, ...]


def undo(store: Store, clock: Clock, actor: Actor, pass_id: str) -> tuple[Undone, ...]:
    """Take back what a pass raised, from every user who still has some of it, and record each step.

    A user who changes meanwhile is read again. Raises Conflict where somebody keeps changing faster than that: what is
    done stays done, and the same command goes on with the rest.
    """
    done: list[Undone] = []
    for _ in range(_TRIES):
        holders = store.raised_by(pass_id)
        if not holders:
            break
        for start in range(0, len(holders), _BATCH):
            done += _undo_some(store, clock, actor, pass_id, holders[start : start + _BATCH])
    left = store.raised_by(pass_id)
    if left:
        names = ", ".join(user.profile.user_name for user in left[:3])
        raise Conflict(f"{len(left)} users ({names} …) keep changing; {len(done)} were undone: run the command again")
    if done:
        store.record([_summary(actor, pass_id, done, clock.now())])
    return tuple(done)


def without(user: User, pass_id: str, now: datetime) -> User:
    """Return the user as before this pass: its locks gone, affiliated again, and nothing half confirmed left over."""
    undone = [lock for lock in user.locks if lock.raised_by == pass_id]
    return replace(
        user,
        locks=tuple(lock for lock in user.locks if lock not in undone),
        affiliation=_affiliation_before(user, undone, now),
        entries=tuple(_begun_anew(link, undone) for link in user.entries),
        modified=now,
    )


def _undo_some(store: Store, clock: Clock, actor: Actor, pass_id: str, users: Sequence[User]) -> list[Undone]:
    now = clock.now()
    changes = {user.id: _change(user, without(user, pass_id, now), actor, pass_id, now) for user in users}
    dropped = store.apply(Batch(changes=tuple(changes.values()))).dropped
    return [
        Undone(user=user, locks=tuple(lock for lock in user.locks if lock.raised_by == pass_id))
        for user in users
        if user.id not in dropped
    ]


def _change(before: User, after: User, actor: Actor, pass_id: str, now: datetime) -> UserChange:
    row = replace(entry_by(actor, Action.PASS_UNDONE, Result.DONE, now, after), reference=pass_id)
    rows = list(ledger_entries(row, before.locks, after.locks))
    history: tuple[Affiliation, ...] = ()
    if after.affiliation is not None and after.affiliation != before.affiliation:
        rows.append(replace(row, action=Action.AFFILIATED, after=after.affiliation.rule))
        history = (after.affiliation,)
    return UserChange(user=after, base=before.version, audit=tuple(rows), history=history)


def _affiliation_before(user: User, undone: Sequence[Lock], now: datetime) -> Affiliation | None:
    if user.affiliation is None or not any(lock.reason is LockReason.UNAFFILIATED for lock in undone):
        return user.affiliation
    return replace(user.affiliation, status=AffiliationStatus.AFFILIATED, since=now)


def _begun_anew(link: EntryLink, undone: Sequence[Lock]) -> EntryLink:
    """Forget what waits for a second reading: the next pass is the first that says so.

    An un-affiliation had ended the rule by which the entry belonged to its tenant: it is that rule's matter again, and
    nobody's while nothing is known about the rule.
    """
    ours = [lock for lock in undone if lock.source == link.directory]
    if not ours:
        return link
    lost = (dict(lock.evidence).get("rule", "") for lock in ours if lock.reason is LockReason.UNAFFILIATED)
    return replace(link, missing_since=None, unmatched_since=None, rule=link.rule or next(lost, ""))


def _summary(actor: Actor, pass_id: str, done: Sequence[Undone], at: datetime) -> AuditEntry:
    return AuditEntry(
        at=at,
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=Action.PASS_UNDONE,
        result=Result.DONE,
        subject=pass_id,
        before=f"{sum(len(one.locks) for one in done)} locks of {len(done)} users",
        reference=pass_id,
    )
