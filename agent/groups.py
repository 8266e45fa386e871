"""The groups that settings name: found by entry id, read when they changed, and never believed when they are empty.

A group is an address in the settings and an identity from its first reading on: a rename does not lose it. One that is
missing, may not be read, or has lost all its members is *no knowledge*: nobody joins or leaves by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.addresses import Address
from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.filters import all_of, equal
from agent.directories.reader import find_one, read_all
from agent.directories.searches import NOTHING, Search
from agent.matching import Groups
from agent.members import Members
from config.rules import Via
from ims.passes import RuleGroup

MEMBER = "member"
MEMBER_OF = "memberOf"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReading:
    """What a pass knows of one group. `members` is None where it knows nothing; `why` then says so.

    `found` is what to remember of it, None if it was never found. `before` are the members of the last committed pass.
    With `compare` nobody remembers them: then anybody may be new, and only the store can tell who is, and who is gone.
    `remembered`: the members were not read now.
    """

    found: RuleGroup | None
    members: Members | None = None
    before: Members | None = None
    compare: bool = False
    remembered: bool = False
    why: str = ""

    @property
    def came(self) -> Mapping[Address, str]:
        """Return those who were not members before, or may not have been, with their DNs."""
        return self.members.without(self.before) if self.members is not None and self.moved else {}

    @property
    def went(self) -> frozenset[Address]:
        """Return those who were members before and are none now."""
        if self.members is None or self.before is None:
            return frozenset()
        return self.before.addresses - self.members.addresses

    @property
    def moved(self) -> bool:
        """Return whether somebody's membership may have changed."""
        if self.members is None or self.before is None:
            return self.compare
        return self.before.digest != self.members.digest


class GroupMemory:
    """What this process remembers of groups between passes, so that an unchanged group's members are not read again.

    It is used only where the store remembers the same state: another agent's pass, or one that never committed, leaves
    it behind. Even then it is not the last word: slapd's refint overlay changes members without the group's stamp.
    """

    def __init__(self) -> None:
        self._members: dict[str, tuple[RuleGroup, Members]] = {}

    def members(self, group: RuleGroup | None) -> Members | None:
        """Return the members of a group in the state that the store remembers, or None."""
        known = self._members.get(group.dn) if group is not None else None
        return known[1] if known is not None and known[0] == group else None

    def keep(self, readings: Mapping[str, GroupReading]) -> None:
        """Remember what a committed pass read."""
        for dn, reading in readings.items():
            if reading.found is not None and reading.members is not None:
                self._members[dn] = (reading.found, reading.members)


def named_groups(directory: ConfiguredDirectory) -> dict[str, Via]:
    """Return the groups that rules and roles name, by DN, with the side that tells who is in them."""
    groups = dict.fromkeys((group.dn for group in directory.role_groups), Via.MEMBER)
    return groups | {rule.group: rule.via for rule in directory.settings.rules.values() if rule.group is not None}


def read_groups(
    client: Client,
    directory: ConfiguredDirectory,
    known: tuple[RuleGroup, ...],
    memory: GroupMemory,
    *,
    afresh: bool,
) -> dict[str, GroupReading]:
    """Read every group that settings name; `known` is what the store remembers of them.

    Raises DirectoryUnreachable. `afresh` reads all members again, whether a group changed or not.
    """
    before = {group.dn: group for group in known}
    reader = _GroupReader(client, directory, memory, afresh=afresh)
    return {dn: reader.read(dn, via, before.get(dn)) for dn, via in named_groups(directory).items()}


def groups_of(readings: Mapping[str, GroupReading]) -> Groups:
    """Return who is in the groups about which something is known."""
    return Groups(members={dn: reading.members for dn, reading in readings.items() if reading.members is not None})


def find_group(client: Client, directory: ConfiguredDirectory, dn: str, known: RuleGroup | None) -> Entry | None:
    """Find a group by its id, wherever it moved; by its DN when it is new, or outside the directory's base.

    Raises Refused and DirectoryUnreachable.
    """
    wanted = directory.dialect.wanted_attributes()
    if known is not None:
        by_id = directory.dialect.entry_filter(known.entry_id)
        found = find_one(client, Search(base=directory.settings.base, filter=by_id, attributes=wanted))
        if found is not None:
            return found
    return client.search_one(dn, wanted)


class _GroupReader:
    """Reads groups over one connection."""

    def __init__(
        self,
        client: Client,
        directory: ConfiguredDirectory,
        memory: GroupMemory,
        *,
        afresh: bool,
    ) -> None:
        self._client = client
        self._directory = directory
        self._memory = memory
        self._afresh = afresh

    def read(self, dn: str, via: Via, known: RuleGroup | None) -> GroupReading:
        try:
            return self._read(dn, via, known)
        except Refused as refusal:
            return GroupReading(found=known, why=f"the group {dn} cannot be read ({refusal.result.name})")
        except BadEntry as error:
            return GroupReading(found=known, why=f"the group {dn} cannot be used: {error.why}")

    def _read(self, dn: str, via: Via, known: RuleGroup | None) -> GroupReading:
        entry = find_group(self._client, self._directory, dn, known)
        if entry is None:
            return GroupReading(found=known, why=f"the group {dn} is missing")
        dialect = self._directory.dialect
        entry_id, stamp = dialect.entry_id(entry), dialect.stamp(entry)
        if known is not None and known.entry_id != entry_id:
            adopted = RuleGroup(dn=dn, entry_id=entry_id)
            return GroupReading(found=adopted, why=f"the group {dn} is a new one by an old name: it counts from now on")
        remembered = self._memory.members(known)
        unchanged = known is not None and dialect.exact(stamp) and bool(stamp) and stamp == known.stamp
        if unchanged and remembered is not None and not self._afresh:
            return GroupReading(found=known, members=remembered, remembered=True)
        members = self._members(entry, via)
        if not members and known is not None and known.members:
            return GroupReading(found=known, why=f"the group {dn} has lost all its {known.members} members")
        found = RuleGroup(dn=dn, entry_id=entry_id, members=len(members), stamp=stamp)
        if unchanged and remembered is None:
            return GroupReading(found=found, members=members)
        return GroupReading(found=found, members=members, before=remembered, compare=remembered is None)

    def _members(self, group: Entry, via: Via) -> Members:
        """Return who is in a group. Raises Refused where that cannot be told completely."""
        if via is Via.MEMBER:
            entry = self._client.search_one(group.dn, (MEMBER,))
            return Members(_names_in(entry) if entry is not None else ())
        reading = self._directory.reading
        search = Search(
            base=reading.base,
            filter=all_of(reading.filter, equal(MEMBER_OF, group.dn)),
            scope=reading.scope,
            attributes=NOTHING,
        )
        entries, completeness = read_all(self._client, search)
        if not completeness.complete:
            raise BadEntry(group.dn, completeness.why)
        return Members(entry.dn.encode(errors="replace") for entry in entries)


def _names_in(group: Entry) -> tuple[bytes, ...]:
    """Return the names that a group lists. Raises BadEntry where one is no text."""
    names = group.values(MEMBER)
    text = b"".join(names)
    if not text.isascii() or b"\0" in text:
        group.texts(MEMBER)
    return names
