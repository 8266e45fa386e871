"""Which affiliation rules, role groups and protections an entry matches, by what was read of the groups. Pure."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial

from agent.addresses import Address
from agent.configured import ConfiguredDirectory
from agent.directories.entry import Entry
from agent.directories.names import within
from agent.sightings import RuleMatch
from config.rules import Rule
from ims.names import key_of_name
from ims.people import PERSON_ROLES, DirectoryName, Role, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Who is in the groups that settings name, by the DN in the settings. A group without knowledge is not here."""

    members: Mapping[str, Container[Address]] = field(default_factory=dict)

    def known(self, dn: str) -> bool:
        """Return whether anything is known about this group's members."""
        return dn in self.members

    def holds(self, dn: str, address: Address) -> bool:
        """Return whether the entry is known to be a member."""
        return address in self.members.get(dn, frozenset())


def rule_name(directory: DirectoryName, name: str) -> str:
    """Return a rule's whole name, as affiliations keep it."""
    return f"{directory}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """One rule of the settings, made ready: what it matches with, and how that is found out."""

    match: RuleMatch
    holds: Callable[[Entry, Address], bool]


def rule_tests(directory: ConfiguredDirectory, groups: Groups) -> tuple[RuleTest, ...]:
    """Return the directory's rules in the settings' order, made ready for many entries."""
    return tuple(
        RuleTest(
            match=RuleMatch(tenant=TenantId(rule.tenant), rule=rule_name(directory.name, name)),
            holds=_test_of(rule, groups),
        )
        for name, rule in directory.settings.rules.items()
    )


def matches_of(entry: Entry, address: Address, rules: Iterable[RuleTest]) -> tuple[RuleMatch, ...]:
    """Return the rules that an entry matches, in their order. Raises BadEntry."""
    return tuple([rule.match for rule in rules if rule.holds(entry, address)])


def roles_of(address: Address, directory: ConfiguredDirectory, groups: Groups) -> tuple[tuple[TenantId, Role], ...]:
    """Return the strongest role that groups give an entry, for each tenant."""
    if not directory.role_groups:
        return ()
    held = {(group.tenant, group.role) for group in directory.role_groups if groups.holds(group.dn, address)}
    strongest: dict[TenantId, Role] = {}
    for role in PERSON_ROLES:
        for tenant, _ in (pair for pair in sorted(held) if pair[1] is role):
            strongest.setdefault(tenant, role)
    return tuple(strongest.items())


def unknown_roles(directory: ConfiguredDirectory, groups: Groups) -> frozenset[TenantId]:
    """Return the tenants of whose role groups one could not be read."""
    return frozenset(group.tenant for group in directory.role_groups if not groups.known(group.dn))


def unknown_rules(directory: ConfiguredDirectory, groups: Groups) -> frozenset[str]:
    """Return the whole names of the rules whose group could not be read."""
    rules = directory.settings.rules.items()
    return frozenset(rule_name(directory.name, n) for n, rule in rules if rule.group and not groups.known(rule.group))


def protection_of(entry: Entry, address: Address, user_name: str, directory: ConfiguredDirectory) -> str:
    """Return why nobody unlocks this entry here: the settings say so, or the directory; empty = nothing protects it."""
    if directory.protected.names and key_of_name(user_name) in directory.protected.names:
        return "listed in the settings"
    return directory.protected.addresses.get(address, "") or directory.dialect.protects(entry)


def _test_of(rule: Rule, groups: Groups) -> Callable[[Entry, Address], bool]:
    if rule.group is not None:
        members: Container[Address] = groups.members.get(rule.group, frozenset())
        return lambda _, address: address in members
    if rule.attribute is not None:
        return partial(_has_value, rule.attribute, _folded(rule.value or ""))
    base = rule.subtree or ""
    return lambda entry, _: within(entry.dn, base)


def _has_value(attribute: str, wanted: str, entry: Entry, _: Address) -> bool:
    return wanted in map(_folded, entry.texts(attribute))


@lru_cache(maxsize=10_000)
def _folded(value: str) -> str:
    """Return a value as it is compared. What rules ask for, departments and kinds of people, has few values."""
    return " ".join(value.casefold().split())
