"""What the lock attributes of 389 Directory Server mean. Pure.

An account is locked by wrong passwords only if its policy locks at all, `passwordRetryCount` has reached the policy's
maximum, and `accountUnlockTime` lies ahead; or that time is the epoch and the policy has no end. The server never takes
the time away: it stays after its end, after a sign-in, and, in the future, after an administrator's new password, which
sets the count back. `nsAccountLock`, an attribute or made by a role and a class of service, locks under every policy.
(Red Hat Directory Server, administration guide, "Managing the password policy"; each row tried on 389-ds-base 2.3.1.)
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.times import Moment, Permanent
from ims.locks import BEGINNING, NEVER, LockFact, LockReason

MARKER = "accountUnlockTime"
COUNT = "passwordRetryCount"
RESET = "retryCountResetTime"
DISABLED = "nsAccountLock"
EXPIRES = "passwordExpirationTime"
POLICY = "pwdpolicysubentry"
ENTRY_ATTRIBUTES = (MARKER, COUNT, RESET, DISABLED, EXPIRES, POLICY)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""As `accountUnlockTime`: no end, under a policy that gives none. As `passwordExpirationTime`: to be changed."""
_MARKS = frozenset(name.lower() for name in (MARKER, COUNT, DISABLED, EXPIRES))
_NOTHING = Reading(same_until=NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What decides about an entry's lock by wrong passwords. `marker` is None where there is none."""

    marker: datetime | None
    count: int
    evidence: tuple[tuple[str, str], ...]
    """The values as they stand there: what an unlock takes away, if it still finds just these."""

    @property
    def may_lock(self) -> bool:
        """Return whether there is a policy under which this locks, or did."""
        return self.marker is not None and self.count > 0


def marks_of(entry: Entry) -> Marks:
    """Take the marks out of an entry. Raises BadEntry where one is no time or no number."""
    raw = tuple((name, entry.text(name)) for name in (MARKER, COUNT, RESET) if entry.values(name))
    return Marks(marker=_moment(entry, MARKER), count=_count(entry), evidence=raw)


def failures(entry: Entry, now: datetime) -> int:
    """Return how many wrong passwords count: none any more once `retryCountResetTime` has come. Raises BadEntry."""
    reset = _moment(entry, RESET)
    return 0 if reset is not None and reset <= now else _count(entry)


def worth_asking(entry: Entry, policy: Policy) -> bool:
    """Return whether only the server can decide about an entry (Account Usability control). Raises BadEntry."""
    return policy.knowledge is Knowledge.UNKNOWN and marks_of(entry).may_lock


def read_locks(source: str, entry: Entry, policy: Policy, now: datetime) -> Reading:
    """Return what an entry's marks mean under its policy. Raises BadEntry."""
    if _MARKS.isdisjoint(entry.attributes):
        return _NOTHING
    marks = marks_of(entry)
    reading = Reading(
        facts=tuple(_disabled(source, entry)),
        hint=hint_of(entry, policy, now),
        marker=bool(entry.values(MARKER) or entry.values(DISABLED)),
        same_until=_same_until(entry, policy, now),
    )
    if not marks.may_lock or (policy.knowledge is Knowledge.KNOWN and not policy.lockout):
        return reading
    if policy.knowledge is Knowledge.UNKNOWN:
        return _under_unknown_policy(source, marks, policy, now, reading)
    if marks.count < policy.max_failures:
        return reading
    return _with(reading, by_marker(source, marks, policy, now), now)


def by_marker(source: str, marks: Marks, policy: Policy, now: datetime) -> LockFact:
    """Return the lock that a marker means whose count has reached the maximum. Its end may be over.

    It began one duration before its end: an end that was made under a longer one tells no beginning. The epoch under a
    policy whose locks end is over for the server.
    """
    fact = LockFact(reason=LockReason.PASSWORD_ATTEMPTS, source=source, until=marks.marker, evidence=marks.evidence)
    if marks.marker is None or marks.marker == EPOCH:
        return replace(fact, until=EPOCH if policy.duration else None)
    since = marks.marker - policy.duration if policy.duration else None
    return replace(fact, since=since if since is not None and since <= now else None)


def hint_of(entry: Entry, policy: Policy, now: datetime) -> str:
    """Return what is worth showing and no lock: a password that must be changed or has expired. Raises BadEntry."""
    expires = _moment(entry, EXPIRES)
    if expires is None or policy.knowledge is Knowledge.UNKNOWN:
        return ""
    if expires == EPOCH:
        return "the password must be changed at the next sign-in" if policy.must_change else ""
    return "the password has expired" if policy.max_age and expires <= now else ""


# ---------------------------------------------------------------------------------------------------------------------


def _disabled(source: str, entry: Entry) -> list[LockFact]:
    """Return the lock by the directory's administrators. The server takes "true" in any case, and nothing else."""
    if not entry.flag(DISABLED):
        return []
    evidence = ((DISABLED, entry.text(DISABLED)),)
    return [LockFact(reason=LockReason.DISABLED, source=source, evidence=evidence)]


def _with(reading: Reading, fact: LockFact, now: datetime) -> Reading:
    if fact.until is not None and fact.until <= now:
        return replace(reading, lapsed=(*reading.lapsed, fact))
    return replace(reading, facts=(*reading.facts, fact))


def _under_unknown_policy(source: str, marks: Marks, policy: Policy, now: datetime, plain: Reading) -> Reading:
    """Decide by what the server itself thinks of the account; without that nothing is decided, and nobody is locked.

    A time that is over locks under no policy.
    """
    fact = LockFact(reason=LockReason.PASSWORD_ATTEMPTS, source=source, until=marks.marker, evidence=marks.evidence)
    if marks.marker != EPOCH and marks.marker is not None and marks.marker <= now:
        return _with(plain, fact, now)
    if policy.usability is None:
        doubt = f"there are lock attributes, but their policy is not known ({policy.source})"
        return replace(plain, doubt=doubt, unread=frozenset({LockReason.PASSWORD_ATTEMPTS}), same_until=BEGINNING)
    until = None if marks.marker == EPOCH else marks.marker
    decided = replace(fact, until=until if policy.usability.inactive else EPOCH)
    return replace(_with(plain, decided, now), same_until=BEGINNING)


def _same_until(entry: Entry, policy: Policy, now: datetime) -> datetime:
    """Return the next moment at which the clock makes something else of an entry without a lock."""
    expires = _moment(entry, EXPIRES)
    return expires if expires is not None and policy.max_age > timedelta(0) and now <= expires else NEVER


def _moment(entry: Entry, name: str) -> datetime | None:
    time = entry.time(name)
    return EPOCH if isinstance(time, Permanent) else time.at if isinstance(time, Moment) else None


def _count(entry: Entry) -> int:
    text = entry.text(COUNT) or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadEntry(entry.dn, f"{COUNT} is no number")
    return int(text)
