"""Whether a mapping of the settings makes of its examples what they say: `lockstep check` shows it."""

from collections.abc import Iterator
from datetime import datetime

from agent.configured import mapping_of
from agent.directories.checks import Check, Grade
from agent.directories.entry import Entry, entry_of
from agent.directories.errors import BadEntry
from agent.directories.mapping import Mapping, read_locks
from config.mapping import Example, pair
from config.mapping import Mapping as Chosen
from ims.locks import LockFact, LockReason

_ADVICE = "correct the mapping, or the example"
_FORM = "%Y-%m-%d %H:%M:%S UTC"


def checked(chosen: Chosen, now: datetime) -> Iterator[Check]:
    """Yield what the mapping makes of each of its examples. One without examples proves nothing, and is told so."""
    if not chosen.examples:
        found = "the mapping has no examples, so that nothing shows whether it means what it should"
        yield Check(what="mapping", grade=Grade.WARNING, found=found, advice="add mapping.examples of real entries")
    for title, example in chosen.examples.items():
        wrong = _contradiction(mapping_of(chosen), example, example.at or now)
        grade = Grade.MISTAKE if wrong else Grade.OK
        found = wrong or "it means what it should"
        yield Check(what=f"example {title}", grade=grade, found=found, advice=_ADVICE if wrong else "")


def _contradiction(mapping: Mapping, example: Example, now: datetime) -> str:
    """Say what the mapping makes of an example that it should not; empty = nothing."""
    try:
        facts = [fact for fact in read_locks(mapping, "", _entry(example), now).facts if _begun(fact, now)]
    except BadEntry as error:
        return error.why
    found, wanted = {fact.reason.value for fact in facts}, {reason.value for reason in example.reasons}
    if found != wanted:
        return f"it means {_listed(found)}, and should mean {_listed(wanted)}"
    ends = {fact.until for fact in facts if fact.reason is LockReason.PASSWORD_ATTEMPTS}
    if example.until is not None and ends != {example.until}:
        shown = (
            ", ".join(f"{end:{_FORM}}" if end else "with an unlock only" for end in ends) or "never: it is not locked"
        )
        return f"its lock ends {shown}, and should end {example.until:{_FORM}}"
    return ""


def _entry(example: Example) -> Entry:
    attributes: dict[str, list[bytes]] = {}
    for name, value in map(pair, example.entry):
        attributes.setdefault(name, []).append(value.encode())
    return entry_of("the example", attributes)


def _begun(fact: LockFact, now: datetime) -> bool:
    return fact.since is None or fact.since <= now


def _listed(reasons: set[str]) -> str:
    return ", ".join(sorted(reasons)) or "no lock"
