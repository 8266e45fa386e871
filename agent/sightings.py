"""What one pass saw of one entry, in our words: what `agent.interpret` makes of LDAP and `agent.plan` decides on.

Nothing here knows LDAP, and nothing here has been compared with the store yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ims.locks import BEGINNING, LockFact, LockReason
from ims.people import EntryId, Profile, Role, TenantId


class Untrusted(Exception):
    """An entry cannot be trusted, and nothing is decided on it; the text says why and what to do (see quarantine)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMatch:
    """An affiliation rule that an entry matches; `rule` is its whole name, such as "corp/staff"."""

    tenant: TenantId
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLocks:
    """The lock markers that one server shows on an entry: in force, ahead and lapsed ones.

    `server` is empty for the server that the pass reads, and names any other. `marker` says that the raw lock attribute
    is there, whatever the policy makes of it; `canary` that this server showed the canary's in this pass: either proves
    that a lock would have been seen, if the server says of this very entry that its lock attributes may be read
    (`readable`). `unread` are reasons that could not be decided all the same.
    """

    server: str
    facts: tuple[LockFact, ...] = ()
    marker: bool = False
    canary: bool = False
    readable: bool = True
    unread: frozenset[LockReason] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherServer:
    """One other server's locked set: each entry's state there, and the locks that it shows. `why` = it is not known.

    `clock_warning` says how wrong its clock is, if it is.
    """

    server: str
    canary: bool = False
    locked: Mapping[EntryId, tuple[str, ServerLocks]] = field(default_factory=dict)
    why: str = ""
    clock_warning: str = ""

    def shows(self, entry_id: EntryId, state: str) -> ServerLocks | None:
        """Return what this server says of an entry; None where its word does not count.

        A copy that holds another version of the entry lags behind: what it shows may be over already, and whatever
        replaces the entry there takes a lock of its own along.
        """
        if self.why:
            return None
        there, shown = self.locked.get(
            entry_id, (state, ServerLocks(server=self.server, canary=self.canary, readable=True))
        )
        return shown if there == state else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One entry as this pass saw it.

    `mapped` names the profile's fields that the directory decides; the others are left as they are. `locks` has one
    element per server whose word counts; a server that gave no answer, or lags behind, is left out. `roles` are the
    strongest role per tenant. `digest` is that of the entry's bytes, where the reading asked for it, and `same_until`
    how long the same bytes mean the same: BEGINNING where that is over already, or cannot be told.
    """

    entry_id: EntryId
    dn: str
    stamp: str
    profile: Profile
    mapped: frozenset[str]
    locks: tuple[ServerLocks, ...] = ()
    matches: tuple[RuleMatch, ...] = ()
    roles: tuple[tuple[TenantId, Role], ...] = ()
    protected: str = ""
    doubt: str = ""
    hint: str = ""
    digest: bytes = b""
    same_until: datetime = BEGINNING

    def role_in(self, tenant: TenantId) -> Role | None:
        """Return the role that a group of this tenant gives."""
        return next((role for where, role in self.roles if where == tenant), None)
