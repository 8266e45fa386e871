"""From settings to what Lockstep's account needs in a directory: the value that recipes and checks of rights share."""

from agent.addresses import address_of
from agent.configured import ConfiguredDirectory
from agent.directories.rights import Needs, Restorable
from agent.groups import named_groups
from config.rules import Rule, Via


def needs_of(directory: ConfiguredDirectory, account: str = "") -> Needs:
    """Return what a directory's settings make its account need; `account` counts where settings name none (EXTERNAL).

    A group that gives a role is never among what may be restored, as no unlock would add anybody to it.
    """
    settings, groups = directory.settings, named_groups(directory)
    return Needs(
        account=directory.access.dn or account,
        base=settings.base,
        reading=directory.reading,
        canary=settings.canary or "",
        groups=tuple(groups),
        by_user=Via.MEMBER_OF in groups.values(),
        restorable=tuple(_restorable(rule) for rule in settings.rules.values() if _may_restore(directory, rule)),
    )


def _may_restore(directory: ConfiguredDirectory, rule: Rule) -> bool:
    roles = {address_of(group.dn) for group in directory.role_groups}
    return rule.restore and (rule.group is None or address_of(rule.group) not in roles)


def _restorable(rule: Rule) -> Restorable:
    return Restorable(group=rule.group or "", attribute=rule.attribute or "", value=rule.value or "")
