"""The two plans that nearly all of 100,000 entries come to, without the steps that only matter for the rest.

Somebody new without any lock, and somebody known of whom nothing is different, locked or not. Whatever is not obviously
one of these goes the whole way (`agent.plan`), which comes to the same: a property test compares the two.
"""

from agent.context import Context
from agent.sightings import Sighting
from ims.passes import Mode
from ims.people import Affiliation, AffiliationStatus, EntryLink, Profile, Role, TenantId, User, new_user_id


def plain_newcomer(seen: Sighting, context: Context) -> User | None:
    """Return the user whom an entry becomes that matches rules of one tenant and shows no lock; None = look closer."""
    tenants = {match.tenant for match in seen.matches}
    if len(tenants) != 1 or context.silent_rules or context.lagging or _shows_locks(seen):
        return None
    match = seen.matches[0]
    link = EntryLink(
        directory=context.directory,
        entry_id=seen.entry_id,
        dn=seen.dn,
        seen_at=context.now,
        stamp=seen.stamp,
        rule=match.rule,
        doubt=seen.doubt,
        hint=seen.hint,
    )
    return User(
        id=new_user_id(),
        tenant=match.tenant,
        profile=seen.profile,
        created=context.now,
        modified=context.now,
        affiliation=Affiliation(status=AffiliationStatus.AFFILIATED, since=context.now, rule=match.rule),
        role=_role(match.tenant, seen, context, None),
        protected=seen.protected,
        entries=(link,),
    )


def is_as_before(stored: User, seen: Sighting, context: Context) -> bool:
    """Return whether an entry makes nothing else of its user than what is stored; False = look closer."""
    link, affiliation = stored.entries[0] if stored.entries else None, stored.affiliation
    if link is None or affiliation is None or context.failed_over or context.lagging:
        return False
    return (
        (link.directory, link.entry_id, link.dn, link.doubt, link.hint)
        == (context.directory, seen.entry_id, seen.dn, seen.doubt, seen.hint)
        and link.missing_since is None
        and link.unmatched_since is None
        and link.shown_until is None
        and affiliation.status is AffiliationStatus.AFFILIATED
        and affiliation.rule == link.rule
        and bool(seen.matches)
        and all(match.tenant == stored.tenant for match in seen.matches)
        and any(match.rule == link.rule for match in seen.matches)
        and stored.protected == seen.protected
        and stored.role == _role(stored.tenant, seen, context, stored.role)
        and _locked_the_same(stored, link, seen, context)
        and _says_the_same(seen.profile, stored.profile, seen.mapped)
    )


def _locked_the_same(stored: User, link: EntryLink, seen: Sighting, context: Context) -> bool:
    """Return whether a reading shows exactly the locks of this directory that are held, on one and the same server."""
    held = [lock for lock in stored.locks if lock.source == context.directory] if stored.locks else []
    if not held:
        return not _shows_locks(seen)
    if context.mode is Mode.OBSERVE:
        return False  # which gives every lock up
    if len(seen.locks) != 1 or len(seen.locks[0].facts) != len(held) or seen.stamp != link.stamp:
        return False
    shown = {(x.reason, x.source, x.server, x.since, x.until, x.evidence) for x in seen.locks[0].facts}
    return shown == {
        (x.reason, x.source, x.server, x.since, x.until, x.evidence) for x in held if x.tenant == stored.tenant
    }


def _shows_locks(seen: Sighting) -> bool:
    return any(shown.facts for shown in seen.locks)


def _role(tenant: TenantId, seen: Sighting, context: Context, otherwise: Role | None) -> Role | None:
    return otherwise if tenant in context.unknown_roles else seen.role_in(tenant)


def _says_the_same(seen: Profile, stored: Profile, mapped: frozenset[str]) -> bool:
    """Return whether two profiles agree in what is mapped; an empty external id takes none away (see `merged`)."""
    return seen == stored or all(
        getattr(seen, name) == getattr(stored, name) for name in mapped if name != "external_id" or seen.external_id
    )
