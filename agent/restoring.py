"""Giving an affiliation back in the directory: by adding, where settings allow it, and never where it gives a role."""

from collections.abc import Iterator

from agent.addresses import address_of
from agent.configured import ConfiguredDirectory
from agent.directories.client import Client
from agent.directories.dialect import AttributeValue, GroupMembership
from agent.directories.entry import Entry
from agent.groups import find_group
from config.rules import Rule
from ims.passes import DirectoryState
from ims.people import TenantId


class NotRestorable(Exception):
    """No write gives this affiliation back; the text says what to do instead."""


def affiliation_given_by(
    client: Client,
    directory: ConfiguredDirectory,
    state: DirectoryState,
    tenant: TenantId,
) -> GroupMembership | AttributeValue:
    """Return what to add, by the first rule of the tenant that settings let an unlock restore.

    Raises NotRestorable, Refused and DirectoryUnreachable.
    """
    rules = [rule for rule in directory.settings.rules.values() if rule.tenant == tenant]
    chosen = next((rule for rule in rules if rule.restore), None)
    if chosen is None:
        raise NotRestorable(
            f"{directory.name} is not configured for it; have the person {' or '.join(_by_hand(rules))}"
        )
    if chosen.group is None:
        return AttributeValue(attribute=chosen.attribute or "", value=chosen.value or "")
    known = {group.dn: group for group in state.groups}
    group = find_group(client, directory, chosen.group, known.get(chosen.group))
    if group is None:
        raise NotRestorable(f"the group {chosen.group} is missing in {directory.name}")
    if _gives_a_role(client, directory, state, group):
        raise NotRestorable(f"{group.dn} gives a role; have the person put into it by the directory's administrators")
    return GroupMembership(group_dn=group.dn)


def _gives_a_role(client: Client, directory: ConfiguredDirectory, state: DirectoryState, group: Entry) -> bool:
    """Return whether a group is one of the role groups, by its id: a rename must not open a way to a role."""
    known = {group.dn: group for group in state.groups}
    entry_id = directory.dialect.entry_id(group)
    for role_group in directory.role_groups:
        found = find_group(client, directory, role_group.dn, known.get(role_group.dn))
        if found is None:
            if address_of(role_group.dn) == address_of(group.dn):
                return True
        elif directory.dialect.entry_id(found) == entry_id:
            return True
    return False


def _by_hand(rules: list[Rule]) -> Iterator[str]:
    """Say what its administrators can do for each rule."""
    for rule in rules:
        if rule.group is not None:
            yield f"put into the group {rule.group}"
        elif rule.subtree is not None:
            yield f"moved below {rule.subtree}"
        else:
            yield f"given {rule.attribute}={rule.value}"
    if not rules:
        yield "affiliated by another directory, as no rule of this one concerns the company account"
