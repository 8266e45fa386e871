"""Which affiliation rules, role groups and protections an entry matches, by what was read of the groups. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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

    members: Mapping[str, frozenset[Address]] = field(default_factory=dict)

    def known(self, dn: str) -> bool:
        """Return whether anything is known about this group's members."""
        return dn in self.members

    def holds(self, dn: str, address: Address) -> bool:
        """Return whether the entry is known to be a member."""
        return address in self.members.get(dn, frozenset())


def rule_name(directory: DirectoryName, name: str) -> str:
    """Return a rule's whole name, as affiliations keep it."""
    return f"{directory}/{name}"


def matches_of(
    entry: Entry,
    address: Address,
    directory: ConfiguredDirectory,
    groups: Groups,
) -> tuple[RuleMatch, ...]:
    """Return the rules that an entry matches, in the settings' order. Raises BadEntry."""
    return tuple(
        RuleMatch(tenant=TenantId(rule.tenant), rule=rule_name(directory.name, name))
        for name, rule in directory.settings.rules.items()
        if _matches(entry, address, rule, groups)
    )


def roles_of(address: Address, directory: ConfiguredDirectory, groups: Groups) -> tuple[tuple[TenantId, Role], ...]:
    """Return the strongest role that groups give an entry, for each tenant."""
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


def protection_of(address: Address, user_name: str, directory: ConfiguredDirectory) -> str:
    """Return why nobody unlocks this entry here; empty = nothing protects it."""
    if key_of_name(user_name) in directory.protected.names:
        return "listed in the settings"
    return directory.protected.addresses.get(address, "")


def _matches(entry: Entry, address: Address, rule: Rule, groups: Groups) -> bool:
    if rule.group is not None:
        return groups.holds(rule.group, address)
    if rule.attribute is not None:
        wanted = _folded(rule.value or "")
        return any(_folded(value) == wanted for value in entry.texts(rule.attribute))
    return rule.subtree is not None and within(entry.dn, rule.subtree)


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())
