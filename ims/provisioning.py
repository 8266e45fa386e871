"""What an identity provider's connection may do to users of its tenant, and how a Co-Administrator holds one.

A connection owns what it wrote: its users' profiles and its own `deprovisioned` lock. It never writes to a directory,
and what a directory says of a person is not its to change, but for `externalId`, which is the client's own (RFC 7643
section 3.1).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ims.audit import Action, AuditEntry, Result, entry_by, ledger_entries
from ims.errors import Forbidden, InvalidInput, NotUnique, StaleVersion
from ims.locks import NEVER, Lock, LockFact, LockReason, is_over, lock_of, settle
from ims.people import (
    Actor,
    Affiliation,
    AffiliationStatus,
    ConnectionName,
    Profile,
    TenantId,
    User,
    new_user_id,
    same_but_for_bookkeeping,
)
from ims.ports import Batch, Clock, Store, UserChange

_OURS = "lockstep"
"""The source of a lock that comes from neither a directory nor a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a connection wants changed: None leaves the profile, or `active`, as it is."""

    profile: Profile | None = None
    active: bool | None = None


def create(store: Store, clock: Clock, actor: Actor, profile: Profile, *, active: bool) -> User:
    """Create a user in the actor's tenant, or adopt the one of that name that no other connection owns.

    Adopting leaves the profile to the directory and every lock where it is, but for the connection's own
    `deprovisioned`: whoever creates a user anew means them to be there. Raises NotUnique for a user whom a connection
    owns already (a retried POST is a duplicate too, RFC 7644 section 3.3), InvalidInput for one without a name.
    """
    tenant, connection = _of(actor)
    _require_name(profile)
    existing = next(iter(store.named(tenant, [profile.user_name]).values()), None)
    now = clock.now()
    if existing is not None:
        if existing.connection is not None and existing.deleted_by is None:
            raise NotUnique(f"userName {profile.user_name} is taken in this company account")
        known = _as_allowed(existing, profile)
        adopted = replace(existing, profile=known, connection=connection, deleted_by=None)
        return _save(store, actor, existing, _with_active(adopted, connection, now, active=active), now)
    user = User(
        id=new_user_id(),
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
    change = UserChange(user=created, base=created.version, audit=rows, history=history)
    return replace(created, version=store.apply(Batch(changes=(change,))).revision)


def edit(store: Store, clock: Clock, actor: Actor, user: User, wanted: Edit) -> User:
    """Change a user's profile, their `active` for this connection, or both at once.

    A profile that a directory owns stays as the directory says (the answer shows the truth). Raises Forbidden for the
    profile of a user whom another connection owns, StaleVersion if the user changed since they were read, InvalidInput
    for a profile without a name.
    """
    _, connection = _of(actor)
    if wanted.profile is not None:
        _require_name(wanted.profile)
    changed = user
    profile = user.profile if wanted.profile is None else _as_allowed(user, wanted.profile)
    if profile != user.profile:
        _require_own(user, connection, "change")
        changed = replace(changed, profile=profile)
    if wanted.active is not None:
        changed = _with_active(changed, connection, clock.now(), active=wanted.active)
    return _save(store, actor, user, changed, clock.now())


def delete(store: Store, clock: Clock, actor: Actor, user: User) -> None:
    """Delete a user for the tenant's connections.

    A user whom no directory knows, and whom nobody else has locked, is removed. Any other stays for the people's roles,
    deactivated by this connection, so that neither their locks nor their history are laundered by a DELETE and a POST.
    Raises Forbidden for a user whom another connection owns, StaleVersion if the user changed since they were read.
    """
    _, connection = _of(actor)
    _require_own(user, connection, "delete")
    now = clock.now()
    if user.entries or any(not _is_own(lock, connection) and not is_over(lock, now) for lock in user.locks):
        gone = replace(_with_active(user, connection, now, active=False), deleted_by=connection)
        _save(store, actor, user, gone, now)
        return
    row = entry_by(actor, Action.USER_DELETED, Result.DONE, now, user)
    store.apply(Batch(removed=(user.id,), audit=(row,)))


def hold(store: Store, clock: Clock, actor: Actor, user: User, note: str, until: datetime | None) -> User:
    """Lock a user on a Co-Administrator's word, until an optional end.

    A second hold that ends no later changes nothing; one that ends later prolongs the first and replaces its note.
    """
    now = clock.now()
    if until is not None and until <= now:
        raise InvalidInput(f"The end of the lock ({until:%Y-%m-%d %H:%M} UTC) has passed already")
    held = next((lock for lock in user.locks if lock.reason is LockReason.HELD), None)
    if held is not None and (held.until or NEVER) >= (until or NEVER):
        return user
    if held is None or is_over(held, now):
        held = lock_of(LockFact(reason=LockReason.HELD, source=_OURS), user.id, user.tenant, now, actor.name)
    lock = replace(held, until=until, note=note, raised_by=actor.name)
    others = tuple(other for other in user.locks if other.reason is not LockReason.HELD)
    return _save(store, actor, user, replace(user, locks=(*others, lock)), now)


def _of(actor: Actor) -> tuple[TenantId, ConnectionName]:
    if actor.tenant is None or actor.connection is None:
        raise Forbidden("Only a connection of a company account may provision users")
    return actor.tenant, actor.connection


def _require_name(profile: Profile) -> None:
    if not profile.user_name.strip():
        raise InvalidInput("A user needs a userName that is not blank")


def _require_own(user: User, connection: ConnectionName, act: str) -> None:
    """Refuse what only the owner may do. A user whom no connection owns comes from a directory and is open to all."""
    if user.connection not in (connection, None):
        raise Forbidden(f"{user.profile.user_name} belongs to another connection; only that one may {act} them")


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
    if same_but_for_bookkeeping(before, after):
        return before
    rows = _ledger_rows(actor, before, after, now)
    if (after.profile, after.connection, after.deleted_by) != (before.profile, before.connection, before.deleted_by):
        action = Action.USER_DELETED if after.deleted_by and not before.deleted_by else Action.USER_CHANGED
        rows = (entry_by(actor, action, Result.DONE, now, after), *rows)
    changed = replace(after, modified=now)
    applied = store.apply(Batch(changes=(UserChange(user=changed, base=before.version, audit=rows),)))
    if applied.dropped:
        raise StaleVersion(f"{before.profile.user_name} was changed meanwhile; read the user again, then repeat")
    return replace(changed, version=applied.revision)


def _ledger_rows(actor: Actor, before: User, after: User, now: datetime) -> tuple[AuditEntry, ...]:
    row = entry_by(actor, Action.USER_CHANGED, Result.DONE, now, after)
    return ledger_entries(row, before.locks, after.locks)
