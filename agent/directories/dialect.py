"""What Lockstep asks of a vendor's directory: one small class per vendor answers it.

Pure questions (`read_locks`, `explain`, the modifications) take what was read and a moment; questions that need the
directory take a client. Whoever calls never sees an attribute's name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from agent.directories.access import ReadingRules
from agent.directories.checks import Check
from agent.directories.client import Client
from agent.directories.controls import Usability
from agent.directories.entry import Entry
from agent.directories.results import Result
from agent.directories.rights import Needs, Recipe
from agent.directories.searches import Completeness, Watch
from agent.directories.writes import Modify
from ims.errors import Conflict
from ims.locks import BEGINNING, LockFact, LockReason
from ims.people import EntryId
from ims.ports import Outcome


class NotWritable(Conflict):
    """The directory has no way to end this lock from outside; the text says what ends it."""


class Knowledge(StrEnum):
    """How much is known of the policy that decides about an entry."""

    KNOWN = "known"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The lockout policy in effect for an entry. Lengths of time are exact; zero = no such limit.

    `source` is the policy's DN, or says why there is none to read. Under an UNKNOWN policy nothing else here counts but
    `usability`: what the server itself thinks of the account, where it said so.
    """

    knowledge: Knowledge
    source: str
    lockout: bool = False
    max_failures: int = 0
    duration: timedelta = timedelta(0)
    failure_window: timedelta = timedelta(0)
    """After how long a wrong password is forgotten; zero = not before the right one is given."""
    max_idle: timedelta = timedelta(0)
    max_age: timedelta = timedelta(0)
    must_change: bool = False
    usability: Usability | None = None
    fingerprinted: bool = field(default=False, compare=False)
    """Whether the fingerprint of the pass's policies covers it (`Policies.fingerprint`)."""


class Policies(Protocol):
    """The policies of one pass: each is read once."""

    def fingerprint(self) -> bytes:
        """Read the policies that the server shows and return a digest of them; ask before any of them is used.

        An entry under one of them means the same as long as the entry and this are the same. Raises Unreachable or
        ProtocolFault.
        """
        ...

    def of(self, entry: Entry, now: datetime) -> Policy:
        """Return the policy in effect for an entry. Raises Unreachable, ProtocolFault or BadEntry."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one entry says about its locks.

    `facts` are the locks in force or ahead; `lapsed` are markers that are still there after their time, which raise no
    lock but which an unlock removes too, so that one more wrong password does not lock at once. `doubt` says what could
    not be decided and why, and `unread` which reasons that concerns: their absence from `facts` proves nothing. `hint`
    is worth showing and no lock. `marker` = the raw lock attribute is there, whatever the policy makes of it. Until
    `same_until` the clock alone makes nothing else of the same entry; by default nobody can tell, and it is over.
    """

    facts: tuple[LockFact, ...] = ()
    lapsed: tuple[LockFact, ...] = ()
    doubt: str = ""
    hint: str = ""
    unread: frozenset[LockReason] = frozenset()
    marker: bool = False
    same_until: datetime = BEGINNING


class Presence(StrEnum):
    """What an incremental reading says about entries that it did not name."""

    UNKNOWN = "unknown"
    ONLY_THESE = "only_these"
    THESE_ARE_GONE = "these_are_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed since a watermark. `compare_fully` says why that cannot be told: then nothing else here counts.

    `watermark` is where the next reading goes on; it is kept only if `completeness` is complete.
    """

    entries: tuple[Entry, ...] = ()
    presence: Presence = Presence.UNKNOWN
    watermark: str = ""
    completeness: Completeness
    compare_fully: str = ""


class SignIn(StrEnum):
    """What a directory says to a sign-in. WRONG may also mean locked: most servers do not tell."""

    WELCOME = "welcome"
    WRONG = "wrong"
    LOCKED = "locked"
    MUST_CHANGE = "must_change"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - an outcome, no password
    UNDECIDED = "undecided"
    """The server did not judge the password: it was busy, or refused the bind for a reason of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMembership:
    """An affiliation that is given by adding a member to a group."""

    group_dn: str
    attribute: str = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeValue:
    """An affiliation that is given by adding a value to an attribute of the entry."""

    attribute: str
    value: str


class Dialect(Protocol):
    """How one vendor's directory spells lock, policy, unlock and change."""

    def wanted_attributes(self) -> tuple[str, ...]:
        """Return the attributes that the other methods need to see."""
        ...

    def id_attributes(self) -> tuple[str, ...]:
        """Return the attributes that `entry_id` needs to see."""
        ...

    def entry_id(self, entry: Entry) -> EntryId:
        """Return the entry's stable id. Raises BadEntry."""
        ...

    def entry_filter(self, entry_id: EntryId) -> str:
        """Return the filter that finds an entry by its id. Raises InvalidInput for what cannot be one."""
        ...

    def stamp(self, entry: Entry) -> str:
        """Return the entry's own change stamp; empty where the server shows none."""
        ...

    def exact(self, stamp: str) -> bool:
        """Return whether no two states of an entry have this stamp; one of whole seconds may stand for several."""
        ...

    def state(self, entry: Entry) -> str:
        """Return the part of the stamp that is the same wherever the entry is, and that no lock of one server moves.

        A later state is greater: a server with an older one is about to be overwritten, locks and all. Empty where that
        never happens to locks.
        """
        ...

    def protects(self, entry: Entry) -> str:
        """Return why the directory marks an account as one that only its own administrators unlock; empty = no."""
        ...

    def last_failure(self, entry: Entry) -> datetime | None:
        """Return when the last wrong password was tried, where the entry tells. Raises BadEntry."""
        ...

    def failures(self, entry: Entry, policy: Policy, now: datetime) -> int:
        """Return how many wrong passwords in a row the server counts, or a few too many. Raises BadEntry."""
        ...

    def clock_ahead(self, client: Client, now: Callable[[], datetime]) -> timedelta | None:
        """Return how far the server's clock is ahead of ours (`now`); None where it does not tell its time.

        Asked in each pass and before each unlock, so it costs a search or nothing. Raises Unreachable or ProtocolFault.
        """
        ...

    def policies(self, client: Client, rules: ReadingRules) -> Policies:
        """Return the policies as this server has them, for one pass."""
        ...

    def read_locks(self, entry: Entry, policy: Policy, now: datetime) -> Reading:
        """Return what an entry says about its locks. Raises BadEntry."""
        ...

    def explain(self, entry: Entry, policy: Policy, now: datetime) -> tuple[str, ...]:
        """Return raw lock attributes, the policy and the arithmetic, a line each."""
        ...

    def readable_filter(self) -> str:
        """Return the filter that only an entry satisfies whose lock attributes could be seen, were they there."""
        ...

    def locked_filter(self) -> str:
        """Return a filter, cheap for the server, that finds everybody who may be locked by wrong passwords."""
        ...

    def position(self, client: Client, rules: ReadingRules) -> str:
        """Return how far the server itself is, to be asked before a complete reading; empty where entries' stamps tell.

        Raises Unreachable or ProtocolFault.
        """
        ...

    def changes_since(self, client: Client, rules: ReadingRules, watermark: str) -> Changes:
        """Return what changed since a watermark of the same server."""
        ...

    def watch(self, client: Client, rules: ReadingRules) -> Watch:
        """Return what to ask a server so that it tells by itself that something changed, from now on.

        Raises NotTold where it does not do that, Unreachable and ProtocolFault.
        """
        ...

    def watermark(self, server: str, highest_stamp: str, took: timedelta, before: str = "", began: str = "") -> str:
        """Return where to go on after a complete reading that took so long and saw no higher stamp than this.

        `began` is the server's `position` before it, `before` the watermark of an earlier reading, for what this one
        passed over: the later of the two counts.
        """
        ...

    def lag(self, client: Client, rules: ReadingRules, watermark: str) -> str:
        """Say why a server is older than what was read up to a watermark; empty = it is not, or nobody can tell."""
        ...

    def unlock_modify(self, dn: str, stamp: str, facts: Sequence[LockFact]) -> Modify:
        """Return the write that removes exactly these markers, if the entry still has this stamp. Raises NotWritable.

        `facts` may be in force or lapsed. An empty stamp leaves the entry's own out of the condition.
        """
        ...

    def rewrite_modify(self, dn: str, stamp: str) -> Modify:
        """Return the write, to the server that the others copy, by which every copy of an entry is made anew.

        It ends a lock that only a read-only copy holds, where `unlock_modify` answers with a referral.
        """
        ...

    def affiliate_modify(self, dn: str, gives: GroupMembership | AttributeValue) -> Modify:
        """Return the write that gives an affiliation back; it only ever adds."""
        ...

    def outcome(self, result: Result) -> Outcome:
        """Return what an answer to one of these writes means."""
        ...

    def is_copy(self, result: Result) -> bool:
        """Return whether a server answered a write by saying that it only holds a copy: write to another one."""
        ...

    def sign_in_outcome(self, result: Result) -> SignIn:
        """Return what an answer to somebody's bind means. Raises ProtocolFault."""
        ...

    # --- rights ------------------------------------------------------------------------------------------------------

    def rights_recipe(self, needs: Needs, database: str = "") -> Recipe:
        """Return the rights that these needs take and nothing else, as the directory's administrators apply them.

        `database` says where, in the directory's own words; empty = where most have it.
        """
        ...

    def checks(self, client: Client, needs: Needs, now: Callable[[], datetime]) -> Iterator[Check]:
        """Yield what a server is like and whether all that is needed can be read there, changing nothing.

        Raises DirectoryUnreachable and Refused.
        """
        ...

    def writing_checks(self, client: Client, needs: Needs) -> tuple[Check, ...] | None:
        """Return whether what is needed may be written and nothing else, changing nothing; None on a mere copy.

        Raises DirectoryUnreachable and Refused.
        """
        ...
