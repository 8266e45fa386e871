"""What the lock attributes of FreeIPA mean. Pure.

Each master counts wrong passwords for itself, in attributes that are not replicated. An account is locked while the
count has reached the policy's maximum, unless an administrator has unlocked it since the last failure; for a time, or
for good where the policy gives none (FreeIPA, ipa_lockout.c; `ipa user-status` asks each master in turn).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.times import Moment
from ims.locks import NEVER, LockFact, LockReason

COUNT = "krbLoginFailedCount"
FAILED = "krbLastFailedAuth"
UNLOCKED = "krbLastAdminUnlock"
DISABLED = "nsAccountLock"
EXPIRES = "krbPrincipalExpiration"
PASSWORD_EXPIRES = "krbPasswordExpiration"  # noqa: S105 - the name of an attribute
POLICY = "krbPwdPolicyReference"
ENTRY_ATTRIBUTES = (COUNT, FAILED, UNLOCKED, DISABLED, EXPIRES, PASSWORD_EXPIRES, POLICY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What decides about an entry's lock by wrong passwords. `evidence` are the values as they stand there."""

    count: int
    failed: datetime | None
    unlocked: datetime | None
    evidence: tuple[tuple[str, str], ...]

    @property
    def may_lock(self) -> bool:
        """Return whether there is a policy under which this locks, or did."""
        if not self.count or self.failed is None:
            return False
        return self.unlocked is None or self.unlocked < self.failed


def marks_of(entry: Entry) -> Marks:
    """Take the marks out of an entry. Raises BadEntry where one is no time or no number."""
    return Marks(
        count=_count(entry),
        failed=_moment(entry, FAILED),
        unlocked=_moment(entry, UNLOCKED),
        evidence=tuple((name, entry.text(name)) for name in (COUNT, FAILED, UNLOCKED) if entry.values(name)),
    )


def read_locks(source: str, entry: Entry, policy: Policy, now: datetime) -> Reading:
    """Return what an entry's marks mean under its policy. Raises BadEntry."""
    marks, expires = marks_of(entry), _moment(entry, EXPIRES)
    password = _moment(entry, PASSWORD_EXPIRES)
    reading = Reading(
        facts=(*_disabled(source, entry), *_expired(source, entry, expires)),
        hint="the password has expired" if password is not None and password <= now else "",
        marker=marks.count > 0 or bool(entry.values(DISABLED)),
        same_until=min([one for one in (expires, password) if one is not None and now <= one], default=NEVER),
    )
    if not marks.may_lock or (policy.knowledge is Knowledge.KNOWN and not policy.lockout):
        return reading
    if policy.knowledge is Knowledge.UNKNOWN:
        doubt = f"there were {marks.count} wrong passwords, but their policy is not known ({policy.source})"
        return replace(reading, doubt=doubt, unread=frozenset({LockReason.PASSWORD_ATTEMPTS}))
    return reading if marks.count < policy.max_failures else _with(reading, _by_attempts(source, marks, policy), now)


def _by_attempts(source: str, marks: Marks, policy: Policy) -> LockFact:
    until = marks.failed + policy.duration if marks.failed and policy.duration else None
    return LockFact(
        reason=LockReason.PASSWORD_ATTEMPTS, source=source, since=marks.failed, until=until, evidence=marks.evidence
    )


def _with(reading: Reading, fact: LockFact, now: datetime) -> Reading:
    if fact.until is not None and fact.until <= now:
        return replace(reading, lapsed=(*reading.lapsed, fact))
    return replace(reading, facts=(*reading.facts, fact))


def _disabled(source: str, entry: Entry) -> tuple[LockFact, ...]:
    if not entry.flag(DISABLED):
        return ()
    return (LockFact(reason=LockReason.DISABLED, source=source, evidence=((DISABLED, entry.text(DISABLED)),)),)


def _expired(source: str, entry: Entry, expires: datetime | None) -> tuple[LockFact, ...]:
    """Return the lock by the end of validity, which may lie ahead."""
    if expires is None:
        return ()
    evidence = ((EXPIRES, entry.text(EXPIRES)),)
    return (LockFact(reason=LockReason.EXPIRED, source=source, since=expires, evidence=evidence),)


def _moment(entry: Entry, name: str) -> datetime | None:
    time = entry.time(name)
    return time.at if isinstance(time, Moment) else None


def _count(entry: Entry) -> int:
    text = entry.text(COUNT) or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadEntry(entry.dn, f"{COUNT} is no number")
    return int(text)
