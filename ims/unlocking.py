"""The unlock: the one use case behind the SCIM PATCH, the portal and the command line.

It never asserts that a user is unlocked. It asks each directory, removes exactly what it saw, reads back, and believes
only that. No audit row, no unlock; an unlock that cannot be done now is never done later.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ims.audit import Action, AuditEntry, Result, entry_by
from ims.clearing import (
    Decision,
    Step,
    affiliation_after,
    decide,
    fact_behind,
    ledger_after,
    reasons_of,
    stays,
)
from ims.errors import ChangedMeanwhile, Conflict, DirectoryUnreachable, Forbidden, LockstepError, NotFound, StillLocked
from ims.locks import LedgerRules, Lock, LockFact, LockId, display, locks_in_force
from ims.people import Actor, LastUnlock, Role, User
from ims.ports import (
    Batch,
    Clock,
    Directories,
    FreshReading,
    Intent,
    IntentId,
    Outcome,
    Processes,
    Store,
    UserChange,
    WriteBack,
    Written,
)

TRIES = 2
"""How often a user who is locked again during the write is unlocked before the caller is told."""
_COMMIT_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockRequest:
    """Who wants whom unlocked. `shown` are the locks that the caller saw (None = not said); a newer one is a 409."""

    actor: Actor
    user: User
    shown: frozenset[LockId] | None = None
    comment: str = ""
    break_glass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What reading, deciding and writing came to: the last readings, the first decision, what stood in the way."""

    decision: Decision
    readings: tuple[FreshReading, ...]
    refusals: dict[str, str]
    unreachable: dict[str, str]
    relocked: bool = False


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
    ) -> None:
        self._store = store
        self._write_back = write_back
        self._directories = directories
        self._processes = processes
        self._clock = clock
        self._rules = rules
        self._deadline = deadline

    def unlock(self, request: UnlockRequest) -> User:
        """Unlock a user as far as the caller may, and return the user as the store now knows them.

        Raises Forbidden before any state is looked at; StillLocked, ChangedMeanwhile or Conflict (409) if nothing could
        be cleared; DirectoryUnreachable (503) if a directory gave no usable answer; StoreUnusable if it cannot be
        recorded. Every outcome leaves an audit row.
        """
        self._refuse_protected(request)
        intent = self._open_intent(request)
        try:
            readings, unreachable = self._read(request.user)
            attempt = self._clear(request, intent, readings, unreachable)
            return self._commit(request, intent, attempt)
        except LockstepError as error:
            self._close_failed(request, intent, error)
            raise

    # 1 permit -----------------------------------------------------------------------------------------------------

    def _refuse_protected(self, request: UnlockRequest) -> None:
        why = "" if request.break_glass else why_protected(request.actor, request.user)
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

    def _read(self, user: User) -> tuple[tuple[FreshReading, ...], dict[str, str]]:
        """Read every entry behind the user; a directory that does not answer is named, unless none does."""
        readings: list[FreshReading] = []
        unreachable: dict[str, str] = {}
        links = [link for link in user.entries if self._directories.enforced(link.directory)]
        for link in links:
            try:
                readings.append(self._write_back.read(link, user.tenant))
            except DirectoryUnreachable as error:
                if len(links) == 1:
                    raise
                unreachable[link.directory] = str(error)
        return tuple(readings), unreachable

    # 4 decide, 5 write, 6 verify ----------------------------------------------------------------------------------

    def _clear(
        self,
        request: UnlockRequest,
        intent: Intent,
        readings: tuple[FreshReading, ...],
        unreachable: dict[str, str],
    ) -> _Attempt:
        decision = first = self._decide(request, intent, readings)
        refusals: dict[str, str] = {}
        for _ in range(TRIES):
            if not _writes(decision):
                break
            refusals, lost = self._write(intent, decision, readings)
            readings, unread = self._read(request.user)
            read = {reading.link.directory for reading in readings}
            unreachable = {name: why for name, why in (unreachable | lost | unread).items() if name not in read}
            decision = self._decide(request, intent, readings)
            if refusals or not decision.doing(Step.WRITE):
                break
        return _Attempt(
            decision=first,
            readings=readings,
            refusals=refusals,
            unreachable=unreachable,
            relocked=bool(decision.doing(Step.WRITE)) and not refusals,
        )

    def _decide(self, request: UnlockRequest, intent: Intent, readings: Sequence[FreshReading]) -> Decision:
        protected = next((reading.protected for reading in readings if reading.protected), "")
        if protected and not request.break_glass:
            raise Forbidden(protected)
        decision = decide(request.user, readings, self._rules, self._clock.now(), intent.id)
        newer = [lock for lock in decision.in_force if request.shown is not None and lock.id not in request.shown]
        if newer:
            raise ChangedMeanwhile(
                f"{request.user.profile.user_name} has changed meanwhile: {display(newer[0])} since "
                f"{newer[0].since:%Y-%m-%d %H:%M:%S} UTC; look at the user again, then decide anew",
            )
        return decision

    def _write(
        self,
        intent: Intent,
        decision: Decision,
        readings: Sequence[FreshReading],
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Send the writes of one decision; return what each directory refused, and which gave no answer.

        A write without an answer may have happened: the reading that follows decides, not the error.
        """
        self._store.mark_writing(intent.id, [fact for reading in readings for fact in _to_clear(decision, reading)])
        refusals: dict[str, str] = {}
        lost: dict[str, str] = {}
        for reading in readings:
            name = reading.link.directory
            try:
                refused = [w.detail for w in self._write_one(intent, decision, reading) if w.outcome is Outcome.REFUSED]
            except DirectoryUnreachable as error:
                lost[name] = str(error)
                continue
            if refused:
                refusals[name] = "; ".join(refused)
        return refusals, lost

    def _write_one(self, intent: Intent, decision: Decision, reading: FreshReading) -> list[Written]:
        facts = _to_clear(decision, reading)
        written = [self._write_back.clear(reading, facts)] if facts else []
        if any(lock.source == reading.link.directory for lock in decision.doing(Step.RESTORE)):
            written.append(self._write_back.restore(reading, intent.tenant))
        return written

    # 7 commit -----------------------------------------------------------------------------------------------------

    def _commit(self, request: UnlockRequest, intent: Intent, attempt: _Attempt) -> User:
        for _ in range(_COMMIT_TRIES):
            stored = self._store.user(request.user.id)
            if stored is None:
                raise NotFound(f"{request.user.profile.user_name} was removed meanwhile")
            change = self._change(replace(request, user=stored), intent, attempt)
            if not self._store.apply(Batch(changes=(change,), closes=intent.id)).dropped:
                break
        else:
            raise Conflict(f"{request.user.profile.user_name} keeps changing; look at the user again")
        if self._achieved(change.user, attempt):
            return self._store.user(request.user.id) or change.user
        raise _nothing_cleared(change.user, attempt)

    def _change(self, request: UnlockRequest, intent: Intent, attempt: _Attempt) -> UserChange:
        """Return the user as the last readings show them, with the ledger-only locks ended, and its audit rows."""
        now = self._clock.now()
        user = request.user
        before = locks_in_force((*user.locks, *attempt.decision.in_force), now)
        dropped = _ended_in_ledger(user, attempt, now)
        ledger = tuple(lock for lock in ledger_after(user, attempt.readings, now, intent.id) if lock.id not in dropped)
        remaining = locks_in_force(ledger, now)
        cleared = _cleared(attempt, remaining)
        outcome = LastUnlock(
            at=now,
            cleared=tuple(dict.fromkeys(lock.reason.value for lock in cleared)),
            remaining=tuple(stays(lock, attempt.readings, {}) for lock in remaining if not _failed(lock, attempt)),
            failed=(
                *(stays(lock, attempt.readings, attempt.refusals) for lock in remaining if _failed(lock, attempt)),
                *(f"{name}: {why}" for name, why in attempt.unreachable.items()),
            ),
        )
        affiliation = affiliation_after(user, attempt.readings, now) if dropped else user.affiliation
        after = replace(user, locks=ledger, affiliation=affiliation, modified=now, last_unlock=outcome)
        result = Result.DONE if cleared or not remaining else Result.FAILED
        summary = replace(
            self._row(request, result, request.comment or "; ".join((*outcome.failed, *outcome.remaining)), intent),
            before=reasons_of(before),
            after=reasons_of(remaining),
        )
        return UserChange(
            user=after,
            base=user.version,
            audit=(summary, *self._ledger_rows(request, intent, ledger)),
            history=() if affiliation is None or affiliation == user.affiliation else (affiliation,),
        )

    def _ledger_rows(self, request: UnlockRequest, intent: Intent, after: Sequence[Lock]) -> list[AuditEntry]:
        old = {lock.id: lock for lock in request.user.locks}
        new = {lock.id: lock for lock in after}
        row = self._row(request, Result.DONE, "", intent)
        lifted = [
            replace(row, action=Action.LOCK_LIFTED, before=f"{lock.reason} from {lock.source}", detail=display(lock))
            for lock in old.values()
            if lock.id not in new
        ]
        raised = [
            replace(row, action=Action.LOCK_RAISED, after=f"{lock.reason} from {lock.source}", detail=display(lock))
            for lock in new.values()
            if lock.id not in old
        ]
        return lifted + raised

    def _achieved(self, user: User, attempt: _Attempt) -> bool:
        """Return whether something was cleared, or a fresh reading showed that there was nothing to clear."""
        cleared = bool(user.last_unlock and user.last_unlock.cleared)
        return cleared or not (attempt.unreachable or locks_in_force(user.locks, self._clock.now()))

    # every other end ----------------------------------------------------------------------------------------------

    def _close_failed(self, request: UnlockRequest, intent: Intent, error: LockstepError) -> None:
        """Close an intent that wrote nothing to the store, with the audit row of its outcome (a no-op if committed)."""
        result = Result.FAILED if isinstance(error, DirectoryUnreachable) else Result.REFUSED
        self._store.close_intent(intent.id, [self._row(request, result, str(error), intent)])

    def _row(self, request: UnlockRequest, result: Result, detail: str, intent: Intent | None = None) -> AuditEntry:
        row = entry_by(request.actor, Action.UNLOCK, result, self._clock.now(), request.user)
        return replace(row, detail=detail, reference=intent.id if intent else "")


def why_protected(actor: Actor, user: User) -> str:
    """Say why `actor` may never unlock `user`, whatever the state of either; empty if nothing stands against it."""
    name = user.profile.user_name
    if user.protected:
        return f"{name} is a protected account ({user.protected}); its directory's administrators unlock it"
    if actor.user == user.id:
        return "Nobody unlocks their own account; ask another Co-Administrator"
    if actor.role is Role.CO_ADMINISTRATOR and user.role is Role.ACCOUNT_ADMINISTRATOR:
        return f"{name} is an Account Administrator; only another Account Administrator may unlock them"
    return ""


def _writes(decision: Decision) -> bool:
    return bool(decision.doing(Step.WRITE) or decision.doing(Step.RESTORE) or decision.lapsed)


def _to_clear(decision: Decision, reading: FreshReading) -> tuple[LockFact, ...]:
    facts = [fact_behind(lock, reading) for lock in decision.doing(Step.WRITE)]
    lapsed = [fact for owner, fact in decision.lapsed if owner is reading]
    return tuple(fact for fact in (*facts, *lapsed) if fact is not None)


def _ended_in_ledger(user: User, attempt: _Attempt, now: datetime) -> frozenset[LockId]:
    """Return the locks that end although no reading lifts them: held ones, and those of a restored affiliation."""
    back = any(reading.matched == user.tenant for reading in attempt.readings)
    ended = {lock.id for lock in attempt.decision.doing(Step.DROP)}
    if back:
        ended |= {lock.id for lock in attempt.decision.doing(Step.RESTORE)}
    return frozenset(lock.id for lock in locks_in_force(user.locks, now) if lock.id in ended)


def _cleared(attempt: _Attempt, remaining: Sequence[Lock]) -> tuple[Lock, ...]:
    """Return the locks that this unlock ended: those it acted on that are not in force any more."""
    left = {lock.id for lock in remaining}
    relocked = {(lock.reason, lock.source, lock.server) for lock in remaining}
    acted = [lock for lock, step in attempt.decision.steps if step is not Step.STAY]
    return tuple(
        lock for lock in acted if lock.id not in left and (lock.reason, lock.source, lock.server) not in relocked
    )


def _failed(lock: Lock, attempt: _Attempt) -> bool:
    """Return whether a lock that remains is one that the unlock tried to end."""
    acted = {(lock.reason, lock.source) for lock, step in attempt.decision.steps if step is not Step.STAY}
    return (lock.reason, lock.source) in acted


def _nothing_cleared(user: User, attempt: _Attempt) -> LockstepError:
    """Return the error for an unlock that was allowed and cleared nothing."""
    name = user.profile.user_name
    reasons = (*user.last_unlock.failed, *user.last_unlock.remaining) if user.last_unlock else ()
    if attempt.unreachable:
        return DirectoryUnreachable(f"{name} was not unlocked: {'; '.join(attempt.unreachable.values())}")
    if attempt.relocked:
        return StillLocked(
            f"{name} was locked again during the unlock, {TRIES} times: something keeps sending a wrong password; "
            "find that device or program first",
            reasons,
        )
    return StillLocked(f"{name} stays locked: {'; '.join(reasons)}", reasons)
