"""FreeIPA (Red Hat Identity Management): how it spells lock, policy and unlock; the rest is 389 Directory Server's.

An unlock sets the count that was seen to zero and `krbLastAdminUnlock` to the very failure that was seen, in one modify
that also takes away and puts back the time of that failure: the server refuses all of it (16) where another failure has
come since. So no later lock is ever unlocked with it, by whatever clock.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from agent.directories import freeipa_checks, freeipa_locks, freeipa_rights
from agent.directories.access import ReadingRules
from agent.directories.checks import Check
from agent.directories.client import Client
from agent.directories.dialect import NotWritable, Policies, Policy, Reading, SignIn
from agent.directories.ds389 import Ds389
from agent.directories.ds389_changes import NUMBER, STAMP
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry
from agent.directories.explaining import explained
from agent.directories.filters import all_of, equal, none_of, present
from agent.directories.freeipa_policies import IpaPolicies
from agent.directories.results import Code, Result
from agent.directories.rights import Needs, Recipe
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import InvalidInput
from ims.locks import LockFact
from ims.people import EntryId

_ID = "ipaUniqueID"
_UNIQUE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADMINISTRATORS = "cn=admins,cn=groups,cn=accounts,"
_MEMBER_OF = "memberOf"


class FreeIpa(Ds389):
    """The dialect of FreeIPA. Its masters count for themselves: each that is configured is asked, and unlocked."""

    def wanted_attributes(self) -> tuple[str, ...]:
        """Return the attributes to ask for by name: most are operational, and `*` does not bring those."""
        return (_ID, STAMP, NUMBER, _MEMBER_OF, *freeipa_locks.ENTRY_ATTRIBUTES)

    def id_attributes(self) -> tuple[str, ...]:
        """Return the attribute that holds the entry's id."""
        return (_ID,)

    def entry_id(self, entry: Entry) -> EntryId:
        """Return the ipaUniqueID. Raises BadEntry where it is missing (the account may not read it) or none."""
        text = entry.text(_ID).lower()
        if not _UNIQUE_ID.fullmatch(text):
            raise BadEntry(entry.dn, f"its {_ID} {'is none' if text else 'cannot be read'}")
        return EntryId(text)

    def entry_filter(self, entry_id: EntryId) -> str:
        """Return the filter for one ipaUniqueID. Raises InvalidInput."""
        if not _UNIQUE_ID.fullmatch(entry_id):
            raise InvalidInput(f"{entry_id!r} is no {_ID}")
        return equal(_ID, entry_id)

    def protects(self, entry: Entry) -> str:
        """Return that an account is one of the realm's own administrators, by itself or through groups."""
        groups = (name.lower() for name in entry.texts(_MEMBER_OF))
        return "it is one of the realm's administrators" if any(map(_is_administrators, groups)) else ""

    def last_failure(self, entry: Entry) -> datetime | None:
        """Return when this master last got a wrong password. Raises BadEntry."""
        return freeipa_locks.marks_of(entry).failed

    def failures(self, entry: Entry, policy: Policy, now: datetime) -> int:  # noqa: ARG002 - the protocol's
        """Return the krbLoginFailedCount, even where the server would have forgotten it by now. Raises BadEntry."""
        return freeipa_locks.marks_of(entry).count

    # --- locks -------------------------------------------------------------------------------------------------------

    def policies(self, client: Client, rules: ReadingRules) -> Policies:
        """Return the password policies as this server has them; each is read once."""
        return IpaPolicies(client, rules)

    def read_locks(self, entry: Entry, policy: Policy, now: datetime) -> Reading:
        """Return what the entry says about its locks. Raises BadEntry."""
        return freeipa_locks.read_locks(self._source, entry, policy, now)

    def explain(self, entry: Entry, policy: Policy, now: datetime) -> tuple[str, ...]:
        """Return raw lock attributes, the policy and the arithmetic. Raises BadEntry."""
        return explained(entry, policy, self.read_locks(entry, policy, now), now, freeipa_locks.ENTRY_ATTRIBUTES)

    def locked_filter(self) -> str:
        """Return the filter for everybody with wrong passwords to their name who did not sign in since."""
        return all_of(
            present(freeipa_locks.FAILED), present(freeipa_locks.COUNT), none_of(equal(freeipa_locks.COUNT, "0"))
        )

    def readable_filter(self) -> str:
        """Return the filter that only an entry satisfies whose lock attributes the account may see, there or not."""
        names = (freeipa_locks.COUNT, freeipa_locks.FAILED, freeipa_locks.UNLOCKED, freeipa_locks.DISABLED)
        return all_of(*(f"(|{present(name)}{none_of(present(name))})" for name in names))

    # --- writes ------------------------------------------------------------------------------------------------------

    def unlock_modify(self, dn: str, stamp: str, facts: Sequence[LockFact]) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the change of exactly what was seen; where a failure has come since, nothing is done.

        Raises NotWritable.
        """
        seen = {name: value for fact in facts for name, value in fact.evidence}
        changes: list[Modification] = []
        if freeipa_locks.COUNT in seen and freeipa_locks.FAILED in seen:
            failed, count = seen[freeipa_locks.FAILED].encode(), seen[freeipa_locks.COUNT].encode()
            changes += _exchange(freeipa_locks.FAILED, failed, failed)
            changes += _exchange(freeipa_locks.COUNT, count, b"0")
            changes += _exchange(freeipa_locks.UNLOCKED, seen.get(freeipa_locks.UNLOCKED, "").encode(), failed)
        if freeipa_locks.DISABLED in seen:
            value = seen[freeipa_locks.DISABLED].encode()
            changes.append(Modification(kind=Kind.DELETE, attribute=freeipa_locks.DISABLED, values=(value,)))
        if not changes:
            raise NotWritable("only the directory's own administrators can end this")
        return Modify(dn=dn, changes=tuple(changes))

    def rewrite_modify(self, dn: str, stamp: str) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the count set to zero. There are no read-only copies: each master takes its own unlock."""
        count = Modification(kind=Kind.REPLACE, attribute=freeipa_locks.COUNT, values=(b"0",))
        return Modify(dn=dn, changes=(count,))

    def sign_in_outcome(self, result: Result) -> SignIn:
        """Return what an answer to a bind means: a locked or disabled account is "unwilling to perform" (53) here."""
        return SignIn.LOCKED if result.code == Code.UNWILLING_TO_PERFORM else super().sign_in_outcome(result)

    # --- rights ------------------------------------------------------------------------------------------------------

    def rights_recipe(self, needs: Needs, database: str = "") -> Recipe:  # noqa: ARG002 - the protocol's
        """Return the recipe as LDIF with access control instructions, and what it is in permissions of FreeIPA's."""
        return freeipa_rights.recipe(needs)

    def checks(self, client: Client, needs: Needs, now: Callable[[], datetime]) -> Iterator[Check]:
        """Yield what the server is like, then what can be seen of one of the users."""
        yield from freeipa_checks.server_checks(client, needs, self.policies(client, needs.reading), now)

    def writing_checks(self, client: Client, needs: Needs) -> tuple[Check, ...] | None:
        """Return what may be written, as the server says it."""
        return freeipa_checks.writing_checks(client, needs)


def _is_administrators(dn: str) -> bool:
    return dn.startswith(_ADMINISTRATORS)


def _exchange(attribute: str, before: bytes, after: bytes) -> tuple[Modification, ...]:
    """Return the exchange of a value for another, or the addition where there was none.

    Never a replacement: the server refuses that where a right is limited to adding and deleting certain values.
    """
    gone = (Modification(kind=Kind.DELETE, attribute=attribute, values=(before,)),) if before else ()
    return (*gone, Modification(kind=Kind.ADD, attribute=attribute, values=(after,)))
