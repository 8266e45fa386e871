"""Asking slapd whether it would do a write, without its doing it: how rights are proved and nothing is changed.

slapd's no-op control makes it judge rights and schema and stop there. It is sent as critical, so that a server without
it refuses; and only a server that has shown that it honours it is asked about what would change something. Before that
only such writes are asked about as change nothing by the rules of LDAP itself (RFC 4511 section 4.6): adding a value
that is there (20 where allowed), deleting one that is not (16). slapd asks for rights first, and answers 50 without.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import ProtocolFault
from agent.directories.results import Code, Result
from agent.directories.writes import Kind, Modification, Modify, Rehearsal


class Answer(StrEnum):
    """What a rehearsal shows."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    COPY = "copy"
    """The server holds a copy and takes no writes."""
    UNDECIDED = "undecided"
    """It could not be asked, or the answer says nothing about rights."""


_ANSWERS = {
    Code.NO_OPERATION: Answer.ALLOWED,
    Code.NO_SUCH_ATTRIBUTE: Answer.ALLOWED,
    Code.ATTRIBUTE_OR_VALUE_EXISTS: Answer.ALLOWED,
    Code.NAMING_VIOLATION: Answer.ALLOWED,
    Code.OBJECT_CLASS_VIOLATION: Answer.ALLOWED,
    Code.NOT_ALLOWED_ON_NON_LEAF: Answer.ALLOWED,
    Code.INSUFFICIENT_ACCESS_RIGHTS: Answer.REFUSED,
    Code.NO_SUCH_OBJECT: Answer.REFUSED,
    Code.REFERRAL: Answer.COPY,
    Code.UNWILLING_TO_PERFORM: Answer.COPY,
}
"""What slapd's answers mean: those that are ALLOWED it gives only to who has the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One write to ask about. `harmless`: even a server that did it would change nothing that counts."""

    rehearsal: Rehearsal
    harmless: bool = False


class Rehearser:
    """Asks one server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._honoured = False

    def ask(self, attempt: Attempt) -> Answer:
        """Return whether the server would do it. Raises ProtocolFault where it did it, Unreachable."""
        if not (attempt.harmless or self._honoured):
            return Answer.UNDECIDED
        result = self._client.rehearse(attempt.rehearsal)
        if result.ok:
            raise ProtocolFault(f"{self._client.server}: changed {attempt.rehearsal.dn} although told only to rehearse")
        self._honoured = self._honoured or result.code == Code.NO_OPERATION
        return _answer(result)


def _answer(result: Result) -> Answer:
    return next((answer for code, answer in _ANSWERS.items() if code == result.code), Answer.UNDECIDED)


def adding(entry: Entry, attribute: str, forged: bytes) -> Attempt:
    """Return the addition of a value: one that the entry shows, which changes nothing, or else a forged one."""
    shown = entry.values(attribute)
    value = shown[0] if shown else forged
    return Attempt(rehearsal=_modify(entry.dn, Kind.ADD, attribute, value), harmless=bool(shown))


def adding_value(dn: str, attribute: str, value: str) -> Attempt:
    """Return the addition of this very value, there or not."""
    return Attempt(rehearsal=_modify(dn, Kind.ADD, attribute, value.encode()))


def removing(entry: Entry, attribute: str) -> Attempt:
    """Return the removal of all of an attribute's values, which changes nothing where it has none."""
    return Attempt(rehearsal=_modify(entry.dn, Kind.REPLACE, attribute), harmless=not entry.values(attribute))


def emptying(dn: str, attribute: str) -> Attempt:
    """Return the removal of all of an attribute's values, of which nobody knows whether there are any."""
    return Attempt(rehearsal=_modify(dn, Kind.REPLACE, attribute))


def removing_absent(dn: str, attribute: str, absent: str) -> Attempt:
    """Return the removal of one value that is not there, which changes nothing."""
    return Attempt(rehearsal=_modify(dn, Kind.DELETE, attribute, absent.encode()), harmless=True)


def _modify(dn: str, kind: Kind, attribute: str, *values: bytes) -> Modify:
    return Modify(dn=dn, changes=(Modification(kind=kind, attribute=attribute, values=values),))
