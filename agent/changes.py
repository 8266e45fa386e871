"""What a plan tells the audit and the history: rows derived from a user before and after, so that none is forgotten."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from agent.context import Context, link_to
from agent.plan import Planned
from agent.proposals import counted_of
from ims.audit import Action, AuditEntry, Result, Window, entry_by, ledger_entries
from ims.locks import LockId
from ims.outside import Sightings, unlocked_outside
from ims.passes import Mode
from ims.people import Actor, Affiliation, AffiliationStatus, Channel, DirectoryName, Revision, Role, User
from ims.ports import UserChange


def agent_of(directory: DirectoryName) -> Actor:
    """Return who acts in a directory's passes."""
    return Actor(name=f"sync of {directory}", role=Role.AGENT, channel=Channel.SYNC)


def change_of(planned: Planned, base: Revision, context: Context) -> UserChange:
    """Return the write for a plan made on the state of revision `base`."""
    user = planned.user if planned.user.modified == context.now else replace(planned.user, modified=context.now)
    return UserChange(
        user=user,
        base=base,
        audit=audit_of(planned, context),
        history=history_of(planned),
        digest=planned.digest,
        counted=counted_of(planned, context),
    )


def audit_of(planned: Planned, context: Context) -> tuple[AuditEntry, ...]:
    """Return the rows for what a plan changes of who somebody is, where they belong, and whether they are locked."""
    before = planned.before
    if before is None and context.first_import and not planned.user.locks:
        return ()
    row = _row(planned.user, context)
    outside = _outside(before, planned.user, context) if before else {}
    locks = ledger_entries(row, before.locks if before else (), planned.user.locks, outside)
    if before is None:
        return (*(() if context.first_import else (_created(planned.user, row, context),)), *locks)
    if before.tenant == planned.user.tenant:
        return (*_changed(before, planned.user, row, context), *locks)
    return (*_transferred(before, planned.user, row), *(_in_old_tenant(entry, before) for entry in locks))


def history_of(planned: Planned) -> tuple[Affiliation, ...]:
    """Return the affiliation to remember, if the plan changes it; a rule's new name alone is none."""
    old, new = planned.before, planned.user
    if new.affiliation is None:
        return ()
    if old is not None and old.tenant == new.tenant and _same_standing(old.affiliation, new.affiliation):
        return ()
    return (new.affiliation,)


def import_rows(plans: Sequence[Planned], context: Context) -> tuple[AuditEntry, ...]:
    """Return the one row that accounts for the users whom a directory's first pass creates in a batch.

    The digest is over "entry id, tenant, user name" of each, sorted, so that the list can be proved later.
    """
    created = [planned.user for planned in plans if planned.before is None]
    if not created or not context.first_import:
        return ()
    lines = sorted(_line(user, context.directory) for user in created)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    row = replace(_row(created[0], context), subject=context.directory, tenant=None, user=None)
    detail = f'SHA-256 of the sorted lines "entry id, tenant, user name": {digest}'
    return (replace(row, action=Action.FIRST_IMPORT, after=f"{len(created)} users", detail=detail),)


def taken_back(user: User, context: Context) -> AuditEntry:
    """Return the row for the removal of a user whom this very pass has created."""
    detail = "created by this pass, and taken back: another new entry has the same user name"
    return replace(_row(user, context), action=Action.USER_DELETED, detail=detail)


def _row(user: User, context: Context) -> AuditEntry:
    row = entry_by(agent_of(context.directory), Action.USER_CHANGED, Result.DONE, context.now, user)
    return replace(row, reference=context.pass_id)


def _created(user: User, row: AuditEntry, context: Context) -> AuditEntry:
    link = link_to(user, context.directory)
    rule = user.affiliation.rule if user.affiliation else ""
    return replace(row, action=Action.USER_CREATED, after=rule, detail=link.dn if link else "")


def _changed(before: User, after: User, row: AuditEntry, context: Context) -> list[AuditEntry]:
    rows = []
    if before.affiliation and after.affiliation and before.affiliation.status is not after.affiliation.status:
        left = after.affiliation.status is AffiliationStatus.UNAFFILIATED
        action = Action.UNAFFILIATED if left else Action.AFFILIATED
        rows.append(
            replace(row, action=action, before=before.affiliation.rule, after="" if left else after.affiliation.rule)
        )
    link = link_to(after, context.directory)
    if link is not None and link_to(before, context.directory) is None:
        rows.append(replace(row, detail=f"linked to the entry {link.dn}"))
    named = (
        ("user name", before.profile.user_name, after.profile.user_name),
        ("role", before.role or "", after.role or ""),
        ("protected", before.protected, after.protected),
    )
    rows += [replace(row, before=old, after=new, detail=what) for what, old, new in named if old != new]
    return rows


def _transferred(before: User, after: User, row: AuditEntry) -> list[AuditEntry]:
    """Return a row for each of the two tenants; neither learns which the other one is."""
    moved = replace(row, action=Action.TRANSFERRED)
    left = replace(moved, tenant=before.tenant, before=before.tenant, detail="moved to another company account")
    return [left, replace(moved, after=after.tenant, detail="came from another company account")]


def _outside(before: User, after: User, context: Context) -> Mapping[LockId, Window]:
    """Return the locks that somebody ended in the directory itself. One that is only observed is in no ledger."""
    if context.last_seen is None or context.mode is Mode.OBSERVE or after.id in context.unlocking:
        return {}
    sightings = Sightings(last={context.directory: context.last_seen}, by=context.read_by or context.now)
    return unlocked_outside(before, after, sightings)


def _in_old_tenant(entry: AuditEntry, before: User) -> AuditEntry:
    lifted = entry.action in (Action.LOCK_LIFTED, Action.UNLOCKED_OUTSIDE)
    return replace(entry, tenant=before.tenant) if lifted else entry


def _same_standing(old: Affiliation | None, new: Affiliation) -> bool:
    return old is not None and (old.status, old.since) == (new.status, new.since)


def _line(user: User, directory: DirectoryName) -> str:
    link = link_to(user, directory)
    return f"{link.entry_id if link else ''}, {user.tenant}, {user.profile.user_name}"
