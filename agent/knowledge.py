"""Which affiliation rules a reading says nothing about: those that match nobody whom they matched before.

A whole department does not leave at once; an attribute that may no longer be read looks just like that.
"""

from collections.abc import Mapping
from dataclasses import replace

from agent.addresses import addresses_of
from agent.directories.access import Scope
from agent.directories.client import Client
from agent.directories.filters import equal
from agent.directories.reader import users
from agent.directories.searches import NOTHING, Search
from agent.matching import Groups, rule_name
from agent.run import Run
from config.rules import Rule
from ims.passes import PassKind


def silent_rules(
    client: Client,
    run: Run,
    kind: PassKind,
    groups: Groups,
    *,
    kept: Mapping[str, int],
    lost: Mapping[str, int],
) -> dict[str, str]:
    """Return the rules about which a reading has no knowledge, each with the sentence to show.

    `kept` and `lost` count, by rule, the users that it matched before and does or does not match now. A tick sees only
    a few of them, so it asks whether the rule matches anybody at all. Raises DirectoryUnreachable.
    """
    named = {rule_name(run.name, name): rule for name, rule in run.directory.settings.rules.items()}
    suspects = {name: rule for name, rule in named.items() if lost.get(name) and not kept.get(name)}
    return {
        name: f"the rule {name} matches nobody whom it matched before; nobody is unaffiliated by it "
        "(if that is meant, remove the rule from the settings)"
        for name, rule in suspects.items()
        if kind is PassKind.RECONCILE or not _matches_somebody(client, run, rule, groups)
    }


def _matches_somebody(client: Client, run: Run, rule: Rule, groups: Groups) -> bool:
    if rule.group is not None:
        known = addresses_of(run.store.entry_ids(run.name).values())
        return any(groups.holds(rule.group, address) for address in known)
    page = client.page(_probe(run, rule))
    return bool(page.entries)


def _probe(run: Run, rule: Rule) -> Search:
    """Return a search for one user, no matter whom, that the rule matches."""
    dialect, rules = run.directory.dialect, run.directory.reading
    conditions = [equal(rule.attribute, rule.value or "")] if rule.attribute else []
    search = replace(users(dialect, rules, *conditions), attributes=NOTHING, page_size=1)
    return search if rule.subtree is None else replace(search, base=rule.subtree, scope=Scope.SUBTREE)
