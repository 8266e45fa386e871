"""A first look around an OpenLDAP directory: where its people are, what they show, and which policies and groups exist.

It is what an administrator would look up before writing settings: guesses, each to be looked at. It asks for a few
hundred entries at most, so that it takes a moment in a directory of any size.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.directories import ppolicy
from agent.directories.client import Client
from agent.directories.controls import PASSWORD_POLICY
from agent.directories.dialect import Knowledge, Policy
from agent.directories.entry import Entry
from agent.directories.filters import equal
from agent.directories.names import parent_of, parse, rdn_of
from agent.directories.searches import Search
from ims.errors import InvalidInput

_CLASSES = ("inetOrgPerson", "person", "account")
_NAMES = ("uid", "mail", "cn")
_SHOWN = ("uid", "mail", "cn", "displayName")
_FOR_GOOD = "000001010000Z"
_SAMPLE = 500
_FEW = 200
_CANDIDATES = 5
_MOST = 0.9
"""What part of the people must show an attribute for it to be taken for theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, and how many of its members and of the people who were looked at are in it."""

    dn: str
    members: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a first look found. `people` of them were looked at; 0 = none can be seen, and the rest is a guess.

    `policies` can be read; `default_policy` is the one most likely in effect for those who name none, empty = unknown.
    """

    base: str
    contexts: tuple[str, ...]
    people: int
    users_base: str
    users_class: str
    user_name: str
    display_name: str
    ppolicy: bool
    policies: tuple[Policy, ...] = ()
    default_policy: str = ""
    groups: tuple[Group, ...] = ()
    locked_for_good: tuple[str, ...] = ()
    dialect: str = "openldap"

    @property
    def canary(self) -> str:
        """Return the entry that is called a canary and locked for good, empty if there is none."""
        return next((dn for dn in self.locked_for_good if _is_called_canary(dn)), "")


def survey(client: Client, root: Entry, base: str = "") -> Survey:
    """Look around below `base`, or below the naming context with most people.

    Raises InvalidInput where the server shows no naming context and none is given, and DirectoryUnreachable.
    """
    contexts = tuple(text for text in root.texts("namingContexts") if text)
    if not (base or contexts):
        raise InvalidInput("The directory does not show its naming contexts; name the top of your tree with --base DN")
    found = [(context, *_people(client, context)) for context in ([base] if base else contexts)]
    top, users_class, seen = max(found, key=lambda one: len(one[2]))
    locked = _locked_for_good(client, top)
    people = _without(seen, [*filter(_is_called_canary, locked), client.who_am_i()])
    policies = _policies(client, top)
    return Survey(
        base=top,
        contexts=contexts,
        people=len(people),
        users_base=_common([parent_of(entry.dn) for entry in people]) or top,
        users_class=users_class,
        user_name=next((name for name in _NAMES if people and _have(people, name) == 1), _NAMES[0]),
        display_name="displayName" if _have(people, "displayName") >= _MOST else "cn",
        ppolicy=PASSWORD_POLICY in root.texts("supportedControl"),
        policies=policies,
        default_policy=_default_policy(client, root, policies),
        groups=_groups(client, top, people),
        locked_for_good=locked,
    )


# --- people ----------------------------------------------------------------------------------------------------------


def _people(client: Client, base: str) -> tuple[str, tuple[Entry, ...]]:
    """Return the first class of which there are entries, and some of these."""
    for name in _CLASSES:
        entries = _few(client, base, name, _SHOWN, _SAMPLE)
        if entries:
            return name, entries
    return _CLASSES[0], ()


def _without(people: Iterable[Entry], others: Iterable[str]) -> tuple[Entry, ...]:
    """Return the people without those who are none: a canary among the services would widen the people's base."""
    names = {parse(dn) for dn in others}
    return tuple(entry for entry in people if parse(entry.dn) not in names)


def _is_called_canary(dn: str) -> bool:
    return "canary" in rdn_of(dn).lower()


def _have(people: Sequence[Entry], name: str) -> float:
    """Return what part of these people has an attribute."""
    return sum(bool(entry.values(name)) for entry in people) / max(1, len(people))


def _common(dns: Sequence[str]) -> str:
    """Return the deepest DN that all of these are at or below; empty for none at all."""
    deepest = dns[0] if dns else ""
    while deepest and not all(parse(dn).within(parse(deepest)) for dn in dns):
        deepest = parent_of(deepest)
    return deepest


# --- policies and groups ---------------------------------------------------------------------------------------------


def _policies(client: Client, base: str) -> tuple[Policy, ...]:
    found = (ppolicy.policy_of(entry) for entry in _few(client, base, "pwdPolicy", ppolicy.POLICY_ATTRIBUTES))
    return tuple(policy for policy in found if policy.knowledge is Knowledge.KNOWN)


def _default_policy(client: Client, root: Entry, policies: Sequence[Policy]) -> str:
    """Return the configured default where that can be seen, else the only policy or the one that is called so."""
    configured = _configured_default(client, root)
    if configured or len(policies) == 1:
        return configured or policies[0].source
    return next((policy.source for policy in policies if policy.source.lower().startswith("cn=default,")), "")


def _configured_default(client: Client, root: Entry) -> str:
    context = next(iter(root.texts("configContext")), "")
    if not context:
        return ""
    search = Search(base=context, filter=equal("objectClass", "olcPPolicyConfig"), attributes=("olcPPolicyDefault",))
    defaults = {text for overlay in client.whole(search).entries for text in overlay.texts("olcPPolicyDefault")}
    return defaults.pop() if len(defaults) == 1 else ""


def _groups(client: Client, base: str, people: Iterable[Entry]) -> tuple[Group, ...]:
    """Return the groups that most of these people are in, the likeliest first."""
    known = {parse(entry.dn) for entry in people}
    groups = []
    for entry in _few(client, base, "groupOfNames", ("member",)):
        members = [parse(dn) for dn in entry.texts("member")]
        groups.append(Group(dn=entry.dn, members=len(members), people=len(known.intersection(members))))
    ranked = sorted(groups, key=lambda group: (-group.people, -group.members, group.dn))
    return tuple(ranked[:_CANDIDATES])


def _locked_for_good(client: Client, base: str) -> tuple[str, ...]:
    """Return entries that an administrator locked: one of them may be meant as a canary."""
    search = Search(base=base, filter=equal(ppolicy.MARKER, _FOR_GOOD), page_size=_CANDIDATES)
    return tuple(entry.dn for entry in client.page(search).entries)


def _few(client: Client, base: str, name: str, attributes: tuple[str, ...], most: int = _FEW) -> tuple[Entry, ...]:
    """Return the first entries of a class; what a limit cuts off is not missed here."""
    search = Search(base=base, filter=equal("objectClass", name), attributes=attributes, page_size=most)
    return client.page(search).entries
