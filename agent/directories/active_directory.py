"""Active Directory: how it spells lock, policy, unlock and change. Tried on Samba 4.17 as a domain controller.

An unlock deletes the `lockoutTime` that was seen and adds 0, in one operation: it fails where a fresh lock has begun
since, and the server then forgets the wrong passwords too. `userAccountControl` is never written: it carries far more
than whether somebody is disabled.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from agent.directories import ad_changes, ad_checks, ad_locks, ad_policies, ad_rights, watching
from agent.directories.access import ReadingRules
from agent.directories.ad_policies import AdPolicies
from agent.directories.checks import Check
from agent.directories.client import Client
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
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.explaining import explained
from agent.directories.filters import at_least, equal, present
from agent.directories.reader import Pages, users
from agent.directories.results import Code, Result
from agent.directories.rights import Needs, Recipe
from agent.directories.searches import Completeness, Ended, Watch
from agent.directories.times import Moment
from agent.directories.watermarks import Watermark, decode
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import InvalidInput
from ims.locks import LockFact
from ims.people import DirectoryName, EntryId
from ims.ports import Outcome

NAME = "ad"
MOST_CHANGES = 20_000
"""More changed entries than this are read by a reconcile, which holds one page at a time."""
UNLOCKED = b"0"
_ID = "objectGUID"
_GUID_OCTETS = 16
_SIGN_INS = {
    0x525: SignIn.WRONG,
    0x52E: SignIn.WRONG,
    0x532: SignIn.PASSWORD_EXPIRED,
    0x533: SignIn.LOCKED,
    0x701: SignIn.LOCKED,
    0x773: SignIn.MUST_CHANGE,
    0x775: SignIn.LOCKED,
}
"""What a refused bind says more (MS-ERREF 2.2): no such user, wrong password, expired password, disabled account,
expired account, password to be changed, locked. Others, such as "not at this hour", judge no password."""


class ActiveDirectory:
    """The dialect of Active Directory. `source` is the directory's name, which its locks carry."""

    def __init__(self, source: DirectoryName) -> None:
        self._source = source

    # --- entries -----------------------------------------------------------------------------------------------------

    def wanted_attributes(self) -> tuple[str, ...]:
        """Return the attributes to ask for by name: some are computed, and `*` does not bring those."""
        return (_ID, ad_changes.STAMP, *ad_locks.ENTRY_ATTRIBUTES)

    def id_attributes(self) -> tuple[str, ...]:
        """Return the attribute that holds the entry's id."""
        return (_ID,)

    def entry_id(self, entry: Entry) -> EntryId:
        """Return the objectGUID. Raises BadEntry where it is missing (the account may not read it) or none."""
        octets = entry.single(_ID) or b""
        if len(octets) != _GUID_OCTETS:
            raise BadEntry(entry.dn, f"its {_ID} {'is none' if octets else 'cannot be read'}")
        return EntryId(str(uuid.UUID(bytes_le=octets)))

    def entry_filter(self, entry_id: EntryId) -> str:
        """Return the filter for one objectGUID. Raises InvalidInput."""
        try:
            return equal(_ID, uuid.UUID(entry_id).bytes_le)
        except ValueError:
            raise InvalidInput(f"{entry_id!r} is no {_ID}") from None

    def stamp(self, entry: Entry) -> str:
        """Return the uSNChanged, which means something on one domain controller only. A lock moves it."""
        return ad_changes.stamp_of(entry)

    def exact(self, stamp: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return that a stamp is one state's alone, where there is one."""
        return True

    def state(self, entry: Entry) -> str:  # noqa: ARG002 - the protocol's
        """Return nothing: each controller refuses people by the lock that it has, however old that is."""
        return ""

    def protects(self, entry: Entry) -> str:
        """Return why only the domain's administrators unlock an account: it is, or was, privileged, or runs a service.

        `adminCount` is set on the members of privileged groups, through others too (MS-ADTS 3.1.1.6.1); an account that
        runs a service has a `servicePrincipalName`, and whoever frees it lets an attacker guess on.
        """
        if entry.text(ad_locks.ADMIN_COUNT) == "1":
            return f"{ad_locks.ADMIN_COUNT} = 1: it is in a privileged group of the domain, or was"
        return f"it has a {ad_locks.SERVICE}: it runs a service" if entry.values(ad_locks.SERVICE) else ""

    def last_failure(self, entry: Entry) -> datetime | None:
        """Return when this controller last got a wrong password; others do not hear of it. Raises BadEntry."""
        failed = ad_locks.time_in(entry, ad_locks.FAILED)
        return failed.at if isinstance(failed, Moment) else None

    def failures(self, entry: Entry, policy: Policy, now: datetime) -> int:
        """Return the badPwdCount of this controller. Raises BadEntry.

        It is forgotten after the observation window, which is never longer than a lock lasts (MS-ADTS 3.1.1.5.3).
        """
        last = self.last_failure(entry)
        forgotten = bool(policy.duration) and last is not None and last + policy.duration <= now
        return 0 if forgotten else ad_locks.count_in(entry)

    # --- locks -------------------------------------------------------------------------------------------------------

    def clock_ahead(self, client: Client, now: Callable[[], datetime]) -> timedelta | None:
        """Return how far the controller's clock is ahead of ours, by the time in its root DSE."""
        return ad_checks.clock_ahead(client, now)

    def policies(self, client: Client, rules: ReadingRules) -> Policies:
        """Return the lockout policies as this controller has them; each is read once."""
        return AdPolicies(client, rules)

    def read_locks(self, entry: Entry, policy: Policy, now: datetime) -> Reading:
        """Return what the entry says about its locks. Raises BadEntry."""
        return ad_locks.read_locks(self._source, entry, policy, now)

    def explain(self, entry: Entry, policy: Policy, now: datetime) -> tuple[str, ...]:
        """Return raw lock attributes, the policy and the arithmetic. Raises BadEntry."""
        return explained(entry, policy, self.read_locks(entry, policy, now), now, ad_locks.ENTRY_ATTRIBUTES)

    def locked_filter(self) -> str:
        """Return the filter for everybody who is locked, or was and did not sign in since.

        What the server computes cannot be searched for: such a filter silently matches nobody.
        """
        return at_least(ad_locks.MARKER, "1")

    def readable_filter(self) -> str:
        """Return the filter that only an entry satisfies whose account attributes may be seen: everybody has this one.

        Of the lock itself each entry tells whether it is shown (`Reading.unread`), which no filter could ask.
        """
        return present(ad_locks.CONTROL)

    # --- changes -----------------------------------------------------------------------------------------------------

    def position(self, client: Client, rules: ReadingRules) -> str:  # noqa: ARG002 - the protocol's
        """Return how far the controller is: its name, its database's id, and the number of its last change."""
        position = ad_changes.position_of(client)
        return str(position) if position is not None else ""

    def changes_since(self, client: Client, rules: ReadingRules, watermark: str) -> Changes:
        """Return the users with a later uSNChanged than the watermark's. Deletions it cannot see."""
        mark = decode(watermark)
        before = ad_changes.position_in(mark.position) if mark is not None and mark.dialect == NAME else None
        if mark is None or before is None:
            return _compare_fully("there is no watermark to go on from")
        if mark.server != client.server:
            return _compare_fully(f"the last reading was of {mark.server}, this one is of {client.server}")
        now = ad_changes.position_of(client)
        why_not = ad_changes.why_not_from(before, now)
        if why_not:
            return _compare_fully(why_not)
        pages = Pages(client, users(self, rules, at_least(ad_changes.STAMP, str(before.number + 1))))
        entries = list[Entry]()
        for page in pages:
            entries += page
            if len(entries) > MOST_CHANGES:
                return _compare_fully(f"more than {MOST_CHANGES} entries changed")
        following = Watermark(dialect=NAME, server=client.server, position=str(now)).encode()
        return Changes(entries=tuple(entries), watermark=following, completeness=pages.completeness)

    def watch(self, client: Client, rules: ReadingRules) -> Watch:  # noqa: ARG002 - the protocol's
        """Return a change notification of the domain: it takes a whole naming context, and no filter of ours."""
        watching.must_offer(client, watching.NOTIFICATION, "change notification")
        return watching.notification(ad_policies.domain_of(client))

    def watermark(
        self,
        server: str,
        highest_stamp: str,  # noqa: ARG002 - stamps do not tell what changed behind a reading's back
        took: timedelta,  # noqa: ARG002 - the same
        before: str = "",  # noqa: ARG002 - what was passed over was seen as it is
        began: str = "",
    ) -> str:
        """Return where to go on after a complete reading: at the position at which it began."""
        return Watermark(dialect=NAME, server=server, position=began).encode() if began else ""

    def lag(self, client: Client, rules: ReadingRules, watermark: str) -> str:  # noqa: ARG002 - the protocol's
        """Say why a controller is older than what was read before: it is not filled yet, or its numbers went back.

        Of another controller's numbers nobody can tell. Raises Unreachable or ProtocolFault.
        """
        empty = ad_changes.half_filled(client)
        mark = decode(watermark)
        if empty or mark is None or (mark.dialect, mark.server) != (NAME, client.server):
            return empty
        before, now = ad_changes.position_in(mark.position), ad_changes.position_of(client)
        if before is None or now is None or now.database != before.database:
            return ""
        return ad_changes.why_not_from(before, now)

    # --- writes ------------------------------------------------------------------------------------------------------

    def unlock_modify(self, dn: str, stamp: str, facts: Sequence[LockFact]) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the exchange of the `lockoutTime` that was seen for 0; where it is another, nothing is done.

        The stamp is no part of it: the server knows no assertion (12). Raises NotWritable.
        """
        seen = {name: value for fact in facts for name, value in fact.evidence}
        if ad_locks.MARKER not in seen:
            raise NotWritable("only the directory's own administrators can end this")
        gone = Modification(kind=Kind.DELETE, attribute=ad_locks.MARKER, values=(seen[ad_locks.MARKER].encode(),))
        unlocked = Modification(kind=Kind.ADD, attribute=ad_locks.MARKER, values=(UNLOCKED,))
        return Modify(dn=dn, changes=(gone, unlocked))

    def rewrite_modify(self, dn: str, stamp: str) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the unlock as administrators write it, on a writable controller: read-only ones get it from there."""
        unlocked = Modification(kind=Kind.REPLACE, attribute=ad_locks.MARKER, values=(UNLOCKED,))
        return Modify(dn=dn, changes=(unlocked,))

    def affiliate_modify(self, dn: str, gives: GroupMembership | AttributeValue) -> Modify:
        """Return the addition of a member to a group, or of a value to the entry."""
        if isinstance(gives, GroupMembership):
            member = Modification(kind=Kind.ADD, attribute=gives.attribute, values=(dn.encode(),))
            return Modify(dn=gives.group_dn, changes=(member,))
        value = Modification(kind=Kind.ADD, attribute=gives.attribute, values=(gives.value.encode(),))
        return Modify(dn=dn, changes=(value,))

    def outcome(self, result: Result) -> Outcome:
        """Return what an answer means. A member who is one already is "entry already exists" here (68)."""
        match result.code:
            case Code.SUCCESS:
                return Outcome.DONE
            case Code.ALREADY_EXISTS | Code.ATTRIBUTE_OR_VALUE_EXISTS:
                return Outcome.ALREADY
            case Code.NO_SUCH_ATTRIBUTE | Code.NO_SUCH_OBJECT:
                return Outcome.CHANGED
            case _:
                return Outcome.REFUSED

    def is_copy(self, result: Result) -> bool:
        """Return whether a read-only controller answered: by a referral to a writable one."""
        return result.code == Code.REFERRAL

    def sign_in_outcome(self, result: Result) -> SignIn:
        """Return what an answer to a bind means, by its sub-code; the server's text goes no further."""
        if result.ok:
            return SignIn.WELCOME
        if result.code != Code.INVALID_CREDENTIALS:
            return SignIn.UNDECIDED
        return _SIGN_INS.get(result.sub_code, SignIn.UNDECIDED if result.sub_code else SignIn.WRONG)

    # --- rights ------------------------------------------------------------------------------------------------------

    def rights_recipe(self, needs: Needs, database: str = "") -> Recipe:  # noqa: ARG002 - the protocol's
        """Return the recipe: for PowerShell on Windows, and for samba-tool."""
        return ad_rights.recipe(needs)

    def checks(self, client: Client, needs: Needs, now: Callable[[], datetime]) -> Iterator[Check]:
        """Yield what the controller is like, then what can be seen of some users."""
        yield from ad_checks.server_checks(client, needs, self.policies(client, needs.reading), now)
        yield from ad_checks.reading_checks(client, needs)

    def writing_checks(self, client: Client, needs: Needs) -> tuple[Check, ...] | None:
        """Return what may be written, as the server says it; None on a read-only controller."""
        return ad_checks.writing_checks(client, needs)


def _compare_fully(why: str) -> Changes:
    return Changes(completeness=Completeness(ended=Ended.UNFINISHED, why=why), compare_fully=why)
