"""What the lock attributes of Active Directory mean. Pure.

`lockoutTime` says when a lock began and stays when it is over: nothing is written at that moment. Whether it is in
force the server itself says, in `msDS-User-Account-Control-Computed`; when it ends, only the policy. So the one decides
about now and the other about later. (MS-ADTS 2.2.16, 3.1.1.4.5.17; each row tried on Samba 4.17.)
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.filetime import FileTime, Unset, parse_filetime
from agent.directories.times import Invalid, Moment
from ims.locks import NEVER, LockFact, LockReason

MARKER = "lockoutTime"
COMPUTED = "msDS-User-Account-Control-Computed"
CONTROL = "userAccountControl"
EXPIRES = "accountExpires"
PASSWORD_SET = "pwdLastSet"  # noqa: S105 - the name of an attribute
FAILED = "badPasswordTime"
COUNT = "badPwdCount"
RESULTANT = "msDS-ResultantPSO"
ADMIN_COUNT, SERVICE = "adminCount", "servicePrincipalName"
ENTRY_ATTRIBUTES = (MARKER, COMPUTED, CONTROL, EXPIRES, PASSWORD_SET, FAILED, COUNT, RESULTANT, ADMIN_COUNT, SERVICE)
DISABLED_BIT = 0x2
LOCKED_BIT = 0x10
"""Only in COMPUTED. In `userAccountControl` the same bit means nothing since Windows 2000."""
PASSWORD_EXPIRED_BIT = 0x800000
_ONE_SECOND = timedelta(seconds=1)
_REASONS = {MARKER: LockReason.PASSWORD_ATTEMPTS, CONTROL: LockReason.DISABLED, EXPIRES: LockReason.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What stands on an entry, None where the attribute is not shown. `raw` are the values by attribute."""

    began: FileTime | None
    computed: int | None
    control: int | None
    expires: FileTime | None
    raw: tuple[tuple[str, str], ...]

    def evidence(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the raw value of an attribute, as a lock keeps it."""
        return tuple(pair for pair in self.raw if pair[0] == name)


def count_in(entry: Entry) -> int:
    """Return how many wrong passwords this controller counts. Raises BadEntry where that is no number."""
    return number_in(entry, COUNT) or 0


def marks_of(entry: Entry) -> Marks:
    """Take an entry's marks. Raises BadEntry where one is neither a time nor a number."""
    return Marks(
        began=time_in(entry, MARKER),
        computed=number_in(entry, COMPUTED),
        control=number_in(entry, CONTROL),
        expires=time_in(entry, EXPIRES),
        raw=tuple((name, entry.text(name)) for name in (MARKER, CONTROL, EXPIRES) if entry.values(name)),
    )


def time_in(entry: Entry, name: str) -> FileTime | None:
    """Return the FILETIME in an attribute, None if it is absent. Raises BadEntry if it is none."""
    raw = entry.single(name)
    time = parse_filetime(raw) if raw is not None else None
    if isinstance(time, Invalid):
        raise BadEntry(entry.dn, f"{name}: {time.why}")
    return time


def number_in(entry: Entry, name: str) -> int | None:
    """Return the whole number in an attribute, None if it is absent. Raises BadEntry if it is none."""
    text = entry.text(name)
    if not text:
        return None
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise BadEntry(entry.dn, f"{name} is no number")
    return int(text)


def read_locks(source: str, entry: Entry, policy: Policy, now: datetime) -> Reading:
    """Return what an entry says about its locks. Raises BadEntry."""
    marks = marks_of(entry)
    by_attempts = _by_attempts(source, marks, policy, now)
    facts = (*by_attempts.facts, *_disabled(source, marks), *_expired(source, marks))
    return replace(
        by_attempts,
        facts=facts,
        unread=by_attempts.unread | _not_shown(marks),
        doubt=by_attempts.doubt or _doubt(marks),
        hint=_hint(entry, marks),
        marker=marks.began is not None or marks.computed is not None,
        same_until=_next_change(facts, now),
    )


# --- wrong passwords -------------------------------------------------------------------------------------------------


def _by_attempts(source: str, marks: Marks, policy: Policy, now: datetime) -> Reading:
    """Return the lock by wrong passwords, in force or lapsed, or why it cannot be told."""
    if marks.began is None or isinstance(marks.began, Unset):
        return Reading()
    locked = _is_locked(marks, policy, now)
    if locked is None:
        doubt = f"there is a {MARKER}, but neither {COMPUTED} nor the policy can be read ({policy.source})"
        return Reading(doubt=doubt, unread=frozenset({LockReason.PASSWORD_ATTEMPTS}))
    since, end = _since(marks.began), _end(marks.began, policy)
    fact = LockFact(
        reason=LockReason.PASSWORD_ATTEMPTS,
        source=source,
        since=since if since is not None and since <= now else None,
        until=end,
        evidence=marks.evidence(MARKER),
    )
    if locked:
        # The server still counts a lock that should be over by the policy as we know it: then nobody knows its end.
        return Reading(facts=(replace(fact, until=None if end is not None and end <= now else end),))
    return Reading(lapsed=(replace(fact, until=end if end is not None and end <= now else fact.since or now),))


def _is_locked(marks: Marks, policy: Policy, now: datetime) -> bool | None:
    """Return whether the marker is in force now: as the server says, else by the policy; None = nobody can tell."""
    if marks.computed is not None:
        return bool(marks.computed & LOCKED_BIT)
    if policy.knowledge is Knowledge.UNKNOWN:
        return None
    end = _end(marks.began, policy)
    return end is None or now < end


def _since(began: FileTime | None) -> datetime | None:
    return began.at if isinstance(began, Moment) else None


def _end(began: FileTime | None, policy: Policy) -> datetime | None:
    """Return when a lock ends by itself, None where it does not or nobody knows.

    Samba compares whole seconds: it keeps a lock until the second in which it ends is over.
    """
    if policy.knowledge is Knowledge.UNKNOWN or not policy.duration or not isinstance(began, Moment):
        return None
    try:
        end = began.at + policy.duration
        return end if not end.microsecond else end.replace(microsecond=0) + _ONE_SECOND
    except OverflowError:
        return None


# --- administrators and dates ----------------------------------------------------------------------------------------


def _disabled(source: str, marks: Marks) -> tuple[LockFact, ...]:
    if marks.control is None or not marks.control & DISABLED_BIT:
        return ()
    return (LockFact(reason=LockReason.DISABLED, source=source, evidence=marks.evidence(CONTROL)),)


def _expired(source: str, marks: Marks) -> tuple[LockFact, ...]:
    """Return the lock by the end of validity, which may lie ahead. Zero and the largest number both mean never."""
    if not isinstance(marks.expires, Moment):
        return ()
    evidence = marks.evidence(EXPIRES)
    return (LockFact(reason=LockReason.EXPIRED, source=source, since=marks.expires.at, evidence=evidence),)


def _hint(entry: Entry, marks: Marks) -> str:
    """Return what is worth showing and no lock."""
    if isinstance(time_in(entry, PASSWORD_SET), Unset):
        return "the password must be changed at the next sign-in"
    return "the password has expired" if marks.computed and marks.computed & PASSWORD_EXPIRED_BIT else ""


# --- what is not shown -----------------------------------------------------------------------------------------------


def _not_shown(marks: Marks) -> frozenset[LockReason]:
    """Return the reasons that cannot be told because the account may not read what tells them.

    Every account has all three but for the marker, which comes with the first lock; the server's own word is always
    there, and stands for it.
    """
    shown = {MARKER: marks.began is not None or marks.computed is not None}
    shown |= {CONTROL: marks.control is not None, EXPIRES: marks.expires is not None}
    return frozenset(_REASONS[name] for name, there in shown.items() if not there)


def _doubt(marks: Marks) -> str:
    unread = _not_shown(marks)
    hidden = [name for name, reason in _REASONS.items() if reason in unread]
    return f"cannot be read: {', '.join(hidden)}" if hidden else ""


def _next_change(facts: tuple[LockFact, ...], now: datetime) -> datetime:
    """Return the next moment at which the clock makes something else of an entry."""
    ahead = [moment for fact in facts for moment in (fact.since, fact.until) if moment is not None and now <= moment]
    return min(ahead, default=NEVER)
