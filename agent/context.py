"""What a plan depends on besides the user and the entry: the pass, its rules, and how far its reading is evidence."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ims.locks import LedgerRules
from ims.passes import Mode, PassId
from ims.people import DirectoryName, EntryLink, TenantId, User, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One pass, as far as plans depend on it.

    `complete` says that every page ended well, so that what the reading did not show is evidence; without it nobody
    becomes unaffiliated or absent. `silent_rules` are the affiliation rules about which this pass has no knowledge,
    `unknown_roles` the tenants whose role groups could not be read. `canary` says that one is configured, `servers`
    names the other servers that can hold a lock of their own. `failed_over` says that this server stands in for
    another, or that one did last time: it may show less than the store knows. `lagging`: it does, so that only the
    locks that it shows are taken over.
    """

    directory: DirectoryName
    pass_id: PassId
    now: datetime
    mode: Mode
    rules: LedgerRules = field(default_factory=LedgerRules)
    confirm: timedelta = timedelta(0)
    complete: bool = False
    canary: bool = False
    first_import: bool = False
    failed_over: bool = False
    lagging: bool = False
    servers: frozenset[str] = frozenset()
    silent_rules: frozenset[str] = frozenset()
    unknown_roles: frozenset[TenantId] = frozenset()
    last_seen: datetime | None = None
    """When the last complete reading under these settings began; None = nothing is said of what happened since."""
    read_by: datetime | None = None
    unlocking: frozenset[UserId] = frozenset()
    """Users whom an unlock of ours may have freed, by when the reading was over (see `agent.outside`)."""

    def confirmed(self, since: datetime | None) -> bool:
        """Return whether what is seen now, and was first seen at `since`, has been seen long enough to be believed."""
        return not self.confirm or (since is not None and self.now - since >= self.confirm)


def link_to(user: User, directory: DirectoryName) -> EntryLink | None:
    """Return the link to the user's entry in a directory."""
    return next((link for link in user.entries if link.directory == directory), None)
