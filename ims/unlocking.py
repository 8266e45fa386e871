"""The unlock: the one use case behind the SCIM PATCH, the portal and the command line.

It never asserts that a user is unlocked. It asks each directory, removes exactly what it saw, reads back, and believes
only that. No audit row, no unlock; an unlock that cannot be done now is never done later.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ims.audit import Action, AuditEntry, Result, entry_by, ledger_entries
from ims.clearing import Decision, Step, Tried, achieved, brought_up, decide, effect, fact_behind, reasons_of
from ims.errors import (
    ChangedMeanwhile,
    Conflict,
    DirectoryUnreachable,
    Forbidden,
    LockstepError,
    NotFound,
    StillLocked,
    StoreUnusable,
)
from ims.locks import LedgerRules, Lock, LockFact, LockId, display, locks_in_force, why_it_stays
from ims.moderation import UnlockLimits, too_many
from ims.outside import noticed
from ims.people import Actor, Role, User, same_but_for_bookkeeping
from ims.ports import (
    Batch,
    Clock,
    Directories,
    FreshReading,
    Intent,
    IntentId,
    Outcome,
    Processes,
    Readable,
    Store,
    UserChange,
    WriteBack,
)

TRIES = 2
"""How often a user who is locked again during the write is unlocked before the caller is told."""
_COMMIT_TRIES = 100
"""How often an outcome is read and planned anew because somebody else wrote the user first: each time somebody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRequest:
    """Who wants whom unlocked. `shown` are the locks that the caller saw (None = not said); a newer one is a 409."""

    actor: Actor
    user: User
    shown: frozenset[LockId] | None = None
    comment: str = ""
    break_glass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an unlock would do at this moment, for whoever is about to confirm it.

    `goes` are the locks it would end, `stays` the others, each with why; `writes_to` are the directories it would write
    to, `unreachable` says which gave no answer and why, `refused` why it may not be done at all (empty = it may).
    """

    user: User
    goes: tuple[Lock, ...]
    stays: tuple[tuple[Lock, str], ...]
    writes_to: tuple[str, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    last_failure: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The user as stored before the directories were asked, and what those answered.

    `outdated` are readings from before a write whose directory did not answer afterwards: they still prove which
    markers were there, and nothing else.
    """

    user: User
    fresh: tuple[FreshReading, ...]
    outdated: tuple[FreshReading, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)

    @property
    def readings(self) -> tuple[FreshReading, ...]:
        """Return everything that is known of the directories."""
        return (*self.fresh, *self.outdated)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """How far an unlock is: its last look, what it decided on that, all it tried, and what forbids to go on.

    `found` are the locks that were in force when it began. Those that end in the ledger only are all among them: a hold
    that comes while the unlock runs is younger than the wish to unlock, and stays.
    """

    look: _Look
    decision: Decision
    tried: Tried
    found: tuple[Lock, ...]
    objection: LockstepError | None = None

    @property
    def refused_at_once(self) -> bool:
        """Return whether the unlock was forbidden before it tried anything."""
        return self.objection is not None and not self.tried.steps

    @property
    def goes_on(self) -> bool:
        """Return whether there is something to write and nothing stands against it."""
        return self.decision.writes and not self.objection and not self.tried.refused


class Unlocking:
    """The unlock with everything it needs plugged in; one instance serves all callers and threads."""

    def __init__(
        self,
        *,
        store: Store,
        write_back: WriteBack,
        directories: Directories,
        processes: Processes,
        clock: Clock,
        rules: LedgerRules,
        deadline: timedelta = timedelta(seconds=60),
        limits: UnlockLimits | None = None,
    ) -> None:
        self._store = store
        self._write_back = write_back
        self._directories = directories
        self._processes = processes
        self._clock = clock
        self._rules = rules
        self._deadline = deadline
        self._limits = limits

    def unlock(self, request: UnlockRequest) -> User:
        """Unlock a user as far as the caller may, and return the user as the store now knows them.

        Raises Forbidden before any state is looked at; StillLocked, ChangedMeanwhile or Conflict (409) if nothing could
        be cleared; DirectoryUnreachable (503) if a directory gave no usable answer; NotFound if the user is gone
        meanwhile; StoreUnusable if it cannot be recorded. Every outcome leaves one audit row of the unlock itself.
        """
        self._refuse_protected(request)
        intent = self._open_intent(request)
        try:
            return self._commit(request, intent, self._clear(request, intent))
        except StoreUnusable:
            raise  # the intent stays open: the directory may have been written, and settling tells
        except LockstepError as error:
            self._close_failed(request, intent, error)
            raise

    def preview(self, actor: Actor, user: User) -> Preview:
        """Look at a user freshly and say what an unlock would do, changing and recording nothing.

        Raises NotFound if the user is gone meanwhile, and DirectoryUnreachable where no directory gave an answer.
        """
        refused = why_protected(actor, user)
        request = UnlockRequest(actor=actor, user=user)
        look = _Look(user=user, fresh=()) if refused else self._look(request)
        decision = decide(look.user, look.fresh, self._rules, self._clock.now(), "preview")
        writing = (*decision.doing(Step.WRITE), *decision.doing(Step.RESTORE))
        failures = [reading.last_failure for reading in look.fresh if reading.last_failure]
        return Preview(
            user=look.user,
            goes=tuple(lock for lock, step in decision.steps if step is not Step.STAY),
            stays=tuple((lock, why_it_stays(lock)) for lock in decision.doing(Step.STAY)),
            writes_to=tuple(sorted({lock.source for lock in writing})),
            unreachable=look.unreachable,
            refused=refused or str(_protected_meanwhile(request, look) or ""),
            last_failure=max(failures, default=None),
        )

    # 1 permit -----------------------------------------------------------------------------------------------------

    def _refuse_protected(self, request: UnlockRequest) -> None:
        why = "" if request.break_glass else why_protected(request.actor, request.user)
        if not why and self._limits and not request.break_glass:
            why = too_many(self._store, self._limits, request.actor, request.user, self._clock.now())
        if why:
            self._store.record([self._row(request, Result.REFUSED, why)])
            raise Forbidden(why)

    # 2 intent -----------------------------------------------------------------------------------------------------

    def _open_intent(self, request: UnlockRequest) -> Intent:
        now = self._clock.now()
        intent = Intent(
            id=IntentId(str(uuid.uuid4())),
            user=request.user.id,
            tenant=request.user.tenant,
            actor=request.actor,
            opened=now,
            deadline=now + self._deadline,
            owner=self._processes.me(),
        )
        self._store.open_intent(intent)
        return intent

    # 3 read -------------------------------------------------------------------------------------------------------

    def _look(self, request: UnlockRequest, before: _Look | None = None) -> _Look:
        """Load the user, then read every entry behind them, so that a change in between is noticed at the commit.

        A directory that does not answer is named; where none does at the first look, DirectoryUnreachable is raised.
        """
        user = self._store.user(request.user.id)
        if user is None or user.tenant != request.user.tenant:
            raise NotFound(f"There is no user {request.user.id} any more")
        fresh: list[FreshReading] = []
        unreachable: dict[str, DirectoryUnreachable] = {}
        for link in user.entries:
            if self._directories.enforced(link.directory):
                try:
                    fresh.append(self._write_back.read(link, user.tenant))
                except DirectoryUnreachable as error:
                    unreachable[link.directory] = error
        if before is None and unreachable and not fresh:
            raise next(iter(unreachable.values()))
        return _Look(
            user=user,
            fresh=tuple(fresh),
            outdated=tuple(
                _outdated(r) for r in (before.readings if before else ()) if r.link.directory in unreachable
            ),
            unreachable={name: str(error) for name, error in unreachable.items()},
        )

    # 4 decide -----------------------------------------------------------------------------------------------------

    def _attempt(
        self,
        request: UnlockRequest,
        intent: Intent,
        look: _Look,
        before: _Attempt | None = None,
    ) -> _Attempt:
        now = self._clock.now()
        decision = decide(look.user, look.fresh, self._rules, now, intent.id)
        objection = (
            _protected_meanwhile(request, look) or _changed_meanwhile(request, decision) or _unasked(look, decision)
        )
        if not objection and decision.writes and now >= intent.deadline:
            objection = DirectoryUnreachable(f"The directories of {_name(look.user)} took too long; repeat the unlock")
        if before is None:
            tried = Tried() if objection else Tried(steps=decision.planned(Step.DROP))
            found = (*locks_in_force(look.user.locks, now), *decision.in_force)
        else:
            tried, found = before.tried, before.found
        return _Attempt(
            look=look,
            decision=decision,
            tried=replace(tried, unreachable=look.unreachable),
            found=found,
            objection=objection,
        )

    # 5 write, 6 verify --------------------------------------------------------------------------------------------

    def _clear(self, request: UnlockRequest, intent: Intent) -> _Attempt:
        attempt = self._attempt(request, intent, self._look(request))
        for _ in range(TRIES):
            if not attempt.goes_on:
                break
            written = replace(attempt, tried=self._write(intent, attempt))
            attempt = self._attempt(request, intent, self._look(request, attempt.look), written)
        return attempt

    def _write(self, intent: Intent, attempt: _Attempt) -> Tried:
        """Send the writes of one decision, and return all that was tried so far, and what stood in the way now.

        A write without an answer may have happened: the reading that follows decides, not the error.
        """
        readings = attempt.look.fresh
        markers = [fact for reading in readings for fact in _to_clear(attempt.decision, reading)]
        lost = [
            LockFact(reason=lock.reason, source=lock.source, since=lock.since)
            for lock in attempt.decision.doing(Step.RESTORE)
        ]
        self._store.mark_writing(intent.id, [*markers, *lost])
        refused: dict[str, str] = {}
        unanswered: dict[str, str] = {}
        for reading in readings:
            try:
                refusal = self._write_one(intent, attempt.decision, reading)
            except DirectoryUnreachable as error:
                unanswered[reading.link.directory] = str(error)
                continue
            if refusal:
                refused[reading.link.directory] = refusal
        steps = {**attempt.tried.steps, **attempt.decision.planned(Step.WRITE, Step.RESTORE)}
        return replace(attempt.tried, steps=steps, refused=refused, unanswered=unanswered)

    def _write_one(self, intent: Intent, decision: Decision, reading: FreshReading) -> str:
        """Write to one directory, and return what it refused, with what to do; empty if it took everything.

        A process that stood still since it was marked as writing may have been taken for dead: it writes no more.
        """
        name = reading.link.directory
        if self._clock.now() >= intent.deadline:
            raise DirectoryUnreachable(f"it was too late to write to {name}; repeat the unlock")
        refusals = []
        facts = _to_clear(decision, reading)
        if facts:
            cleared = self._write_back.clear(reading, facts)
            if cleared.outcome is Outcome.REFUSED:
                refusals.append(f"{name} refused the unlock: {cleared.detail}")
        if any(lock.source == name for lock in decision.doing(Step.RESTORE)):
            restored = self._write_back.restore(reading, intent.tenant)
            if restored.outcome is Outcome.REFUSED:
                refusals.append(restored.detail)
        return "; ".join(refusals)

    # 7 commit -----------------------------------------------------------------------------------------------------

    def _commit(self, request: UnlockRequest, intent: Intent, attempt: _Attempt) -> User:
        """Write what the last look showed and the unlock achieved; look again if somebody wrote the user since."""
        for _ in range(_COMMIT_TRIES):
            after = self._after(intent, attempt)
            if attempt.objection and same_but_for_bookkeeping(after, attempt.look.user):
                self._store.close_intent(intent.id, [self._summary(request, intent, attempt, after)])
                raise attempt.objection
            batch = Batch(changes=(self._change(request, intent, attempt, after),), closes=intent.id)
            applied = self._store.apply(batch)
            if not applied.dropped:
                break
            look = self._look(request, attempt.look)
            attempt = replace(attempt, look=look, tried=replace(attempt.tried, unreachable=look.unreachable))
        else:
            raise Conflict(f"{_name(request.user)} keeps changing; look at the user again")
        error = self._error(after, attempt)
        if error:
            raise error
        return replace(after, version=applied.revision)

    def _after(self, intent: Intent, attempt: _Attempt) -> User:
        """Return the user as they shall be stored; an unlock that was forbidden to begin records what it read only."""
        now = self._clock.now()
        look = attempt.look
        if attempt.refused_at_once:
            return replace(brought_up(look.user, look.readings, now, intent.id), modified=now)
        return replace(effect(look.user, look.readings, attempt.tried, now, intent.id), modified=now)

    def _change(self, request: UnlockRequest, intent: Intent, attempt: _Attempt, after: User) -> UserChange:
        before = attempt.look.user
        row = self._row(request, Result.DONE, "", intent)
        moved = after.affiliation is not None and after.affiliation != before.affiliation
        outside = noticed(self._store, before, after, ours=attempt.tried.steps.keys(), intent=intent)
        return UserChange(
            user=after,
            base=before.version,
            audit=(
                self._summary(request, intent, attempt, after),
                *ledger_entries(row, before.locks, after.locks, outside),
            ),
            history=(after.affiliation,) if after.affiliation and moved else (),
        )

    def _summary(self, request: UnlockRequest, intent: Intent, attempt: _Attempt, after: User) -> AuditEntry:
        """Return the one row that says what became of the unlock."""
        outcome = after.last_unlock
        left = (*outcome.failed, *outcome.remaining) if outcome and not attempt.refused_at_once else ()
        texts = (request.comment, str(attempt.objection or ""), *left)
        result = _result_of(self._error(after, attempt))
        return replace(
            self._row(request, result, "; ".join(filter(None, texts)), intent),
            before=reasons_of(attempt.found),
            after=reasons_of(locks_in_force(after.locks, after.modified)),
        )

    def _error(self, after: User, attempt: _Attempt) -> LockstepError | None:
        """Return what the caller is told instead of the user; None if the unlock did what was asked."""
        if attempt.refused_at_once or not achieved(after, attempt.tried, after.modified):
            return attempt.objection or self._nothing_cleared(after, attempt.tried)
        return None

    @staticmethod
    def _nothing_cleared(after: User, tried: Tried) -> LockstepError:
        reasons = (*after.last_unlock.failed, *after.last_unlock.remaining) if after.last_unlock else ()
        hanging = {lock.source for lock in after.locks if tried.to_end(lock)} & tried.unanswered.keys()
        if tried.unreachable or hanging:
            return DirectoryUnreachable(f"{_name(after)} was not unlocked: {'; '.join(reasons)}")
        return StillLocked(f"{_name(after)} stays locked: {'; '.join(reasons)}", reasons)

    # every other end ----------------------------------------------------------------------------------------------

    def _close_failed(self, request: UnlockRequest, intent: Intent, error: LockstepError) -> None:
        """Close an intent that wrote nothing to the store, with the audit row of its outcome (a no-op if committed)."""
        self._store.close_intent(intent.id, [self._row(request, _result_of(error), str(error), intent)])

    def _row(self, request: UnlockRequest, result: Result, detail: str, intent: Intent | None = None) -> AuditEntry:
        row = entry_by(request.actor, Action.UNLOCK, result, self._clock.now(), request.user)
        return replace(row, detail=detail, reference=intent.id if intent else "")


def why_protected(actor: Actor, user: User) -> str:
    """Say why `actor` may never unlock `user`, whatever the state of either; empty if nothing stands against it."""
    name = _name(user)
    if user.protected:
        return f"{name} is a protected account ({user.protected}); its directory's administrators unlock it"
    if actor.user == user.id:
        return "Nobody unlocks their own account; ask another Co-Administrator"
    if actor.role is Role.CO_ADMINISTRATOR and user.role is Role.ACCOUNT_ADMINISTRATOR:
        return f"{name} is an Account Administrator; only another Account Administrator may unlock them"
    return ""


def _protected_meanwhile(request: UnlockRequest, look: _Look) -> LockstepError | None:
    """Return the refusal for an account that became protected since the sync last read it."""
    protected = next((reading.protected for reading in look.fresh if reading.protected), look.user.protected)
    why = why_protected(request.actor, replace(look.user, protected=protected))
    return Forbidden(why) if why and not request.break_glass else None


def _changed_meanwhile(request: UnlockRequest, decision: Decision) -> LockstepError | None:
    """Return the refusal for a user who has a lock that the caller was not shown."""
    newer = [lock for lock in decision.in_force if request.shown is not None and lock.id not in request.shown]
    if not newer:
        return None
    return ChangedMeanwhile(
        f"{_name(request.user)} has changed meanwhile: {display(newer[0])} since "
        f"{newer[0].since:%Y-%m-%d %H:%M:%S} UTC; look at the user again, then decide anew",
    )


def _unasked(look: _Look, decision: Decision) -> Conflict | None:
    """Object where no directory was asked at all: that nothing is in force then says nothing about the person."""
    if look.readings or look.unreachable or decision.in_force or not look.user.entries:
        return None
    names = ", ".join(sorted({link.directory for link in look.user.entries}))
    return Conflict(
        f"{_name(look.user)} was not unlocked: {names} is only observed, so nothing was asked or written there; "
        f"an operator changes that with lockstep enable",
    )


def _outdated(reading: FreshReading) -> FreshReading:
    return replace(reading, readable=Readable.NOT_PROVED, matched=None, rule="")


def _to_clear(decision: Decision, reading: FreshReading) -> tuple[LockFact, ...]:
    facts = [fact_behind(lock, reading) for lock in decision.doing(Step.WRITE)]
    lapsed = [fact for owner, fact in decision.lapsed if owner is reading]
    return tuple(fact for fact in (*facts, *lapsed) if fact is not None)


def _result_of(error: LockstepError | None) -> Result:
    if error is None:
        return Result.DONE
    return Result.REFUSED if isinstance(error, Forbidden | ChangedMeanwhile) else Result.FAILED


def _name(user: User) -> str:
    return user.profile.user_name
