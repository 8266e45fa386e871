"""What an identity provider's connection may do to users of its tenant, and how a Co-Administrator holds one.

A connection owns what it wrote: its users' profiles and its own `deprovisioned` lock. It never writes to a directory,
and what a directory says of a person is not its to change, but for `externalId`, which is the client's own (RFC 7643
section 3.1).
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from ims.audit import Action, AuditEntry, Result, entry_by
from ims.errors import Forbidden, InvalidInput, NotUnique, StaleVersion
from ims.locks import Lock, LockFact, LockReason, display, lock_of, settle
from ims.people import (
    Actor,
    Affiliation,
    AffiliationStatus,
    ConnectionName,
    Profile,
    Revision,
    TenantId,
    User,
    UserId,
)
from ims.ports import Batch, Clock, Store, UserChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a connection wants changed: None leaves the profile, or `active`, as it is."""

    profile: Profile | None = None
    active: bool | None = None


def create(store: Store, clock: Clock, actor: Actor, profile: Profile, *, active: bool) -> User:
    """Create a user in the actor's tenant, or adopt the one of that name that no other connection owns.

    Adopting leaves the profile to the directory and every lock where it is, but for the connection's own
    `deprovisioned`: whoever creates a user anew means them to be there. Raises NotUnique for a user whom a connection
    owns already (a retried POST is a duplicate too, RFC 7644 section 3.3).
    """
    tenant, connection = _of(actor)
    existing = next(iter(store.named(tenant, [profile.user_name]).values()), None)
    now = clock.now()
    if existing is not None:
        if existing.connection is not None and existing.deleted_by is None:
            raise NotUnique(f"userName {profile.user_name} is taken in this company account")
        known = _as_allowed(existing, profile)
        adopted = replace(existing, profile=known, connection=connection, deleted_by=None)
        return _save(store, actor, existing, _with_active(adopted, connection, now, active=active), now)
    user = User(
        id=UserId(str(uuid.uuid4())),
        tenant=tenant,
        profile=profile,
        created=now,
        modified=now,
        connection=connection,
        affiliation=Affiliation(status=AffiliationStatus.AFFILIATED, since=now, rule=connection),
    )
    created = _with_active(user, connection, now, active=active)
    rows = (entry_by(actor, Action.USER_CREATED, Result.DONE, now, created), *_ledger_rows(actor, user, created, now))
    history = (created.affiliation,) if created.affiliation else ()
    applied = store.apply(
        Batch(changes=(UserChange(user=created, base=store.revision(), audit=rows, history=history),)),
    )
    return replace(created, version=applied.revision)


def edit(store: Store, clock: Clock, actor: Actor, user: User, wanted: Edit) -> User:
    """Change a user's profile, their `active` for this connection, or both at once.

    A profile that a directory owns stays as the directory says (the answer shows the truth). Raises Forbidden for the
    profile of a user whom another connection owns, StaleVersion if the user changed since they were read.
    """
    _, connection = _of(actor)
    changed = user
    profile = user.profile if wanted.profile is None else _as_allowed(user, wanted.profile)
    if profile != user.profile:
        if user.connection not in (connection, None):
            raise Forbidden(f"{user.profile.user_name} belongs to another connection; only that one may change them")
        changed = replace(changed, profile=profile)
    if wanted.active is not None:
        changed = _with_active(changed, connection, clock.now(), active=wanted.active)
    return _save(store, actor, user, changed, clock.now())


def delete(store: Store, clock: Clock, actor: Actor, user: User) -> None:
    """Delete a user for the tenant's connections.

    A user whom no directory knows is removed. One whom a directory knows stays for the people's roles, deactivated by
    this connection, so that neither their locks nor their history are laundered by a DELETE and a POST.
    """
    _, connection = _of(actor)
    now = clock.now()
    if user.entries:
        gone = replace(_with_active(user, connection, now, active=False), deleted_by=connection)
        _save(store, actor, user, gone, now)
        return
    if user.connection != connection:
        raise Forbidden(f"{user.profile.user_name} belongs to another connection; only that one may delete them")
    row = entry_by(actor, Action.USER_DELETED, Result.DONE, now, user)
    store.apply(Batch(removed=(user.id,), audit=(row,)))


def hold(store: Store, clock: Clock, actor: Actor, user: User, note: str, until: datetime | None) -> User:
    """Lock a user on a Co-Administrator's word, until an optional end. A second hold changes nothing."""
    now = clock.now()
    if until is not None and until <= now:
        raise InvalidInput(f"The end of the lock ({until:%Y-%m-%d %H:%M} UTC) has passed already")
    if any(lock.reason is LockReason.HELD and (lock.until is None or lock.until > now) for lock in user.locks):
        return user
    fact = LockFact(reason=LockReason.HELD, source="lockstep", until=until)
    lock = replace(lock_of(fact, user.id, user.tenant, now, actor.name), note=note)
    return _save(store, actor, user, replace(user, locks=(*user.locks, lock)), now)


def _of(actor: Actor) -> tuple[TenantId, ConnectionName]:
    if actor.tenant is None or actor.connection is None:
        raise Forbidden("Only a connection of a company account may provision users")
    return actor.tenant, actor.connection


def _as_allowed(user: User, wanted: Profile) -> Profile:
    """Return the profile as far as a connection may set it: a directory's user keeps the directory's values."""
    return replace(user.profile, external_id=wanted.external_id) if user.entries else wanted


def _with_active(user: User, connection: ConnectionName, now: datetime, *, active: bool) -> User:
    """Raise or lift this connection's own lock; a repeated `active: false` moves no time."""
    own = tuple(lock for lock in user.locks if _is_own(lock, connection))
    others = tuple(lock for lock in user.locks if lock not in own)
    seen = () if active else (LockFact(reason=LockReason.DEPROVISIONED, source=connection),)
    change = settle(own, seen, user=user.id, tenant=user.tenant, now=now, raised_by=connection)
    return replace(user, locks=(*others, *change.after))


def _is_own(lock: Lock, connection: ConnectionName) -> bool:
    return lock.reason is LockReason.DEPROVISIONED and lock.source == connection


def _save(store: Store, actor: Actor, before: User, after: User, now: datetime) -> User:
    if after == before:
        return before
    rows = _ledger_rows(actor, before, after, now)
    if (after.profile, after.connection, after.deleted_by) != (before.profile, before.connection, before.deleted_by):
        action = Action.USER_DELETED if after.deleted_by and not before.deleted_by else Action.USER_CHANGED
        rows.insert(0, entry_by(actor, action, Result.DONE, now, after))
    changed = replace(after, modified=now)
    applied = store.apply(Batch(changes=(UserChange(user=changed, base=before.version, audit=tuple(rows)),)))
    if applied.dropped:
        raise StaleVersion(f"{before.profile.user_name} was changed meanwhile; read the user again, then repeat")
    return replace(changed, version=Revision(applied.revision))


def _ledger_rows(actor: Actor, before: User, after: User, now: datetime) -> list[AuditEntry]:
    rows = []
    for lock in set(after.locks) ^ set(before.locks):
        raised = lock in after.locks
        action = Action.LOCK_RAISED if raised else Action.LOCK_LIFTED
        row = entry_by(actor, action, Result.DONE, now, after)
        what = f"{lock.reason} from {lock.source}"
        rows.append(replace(row, detail=display(lock), before="" if raised else what, after=what if raised else ""))
    return rows
