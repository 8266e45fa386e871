"""What the affiliation rules that an entry matches make of a user: tenant, affiliation, transfer, un-affiliation. Pure.

Not matching is believed only from a complete reading, for a rule about which it has knowledge, twice and long enough
apart (`Context.confirm`). A user belongs to one tenant at most; where two claim them, the present one keeps them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agent.context import Context, link_to
from agent.sightings import RuleMatch, Sighting, Untrusted
from ims.locks import LockFact, LockReason, ends_by_return, lock_of
from ims.passes import Mode
from ims.people import Affiliation, AffiliationStatus, DirectoryName, EntryLink, TenantId, User

TENANTS_OWN = frozenset({LockReason.HELD, LockReason.DEPROVISIONED})
"""Reasons that a tenant's own people and connections raise: they end when the user leaves the tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The rule by which an entry belongs to a tenant; None = to none. `conflict` says who else claims it."""

    match: RuleMatch | None
    conflict: str = ""


def newcomers_rule(seen: Sighting, context: Context) -> RuleMatch | None:
    """Return the rule by which an entry without a user becomes one; None = it matches none.

    Raises Untrusted where two tenants claim it, or where that could not be seen: nobody may guess whose the person is.
    """
    tenants = _tenants(seen.matches)
    if len(tenants) > 1:
        raise Untrusted(
            f"rules of the tenants {' and '.join(tenants)} match {seen.profile.user_name}: have one of them changed",
        )
    if tenants and context.silent_rules:
        raise Untrusted(
            f"{seen.profile.user_name} is new, and waits until it is known whether another rule matches too: "
            f"{', '.join(sorted(context.silent_rules))} cannot be judged at the moment",
        )
    return next(iter(seen.matches), None)


def choose(user: User, matches: Sequence[RuleMatch], context: Context) -> Choice:
    """Choose the rule that decides for a user whom the store knows: the present tenant and rule before any other.

    While nothing is known about the present rule, nobody leaves by another one's match.
    """
    link = link_to(user, context.directory)
    present = [match for match in matches if match.tenant == user.tenant]
    others = _tenants(match for match in matches if match.tenant != user.tenant)
    if present:
        same = (match for match in present if link is not None and match.rule == link.rule)
        return Choice(match=next(same, present[0]), conflict=_conflict(user, others))
    claimed = any(_in_good_standing(other) for other in user.entries if other.directory != context.directory)
    if len(others) > 1 or (others and claimed):
        return Choice(match=None, conflict=_conflict(user, others))
    if link is not None and link.rule in context.silent_rules:
        return Choice(match=None)
    return Choice(match=next(iter(matches), None))


def affiliate(user: User, seen: Sighting, context: Context) -> User:
    """Return the user as the matching rules make them. The user must have a link to the directory's entry."""
    match = choose(user, seen.matches, context).match
    link = link_to(user, context.directory)
    if link is None:
        raise AssertionError(f"{user.id} has no entry in {context.directory}")
    if match is None:
        return _unmatched(user, link, context)
    user = with_link(user, replace(link, rule=match.rule, unmatched_since=None))
    if match.tenant != user.tenant:
        return _moved(user, match, context)
    return _matched(user, match, context)


def with_link(user: User, link: EntryLink) -> User:
    """Return the user with this link in the place of the one to the same directory."""
    if link_to(user, link.directory) is None:
        return replace(user, entries=(*user.entries, link))
    entries = tuple(link if other.directory == link.directory else other for other in user.entries)
    return replace(user, entries=entries)


def _matched(user: User, match: RuleMatch, context: Context) -> User:
    """Return a user who matches a rule of their own tenant, as before or again."""
    current = user.affiliation
    if current is None:
        return replace(user, affiliation=_affiliated(match, context))
    if current.status is AffiliationStatus.UNAFFILIATED:
        return _returned(user, match, context)
    if _of_another_directory(current.rule, context.directory):
        return user
    return replace(user, affiliation=replace(current, rule=match.rule))


def _returned(user: User, match: RuleMatch, context: Context) -> User:
    """Return a user who is back: the lock ends by itself within the grace, and waits for a Co-Administrator later."""
    locks = [lock for lock in user.locks if lock.reason is LockReason.UNAFFILIATED]
    left_here = all(dict(lock.evidence).get("tenant", user.tenant) == user.tenant for lock in locks)
    if not left_here or not all(ends_by_return(lock, context.now, context.rules) for lock in locks):
        return user
    kept = tuple(lock for lock in user.locks if lock not in locks)
    return replace(user, locks=kept, affiliation=_affiliated(match, context))


def _moved(user: User, match: RuleMatch, context: Context) -> User:
    """Return a user who belongs to another tenant now: what the old one's people and connections said ends with it.

    Whoever was unaffiliated before stays so, for the new tenant's Co-Administrators to decide.
    """
    locks = tuple(replace(lock, tenant=match.tenant) for lock in user.locks if lock.reason not in TENANTS_OWN)
    affiliation = _affiliated(match, context)
    if user.affiliation is not None and user.affiliation.status is AffiliationStatus.UNAFFILIATED:
        affiliation = replace(user.affiliation, rule=match.rule)
    return replace(
        user,
        tenant=match.tenant,
        locks=locks,
        affiliation=affiliation,
        role=None,
        connection=None,
        deleted_by=None,
        last_unlock=None,
    )


def _unmatched(user: User, link: EntryLink, context: Context) -> User:
    """No rule of the user's tenant matches: the start, or the end, of an un-affiliation, if this is evidence."""
    current = user.affiliation
    if not context.complete or link.rule in context.silent_rules or current is None:
        return user
    if current.status is AffiliationStatus.UNAFFILIATED or _of_another_directory(current.rule, context.directory):
        return with_link(user, replace(link, rule="", unmatched_since=None))
    heir = next((o for o in user.entries if o.directory != context.directory and _in_good_standing(o)), None)
    if heir is not None:
        user = replace(user, affiliation=replace(current, rule=heir.rule))
        return with_link(user, replace(link, rule="", unmatched_since=None))
    if context.mode is Mode.OBSERVE or not context.confirmed(link.unmatched_since):
        return with_link(user, replace(link, unmatched_since=link.unmatched_since or context.now))
    return _unaffiliated(user, current, link, context)


def _unaffiliated(user: User, current: Affiliation, link: EntryLink, context: Context) -> User:
    fact = LockFact(
        reason=LockReason.UNAFFILIATED,
        source=context.directory,
        evidence=(("rule", link.rule or current.rule), ("tenant", user.tenant)),
    )
    lock = lock_of(fact, user.id, user.tenant, context.now, context.pass_id)
    user = with_link(user, replace(link, rule="", unmatched_since=None))
    ended = replace(current, status=AffiliationStatus.UNAFFILIATED, since=context.now)
    return replace(user, affiliation=ended, locks=(*user.locks, lock))


def _affiliated(match: RuleMatch, context: Context) -> Affiliation:
    return Affiliation(status=AffiliationStatus.AFFILIATED, since=context.now, rule=match.rule)


def _in_good_standing(link: EntryLink) -> bool:
    """Return whether another directory affiliates the user without any doubt at the moment."""
    return bool(link.rule) and link.unmatched_since is None and link.missing_since is None


def _of_another_directory(rule: str, directory: DirectoryName) -> bool:
    """Return whether a rule is another directory's. A connection's name, which has no slash, gives way to a rule."""
    return "/" in rule and not rule.startswith(f"{directory}/")


def _tenants(matches: Iterable[RuleMatch]) -> list[TenantId]:
    return list(dict.fromkeys(match.tenant for match in matches))


def _conflict(user: User, others: Sequence[TenantId]) -> str:
    if not others:
        return ""
    return f"{user.profile.user_name} stays in {user.tenant}, though rules of {' and '.join(others)} match too"
