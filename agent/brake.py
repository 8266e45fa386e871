"""The brake: what keeps one bad reading from locking a company out.

A pass that would un-affiliate, or find absent, more users than the limit does neither; everything else flows. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ims.locks import LockReason
from ims.people import TenantId

BRAKED = frozenset({LockReason.UNAFFILIATED, LockReason.ABSENT})
"""The reasons that count: both are read from something that is *not* there."""

_LEAST = 10
_MOST = 50
_PERCENT = 5


def limit(users: int) -> int:
    """Return how many of `users` may lose their sign-in in one pass because something was not found."""
    return min(_MOST, max(_LEAST, users * _PERCENT // 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One lock that a plan would raise and that counts."""

    tenant: TenantId
    reason: LockReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What has to wait: everything of the directory, or what concerns some tenants. Without `text`, nothing."""

    everything: bool = False
    tenants: frozenset[TenantId] = frozenset()
    count: int = 0
    text: str = ""

    def holds(self, tenant: TenantId) -> bool:
        """Return whether a lock that counts must not be raised for a user of this tenant."""
        return self.everything or tenant in self.tenants


def brake(weights: Iterable[Weight], directory_users: int, tenant_users: Mapping[TenantId, int]) -> Verdict:
    """Decide what of a pass has to wait: all of it beyond the directory's limit, else the tenants beyond their own.

    `directory_users` and `tenant_users` are how many there are before this pass.
    """
    by_tenant = Counter[TenantId]()
    by_reason = Counter[LockReason]()
    for weight in weights:
        by_tenant[weight.tenant] += 1
        by_reason[weight.reason] += 1
    if by_tenant.total() > limit(directory_users):
        return Verdict(
            everything=True,
            count=by_tenant.total(),
            text=_sentence(by_reason, f"the limit of {limit(directory_users)} for {directory_users} users"),
        )
    over = {tenant: count for tenant, count in by_tenant.items() if count > limit(tenant_users.get(tenant, 0))}
    return Verdict(
        tenants=frozenset(over),
        count=sum(over.values()),
        text="; ".join(
            f"{count} un-affiliations and absences in the tenant {tenant} are more than its limit of "
            f"{limit(tenant_users.get(tenant, 0))}"
            for tenant, count in sorted(over.items())
        ),
    )


def _sentence(by_reason: Counter[LockReason], against: str) -> str:
    counts = f"{by_reason[LockReason.UNAFFILIATED]} un-affiliations and {by_reason[LockReason.ABSENT]} absences"
    return f"{counts} are more than {against}"
