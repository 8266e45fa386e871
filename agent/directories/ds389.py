"""389 Directory Server (Red Hat Directory Server): how it spells lock, policy, unlock and change. Tried on 2.3.1.

An unlock deletes the values that were seen of three attributes in one modify: the server refuses all of it (16) where
one of them is another by now, which makes it conditional without the assertion control that this server lacks. Taking
the time alone would leave the count, and one more wrong password would lock again.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from agent.directories import ds389_changes, ds389_checks, ds389_locks, ds389_rights, watching
from agent.directories.access import ReadingRules
from agent.directories.checks import Check
from agent.directories.client import Client
from agent.directories.controls import PASSWORD_POLICY, policy_response
from agent.directories.dialect import (
    AttributeValue,
    Changes,
    GroupMembership,
    NotWritable,
    Policies,
    Policy,
    Reading,
    SignIn,
)
from agent.directories.ds389_policies import Ds389Policies
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.explaining import explained
from agent.directories.filters import all_of, equal, none_of, present
from agent.directories.reader import Pages, users
from agent.directories.results import Code, Result
from agent.directories.rights import Needs, Recipe
from agent.directories.searches import Completeness, Ended, Watch
from agent.directories.server_time import told_by
from agent.directories.watermarks import decode
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import InvalidInput
from ims.locks import LockFact
from ims.people import DirectoryName, EntryId
from ims.ports import Outcome

NAME = "389ds"
MOST_CHANGES = 20_000
"""More changed entries than this are read by a reconcile, which holds one page at a time."""
_ID = "nsUniqueId"
_UNIQUE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){3}")
_LOCK = (ds389_locks.MARKER, ds389_locks.COUNT, ds389_locks.RESET)
"""What a lock by wrong passwords is made of, and an unlock takes away."""
_SIGN_INS: dict[int | None, SignIn] = {0: SignIn.PASSWORD_EXPIRED, 1: SignIn.LOCKED, 2: SignIn.MUST_CHANGE}
"""The errors of the password policy control that concern a sign-in."""


class Ds389:
    """The dialect of 389 Directory Server. `source` is the directory's name, which its locks carry."""

    def __init__(self, source: DirectoryName) -> None:
        self._source = source

    # --- entries -----------------------------------------------------------------------------------------------------

    def wanted_attributes(self) -> tuple[str, ...]:
        """Return the attributes to ask for by name: all of them are operational, and `*` does not bring those."""
        return (_ID, ds389_changes.STAMP, ds389_changes.NUMBER, *ds389_locks.ENTRY_ATTRIBUTES)

    def id_attributes(self) -> tuple[str, ...]:
        """Return the attribute that holds the entry's id."""
        return (_ID,)

    def entry_id(self, entry: Entry) -> EntryId:
        """Return the nsUniqueId. Raises BadEntry where it is missing (the account may not read it) or none."""
        text = entry.text(_ID).lower()
        if not _UNIQUE_ID.fullmatch(text):
            raise BadEntry(entry.dn, f"its {_ID} {'is none' if text else 'cannot be read'}")
        return EntryId(text)

    def entry_filter(self, entry_id: EntryId) -> str:
        """Return the filter for one nsUniqueId. Raises InvalidInput."""
        if not _UNIQUE_ID.fullmatch(entry_id):
            raise InvalidInput(f"{entry_id!r} is no {_ID}")
        return equal(_ID, entry_id)

    def stamp(self, entry: Entry) -> str:
        """Return the modifyTimestamp and the entry's number, which tells changes within one second apart.

        A lock moves the number alone.
        """
        number = entry.text(ds389_changes.NUMBER)
        written = entry.text(ds389_changes.STAMP)
        return f"{written} {number:0>12}" if number else written

    def exact(self, stamp: str) -> bool:
        """Return whether there is a number in it."""
        return " " in stamp

    def state(self, entry: Entry) -> str:  # noqa: ARG002 - the protocol's
        """Return nothing: a server keeps its own locks whatever another one sends, so that each one's always count."""
        return ""

    def protects(self, entry: Entry) -> str:  # noqa: ARG002 - the protocol's
        """Return nothing: no attribute of this vendor's marks an account as privileged."""
        return ""

    def last_failure(self, entry: Entry) -> datetime | None:  # noqa: ARG002 - the protocol's
        """Return None: the entry tells only when the first of the failures will be forgotten."""
        return None

    def failures(self, entry: Entry, policy: Policy, now: datetime) -> int:  # noqa: ARG002 - the protocol's
        """Return the passwordRetryCount, unless the time of its reset has come. Raises BadEntry."""
        return ds389_locks.failures(entry, now)

    # --- locks -------------------------------------------------------------------------------------------------------

    def clock_ahead(self, client: Client, now: Callable[[], datetime]) -> timedelta | None:
        """Return how far ns-slapd's clock is ahead of ours, by its monitor, which every account may read."""
        return told_by(client, "cn=monitor", "currentTime", now)

    def policies(self, client: Client, rules: ReadingRules) -> Policies:
        """Return the password policies as this server has them; each is read once."""
        return Ds389Policies(client, rules)

    def read_locks(self, entry: Entry, policy: Policy, now: datetime) -> Reading:
        """Return what the entry says about its locks. Raises BadEntry."""
        return ds389_locks.read_locks(self._source, entry, policy, now)

    def explain(self, entry: Entry, policy: Policy, now: datetime) -> tuple[str, ...]:
        """Return raw lock attributes, the policy and the arithmetic. Raises BadEntry."""
        reading = self.read_locks(entry, policy, now)
        return explained(entry, policy, reading, now, ds389_locks.ENTRY_ATTRIBUTES)

    def locked_filter(self) -> str:
        """Return the filter for everybody with a marker who did not sign in since: an index on it makes it cheap.

        `nsAccountLock` is left out: where a role makes it, no index helps, and the server would look at every entry.
        """
        return all_of(present(ds389_locks.MARKER), none_of(equal(ds389_locks.COUNT, "0")))

    def readable_filter(self) -> str:
        """Return the filter that only an entry satisfies whose lock attributes the account may see, there or not.

        The server takes both "is there" and "is not there" for false where an attribute may not be searched.
        """
        names = (ds389_locks.MARKER, ds389_locks.COUNT, ds389_locks.DISABLED)
        return all_of(*(f"(|{present(name)}{none_of(present(name))})" for name in names))

    # --- changes -----------------------------------------------------------------------------------------------------

    def position(self, client: Client, rules: ReadingRules) -> str:
        """Return the last number that the server gave. Asked before a reading, it misses nothing that comes during it.

        Empty where it counts nothing (no plug-in USN); then the entries' times are followed.
        """
        try:
            numbers = ds389_changes.numbers_of(client, rules)
        except (Refused, BadEntry):
            return ""
        return numbers.encode() if numbers is not None else ""

    def changes_since(self, client: Client, rules: ReadingRules, watermark: str) -> Changes:
        """Return the users whose number, or time, is as great as the watermark's. Deletions it cannot see."""
        mark = decode(watermark)
        condition = ds389_changes.changed_after(mark.position) if mark is not None and mark.dialect == NAME else ""
        if mark is None or not condition:
            return _compare_fully("there is no watermark to go on from")
        if mark.server != client.server:
            return _compare_fully(f"the last reading was of {mark.server}, this one is of {client.server}")
        now = self.position(client, rules)
        behind = _behind(client.server, mark.position, now)
        if behind:
            return _compare_fully(behind)
        began = time.monotonic()
        pages, entries = Pages(client, users(self, rules, condition)), list[Entry]()
        for page in pages:
            entries += page
            if len(entries) > MOST_CHANGES:
                return _compare_fully(f"more than {MOST_CHANGES} entries changed")
        took = timedelta(seconds=time.monotonic() - began)
        highest = max(map(self.stamp, entries), default="")
        following = self.watermark(client.server, highest, took, watermark, now)
        return Changes(entries=tuple(entries), watermark=following, completeness=pages.completeness)

    def watch(self, client: Client, rules: ReadingRules) -> Watch:
        """Return a persistent search, which every 389 Directory Server has and whoever may search may use."""
        watching.must_offer(client, watching.PERSISTENT_SEARCH, "persistent search")
        return watching.persistent_search(rules)

    def watermark(self, server: str, highest_stamp: str, took: timedelta, before: str = "", began: str = "") -> str:
        """Return where to go on after a complete reading: at the position at which it began, or by its latest time."""
        mark = ds389_changes.watermark_of(NAME, server, began, highest_stamp, took)
        earlier = decode(before)
        if earlier is None or (earlier.dialect, earlier.server) != (NAME, server):
            return mark.encode() if mark is not None else ""
        if mark is None:
            return before
        by_time = ds389_changes.is_past(earlier.position) and ds389_changes.is_past(mark.position)
        return replace(mark, position=max(mark.position, earlier.position) if by_time else mark.position).encode()

    def lag(self, client: Client, rules: ReadingRules, watermark: str) -> str:
        """Say why a server is older than what was read before: its own numbers went back. Of another nobody can tell.

        Raises Unreachable or ProtocolFault.
        """
        mark = decode(watermark)
        if mark is None or (mark.dialect, mark.server) != (NAME, client.server):
            return ""
        return _behind(client.server, mark.position, self.position(client, rules))

    # --- writes ------------------------------------------------------------------------------------------------------

    def unlock_modify(self, dn: str, stamp: str, facts: Sequence[LockFact]) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the deletion of exactly the values that were seen; where one of them is another, nothing is done.

        The stamp is no part of it: the server knows no assertion, and no lock moves it. Raises NotWritable.
        """
        seen = {name: value for fact in facts for name, value in fact.evidence}
        changes: list[Modification] = []
        if ds389_locks.MARKER in seen:
            changes += [_without(name, seen.get(name)) for name in _LOCK]
        if ds389_locks.DISABLED in seen:
            changes.append(_without(ds389_locks.DISABLED, seen[ds389_locks.DISABLED]))
        if not changes:
            raise NotWritable("only the directory's own administrators can end this")
        return Modify(dn=dn, changes=tuple(changes))

    def rewrite_modify(self, dn: str, stamp: str) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the replacement of the three attributes by nothing on a supplier.

        It reaches a read-only consumer only where suppliers send lock attributes on (passwordIsGlobalPolicy).
        """
        return Modify(dn=dn, changes=tuple(_without(name, None) for name in _LOCK))

    def affiliate_modify(self, dn: str, gives: GroupMembership | AttributeValue) -> Modify:
        """Return the addition of a member to a group, or of a value to the entry."""
        if isinstance(gives, GroupMembership):
            member = Modification(kind=Kind.ADD, attribute=gives.attribute, values=(dn.encode(),))
            return Modify(dn=gives.group_dn, changes=(member,))
        value = Modification(kind=Kind.ADD, attribute=gives.attribute, values=(gives.value.encode(),))
        return Modify(dn=dn, changes=(value,))

    def outcome(self, result: Result) -> Outcome:
        """Return what an answer means: a value that is not there any more has to be read again."""
        match result.code:
            case Code.SUCCESS:
                return Outcome.DONE
            case Code.ATTRIBUTE_OR_VALUE_EXISTS:
                return Outcome.ALREADY
            case Code.NO_SUCH_ATTRIBUTE | Code.NO_SUCH_OBJECT:
                return Outcome.CHANGED
            case _:
                return Outcome.REFUSED

    def is_copy(self, result: Result) -> bool:
        """Return whether a read-only consumer answered: by a referral to its supplier."""
        return result.code == Code.REFERRAL

    def sign_in_outcome(self, result: Result) -> SignIn:
        """Return what an answer to a bind means: 19 is a lock by wrong passwords, 53 may be an administrator's."""
        said = policy_response(result.controls.get(PASSWORD_POLICY, b"")).error
        if result.ok:
            return SignIn.MUST_CHANGE if _SIGN_INS.get(said) is SignIn.MUST_CHANGE else SignIn.WELCOME
        if result.code == Code.CONSTRAINT_VIOLATION:
            return SignIn.LOCKED
        if result.code == Code.UNWILLING_TO_PERFORM:
            return SignIn.LOCKED if _SIGN_INS.get(said) is SignIn.LOCKED else SignIn.UNDECIDED
        if result.code != Code.INVALID_CREDENTIALS:
            return SignIn.UNDECIDED
        return _SIGN_INS.get(said, SignIn.WRONG)

    # --- rights ------------------------------------------------------------------------------------------------------

    def rights_recipe(self, needs: Needs, database: str = "") -> Recipe:  # noqa: ARG002 - the protocol's
        """Return the recipe as LDIF with access control instructions, which lie with the entries that they concern."""
        return ds389_rights.recipe(needs)

    def checks(self, client: Client, needs: Needs, now: Callable[[], datetime]) -> Iterator[Check]:
        """Yield what the server is like, then what can be seen of one of the users."""
        yield from ds389_checks.server_checks(client, needs, self.policies(client, needs.reading), now)
        yield from ds389_checks.reading_checks(client, needs)

    def writing_checks(self, client: Client, needs: Needs) -> tuple[Check, ...] | None:
        """Return what may be written, as the server says it."""
        return ds389_checks.writing_checks(client, needs)


def _without(attribute: str, seen: str | None) -> Modification:
    """Return the removal of the value that was seen; where none was, of whatever is there."""
    if seen is None:
        return Modification(kind=Kind.REPLACE, attribute=attribute)
    return Modification(kind=Kind.DELETE, attribute=attribute, values=(seen.encode(),))


def _behind(server: str, position: str, now: str) -> str:
    """Say why a server cannot tell what changed since a position of its own; empty = it can."""
    before, after = ds389_changes.numbers_at(position), ds389_changes.numbers_at(now)
    if before is None:
        return ""
    if after is None or after.database != before.database:
        return f"{server} counts its changes no longer as it did: is its plug-in USN still on?"
    if after.last < before.last:
        return (
            f"{server} is behind: its last change has the number {after.last}, and changes up to {before.last} were "
            "read before; nobody is taken for absent or free by what it shows"
        )
    return ""


def _compare_fully(why: str) -> Changes:
    return Changes(completeness=Completeness(ended=Ended.UNFINISHED, why=why), compare_fully=why)
