"""The arithmetic of a lock in words, for `lockstep explain`: raw values, the policy, and what follows now."""

from datetime import datetime, timedelta

from agent.directories.dialect import Knowledge, Policy, Reading
from agent.directories.entry import Entry
from ims.locks import LockFact, LockReason

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def explained(
    entry: Entry,
    policy: Policy,
    reading: Reading,
    now: datetime,
    names: tuple[str, ...],
) -> tuple[str, ...]:
    """Return the lines: what stands on the entry in attributes of these names, its policy, and what follows."""
    values = [f"{name}: {value}" for name in names for value in entry.texts(name)]
    facts = [_fact_line(fact, policy, now) for fact in (*reading.facts, *reading.lapsed)]
    rest = [line for line in (reading.doubt, reading.hint) if line]
    return (*values, policy_line(policy), *facts, *rest)


def span(length: timedelta) -> str:
    """Return a length of time in the largest unit that is exact: "30 min", "90 s"."""
    seconds = int(length.total_seconds())
    unit, size = next((unit for unit in _UNITS if seconds and seconds % unit[1] == 0), ("s", 1))
    return f"{seconds // size} {unit}"


def policy_line(policy: Policy) -> str:
    """Return what a policy says about lockout, in one line."""
    if policy.knowledge is Knowledge.UNKNOWN:
        return f"policy not known: {policy.source}{_usability(policy)}"
    if not policy.lockout:
        return f"policy {policy.source}: no lockout, so that no marker counts"
    length = f"for {span(policy.duration)}" if policy.duration else "until somebody unlocks"
    idle = f"; idle after {span(policy.max_idle)}" if policy.max_idle else ""
    return (
        f"policy {policy.source}: locks after {policy.max_failures} wrong passwords {length}{idle}{_usability(policy)}"
    )


def _usability(policy: Policy) -> str:
    if policy.usability is None:
        return ""
    return "; the server itself says: " + ("usable" if policy.usability.usable else "not usable")


def _fact_line(fact: LockFact, policy: Policy, now: datetime) -> str:
    return f"{fact.reason}: {_sum(fact, policy, now)}, now {now:%H:%M:%S}: {_verdict(fact, now)}"


def _sum(fact: LockFact, policy: Policy, now: datetime) -> str:
    since = _clock(fact.since, now) if fact.since else ""
    until = _clock(fact.until, now) if fact.until else ""
    if fact.reason is LockReason.DISABLED:
        return "locked by an administrator, for good"
    if fact.reason is LockReason.IDLE:
        return f"last used + {span(policy.max_idle)} is over at {since}"
    if fact.reason is LockReason.EXPIRED:
        return f"valid from {until}" if until else f"valid until {since}"
    if fact.until is None:
        return f"locked {since}, until somebody unlocks"
    if fact.since and policy.duration and fact.since + policy.duration == fact.until:
        return f"locked {since} + {span(policy.duration)} = {until}"
    return f"locked until {until}"


def _verdict(fact: LockFact, now: datetime) -> str:
    if fact.until is not None and fact.until <= now:
        return "over"
    return "ahead" if fact.since is not None and now < fact.since else "in force"


def _clock(moment: datetime, now: datetime) -> str:
    """Return a time of day, with its date unless that is today."""
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M:%S}"
