"""What the attributes of the password policy draft mean, as slapd 2.5's ppolicy overlay takes them. Pure.

The overlay asks, in this order: is there a policy at all (none: nothing below counts); validity dates; `pwdLockout`
(FALSE: nothing below counts, markers or not); the temporary delay; idleness; the lock marker. It never writes anything
when a time runs out, so everything here is a fact with times, and the reader's clock decides.
(draft-behera-ldap-password-policy-10; slapo-ppolicy(5); each row tried on slapd 2.5.13.)
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.times import Invalid, Moment, Permanent, parse_time
from ims.locks import BEGINNING, ENTRY_REASONS, NEVER, LockFact, LockReason

MARKER = "pwdAccountLockedTime"
FAILURES = "pwdFailureTime"
DELAY = "pwdAccountTmpLockoutEnd"
STARTS = "pwdStartTime"
ENDS = "pwdEndTime"
LAST_SUCCESS = "pwdLastSuccess"
CHANGED = "pwdChangedTime"
CREATED = "createTimestamp"
WRITTEN = "entryCSN"
RESET = "pwdReset"
POLICY = "pwdPolicySubentry"
ENTRY_ATTRIBUTES = (MARKER, FAILURES, DELAY, STARTS, ENDS, LAST_SUCCESS, CHANGED, CREATED, RESET, POLICY)
POLICY_ATTRIBUTES = (
    "pwdAttribute",
    "pwdLockout",
    "pwdMaxFailure",
    "pwdFailureCountInterval",
    "pwdLockoutDuration",
    "pwdMaxIdle",
    "pwdMaxAge",
    "pwdMustChange",
)
MIN_DELAY = "pwdMinDelay"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_SECOND = timedelta(seconds=1)
_BY_MARKER = frozenset({LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED})


# --- policies --------------------------------------------------------------------------------------------------------


def policy_of(entry: Entry) -> Policy:
    """Return the policy that a policy entry holds; UNKNOWN where it is not all readable or not all numbers.

    Every policy entry must have a `pwdAttribute`: not seeing it means that we may not see the rest either.
    """
    if not entry.values("pwdAttribute"):
        return unknown_policy(f"{entry.dn} cannot be read whole")
    try:
        return Policy(
            knowledge=Knowledge.KNOWN,
            source=entry.dn,
            lockout=entry.flag("pwdLockout"),
            max_failures=_number(entry, "pwdMaxFailure"),
            failure_window=timedelta(seconds=_number(entry, "pwdFailureCountInterval")),
            duration=timedelta(seconds=_number(entry, "pwdLockoutDuration")),
            max_idle=timedelta(seconds=_number(entry, "pwdMaxIdle")),
            max_age=timedelta(seconds=_number(entry, "pwdMaxAge")),
            must_change=entry.flag("pwdMustChange"),
        )
    except (BadEntry, OverflowError) as error:
        return unknown_policy(str(error))


def unknown_policy(why: str) -> Policy:
    """Return the policy about which only this much is known."""
    return Policy(knowledge=Knowledge.UNKNOWN, source=why)


def _number(entry: Entry, name: str) -> int:
    text = entry.text(name) or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadEntry(entry.dn, f"{name} is no number")
    return int(text)


# --- entries without any mark ----------------------------------------------------------------------------------------

_MARKS = frozenset(name.lower() for name in (MARKER, FAILURES, DELAY, STARTS, ENDS, LAST_SUCCESS, RESET))
_NOTHING = {
    Knowledge.KNOWN: Reading(same_until=NEVER),
    Knowledge.UNKNOWN: Reading(same_until=NEVER, unread=frozenset({LockReason.IDLE})),
}
"""What an entry without marks means under a policy by which a password has no age."""


def _unmarked(entry: Entry) -> bool:
    """Return whether an entry has none of the attributes that can lock it: nearly everybody, and seen in no time."""
    return _MARKS.isdisjoint(entry.attributes)


# --- marks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The times on an entry that decide about its locks, None where there is none."""

    marker: Moment | Permanent | None
    delay: datetime | None
    starts: datetime | None
    ends: datetime | None
    last_success: datetime | None
    changed: datetime | None
    created: datetime | None
    last_failure: datetime | None
    written: datetime | None
    """When the entry was last written, by the clock of the server that wrote it."""
    raw: tuple[tuple[str, str], ...]
    """The values as they stand there, by attribute; of the failures only the last."""

    def evidence(self, *names: str) -> tuple[tuple[str, str], ...]:
        """Return the raw values of these attributes, in this order."""
        return tuple(pair for name in names for pair in self.raw if pair[0] == name)

    def idle_from(self, policy: Policy) -> datetime | None:
        """Return when this account is idle under a policy: in the first second after the limit, None = never.

        Only slapd's own `pwdLastSuccess` is certain; see `Marks.idle_without_sign_in` for accounts never used.
        """
        if not policy.max_idle or self.last_success is None:
            return None
        return _later(self.last_success.replace(microsecond=0), policy.max_idle, _ONE_SECOND)

    def idle_without_sign_in(self, policy: Policy) -> datetime | None:
        """Return when an account that was never used is idle, counted from its password's last change.

        Only a slapd that keeps `pwdLastSuccess` (lastbind) counts like that, which no entry shows.
        """
        if not policy.max_idle or self.last_success is not None or self.changed is None:
            return None
        return _later(self.changed.replace(microsecond=0), policy.max_idle, _ONE_SECOND)


_TIMES = tuple((name, name.lower()) for name in (MARKER, DELAY, STARTS, ENDS, LAST_SUCCESS, CHANGED, CREATED))


def marks_of(entry: Entry) -> Marks:
    """Take the times out of an entry. Raises BadEntry where one is no time."""
    failures = _failures(entry)
    times = {name: entry.time(name) for name, small in _TIMES if small in entry.attributes}
    raw = [(name, entry.text(name)) for name in times if name != CREATED]
    raw += [(FAILURES, failures[-1][1])] if failures else []
    return Marks(
        marker=_meaning(times.get(MARKER)),
        delay=_moment(times.get(DELAY)),
        starts=_moment(times.get(STARTS)),
        ends=_moment(times.get(ENDS)),
        last_success=_moment(times.get(LAST_SUCCESS)),
        changed=_moment(times.get(CHANGED)),
        created=_moment(times.get(CREATED)),
        last_failure=failures[-1][0] if failures else None,
        written=_written(entry),
        raw=tuple(raw),
    )


def _meaning(marker: Moment | Permanent | None) -> Moment | Permanent | None:
    """Return what slapd makes of a marker: counted from 1970, zero means for good, and what is before means nothing."""
    if isinstance(marker, Moment) and marker.at <= EPOCH:
        return Permanent() if marker.at == EPOCH else None
    return marker


def _moment(time: Moment | Permanent | None) -> datetime | None:
    """Return a time; "for good" has no meaning but in a marker, where it stands for the beginning of all time."""
    return EPOCH if isinstance(time, Permanent) else time.at if isinstance(time, Moment) else None


def _written(entry: Entry) -> datetime | None:
    """Return the time in the change stamp ("20261123213639.691209Z#…"), None where it holds none."""
    stamp = parse_time(entry.text(WRITTEN).partition("#")[0].encode())
    return stamp.at if isinstance(stamp, Moment) else None


def _failures(entry: Entry) -> list[tuple[datetime, str]]:
    found = []
    for raw in entry.values(FAILURES):
        time = parse_time(raw)
        if isinstance(time, Invalid):
            raise BadEntry(entry.dn, f"{FAILURES}: {time.why}")
        if isinstance(time, Moment):
            found.append((time.at, raw.decode("ascii")))
    return sorted(found)


def failures(entry: Entry, policy: Policy, now: datetime) -> int:
    """Return how many wrong passwords count, as slapd does before it locks. Raises BadEntry."""
    window = policy.failure_window
    return sum(1 for at, _ in _failures(entry) if not window or at + window > now)


def _later(moment: datetime, *lengths: timedelta) -> datetime | None:
    """Return a moment that much later, None where that is after all time."""
    try:
        return sum(lengths, timedelta(0)) + moment
    except OverflowError:
        return None


# --- locks -----------------------------------------------------------------------------------------------------------


def read_locks(source: str, entry: Entry, policy: Policy, now: datetime) -> Reading:
    """Return what an entry's marks mean under its policy. Raises BadEntry."""
    if _unmarked(entry) and not policy.max_age and not policy.max_idle:
        return _NOTHING[policy.knowledge]
    marks = marks_of(entry)
    if policy.knowledge is Knowledge.UNKNOWN:
        return _under_unknown_policy(source, entry, marks, policy, now)
    facts = [*validity(source, marks, now)]
    doubt, unread = "", frozenset[LockReason]()
    if policy.lockout:
        facts += [*by_marker(source, marks, policy, now), *_by_delay(source, marks, now)]
        idle, doubt = _by_idleness(source, marks, policy, now, explained=_in_force(facts, now))
        facts += idle
        unread = frozenset({LockReason.IDLE}) if doubt else unread
    return Reading(
        facts=tuple(fact for fact in facts if not _over(fact, now)),
        lapsed=tuple(fact for fact in facts if _over(fact, now)),
        doubt=doubt,
        hint=hint_of(entry, marks, policy, now),
        unread=unread,
        marker=bool(entry.values(MARKER)),
        same_until=_same_until(marks, policy, now),
    )


def _same_until(marks: Marks, policy: Policy, now: datetime) -> datetime:
    """Return the next moment at which the clock makes something else of an entry without a lock."""
    if policy.usability is not None:
        return BEGINNING
    ahead = [marks.starts, marks.ends, marks.delay, marks.idle_from(policy), marks.idle_without_sign_in(policy)]
    if policy.max_age and marks.changed is not None:
        ahead.append(_later(marks.changed, policy.max_age))
    return min((moment for moment in ahead if moment is not None and now <= moment), default=NEVER)


def validity(source: str, marks: Marks, now: datetime) -> list[LockFact]:
    """Return the locks by validity dates, which count under every policy. The end may lie ahead.

    A beginning that lies ahead locks from the entry's creation on: a lock that keeps its own beginning stays the same.
    """
    facts = []
    if marks.starts is not None and now < marks.starts:
        facts.append(
            LockFact(
                reason=LockReason.EXPIRED,
                source=source,
                since=marks.created,
                until=marks.starts,
                evidence=marks.evidence(STARTS),
            ),
        )
    if marks.ends is not None:
        evidence = marks.evidence(ENDS)
        facts.append(LockFact(reason=LockReason.EXPIRED, source=source, since=marks.ends, evidence=evidence))
    return facts


def by_marker(source: str, marks: Marks, policy: Policy, now: datetime) -> list[LockFact]:
    """Return the lock that the marker means: by wrong passwords (timed, for good, or ahead) or by an administrator.

    One that lies ahead of our clock, though not of the clock by which the entry was written, has begun there: it tells
    no beginning, so that it counts from when it is seen.
    """
    if marks.marker is None:
        return []
    evidence = marks.evidence(MARKER, FAILURES)
    if isinstance(marks.marker, Permanent):
        return [LockFact(reason=LockReason.DISABLED, source=source, evidence=evidence)]
    since = marks.marker.at
    until = _later(since, policy.duration) if policy.duration else None
    begun = None if marks.written is not None and now < since <= marks.written else since
    return [LockFact(reason=LockReason.PASSWORD_ATTEMPTS, source=source, since=begun, until=until, evidence=evidence)]


def _by_delay(source: str, marks: Marks, now: datetime) -> list[LockFact]:
    """Return the short lock after each wrong password (pwdMinDelay). Over means gone: nobody can remove it."""
    if marks.delay is None or marks.delay <= now:
        return []
    return [
        LockFact(
            reason=LockReason.PASSWORD_ATTEMPTS,
            source=source,
            since=marks.last_failure,
            until=marks.delay,
            evidence=marks.evidence(DELAY),
        ),
    ]


def _by_idleness(
    source: str,
    marks: Marks,
    policy: Policy,
    now: datetime,
    *,
    explained: bool,
) -> tuple[list[LockFact], str]:
    """Return the lock by idleness, which may lie ahead, and what could not be decided about it."""
    certain = marks.idle_from(policy)
    if certain is not None:
        return [_idle(source, certain, marks, LAST_SUCCESS)], ""
    assumed = marks.idle_without_sign_in(policy)
    if assumed is None or now < assumed:
        return [], ""
    if policy.usability is None:
        return [], f"never used since {marks.changed}: whether {policy.source} counts that as idle cannot be told"
    if policy.usability.usable or explained or _password_expired(marks, policy, now):
        return [], ""
    return [_idle(source, assumed, marks, CHANGED)], ""


def _idle(source: str, since: datetime, marks: Marks, name: str) -> LockFact:
    return LockFact(reason=LockReason.IDLE, source=source, since=since, evidence=marks.evidence(name))


def _over(fact: LockFact, now: datetime) -> bool:
    return fact.until is not None and fact.until <= now


def _in_force(facts: list[LockFact], now: datetime) -> bool:
    return any((fact.since or now) <= now and not _over(fact, now) for fact in facts)


# --- unknown policy --------------------------------------------------------------------------------------------------


def worth_asking(entry: Entry, policy: Policy, now: datetime) -> bool:
    """Return whether only the server can decide about this entry (Account Usability control). Raises BadEntry."""
    if policy.knowledge is Knowledge.KNOWN and not (policy.lockout and policy.max_idle):
        return False
    if _unmarked(entry) and not policy.max_idle:
        return False
    marks = marks_of(entry)
    if policy.knowledge is Knowledge.UNKNOWN:
        return _suspicious(marks, now)
    assumed = marks.idle_without_sign_in(policy) if policy.lockout else None
    return assumed is not None and assumed <= now


def _suspicious(marks: Marks, now: datetime) -> bool:
    ahead = (time is not None and now < time for time in (marks.delay, marks.starts))
    return marks.marker is not None or marks.ends is not None or any(ahead)


def _under_unknown_policy(source: str, entry: Entry, marks: Marks, policy: Policy, now: datetime) -> Reading:
    """Decide by what the server itself thinks of the account; without that nothing is decided, and nobody is locked."""
    plain = Reading(
        marker=bool(entry.values(MARKER)),
        unread=frozenset({LockReason.IDLE}),
        same_until=_same_until(marks, policy, now),
    )
    if not _suspicious(marks, now):
        return plain
    if policy.usability is None:
        doubt = f"there are lock attributes, but their policy is not known ({policy.source})"
        return replace(plain, doubt=doubt, unread=ENTRY_REASONS)
    # A server that says anything about the account has a policy for it: then validity dates count.
    facts = [*validity(source, marks, now)]
    markers = [*by_marker(source, marks, policy, now)]
    if policy.usability.usable:
        return replace(plain, facts=tuple(facts), lapsed=tuple(replace(fact, until=now) for fact in markers))
    if _in_force(facts, now) and markers:
        doubt = f"outside its validity dates; whether it is locked too depends on a policy not known ({policy.source})"
        return replace(plain, facts=tuple(facts), doubt=doubt, unread=plain.unread | _BY_MARKER)
    until = _end_told(policy, now)
    facts += [replace(fact, until=until) for fact in markers] or _by_delay(source, marks, now)
    return replace(plain, facts=tuple(facts))


def _end_told(policy: Policy, now: datetime) -> datetime | None:
    """Return when the server says that a lock ends, to the whole second."""
    seconds = policy.usability.seconds_to_unlock if policy.usability else None
    return None if seconds is None else now.replace(microsecond=0) + timedelta(seconds=seconds)


# --- hints -----------------------------------------------------------------------------------------------------------


def hint_of(entry: Entry, marks: Marks, policy: Policy, now: datetime) -> str:
    """Return what is worth showing and no lock: a password that must be changed or has expired."""
    if policy.must_change and entry.flag(RESET):
        return "the password must be changed at the next sign-in"
    if _password_expired(marks, policy, now):
        return "the password has expired"
    return ""


def _password_expired(marks: Marks, policy: Policy, now: datetime) -> bool:
    return bool(policy.max_age) and marks.changed is not None and now - marks.changed > policy.max_age
