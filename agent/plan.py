"""What becomes of one user by one reading: a pure function from what is stored and what was seen to what shall be.

Nothing is written here and no clock is read: the same stored user, sighting and context give the same plan, so that a
dry run, a repeated pass and a change planned anew after somebody else's write all take this one way.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from agent.affiliation import affiliate, choose, newcomers_rule, with_link
from agent.brake import appears
from agent.context import Context, link_to
from agent.digests import digest_of
from agent.plain import is_as_before, plain_newcomer
from agent.profiles import merged
from agent.sightings import ServerLocks, Sighting, Untrusted
from ims.locks import (
    DIRECTORY_REASONS,
    ENTRY_REASONS,
    Lock,
    LockFact,
    LockReason,
    in_force,
    lock_of,
    says_the_same,
    settle,
)
from ims.outside import shown_until
from ims.passes import Mode
from ims.people import (
    Affiliation,
    AffiliationStatus,
    EntryLink,
    Role,
    User,
    new_user_id,
    same_but_for_bookkeeping,
)
from ims.ports import EntryDigest

_ROUNDING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One user as it shall be. `would_lock` are the reasons that only observing keeps out of force.

    `digest` is kept of an entry that need not be looked at again while it stays as it is. Of a plan that is `held` the
    brake has left what may be written while it waits; an `approved` one was let through by a person.
    """

    before: User | None
    user: User
    changed: bool
    would_lock: tuple[LockReason, ...] = ()
    notes: tuple[str, ...] = ()
    digest: EntryDigest | None = None
    held: bool = False
    approved: bool = False

    @property
    def raised(self) -> tuple[Lock, ...]:
        """Return the locks that the plan adds to the ledger."""
        known = {lock.id for lock in self.before.locks} if self.before else set()
        return tuple(lock for lock in self.user.locks if lock.id not in known)

    @property
    def lifted(self) -> tuple[Lock, ...]:
        """Return the locks that the plan takes off the ledger."""
        kept = {lock.id for lock in self.user.locks}
        return tuple(lock for lock in (self.before.locks if self.before else ()) if lock.id not in kept)

    @property
    def counted(self) -> tuple[Lock, ...]:
        """Return the locks of it that the brake counts: none of somebody new, who loses no access."""
        if self.before is None:
            return ()
        return tuple(lock for lock in self.raised if appears(lock, self.before.locks))


def plan(stored: User | None, seen: Sighting, context: Context) -> Planned | None:
    """Return what becomes of the user behind an entry that was seen; None for one that matches no rule and never did.

    `stored` is the user behind the entry, or the one of the same name to which an entry without a user would be linked.
    Raises Untrusted, which sends the entry to quarantine.
    """
    if context.lagging and (stored is None or link_to(stored, context.directory) is None):
        return None  # a server of the past shows nobody new: whom the store does not know may be gone since
    if stored is None:
        user = plain_newcomer(seen, context)
        if user is not None:
            return Planned(before=None, user=user, changed=True, digest=digest_of(None, user, seen, context))
    elif is_as_before(stored, seen, context):
        return Planned(before=stored, user=stored, changed=False, digest=digest_of(stored, stored, seen, context))
    return plan_closely(stored, seen, context)


def plan_closely(stored: User | None, seen: Sighting, context: Context) -> Planned | None:
    """Plan as `plan` does, step by step. Raises Untrusted."""
    start = _newcomer(seen, context) if stored is None else _known(stored, seen, context)
    if start is None:
        return None
    if stored is not None and _lags(stored, seen, context):
        return Planned(before=stored, user=stored, changed=False, notes=(f"{seen.dn} is older here than last time",))
    user = _as_it_shall_be(start, stored, seen, context)
    conflict = choose(start, seen.matches, context).conflict
    would_lock = _would_lock(lambda enforcing: _as_it_shall_be(start, stored, seen, enforcing), context)
    unproved = _unproved(stored, seen, user, context)
    if unproved and stored is not None:
        user = _with_last_sight(user, stored, context)
    notes = (*((conflict,) if conflict else ()), *unproved)
    return Planned(
        before=stored,
        user=user,
        changed=worth_a_write(stored, user, context),
        would_lock=would_lock,
        notes=notes,
        digest=None if would_lock or notes else digest_of(stored, user, seen, context),
    )


def plan_missing(stored: User, context: Context, *, deleted: bool = False) -> Planned:
    """Return what becomes of a user whose entry a complete reading did not find, or of whose deletion was told.

    A deletion that the directory itself reports (`deleted`) needs no second reading. Nothing is decided about the
    affiliation: whoever is not there matches no rule, and that is no un-affiliation.
    """
    user = _missing(stored, context, deleted=deleted)
    would = _would_lock(lambda enforcing: _missing(stored, enforcing, deleted=deleted), context)
    return Planned(before=stored, user=user, changed=worth_a_write(stored, user, context), would_lock=would)


# --- who it is -------------------------------------------------------------------------------------------------------


def _newcomer(seen: Sighting, context: Context) -> User | None:
    match = newcomers_rule(seen, context)
    if match is None:
        return None
    return User(
        id=new_user_id(),
        tenant=match.tenant,
        profile=seen.profile,
        created=context.now,
        modified=context.now,
        affiliation=Affiliation(status=AffiliationStatus.AFFILIATED, since=context.now, rule=match.rule),
    )


def _known(stored: User, seen: Sighting, context: Context) -> User:
    link = link_to(stored, context.directory)
    if link is not None and link.entry_id != seen.entry_id:
        raise Untrusted(
            f"{seen.profile.user_name} is a new entry with the user name of a known user (entry {link.entry_id}, "
            f"{link.dn}): same name, new identity; rename it, remove the old user, or say that they are one person "
            "(`lockstep quarantine link`)",
        )
    return stored


# --- what it shall be ------------------------------------------------------------------------------------------------


def _as_it_shall_be(start: User, stored: User | None, seen: Sighting, context: Context) -> User:
    user = start if context.lagging else _placed(start, stored, seen, context)
    user = _settled(user, stored, seen, context)
    return _observed(user, context) if context.mode is Mode.OBSERVE else user


def _placed(start: User, stored: User | None, seen: Sighting, context: Context) -> User:
    """Take over who it is, and where they belong."""
    user = _described(start, seen, context)
    user = _without(user, context, frozenset({LockReason.ABSENT}))
    user = affiliate(user, seen, context)
    return replace(user, role=_role(user, stored, seen, context))


def _described(user: User, seen: Sighting, context: Context) -> User:
    """Take over name, profile and address. The directory that knew the user first decides the profile."""
    link = link_to(user, context.directory)
    first = not user.entries or user.entries[0].directory == context.directory
    fresh = EntryLink(
        directory=context.directory,
        entry_id=seen.entry_id,
        dn=seen.dn,
        seen_at=context.now,
        stamp=_stamp_to_keep(user, link, seen),
        rule=link.rule if link else "",
        unmatched_since=link.unmatched_since if link else None,
        doubt=seen.doubt,
        hint=seen.hint,
    )
    profile = merged(user.profile, seen.profile, seen.mapped) if first else user.profile
    return with_link(replace(user, profile=profile, protected=seen.protected), fresh)


def _stamp_to_keep(user: User, link: EntryLink | None, seen: Sighting) -> str:
    """Return the stamp against which the next reading is compared.

    Under a lock that this reading could not have seen it is the old one: an unlock made in the dark is believed as soon
    as the lock attributes can be read again, though the entry does not change any more.
    """
    dark = any(not (shown.readable or shown.marker) for shown in seen.locks)
    held = any(lock.source == link.directory and lock.reason in ENTRY_REASONS for lock in user.locks) if link else False
    return link.stamp if link is not None and dark and held else seen.stamp


def _role(user: User, stored: User | None, seen: Sighting, context: Context) -> Role | None:
    """Return the role in the user's tenant; what cannot be read changes nobody's role."""
    if user.tenant not in context.unknown_roles:
        return seen.role_in(user.tenant)
    return stored.role if stored is not None and stored.tenant == user.tenant else None


def _settled(user: User, stored: User | None, seen: Sighting, context: Context) -> User:
    """Bring the locks that the entry itself decides to what each server shows of it."""
    here = [lock for lock in user.locks if lock.source == context.directory and lock.reason in ENTRY_REASONS]
    known = {"", *context.servers}
    after = [lock for lock in user.locks if lock not in here]
    for shown in seen.locks:
        held = tuple(lock for lock in here if lock.server == shown.server)
        keep = shown.unread if _readable(stored, seen, shown, context) else ENTRY_REASONS
        change = settle(
            tuple(lock for lock in held if not _over(lock, shown, context)),
            [_steady(fact, held) for fact in shown.facts if not _lapsed_anew(fact, held, context)],
            user=user.id,
            tenant=user.tenant,
            now=context.now,
            raised_by=context.pass_id,
            keep=keep,
        )
        after += change.after
    read = {shown.server for shown in seen.locks}
    after += [replace(lock, tenant=user.tenant) for lock in here if lock.server in known - read]
    return replace(user, locks=tuple(after))


def _observed(user: User, context: Context) -> User:
    """Leave no lock of an observed directory in the ledger, and nobody unaffiliated by one."""
    freed = _without(user, context, DIRECTORY_REASONS)
    if any(lock.reason is LockReason.UNAFFILIATED for lock in freed.locks) or freed.affiliation is None:
        return freed
    if freed == user or freed.affiliation.status is AffiliationStatus.AFFILIATED:
        return freed
    back = replace(freed.affiliation, status=AffiliationStatus.AFFILIATED, since=context.now)
    return replace(freed, affiliation=back)


def _missing(stored: User, context: Context, *, deleted: bool) -> User:
    link = link_to(stored, context.directory)
    if link is None or not (context.complete or deleted):
        return stored
    user = with_link(stored, replace(link, missing_since=link.missing_since or context.now))
    if context.mode is Mode.OBSERVE:
        return _observed(user, context)
    known = any(lock.reason is LockReason.ABSENT and lock.source == context.directory for lock in user.locks)
    if known or not (deleted or context.confirmed(link.missing_since)):
        return user
    fact = LockFact(reason=LockReason.ABSENT, source=context.directory, evidence=(("dn", link.dn),))
    return replace(user, locks=(*user.locks, lock_of(fact, user.id, user.tenant, context.now, context.pass_id)))


def _without(user: User, context: Context, reasons: frozenset[LockReason]) -> User:
    kept = tuple(lock for lock in user.locks if lock.source != context.directory or lock.reason not in reasons)
    return replace(user, locks=kept)


# --- what proves what ------------------------------------------------------------------------------------------------


def _lags(stored: User, seen: Sighting, context: Context) -> bool:
    """Return whether a server that stands in for another shows an older entry than the store knows already.

    Its locks may be over, and unlocks not yet have reached it. Change stamps sort as they follow each other.
    """
    link = link_to(stored, context.directory)
    return context.failed_over and link is not None and seen.stamp < link.stamp


def _readable(stored: User | None, seen: Sighting, shown: ServerLocks, context: Context) -> bool:
    """Return whether a lock would have been seen, had there been one.

    A directory with a canary is believed only in a pass that saw the canary's lock; without one, an entry is believed
    whose own change stamp moved.
    """
    if context.lagging or not shown.readable:
        return False
    if shown.marker or shown.canary:
        return True
    link = link_to(stored, context.directory) if stored is not None else None
    return not context.canary and link is not None and bool(seen.stamp) and seen.stamp != link.stamp


def _lapsed_anew(fact: LockFact, held: tuple[Lock, ...], context: Context) -> bool:
    """Return whether a marker's time has run out before the ledger knew of it: it raises no row."""
    lapsed = fact.until is not None and fact.until <= context.now
    return lapsed and not any(_stands_for(lock, fact) for lock in held)


def _steady(fact: LockFact, held: tuple[Lock, ...]) -> LockFact:
    """Return a fact with the end that the ledger knows, where both mean the same.

    Under an unknown policy the server tells an end in whole seconds from now: two readings differ by one, and neither
    an audit row nor a new version is due for that.
    """
    known = next((lock for lock in held if _stands_for(lock, fact)), None)
    if known is None or known.until is None or fact.until is None or abs(known.until - fact.until) > _ROUNDING:
        return fact
    return replace(fact, until=known.until)


def _over(lock: Lock, shown: ServerLocks, context: Context) -> bool:
    """Return whether a lock's time has run out and its marker is gone: the clock has proved that already."""
    lapsed = lock.until is not None and lock.until <= context.now
    return lapsed and not any(_stands_for(lock, fact) for fact in shown.facts)


def _stands_for(lock: Lock, fact: LockFact) -> bool:
    same_place = (lock.reason, lock.server) == (fact.reason, fact.server)
    return same_place and (fact.since in (None, lock.since) or says_the_same(lock, fact))


def _unproved(stored: User | None, seen: Sighting, user: User, context: Context) -> tuple[str, ...]:
    """Say of each lock that is kept although no server shows it any more why it is not believed to be gone."""
    facts = [fact for shown in seen.locks for fact in shown.facts]
    held = [lock for lock in user.locks if lock.source == context.directory and lock.reason in ENTRY_REASONS]
    old = {lock.id for lock in stored.locks} if stored is not None else set()
    kept = [lock for lock in held if lock.id in old and not any(_stands_for(lock, fact) for fact in facts)]
    if not kept:
        return ()
    why = seen.doubt or (
        "the canary's lock was not seen" if context.canary else "its entry did not change; a canary would prove it"
    )
    return tuple(f"{user.profile.user_name} stays locked ({lock.reason}): {why}" for lock in kept)


def _with_last_sight(user: User, stored: User, context: Context) -> User:
    """Remember when a lock was last seen that is kept without being seen: it may have ended ever since."""
    link, known = link_to(user, context.directory), link_to(stored, context.directory)
    if link is None or known is None:
        return user
    return with_link(user, replace(link, shown_until=shown_until(known, context.last_seen)))


# --- what comes of it ------------------------------------------------------------------------------------------------


def _would_lock(planned: Callable[[Context], User], context: Context) -> tuple[LockReason, ...]:
    """Return the reasons that this directory would have in force, were it enforced; none where it is."""
    if context.mode is Mode.ENFORCE:
        return ()
    enforced = planned(replace(context, mode=Mode.ENFORCE))
    ours = [lock for lock in enforced.locks if lock.source == context.directory and in_force(lock, context.now)]
    return tuple(dict.fromkeys(lock.reason for lock in ours))


def worth_a_write(before: User | None, after: User, context: Context) -> bool:
    """Return whether a user has to be written.

    A stamp alone is worth it only under a lock: it is what the next reading compares before it believes an unlock.
    """
    if before is None or not same_but_for_bookkeeping(before, after):
        return True
    old, new = link_to(before, context.directory), link_to(after, context.directory)
    locked = any(lock.source == context.directory and lock.reason in ENTRY_REASONS for lock in after.locks)
    if not locked or old is None or new is None:
        return False
    return (old.stamp, old.shown_until) != (new.stamp, new.shown_until)
