"""What a tick reads although nothing in it changed: entries by their ids, and people whose groups changed."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from agent.addresses import Address, address_of, addresses_of
from agent.context import link_to
from agent.directories.access import Scope
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, MalformedName, Refused
from agent.directories.names import parse
from agent.directories.reader import attributes, read_all, users
from agent.directories.searches import Completeness, Ended
from agent.groups import GroupReading, groups_of
from agent.matching import Groups, roles_of, rule_name, unknown_roles
from agent.run import Run
from ims.errors import InvalidInput
from ims.people import EntryId, User

_IDS_AT_ONCE = 100
"""How many ids one filter names: more makes servers slow, and some refuse it."""
USERS_AT_ONCE = 1000
"""How many users are taken from the store at once."""
_MOST_QUARANTINED = 1000
"""How many quarantined entries a tick looks at again; the others wait for the reconcile."""


class ById:
    """The users among some entries, found by their ids wherever they are now."""

    def __init__(self, client: Client, run: Run, ids: Iterable[EntryId]) -> None:
        self._client = client
        self._run = run
        self._ids = sorted(ids)
        self.completeness = Completeness(ended=Ended.COMPLETE)

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield what each search finds."""
        dialect, rules = self._run.directory.dialect, self._run.directory.reading
        for ids in chunks(self._ids, _IDS_AT_ONCE):
            any_of_them = f"(|{''.join(dialect.entry_filter(entry_id) for entry_id in ids)})"
            entries, completeness = read_all(self._client, users(dialect, rules, any_of_them))
            if not completeness.complete:
                self.completeness = completeness
            yield entries


class ByDn:
    """The users among some DNs: members of a group whom the store does not know yet."""

    def __init__(self, client: Client, run: Run, dns: Iterable[str]) -> None:
        self._client = client
        self._run = run
        self._dns = sorted(dns)
        self.completeness = Completeness(ended=Ended.COMPLETE)

    def __iter__(self) -> Iterator[tuple[Entry, ...]]:
        """Yield each entry that is there and a user."""
        rules = self._run.directory.reading
        wanted = attributes(self._run.directory.dialect, rules)
        for dn in self._dns:
            if not self._in_scope(dn):
                continue
            try:
                entry = self._client.search_one(dn, wanted, rules.filter)
            except Refused as refusal:
                self.completeness = Completeness(ended=Ended.REFUSED, why=str(refusal))
                continue
            if entry is not None:
                yield (entry,)

    def _in_scope(self, dn: str) -> bool:
        rules = self._run.directory.reading
        name, base = parse(dn), parse(rules.base)
        return name.parent == base if rules.scope is Scope.LEVEL else name.within(base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Whose membership of a named group may have changed: entries that the store knows, and DNs that it does not."""

    ids: frozenset[EntryId] = frozenset()
    dns: frozenset[str] = frozenset()


def moved_members(run: Run, readings: Mapping[str, GroupReading]) -> Moved:
    """Return whom a tick must read because a group that settings name has changed."""
    moved = [reading for reading in readings.values() if reading.moved]
    if not moved:
        return Moved()
    known = run.store.entry_ids(run.name)
    by_address = {address: known_id for known_id, dn in known.items() for address in addresses_of((dn,))}
    came = {address: dn for reading in moved for address, dn in reading.came.items()}
    touched = {address for reading in moved if not reading.compare for address in (*reading.came, *reading.went)}
    ids = {by_address[address] for address in touched if address in by_address}
    if any(reading.compare for reading in moved):
        ids |= _differing(run, known, groups_of(readings))
    return Moved(ids=frozenset(ids), dns=frozenset(dn for address, dn in came.items() if address not in by_address))


def quarantined_ids(run: Run) -> frozenset[EntryId]:
    """Return the entries in quarantine that can be asked for by id, the oldest first, up to a limit."""
    return frozenset(
        EntryId(waiting.key)
        for waiting in run.store.quarantine(run.name)[:_MOST_QUARANTINED]
        if is_entry_id(run, waiting.key)
    )


def readable_ids(client: Client, run: Run, now: datetime) -> frozenset[EntryId]:
    """Return, of those with a lock in the ledger, whose lock attributes the server lets us see: the others keep it.

    Most of them are still locked there, and found by one search; only the rest is asked for by id.
    """
    asked, dialect = run.store.to_reread(run.name, now), run.directory.dialect
    if not asked:
        return frozenset()
    found = _readable(client, run, dialect.locked_filter()) & asked
    for ids in chunks(sorted(asked - found), _IDS_AT_ONCE):
        found |= _readable(client, run, f"(|{''.join(dialect.entry_filter(entry_id) for entry_id in ids)})")
    return found


def _readable(client: Client, run: Run, condition: str) -> frozenset[EntryId]:
    dialect = run.directory.dialect
    search = users(dialect, run.directory.reading, condition, dialect.readable_filter())
    entries, _ = read_all(client, replace(search, attributes=dialect.id_attributes()))
    return ids_of(run, entries)


def ids_of(run: Run, entries: Iterable[Entry]) -> frozenset[EntryId]:
    """Return the ids of entries, as far as they can be read."""
    return frozenset(named_by_id(run, entries))


def named_by_id(run: Run, entries: Iterable[Entry]) -> dict[EntryId, str]:
    """Return the DNs of entries by their ids, as far as these can be read."""
    entry_id, found = run.directory.dialect.entry_id, {}
    for entry in entries:
        with suppress(BadEntry):
            found[entry_id(entry)] = entry.dn
    return found


def stored_behind(run: Run, ids: Iterable[EntryId]) -> dict[EntryId, User]:
    """Return the users behind entries, however many."""
    found: dict[EntryId, User] = {}
    for some in chunks(ids, USERS_AT_ONCE):
        found |= run.store.behind(run.name, some)
    return found


def is_entry_id(run: Run, key: str) -> bool:
    """Return whether a quarantine's key is an entry id: an entry without a readable one is kept by its DN."""
    try:
        run.directory.dialect.entry_filter(EntryId(key))
    except InvalidInput:
        return False
    return True


def contradicts(
    run: Run,
    named: Mapping[EntryId, str],
    stored: Mapping[EntryId, User],
    readings: Mapping[str, GroupReading],
) -> bool:
    """Return whether an entry that was read does not fit what is only remembered of the groups.

    A group's members can change without its stamp (slapd's refint, after a rename or a deletion). Whoever seems to have
    come or gone by memory, or has another DN than before, is judged by a fresh reading of the groups. `named` are the
    DNs of the entries, `stored` the users behind them.
    """
    groups = groups_of({dn: reading for dn, reading in readings.items() if reading.remembered})
    if not groups.members:
        return False
    rules = _group_rules(run, groups)
    return any(_contradicts(run, stored.get(entry_id), dn, groups, rules) for entry_id, dn in named.items())


def _contradicts(run: Run, user: User | None, dn: str, groups: Groups, rules: Mapping[str, str]) -> bool:
    try:
        address = address_of(dn)
    except MalformedName:
        return False
    link = link_to(user, run.name) if user is not None else None
    if user is None or link is None:
        return any(groups.holds(named, address) for named in groups.members)
    held = {name for name, rule in rules.items() if groups.holds(rule, address)}
    affiliated = link.rule in held if link.rule in rules else not (held and not link.rule)
    return dn != link.dn or not affiliated or _role_differs(run, user, address, groups)


def _differing(run: Run, known: Iterable[EntryId], groups: Groups) -> set[EntryId]:
    """Return the known entries whose stored rule or role is not what the groups say now."""
    found: set[EntryId] = set()
    for ids in chunks(known, USERS_AT_ONCE):
        behind = run.store.behind(run.name, ids)
        found |= {entry_id for entry_id, user in behind.items() if _differs(run, user, groups)}
    return found


def _differs(run: Run, user: User, groups: Groups) -> bool:
    link = link_to(user, run.name)
    address = next(iter(addresses_of((link.dn,))), None) if link is not None else None
    if link is None or address is None:
        return True
    rules = _group_rules(run, groups).items()
    by_rule = any(groups.holds(group, address) != (link.rule == name) for name, group in rules)
    return by_rule or _role_differs(run, user, address, groups)


def _group_rules(run: Run, groups: Groups) -> dict[str, str]:
    """Return the groups about which something is known, by the whole names of their rules."""
    rules = run.directory.settings.rules.items()
    return {rule_name(run.name, name): rule.group for name, rule in rules if rule.group and groups.known(rule.group)}


def _role_differs(run: Run, user: User, address: Address, groups: Groups) -> bool:
    if user.tenant in unknown_roles(run.directory, groups):
        return False
    return dict(roles_of(address, run.directory, groups)).get(user.tenant) != user.role


def chunks(items: Iterable[EntryId], size: int) -> Iterator[tuple[EntryId, ...]]:
    """Return the ids in portions."""
    iterator = iter(items)
    while chunk := tuple(islice(iterator, size)):
        yield chunk
