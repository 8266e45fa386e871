"""Phase 5 of a pass: the brake says which of the plans have to wait."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

from agent.brake import BRAKED, Verdict, Weight, brake
from agent.drafting import Draft, Plans, plans_of
from agent.plan import Planned
from agent.quarantine import Quarantine
from agent.run import Run
from ims.people import TenantId
from ims.query import And, Collection, Compare, Member, Operator, Page, Some

_WINDOW = timedelta(hours=1)
"""How long the brake remembers."""


def braked(run: Run, plans: Plans, drafts: Sequence[Draft], quarantine: Quarantine) -> Plans:
    """Take in the drafts as far as the brake lets them (phase 5): beyond its limit none of them locks anybody."""
    proposed = plans_of(drafts, plans.context, quarantine)
    verdict = _verdict(run, proposed)
    if verdict.text:
        plans.context = replace(plans.context, verdict=verdict)
        proposed = plans_of(drafts, plans.context, quarantine)
    for planned in proposed:
        plans.add(planned)
    return plans


def _verdict(run: Run, proposed: Sequence[Planned]) -> Verdict:
    weights = [weight for planned in proposed for weight in planned.weights]
    tenants = {weight.tenant: run.store.count(weight.tenant) for weight in weights}
    return brake((*weights, *_recently(run, tenants)), run.store.count(directory=run.name), tenants)


def _recently(run: Run, tenants: Iterable[TenantId]) -> Iterator[Weight]:
    """Return what passes of the last hour have locked: ten now, and ten in the next tick, are twenty."""
    now = run.clock.now()
    ours, since = Compare(Member.SOURCE, Operator.EQ, run.name), Compare(Member.SINCE, Operator.GT, now - _WINDOW)
    for tenant, reason in product(tenants, BRAKED):
        asked = Some(Collection.LOCKS, And((Compare(Member.VALUE, Operator.EQ, reason.value), ours, since)))
        yield from [Weight(tenant=tenant, reason=reason)] * run.store.find(tenant, asked, Page(limit=0), now).total
