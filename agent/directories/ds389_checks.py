"""What a 389 Directory Server is like, and what Lockstep's account may do there, by what the server itself says.

The server tells an account its own rights on an entry (get effective rights, draft-ietf-ldapext-acl-model): nothing is
tried and nothing is written.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.controls import EFFECTIVE_RIGHTS
from agent.directories.dialect import Knowledge, Policies
from agent.directories.ds389_changes import numbers_of
from agent.directories.ds389_locks import DISABLED
from agent.directories.ds389_rights import UNLOCKED, read_of_people
from agent.directories.entry import Entry
from agent.directories.rights import Needs
from agent.directories.searches import Search

_PAGING = "1.2.840.113556.1.4.319"
_ADVICE = "apply what `lockstep rights` prints"
ANYTHING, _DELETE = "w", "O"
"""Rights to write: any value; as the server spells deleting, limited to some values by a filter."""
_WRITING, _ADDING = frozenset("wW"), "W"
_FORBIDDEN = (DISABLED, "userPassword")


def server_checks(client: Client, needs: Needs, policies: Policies, now: Callable[[], datetime]) -> Iterator[Check]:
    """Yield what is found, in the order in which to mend it. Raises DirectoryUnreachable and Refused."""
    root = client.search_one("", ("supportedControl",))
    yield controls(root)
    yield numbers(client, needs)
    yield _policy(needs, policies, now())
    yield _own_policy(client, needs, policies, now())


def reading_checks(client: Client, needs: Needs) -> Iterator[Check]:
    """Yield whether everything that is read of people can be read of one of them."""
    person = somebody(client, needs)
    if person is None:
        found = f"no user is found below {needs.reading.base}"
        yield Check(what="people", grade=Grade.MISSING, found=found, advice=f"correct users.base, or {_ADVICE}")
        return
    rights = rights_on(client, needs, person.dn, read_of_people(needs))
    if rights is None:
        found = "the server does not say what the account may do"
        yield Check(what="reading", grade=Grade.UNKNOWN, found=found, advice="ask its administrators")
        return
    lacking = [name for name in read_of_people(needs) if not {"r", "s"} <= set(rights.get(name.lower(), ""))]
    if lacking:
        found = f"{person.dn}: may not be read: {', '.join(lacking)}"
        yield Check(what="reading", grade=Grade.MISSING, found=found, advice=_ADVICE)
        return
    yield Check(what="reading", grade=Grade.OK, found="everything that settings name can be read of people")


def writing_checks(client: Client, needs: Needs) -> tuple[Check, ...]:
    """Return what may be written of one of the people, and of the groups that an unlock gives back."""
    person = somebody(client, needs)
    rights = rights_on(client, needs, person.dn, (*UNLOCKED, *_FORBIDDEN)) if person is not None else None
    if rights is None:
        found = "the server does not say what the account may do"
        return (Check(what="writing", grade=Grade.UNKNOWN, found=found, advice="ask its administrators"),)
    return (_unlocking(rights), *_too_much(rights), *_restoring(client, needs))


# ---------------------------------------------------------------------------------------------------------------------


def controls(root: Entry | None) -> Check:
    """Return whether the server offers what a reading and these checks take, by its root DSE."""
    offered = set(root.texts("supportedControl")) if root is not None else set()
    if not offered:
        found = "the root DSE cannot be read, so that what the server offers is not known"
        return Check(what="controls", grade=Grade.UNKNOWN, found=found, advice="let everybody read the root DSE")
    lacking = [oid for oid in (_PAGING, EFFECTIVE_RIGHTS) if oid not in offered]
    if lacking:
        found = f"the server lacks the controls {', '.join(lacking)}"
        return Check(what="controls", grade=Grade.MISSING, found=found, advice="is this a 389 Directory Server?")
    return Check(what="controls", grade=Grade.OK, found="paged results and effective rights are offered")


def numbers(client: Client, needs: Needs) -> Check:
    """Return whether the server numbers its changes. Raises DirectoryUnreachable and Refused."""
    if numbers_of(client, needs.reading) is not None:
        return Check(what="changes", grade=Grade.OK, found="the server numbers its changes (plug-in USN)")
    found = "the server does not number its changes, or keeps the users in several databases that count alone"
    advice = "switch the plug-in USN on, with nsslapd-entryusn-global where there are several databases"
    return Check(what="changes", grade=Grade.WARNING, found=found, advice=advice)


def _policy(needs: Needs, policies: Policies, now: datetime) -> Check:
    policy = policies.of(Entry(dn=needs.base, attributes={}), now)
    if policy.knowledge is Knowledge.UNKNOWN:
        return Check(what="policy", grade=Grade.UNKNOWN, found=f"not known: {policy.source}", advice=_ADVICE)
    if not policy.lockout:
        found = "passwordLockout is off, so that wrong passwords lock nobody, unless a local policy says so"
        return Check(what="policy", grade=Grade.WARNING, found=found, advice="switch it on")
    return Check(what="policy", grade=Grade.OK, found="the global password policy is known")


def _own_policy(client: Client, needs: Needs, policies: Policies, now: datetime) -> Check:
    """Return whether strangers can lock Lockstep's own account by wrong passwords."""
    what, advice = "Lockstep's account", "give it a local password policy with passwordLockout off"
    own = client.search_one(needs.account, ("pwdpolicysubentry",)) if needs.account else None
    if own is None:
        found = "its entry cannot be read, so that its password policy is not known"
        return Check(what=what, grade=Grade.UNKNOWN, found=found, advice=advice)
    policy = policies.of(own, now)
    if policy.knowledge is Knowledge.KNOWN and not policy.lockout:
        return Check(what=what, grade=Grade.OK, found=f"no wrong password locks it ({policy.source})")
    grade = Grade.UNKNOWN if policy.knowledge is Knowledge.UNKNOWN else Grade.WARNING
    found = f"{policy.source}: anybody can lock it by {policy.max_failures or 'some'} wrong passwords"
    return Check(what=what, grade=grade, found=found, advice=advice)


def _unlocking(rights: dict[str, str]) -> Check:
    lacking = [name for name in UNLOCKED if not {ANYTHING, _DELETE} & set(rights.get(name.lower(), ""))]
    if lacking:
        found = f"an unlock would be refused: {', '.join(lacking)} may not be deleted"
        return Check(what="unlock", grade=Grade.MISSING, found=found, advice=_ADVICE)
    return Check(what="unlock", grade=Grade.OK, found="lock attributes may be deleted")


def _too_much(rights: dict[str, str]) -> Iterator[Check]:
    for name in (*UNLOCKED, *_FORBIDDEN):
        if _WRITING & set(rights.get(name.lower(), "")):
            found = f"{name} may be set: whoever holds the account's password could lock people, or worse"
            yield Check(
                what=name, grade=Grade.TOO_MUCH, found=found, advice="allow no more than `lockstep rights` does"
            )


def _restoring(client: Client, needs: Needs) -> Iterator[Check]:
    for one in needs.restorable:
        if not one.group:
            continue
        said = (rights_on(client, needs, one.group, ("member",)) or {}).get("member", "")
        what = f"group {one.group}"
        if {ANYTHING, _DELETE} & set(said):
            found = "members may be taken out, which nothing needs"
            yield Check(what=what, grade=Grade.TOO_MUCH, found=found, advice=_ADVICE)
        elif _ADDING in said:
            yield Check(what=what, grade=Grade.OK, found="members may be added and not taken out")
        else:
            found = "whether people may be added is not known: the server does not tell a right to add certain values"
            yield Check(what=what, grade=Grade.UNKNOWN, found=found, advice=f"if nobody did, {_ADVICE}")


def somebody(client: Client, needs: Needs) -> Entry | None:
    """Return one of the people, or None where nobody is found."""
    rules = needs.reading
    search = Search(base=rules.base, filter=rules.filter, scope=rules.scope, attributes=("objectClass",), page_size=1)
    return next(iter(client.page(search).entries), None)


def rights_on(client: Client, needs: Needs, dn: str, names: tuple[str, ...]) -> dict[str, str] | None:
    """Return the account's rights on attributes, in the server's letters; None where it does not say."""
    entry = client.own_rights(dn, needs.account, names)
    said = entry.text("attributeLevelRights") if entry is not None else ""
    pairs = (part.strip().partition(":") for part in said.split(","))
    return {name.lower(): "" if right == "none" else right for name, _, right in pairs if name} or None
