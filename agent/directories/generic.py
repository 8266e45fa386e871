"""Any LDAP directory, by a mapping in the settings: which attribute locks, what it says, and what an unlock leaves.

What is standard in LDAP is done as for 389 Directory Server, whose numbers of changes count where the server has them;
else the entries' `modifyTimestamp` (RFC 4512 section 3.4) tells what changed. Whether lock attributes can be read, only
a server that answers filters in three values shows; where one does not, a canary does.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from agent.directories import generic_rights, openldap_lag, watching
from agent.directories import mapping as mappings
from agent.directories.access import ReadingRules
from agent.directories.checks import Check
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, NotWritable, Policies, Policy, Reading
from agent.directories.ds389 import Ds389
from agent.directories.ds389_changes import NUMBER, STAMP
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, NotTold
from agent.directories.explaining import explained
from agent.directories.filters import all_of, equal, none_of, present
from agent.directories.mapping import IdSyntax, Mapping, Marker
from agent.directories.results import Code, Result
from agent.directories.rights import Needs, Recipe
from agent.directories.searches import Watch
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import InvalidInput
from ims.locks import LockFact, LockReason
from ims.people import DirectoryName, EntryId
from ims.ports import Outcome

LONGEST_ID = 200
"""Octets of an entry's id: a UUID has 36 as text."""

_DIGEST = "~"


class Generic(Ds389):
    """The dialect of a directory that settings describe. `source` is its name, which its locks carry."""

    def __init__(self, source: DirectoryName, mapping: Mapping) -> None:
        super().__init__(source)
        self.mapping = mapping

    # --- entries -----------------------------------------------------------------------------------------------------

    def wanted_attributes(self) -> tuple[str, ...]:
        """Return the attributes to ask for by name."""
        return (self.mapping.id, STAMP, NUMBER, *self.mapping.names)

    def id_attributes(self) -> tuple[str, ...]:
        """Return the attribute that holds the entry's id."""
        return (self.mapping.id,)

    def entry_id(self, entry: Entry) -> EntryId:
        """Return the id: a UUID in its usual form, other text as it stands, octets as hexadecimal. Raises BadEntry."""
        name = self.mapping.id
        raw = entry.single(name) or b""
        if not raw or len(raw) > LONGEST_ID:
            raise BadEntry(entry.dn, f"its {name} {'is too long for an id' if raw else 'cannot be read'}")
        if self.mapping.id_syntax is IdSyntax.BINARY:
            return EntryId(raw.hex())
        text = entry.text(name)
        try:
            return EntryId(str(uuid.UUID(text)))
        except ValueError:
            return EntryId(text)

    def entry_filter(self, entry_id: EntryId) -> str:
        """Return the filter that finds an entry by its id. Raises InvalidInput."""
        if self.mapping.id_syntax is IdSyntax.TEXT:
            return equal(self.mapping.id, entry_id)
        try:
            octets = bytes.fromhex(entry_id)
        except ValueError:
            raise InvalidInput(f"{entry_id!r} is no {self.mapping.id}") from None
        escaped = "".join(rf"\{octet:02x}" for octet in octets)
        return f"({self.mapping.id}={escaped})"

    def stamp(self, entry: Entry) -> str:
        """Return the modifyTimestamp with the entry's number, or, without one, with a digest of its lock attributes.

        A lock and its end may come within a second, and some servers write neither into the time.
        """
        stamp = super().stamp(entry)
        if not stamp or self.exact(stamp):
            return stamp
        values = repr([entry.values(name) for name in self.mapping.names])
        return f"{stamp} {_DIGEST}{hashlib.blake2b(values.encode(), digest_size=8).hexdigest()}"

    def exact(self, stamp: str) -> bool:
        """Return whether there is a number in it."""
        return super().exact(stamp) and _DIGEST not in stamp

    def failures(self, entry: Entry, policy: Policy, now: datetime) -> int:  # noqa: ARG002 - the protocol's
        """Return what the entry counts. Raises BadEntry."""
        return mappings.failures_of(self.mapping, entry)

    # --- locks -------------------------------------------------------------------------------------------------------

    def clock_ahead(self, client: Client, now: Callable[[], datetime]) -> timedelta | None:  # noqa: ARG002 - the protocol's
        """Return None: there is no standard way to ask a server for its time."""
        return None

    def policies(self, client: Client, rules: ReadingRules) -> Policies:  # noqa: ARG002 - the protocol's
        """Return what the mapping says, for everybody."""
        return _Mapped(self.mapping)

    def read_locks(self, entry: Entry, policy: Policy, now: datetime) -> Reading:  # noqa: ARG002 - the protocol's
        """Return what the entry's markers mean. Raises BadEntry."""
        return mappings.read_locks(self.mapping, self._source, entry, now)

    def explain(self, entry: Entry, policy: Policy, now: datetime) -> tuple[str, ...]:
        """Return raw lock attributes, what is known of the policy, and what follows. Raises BadEntry."""
        return explained(entry, policy, self.read_locks(entry, policy, now), now, self.mapping.names)

    def locked_filter(self) -> str:
        """Return the filter for everybody with a marker of wrong passwords; an index on it makes it cheap."""
        return self.mapping.lock.filter()

    def readable_filter(self) -> str:
        """Return the filter that only an entry satisfies whose lock attributes the account may see, there or not.

        A hidden attribute makes both halves undefined where the server keeps to RFC 4511 section 4.5.1.7.
        """
        names = [marker.attribute for marker in self.mapping.markers.values()]
        return all_of(*(f"(|{present(name)}{none_of(present(name))})" for name in names))

    # --- changes -----------------------------------------------------------------------------------------------------

    def watch(self, client: Client, rules: ReadingRules) -> Watch:
        """Return a persistent search, or a content synchronization: whichever the server offers."""
        try:
            return super().watch(client, rules)
        except NotTold:
            watching.must_offer(client, watching.SYNC, "persistent search or content synchronization")
            return watching.content_sync(rules, openldap_lag.cookie(client, rules))

    # --- writes ------------------------------------------------------------------------------------------------------

    def unlock_modify(self, dn: str, stamp: str, facts: Sequence[LockFact]) -> Modify:
        """Return the exchange of exactly the values that were seen for free ones. Raises NotWritable."""
        markers, changes = self.mapping.markers, list[Modification]()
        for fact in facts:
            if fact.reason in markers and fact.reason is not LockReason.EXPIRED:
                changes += _freed(markers[fact.reason], dict(fact.evidence))
        if not changes:
            raise NotWritable("only the directory's own administrators can end this")
        written = stamp.partition(" ")[0] if self.mapping.asserts else ""
        return Modify(dn=dn, changes=tuple(changes), assertion=equal(STAMP, written) if written else "")

    def rewrite_modify(self, dn: str, stamp: str) -> Modify:  # noqa: ARG002 - the protocol's
        """Return the marker's free value, or nothing in its place, for the server that the others copy."""
        lock = self.mapping.lock
        free = (lock.free.encode(),) if lock.free else ()
        return Modify(dn=dn, changes=(Modification(kind=Kind.REPLACE, attribute=lock.attribute, values=free),))

    def outcome(self, result: Result) -> Outcome:
        """Return what an answer means: an entry that moved since it was read has to be read again."""
        return Outcome.CHANGED if result.code == Code.ASSERTION_FAILED else super().outcome(result)

    # --- rights ------------------------------------------------------------------------------------------------------

    def rights_recipe(self, needs: Needs, database: str = "") -> Recipe:  # noqa: ARG002 - the protocol's
        """Return the rights in words: how to grant them is the product's own."""
        return generic_rights.recipe(needs, self.mapping)

    def checks(self, client: Client, needs: Needs, now: Callable[[], datetime]) -> Iterator[Check]:  # noqa: ARG002 - the protocol's
        """Yield whether what the mapping names can be read of one of the users."""
        yield from generic_rights.checks(client, needs, self.mapping, self.readable_filter())

    def writing_checks(self, client: Client, needs: Needs) -> tuple[Check, ...] | None:  # noqa: ARG002 - the protocol's
        """Return that nobody can tell without writing."""
        return (generic_rights.UNPROVED,)


class _Mapped:
    """One policy for everybody: what the mapping says of wrong passwords."""

    def __init__(self, mapping: Mapping) -> None:
        self._policy = Policy(
            knowledge=Knowledge.KNOWN if mapping.most else Knowledge.UNKNOWN,
            source="of the mapping" if mapping.most else "the mapping does not say how many wrong passwords lock",
            lockout=True,
            max_failures=mapping.most,
            duration=mapping.lock.duration,
            fingerprinted=True,
        )

    def fingerprint(self) -> bytes:
        """Return a digest of what the settings say."""
        return hashlib.blake2b(repr(self._policy).encode()).digest()

    def of(self, entry: Entry, now: datetime) -> Policy:  # noqa: ARG002 - the protocol's
        """Return it."""
        return replace(self._policy)


def _freed(marker: Marker, seen: dict[str, str]) -> Iterator[Modification]:
    """Yield the exchange of what was seen of a marker: where another value stands now, all of it is refused."""
    if marker.attribute not in seen:
        return
    for name, free in {marker.attribute: marker.free, **marker.resets}.items():
        if name not in seen or seen[name] == free:
            continue
        yield Modification(kind=Kind.DELETE, attribute=name, values=(seen[name].encode(),))
        if free:
            yield Modification(kind=Kind.ADD, attribute=name, values=(free.encode(),))
