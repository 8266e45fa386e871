"""A plan as a proposal: what it would change about somebody, in words and as a hash, and what is left if it waits.

The words are for the person who decides; the hash is what the decision is bound to. It is made of what the directory
says and never of the moment of the reading, so that the same proposal, planned afresh, has the same hash. Pure.
"""

from dataclasses import fields, replace
from datetime import datetime

from agent.affiliation import with_link
from agent.brake import BRAKED, Weight
from agent.context import Context, link_to
from agent.plan import Planned, worth_a_write
from ims.batches import Counted, Difference, HeldItem, Why, hash_of
from ims.locks import ENTRY_REASONS, Lock, LockReason, in_force
from ims.outside import shown_until
from ims.people import AffiliationStatus, Contact, EntryLink, Profile, User

_FLOWS = LockReason.PASSWORD_ATTEMPTS
"""Too many wrong passwords never wait: whoever guesses at many accounts at once must not be helped by the brake."""


def key_of(planned: Planned, context: Context) -> str:
    """Return whose proposal it is: the user's id, or the entry's while there is no user."""
    if planned.before is not None:
        return planned.before.id
    link = link_to(planned.user, context.directory)
    return link.entry_id if link is not None else planned.user.id


def differences_of(planned: Planned, context: Context) -> tuple[Difference, ...]:
    """Return what a plan would change that anybody notices.

    Where an entry is now, hints, doubts, what is to be confirmed, and locks by wrong passwords are not among it: they
    never wait.
    """
    before, after = planned.before, planned.user
    texts = [
        ("user", "", "" if before else after.profile.user_name),
        ("company account", before.tenant if before else "", after.tenant),
        ("affiliation", _affiliation(before), _affiliation(after)),
        ("role", (before.role or "") if before else "", after.role or ""),
        ("locks", _locks(before, context), _locks(after, context)),
        ("protected", before.protected if before else "", after.protected),
        ("entry", *_entry(before, after, context)),
        *_profile(before.profile if before else None, after.profile),
    ]
    return tuple(Difference(what=what, before=old, after=new) for what, old, new in texts if old != new)


def item_of(planned: Planned, context: Context, why: Why, differences: tuple[Difference, ...]) -> HeldItem:
    """Return a plan as an item of a batch, first proposed now."""
    before, after = planned.before, planned.user
    link = link_to(after, context.directory) or (link_to(before, context.directory) if before else None)
    moves = before is not None and before.tenant != after.tenant
    return HeldItem(
        directory=context.directory,
        why=why,
        key=key_of(planned, context),
        entry_id=link.entry_id if link is not None else after.entries[0].entry_id,
        name=(before or after).profile.user_name,
        since=context.now,
        hash=_hash(planned, context, differences),
        user=before.id if before is not None else None,
        tenant=None if moves else after.tenant,
        differences=differences,
        counts=tuple(lock.reason for lock in planned.counted),
    )


def weights_of(planned: Planned, context: Context) -> tuple[Weight, ...]:
    """Return what the brake counts of a plan."""
    locks = planned.counted
    if not locks or planned.before is None:
        return ()
    free = not any(lock.reason in BRAKED and in_force(lock, context.now) for lock in planned.before.locks)
    return tuple(
        Weight(tenant=planned.user.tenant, reason=lock.reason, user=planned.user.id, free=free) for lock in locks
    )


def counted_of(planned: Planned, context: Context) -> tuple[Counted, ...]:
    """Return what the brake remembers of a plan once it is written: what nobody has approved, and wrong passwords."""
    if planned.before is None:
        return ()
    reasons = [] if planned.approved else [lock.reason for lock in planned.counted]
    reasons += [lock.reason for lock in planned.raised if lock.reason is _FLOWS]
    return tuple(
        Counted(
            directory=context.directory,
            tenant=planned.user.tenant,
            user=planned.user.id,
            reason=reason,
            at=context.now,
            pass_id=context.pass_id,
        )
        for reason in reasons
    )


def kept_back(planned: Planned, context: Context) -> Planned:
    """Return what may be written of a plan that waits: locks by wrong passwords, and what is to be confirmed.

    Without a user nothing is. The entry's stamp moves only under a lock by wrong passwords, which it dates: a later
    reading must still find that it moved since another lock was raised, or the unlock that waits would be forgotten.
    """
    before, link = planned.before, link_to(planned.user, context.directory)
    known = link_to(before, context.directory) if before is not None else None
    if before is None or link is None or known is None:
        return replace(planned, user=before or planned.user, changed=False, held=True, digest=None)
    locks = tuple(lock for lock in before.locks if not _is_ours(lock, context, flows=True))
    flowing = tuple(
        replace(lock, tenant=before.tenant) for lock in planned.user.locks if _is_ours(lock, context, flows=True)
    )
    waiting = _waiting_link(known, link, planned, context, dated=bool(flowing))
    user = with_link(replace(before, locks=(*locks, *flowing)), waiting)
    return replace(planned, user=user, changed=worth_a_write(before, user, context), held=True, digest=None)


def _waiting_link(known: EntryLink, link: EntryLink, planned: Planned, context: Context, *, dated: bool) -> EntryLink:
    """Return the link of somebody who waits: missed since they were first, seen now, and otherwise as it was."""
    lost = any(lock.reason is LockReason.UNAFFILIATED for lock in planned.raised)
    gone = any(lock.reason in ENTRY_REASONS and _is_ours(lock, context, flows=False) for lock in planned.lifted)
    return replace(
        known,
        seen_at=link.seen_at,
        stamp=link.stamp if dated else known.stamp,
        missing_since=link.missing_since,
        unmatched_since=(known.unmatched_since or context.now) if lost else link.unmatched_since,
        shown_until=shown_until(known, context.last_seen) if gone else link.shown_until,
    )


def _is_ours(lock: Lock, context: Context, *, flows: bool) -> bool:
    return lock.source == context.directory and (lock.reason is _FLOWS) is flows


# --- in words --------------------------------------------------------------------------------------------------------


def _affiliation(user: User | None) -> str:
    current = user.affiliation if user is not None else None
    if current is None:
        return ""
    return current.rule if current.status is AffiliationStatus.AFFILIATED else "unaffiliated"


def _locks(user: User | None, context: Context) -> str:
    """Return the directory's locks that wait with the plan, without the moment in which one of them was first seen."""
    locks = user.locks if user is not None else ()
    return ", ".join(sorted(_lock(lock, context.now) for lock in locks if _is_ours(lock, context, flows=False)))


def _lock(lock: Lock, now: datetime) -> str:
    place = f" on {lock.server}" if lock.server else ""
    start = f" from {lock.since:%Y-%m-%d %H:%M} UTC" if lock.since > now else ""
    end = f" until {lock.until:%Y-%m-%d %H:%M} UTC" if lock.until is not None else ""
    return f"{lock.reason.value}{place}{start}{end}"


def _entry(before: User | None, after: User, context: Context) -> tuple[str, str]:
    """Return the entry that would be linked to a user; where a linked one is now makes no difference."""
    old = link_to(before, context.directory) if before is not None else None
    new = link_to(after, context.directory)
    if new is None or (old is not None and old.entry_id == new.entry_id):
        return "", ""
    return old.dn if old is not None else "", new.dn


def _profile(before: Profile | None, after: Profile) -> list[tuple[str, str, str]]:
    """Return the profile's fields that change; of somebody new the name alone is told, and all of it is hashed."""
    if before is None:
        return []
    named = ((one.name, getattr(before, one.name), getattr(after, one.name)) for one in fields(Profile))
    return [(name.replace("_", " "), _text(old), _text(new)) for name, old, new in named if old != new]


def _text(value: str | tuple[Contact, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(contact.value for contact in value)


# --- as a hash -------------------------------------------------------------------------------------------------------


def _hash(planned: Planned, context: Context, differences: tuple[Difference, ...]) -> str:
    """Return the hash of who it is and of everything that would change."""
    before, after = planned.before, planned.user
    told = [text for one in differences if one.what != "locks" for text in (one.what, one.before, one.after)]
    changed = [
        f"{one.name}={getattr(after.profile, one.name)!r}"
        for one in fields(Profile)
        if before is None or getattr(before.profile, one.name) != getattr(after.profile, one.name)
    ]
    old = _marks(before, context)
    new = _marks(after, context)
    return hash_of(
        [key_of(planned, context), *told, *changed, "locks", *sorted(old - new), "become", *sorted(new - old)]
    )


def _marks(user: User | None, context: Context) -> set[str]:
    locks = user.locks if user is not None else ()
    return {_mark(lock) for lock in locks if _is_ours(lock, context, flows=False)}


def _mark(lock: Lock) -> str:
    """Return what makes a lock this lock, as its source tells it.

    Disabled is disabled: the values in which that is told move with every failed sign-in, and mean nothing more.
    """
    seen = () if lock.reason is LockReason.DISABLED else lock.evidence
    return repr((lock.reason.value, lock.source, lock.server, seen))
