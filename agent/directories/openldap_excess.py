"""What Lockstep's account should not be able to write in OpenLDAP: the list that `check --online` goes through.

Each attempt is one way to do harm with a stolen password of this account: lock people out, take over their accounts,
give somebody a role, lift the lockout for everybody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.directories import ppolicy
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.filters import any_of, attributes_in, equal
from agent.directories.names import parent_of, rdn_of, same
from agent.directories.openldap_schema import writable_attributes
from agent.directories.rehearsing import Attempt, adding, emptying, removing, removing_absent
from agent.directories.rights import Needs
from agent.directories.searches import Search
from agent.directories.writes import AddEntry, DeleteEntry, RenameEntry

PASSWORD = "userPassword"  # noqa: S105 - the name of an attribute
CHANGE = "change"
"""What is done to policies and to our own account, which need not be there: slapd's root has no entry."""
_STRANGER = "cn=lockstep-rehearsal"
"""The name of nothing that is there."""
_OTHER_GROUPS = 3
_POLICIES = 5
"""How many groups and policies that settings do not name are tried."""
_LOCKOUT = {"pwdLockout": b"FALSE", "pwdMaxFailure": b"0", "pwdAttribute": b"userPassword"}
"""Values that would lift the lockout for everybody under a policy."""
_GROUPS = any_of(equal("objectClass", "groupOfNames"), equal("objectClass", "groupOfUniqueNames"))
_FORGED = {
    ppolicy.MARKER: b"000001010000Z",
    ppolicy.RESET: b"TRUE",
    ppolicy.ENDS: b"20000101000000Z",
    PASSWORD: b"lockstep rehearsal",
}
"""Values that would do harm: a lock, a forced change, an end, a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One thing that should be refused: `may` says what, `of` what to; those with one `may` are told together."""

    may: str
    of: str
    attempt: Attempt


def harms(client: Client, needs: Needs, people: Sequence[Entry]) -> Iterator[Harm]:
    """Yield everything to try, on users who are not locked, each of another place, and on what settings name."""
    person, known = people[0], writable_attributes(client)
    for one in people:
        yield from _to_people(needs, one)
        yield from _to_the_rest(needs, one.dn, known)
    for group in needs.groups:
        yield from _to_group(client, needs, group, person)
    for other in _other_groups(client, needs):
        yield from _to_group(client, needs, other, person)
    yield from _to_entries(needs, people)
    yield from _to_policies(client, needs)
    yield from _to_itself(client, needs)


def canary_unlock(needs: Needs) -> Attempt:
    """Return the removal of a lock from the canary, by a value that is not there."""
    return removing_absent(needs.canary, ppolicy.MARKER, "19700102000000Z")


def _to_people(needs: Needs, person: Entry) -> Iterator[Harm]:
    forged = _FORGED | {ppolicy.POLICY: (needs.reading.default_policy or needs.base).encode()}
    for name in _important(needs):
        value = forged.get(name, b"lockstep rehearsal")
        if not _is_restorable(needs, name, person):
            yield Harm(may="add values of users'", of=name, attempt=adding(person, name, value))
        if name != ppolicy.MARKER:
            yield Harm(may="remove values of users'", of=name, attempt=removing(person, name))


def _important(needs: Needs) -> tuple[str, ...]:
    """Return the attributes of people that lock, name or affiliate somebody."""
    mapped = (*needs.reading.attributes, *attributes_in(needs.reading.filter))
    return tuple(dict.fromkeys((*_FORGED, ppolicy.POLICY, "objectClass", *mapped)))


def _to_the_rest(needs: Needs, person: str, known: Sequence[str]) -> Iterator[Harm]:
    """Yield the removal of everything else that the server knows: each is somebody's way in, to some application."""
    tried = {name.lower() for name in _important(needs)}
    for name in known:
        if name.lower() not in tried:
            yield Harm(may="write users'", of=name, attempt=emptying(person, name))


def _is_restorable(needs: Needs, name: str, person: Entry) -> bool:
    """Return whether trying to add a value would be trying what settings allow."""
    allowed = [one.value for one in needs.restorable if one.attribute.lower() == name.lower()]
    return bool(allowed) and person.texts(name)[:1] in [(value,) for value in allowed]


def _to_group(client: Client, needs: Needs, dn: str, person: Entry) -> Iterator[Harm]:
    """Yield adding a member, unless that is allowed, and removing one, which never is."""
    group = client.search_one(dn, ("objectClass", "member", "uniqueMember"))
    if group is None:
        return
    name = "uniqueMember" if "groupofuniquenames" in {text.lower() for text in group.texts("objectClass")} else "member"
    if not any(one.group and same(one.group, dn) for one in needs.restorable):
        yield Harm(may="add members to", of=dn, attempt=adding(group, name, person.dn.encode()))
    stranger = f"{_STRANGER},{needs.reading.base}"
    yield Harm(may="remove members from", of=dn, attempt=removing_absent(dn, name, stranger))


def _other_groups(client: Client, needs: Needs) -> Iterator[str]:
    """Yield a few groups that settings do not name."""
    page = client.page(Search(base=needs.base, filter=_GROUPS, page_size=len(needs.groups) + _OTHER_GROUPS))
    for group in page.entries:
        if not any(same(group.dn, named) for named in needs.groups):
            yield group.dn


def _to_entries(needs: Needs, people: Sequence[Entry]) -> Iterator[Harm]:
    base = Attempt(rehearsal=DeleteEntry(dn=needs.reading.base), harmless=True)  # it has users below it
    yield Harm(may="remove", of="the base of the users", attempt=base)
    parents = [parent_of(dn) for dn in (*(person.dn for person in people), *needs.groups)]
    for parent in dict.fromkeys((needs.reading.base, *parents, needs.base)):
        yield Harm(may="add entries below", of=parent, attempt=_new_entry(parent))
    for person in people:
        rename = RenameEntry(dn=person.dn, rdn=rdn_of(person.dn))
        yield Harm(may="remove", of="users", attempt=Attempt(rehearsal=DeleteEntry(dn=person.dn)))
        yield Harm(may="rename", of="users", attempt=Attempt(rehearsal=rename))


def _new_entry(parent: str) -> Attempt:
    attributes = (("objectClass", b"organizationalRole"), ("cn", b"lockstep-rehearsal"))
    return Attempt(rehearsal=AddEntry(dn=f"{_STRANGER},{parent}", attributes=attributes))


def _to_policies(client: Client, needs: Needs) -> Iterator[Harm]:
    """Yield changes of the default policy, and of a few others."""
    default = needs.reading.default_policy
    if default:
        shown = client.search_one(default, tuple(_LOCKOUT))
        yield from _to_policy("the default policy", shown)
    policies = Search(
        base=needs.base, filter=equal("objectClass", "pwdPolicy"), attributes=tuple(_LOCKOUT), page_size=_POLICIES
    )
    for policy in client.page(policies).entries:
        if not (default and same(policy.dn, default)):
            yield from _to_policy(f"the policy {policy.dn}", policy)


def _to_policy(of: str, policy: Entry | None) -> Iterator[Harm]:
    if policy is not None:
        for name, forged in _LOCKOUT.items():
            yield Harm(may=CHANGE, of=of, attempt=adding(policy, name, forged))
            yield Harm(may=CHANGE, of=of, attempt=removing(policy, name))


def _to_itself(client: Client, needs: Needs) -> Iterator[Harm]:
    """Yield changes of our own account: whoever can change its password keeps Lockstep out."""
    if not needs.account:
        return
    stranger = removing_absent(needs.account, PASSWORD, "lockstep rehearsal of a password that is not its own")
    yield Harm(may=CHANGE, of="its own password", attempt=stranger)
    own = client.search_one(needs.account, ("objectClass", ppolicy.POLICY))
    if own is not None:
        forged = (needs.reading.default_policy or needs.base).encode()
        yield Harm(may=CHANGE, of="which policy it is under itself", attempt=adding(own, ppolicy.POLICY, forged))
        yield Harm(may=CHANGE, of="its own classes", attempt=adding(own, "objectClass", b"top"))
        for name in ("authzTo", "authzFrom"):
            yield Harm(may=CHANGE, of="as whom it may act", attempt=emptying(own.dn, name))
