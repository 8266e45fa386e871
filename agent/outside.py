"""What a pass has to know before it says of an unlock that it was made outside: that it was none of ours."""

from collections.abc import Iterable
from dataclasses import replace

from agent.context import Context
from agent.plan import Planned
from agent.run import Run
from ims.locks import BEGINNING
from ims.outside import freed_by_us, lasts


def with_unlocks(context: Context, run: Run, plans: Iterable[Planned]) -> Context:
    """Return what plans depend on, with when the directory had been read and whom an unlock of ours may have freed.

    Asked after the reading and before the writing: an unlock that has ended in between moved its user's version, and
    the plan is dropped.
    """
    now = run.clock.now()
    freed = [plan.before for plan in plans if plan.before and any(lasts(lock, now) for lock in plan.lifted)]
    return replace(context, read_by=now, unlocking=freed_by_us(run.store, freed, context.last_seen or BEGINNING))
