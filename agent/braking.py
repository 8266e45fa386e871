"""Phase 5 of a pass: the brake says which of the plans have to wait, and what of them may be written meanwhile.

Three things keep a plan back: it is among too many that take access away; it is of the first reading under another
version, mapping or base; or it was kept back before and nobody has decided yet. A person's approval lets exactly the
proposal through that they saw.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from agent.brake import BRAKED, HANDFUL, WINDOW, Crowd, Verdict, Weight, brake, limit
from agent.context import Context, link_to
from agent.holding import Found, Held, Replanned, in_time, replanned
from agent.plan import Planned
from agent.plans import Draft, Plans, plans_of
from agent.proposals import differences_of, item_of, kept_back, key_of, weights_of
from agent.quarantine import Quarantine
from agent.reading import Reading
from agent.run import Run, Start
from ims.batches import Counted, Decision, HeldItem, Why
from ims.locks import LockReason
from ims.passes import PassKind
from ims.people import TenantId, User, UserId
from ims.query import And, Collection, Compare, Member, Not, Operator, Or, Page, Some

_ATTEMPTS = LockReason.PASSWORD_ATTEMPTS


def braked(run: Run, start: Start, plans: Plans, drafts: Sequence[Draft], quarantine: Quarantine) -> "Braking":
    """Take in the drafts, and leave of all plans what may be written now (phase 5)."""
    braking = Braking(run, start, plans)
    for planned in braking.planned(drafts, quarantine):
        plans.add(planned)
    braking.sort_out()
    return braking


class Braking:
    """What the brake makes of one pass."""

    def __init__(self, run: Run, start: Start, plans: Plans) -> None:
        self._run, self._start, self._plans = run, start, plans
        items = {item.key: item for item in run.store.held_items(run.name)}
        self._held = Held(batches=run.store.held_batches(run.name), items=items)
        self._new_meaning = not plans.context.first_import and start.state.settled != run.directory.meaning
        self._verdict = Verdict()
        self._waits: dict[str, HeldItem] = {}
        self._released: dict[str, UserId] = {}
        self._flows: set[str] = set()
        self.attempts = ""

    def planned(self, drafts: Sequence[Draft], quarantine: Quarantine) -> list[Planned]:
        """Plan drafts. Of whom is kept back, or would be, what a second reading would show is proposed at once.

        Whoever approves it has confirmed it; and the first reading under other settings is not over before everything
        that follows from them is known.
        """
        found = []
        for waits, context in ((False, self._context), (True, replace(self._context, confirm=timedelta(0)))):
            some = [one for one in drafts if self._waits_already(one.stored) is waits]
            found += plans_of(some, context, quarantine)
        return found

    def sort_out(self) -> None:
        """Keep back what has to wait, and let the rest as it is."""
        changed, counted = self._plans.changed, []
        for planned in list(changed.values()):
            if self._why(planned) is not None:
                self._keep_back(planned)
            elif planned.counted:
                counted.append(planned)
        self._verdict = self._judge(counted)
        for planned in counted:
            if self._verdict.holds(planned.user.tenant):
                self._keep_back(planned)
            else:
                self._flows.add(key_of(planned, self._context))
        self.attempts = self._many_attempts()

    def again(self, planned: Planned) -> Planned:
        """Return what may be written of a plan that was made once more, because its user had moved meanwhile.

        What counts now, and did not when the brake was asked, waits too; what is proposed no more does not.
        """
        key = key_of(planned, self._context)
        self._released.pop(key, None)
        self._waits.pop(key, None)
        if not planned.changed:
            return planned
        new = bool(planned.counted) and key not in self._flows
        return self._kept(planned) if new or self._why(planned) is not None else planned

    def result(self, reading: Reading, quarantine: Quarantine, unsettled: frozenset[UserId], error: str) -> Replanned:
        """Return what is kept back after this pass. Whoever could not be written keeps the approval."""
        seen = reading.stream.seen | reading.gone

        def judged(item: HeldItem) -> bool:
            doubtful = bool(self._context.silent_rules) and LockReason.UNAFFILIATED in item.counts
            if error or doubtful or item.entry_id in quarantine:
                return False
            return reading.kind is PassKind.RECONCILE or item.entry_id in seen

        found = Found(
            directory=self._run.name,
            pass_id=self._start.pass_id,
            now=self._start.now,
            waits=self._waits,
            released={key for key, user in self._released.items() if user not in unsettled},
            judged=judged,
            texts={Why.TOO_MANY: self._too_many(), Why.NEW_MEANING: self._other_meaning()},
        )
        return replanned(self._held, found)

    # --- who waits ---------------------------------------------------------------------------------------------------

    @property
    def _context(self) -> Context:
        return self._plans.context

    def _waits_already(self, user: User | None) -> bool:
        return self._new_meaning or (user is not None and user.id in self._held.items)

    def _why(self, planned: Planned) -> Why | None:
        """Return why a plan waits whatever the others are; None = it does not.

        Of what had been too many, only that which still takes access away goes on waiting.
        """
        if not self._new_meaning and not self._held.items:
            return None
        item = self._known(planned)
        if self._new_meaning or (item is not None and item.why is Why.NEW_MEANING):
            return Why.NEW_MEANING if differences_of(planned, self._context) else None
        return Why.TOO_MANY if item is not None and planned.counted else None

    def _known(self, planned: Planned) -> HeldItem | None:
        """Return the item of whom a plan is about; who waited as somebody new may have become a user meanwhile."""
        items = self._held.items
        if not items:
            return None
        link = link_to(planned.user, self._context.directory)
        return items.get(key_of(planned, self._context)) or (items.get(link.entry_id) if link is not None else None)

    def _keep_back(self, planned: Planned) -> None:
        left = self._kept(planned)
        if left.changed:
            self._plans.changed[planned.user.id] = left
        else:
            del self._plans.changed[planned.user.id]

    def _kept(self, planned: Planned) -> Planned:
        """Return what is left of a plan that waits, or all of it where a person has approved exactly this."""
        context = self._context
        why = self._why(planned) or Why.TOO_MANY
        item = item_of(planned, context, why, differences_of(planned, context))
        known = self._known(planned)
        if known is not None and known.hash == item.hash and in_time(known, self._start.now):
            self._waits.pop(item.key, None)
            self._released[item.key] = planned.user.id
            return replace(planned, approved=True)
        self._waits[item.key] = item
        return kept_back(planned, context)

    # --- how many ----------------------------------------------------------------------------------------------------

    def _judge(self, counted: list[Planned]) -> Verdict:
        if not counted:
            return Verdict()
        proposed = [weight for planned in counted for weight in weights_of(planned, self._context)]
        raised = self._run.store.counted(None, self._start.now - WINDOW, BRAKED)
        lately = (*_weights(one for one in raised if one.directory == self._run.name), *self._waiting_lately())
        many = len({weight.user for weight in (*proposed, *lately)})
        tenants = {weight.tenant for weight in proposed if weight.tenant is not None}
        return brake(
            proposed,
            lately,
            self._crowd(None, many),
            {tenant: self._crowd(tenant, many) for tenant in tenants},
            _weights(one for one in raised if one.directory != self._run.name),
        )

    def _waiting_lately(self) -> list[Weight]:
        """Return what was kept back as too many within the last hour, and waits still."""
        since = self._start.now - WINDOW
        return [
            Weight(tenant=item.tenant, reason=reason, user=item.user)
            for item in self._held.items.values()
            if item.user is not None
            and item.why is Why.TOO_MANY
            and item.decision is Decision.WAITING
            and item.since > since
            for reason in item.counts
        ]

    def _crowd(self, tenant: TenantId | None, many: int) -> Crowd:
        """Count the users of the directory, or of a tenant, and those who are free, where that can matter."""
        store, name = self._run.store, self._run.name
        users = store.count(directory=name) if tenant is None else store.count(tenant)
        if many < HANDFUL:
            return Crowd(users=users, free=users)
        here = Some(Collection.DIRECTORIES, Compare(Member.VALUE, Operator.EQ, name))
        taken = Or(tuple(Compare(Member.VALUE, Operator.EQ, reason.value) for reason in sorted(BRAKED)))
        free = And((here, Not(Some(Collection.LOCKS, taken))))
        return Crowd(users=users, free=store.find(tenant, free, Page(limit=0), self._start.now).total)

    def _many_attempts(self) -> str:
        """Say that unusually many are locked by wrong passwords within the hour; empty = no. Nothing waits for it."""
        known = self._start.state.attempts
        raised = sum(
            lock.reason is _ATTEMPTS
            for planned in self._plans.changed.values()
            if planned.before is not None
            for lock in planned.raised
        )
        if not raised and not known:
            return ""
        count = raised + len(self._run.store.counted(self._run.name, self._start.now - WINDOW, (_ATTEMPTS,)))
        users = self._run.store.count(directory=self._run.name)
        if count <= limit(users):
            return ""
        return known or (
            f"since {self._start.now:%Y-%m-%d %H:%M} UTC more than {limit(users)} of {users} users were locked within "
            "an hour by wrong passwords: somebody may be guessing"
        )

    # --- in words ----------------------------------------------------------------------------------------------------

    def _too_many(self) -> str:
        return self._verdict.text or ("" if self._held.batch(Why.TOO_MANY) else "they came while the pass was writing")

    def _other_meaning(self) -> str:
        """Say what changed since the last complete reading; empty where this pass is not the first one since."""
        if not self._new_meaning:
            return ""
        version, _, settings = self._start.state.settled.partition(" ")
        directory = self._run.directory
        what = []
        if version != directory.version:
            what.append(f"Lockstep changed from {version or 'an older version'} to {directory.version}")
        if settings != directory.fingerprint and settings:
            what.append("settings changed that decide what entries mean (base, mapping, rules, roles or protection)")
        return f"in the first reading since {' and '.join(what)}"


def _weights(raised: Iterable[Counted]) -> tuple[Weight, ...]:
    """Return what passes have raised, whatever became of it since, as it counts along."""
    return tuple(Weight(tenant=one.tenant, reason=one.reason, user=one.user, free=False) for one in raised)
