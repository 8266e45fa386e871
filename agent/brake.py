"""The brake's arithmetic: how many people may lose their access within an hour before a person has to look at it. Pure.

Counted are locks that a directory raises for people who are known already, and that no clock ends: un-affiliations,
absences, `disabled` and `expired`. One bad reading, or one wrong hand in the directory, makes many of them at once. An
unlock is never counted, because one that the reading does not prove is never believed in the first place (see
`agent.plan`): there is nothing to keep back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ims.locks import NEVER, Lock, LockReason
from ims.people import TenantId, UserId

WINDOW = timedelta(hours=1)
"""How long the brake remembers, so that ten now and ten in the next tick are twenty."""

BRAKED = frozenset({LockReason.UNAFFILIATED, LockReason.ABSENT, LockReason.DISABLED, LockReason.EXPIRED})
"""The reasons that count."""

_LEAST = 10
_MOST = 50
_PERCENT = 5
HANDFUL = 3
"""As many are no coincidence any more where nobody else is left: two people of a company of two may leave it."""

_NAMES = {
    LockReason.UNAFFILIATED: "un-affiliations",
    LockReason.ABSENT: "absences",
    LockReason.DISABLED: "disabled accounts",
    LockReason.EXPIRED: "accounts out of their validity",
}


def limit(users: int) -> int:
    """Return how many of `users` may lose their access within an hour without a person's approval."""
    return min(_MOST, max(_LEAST, users * _PERCENT // 100))


def appears(lock: Lock, known: Iterable[Lock]) -> bool:
    """Return whether a lock that counts takes access away that the locks `known` before did not take.

    An end of validity that moves to a later day is another lock, and locks nobody out.
    """
    return lock.reason in BRAKED and not any(
        (old.reason, old.source) == (lock.reason, lock.source)
        and old.since <= lock.since
        and (lock.until or NEVER) <= (old.until or NEVER)
        for old in known
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One lock that counts. `free`: so far its user holds none that does, by what is in the ledger now."""

    tenant: TenantId | None
    reason: LockReason
    user: UserId
    free: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Of whom a limit is taken: how many users there are, and how many of those this directory knows are `free`."""

    users: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What has to wait: everything of the directory that counts, or what concerns some tenants. `text` says why."""

    everything: bool = False
    tenants: frozenset[TenantId] = field(default_factory=frozenset)
    text: str = ""

    def holds(self, tenant: TenantId | None) -> bool:
        """Return whether what counts has to wait for a user of this tenant."""
        return self.everything or tenant in self.tenants


def brake(
    proposed: Iterable[Weight],
    lately: Iterable[Weight],
    directory: Crowd,
    tenants: Mapping[TenantId, Crowd],
    elsewhere: Sequence[Weight] = (),
) -> Verdict:
    """Decide what of a pass has to wait: all of it beyond the directory's limit, else the tenants beyond their own.

    `lately` is what the last hour has raised already without anybody's approval, or kept back: it counts along, but
    nothing waits for it alone. What it has raised from other directories (`elsewhere`) counts against a tenant's limit.
    """
    counted = (*proposed, *lately)
    why = _why(counted, directory, "of the directory")
    if why:
        return Verdict(everything=True, text=why)
    over = {
        tenant: why
        for tenant, crowd in sorted(tenants.items())
        if (why := _why(_of(tenant, counted), crowd, f"of {tenant}", _of(tenant, elsewhere)))
    }
    return Verdict(tenants=frozenset(over), text="; ".join(over.values()))


def _of(tenant: TenantId, weights: Iterable[Weight]) -> list[Weight]:
    return [one for one in weights if one.tenant == tenant]


def _why(counted: Iterable[Weight], crowd: Crowd, whose: str, elsewhere: Sequence[Weight] = ()) -> str:
    """Say why these are too many; empty = they are not.

    The limit never falls below ten, so a tenant of six could lose everybody and stay below it. Whoever takes away all
    that is left has hit a rule, a group or a right, not persons.
    """
    weights = list(counted)
    if len(weights) + len(elsewhere) > limit(crowd.users):
        counts = f"{limit(crowd.users)} for {crowd.users} users {whose}"
        where = f", {len(elsewhere)} of them by other directories," if elsewhere else ""
        return f"{_listed((*weights, *elsewhere))} within an hour{where} are more than the limit of {counts}"
    left = crowd.free - len({one.user for one in weights if one.free})
    if len({one.user for one in weights}) >= HANDFUL and left <= 0:
        return f"{_listed(weights)} within an hour would leave nobody {whose}"
    return ""


def _listed(weights: Iterable[Weight]) -> str:
    counts = Counter(one.reason for one in weights)
    return ", ".join(f"{counts[reason]} {name}" for reason, name in _NAMES.items() if counts[reason])
