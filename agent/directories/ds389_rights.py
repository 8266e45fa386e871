"""The rights of Lockstep's account in 389 Directory Server, as LDIF with access control instructions (ACIs).

`targattrfilters` limits a right to write to adding or to deleting certain values: an unlock may delete lock attributes
and set none, restoring may add a member and take none away. An instruction that names the attribute in `targetattr` as
well would allow everything, so that none does. (Red Hat Directory Server, administration guide, "Managing access
control"; each tried on 389-ds-base 2.3.1, as `targetscope` is not known there.)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from agent.directories import ds389_changes, ds389_locks
from agent.directories.controls import ACCOUNT_USABILITY
from agent.directories.ds389_policies import GLOBAL, GLOBAL_ATTRIBUTES, POLICY_ATTRIBUTES
from agent.directories.filters import attributes_in, equal
from agent.directories.names import parent_of, within
from agent.directories.rights import Needs, Recipe, Restorable, RightsRule
from ims.errors import InvalidInput

UNLOCKED = (ds389_locks.MARKER, ds389_locks.COUNT, ds389_locks.RESET)
LIMITS = ("nsSizeLimit", "nsLookThroughLimit", "nsPagedSizeLimit", "nsPagedLookThroughLimit")
"""Of an account: without them a complete reading ends at 2,000 entries."""
FEATURE = f"oid={ACCOUNT_USABILITY},cn=features,cn=config"
_ENTRY = ("objectClass", "nsUniqueId", ds389_changes.STAMP, ds389_changes.NUMBER)
"""What finds an entry by its id, wherever it was moved, and shows that it changed."""
_READ = "read, search, compare"
_WIDTH = 100
_HEAD = """\
# The rights of {account}
# in 389 Directory Server, as access control instructions: {purpose}.
#
# Apply it as the directory manager:  ldapmodify -D "cn=Directory Manager" -W -H ldaps://SERVER -f THIS_FILE
# once for what is replicated, and the parts of cn=config on every server. Applied twice it is refused (20).
#
# Nothing here sets a lock, takes anybody out of a group, or shows a password; nsAccountLock is read and never written.
# Limit: whatever other instructions give everybody, this account has too; `lockstep check --online` finds the worst.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction: the entry that holds it, what it concerns, the right, and why."""

    entry: str
    target: str
    right: str
    why: str


def recipe(needs: Needs) -> Recipe:
    """Return the instructions that grant these needs, and the LDIF that adds them. Raises InvalidInput."""
    purpose = "read, unlock, and give an affiliation back" if needs.restorable else "read and unlock"
    return ldif(_HEAD.format(account=needs.account, purpose=purpose), _instructions(needs), needs.account)


def ldif(head: str, instructions: Iterable[Instruction], account: str) -> Recipe:
    """Return a recipe of these instructions for an account, in LDIF, with the account's own limits lifted."""
    changes: list[str] = []
    rules: list[RightsRule] = []
    for number, one in enumerate(instructions, start=1):
        rules.append(RightsRule(what=f"{one.entry}: {one.target}", right=one.right, why=one.why))
        name = f'acl "Lockstep {number}"'
        subject = f'userdn="ldap:///{_in_url(account)}"'
        aci = f"aci: {one.target}(version 3.0; {name}; allow ({one.right}) {subject};)"
        changes += [f"# {one.why}", f"dn: {one.entry}", "changetype: modify", "add: aci", *_folded(aci), ""]
    changes += [*_account(account), ""]
    return Recipe(rules=tuple(rules), text="\n".join([head, *changes]))


def read_of_people(needs: Needs) -> tuple[str, ...]:
    """Return everything that is read or searched of people: ids, lock attributes, the mapping, rules and filters."""
    member_of = ("memberOf",) if needs.by_user else ()
    named = (*needs.reading.attributes, *attributes_in(needs.reading.filter), *member_of)
    plain = (name.partition(";")[0] for name in (*_ENTRY, *ds389_locks.ENTRY_ATTRIBUTES, *named))
    return tuple({name.lower(): name for name in plain}.values())


def _instructions(needs: Needs) -> Iterator[Instruction]:
    people = needs.reading.base
    yield reading(people, read_of_people(needs), "What is read of people.")
    why = "An unlock deletes lock attributes; setting one is refused."
    yield Instruction(entry=people, target=_deleting(UNLOCKED), right="write", why=why)
    yield from (restoring(needs, one) for one in needs.restorable)
    for parent in dict.fromkeys(parent_of(group) for group in needs.groups):
        why = "Who is in the groups that settings name, which may be renamed where they are."
        yield reading(parent, (*_ENTRY, "member"), why)
    why = "Entries are found again by their ids, wherever they were moved; and local password policies."
    yield reading(needs.base, (*_ENTRY, ds389_locks.POLICY, *POLICY_ATTRIBUTES), why)
    if needs.canary and not within(needs.canary, people):
        yield reading(needs.canary, read_of_people(needs), "The canary, which is not among the people.")
    yield reading(GLOBAL, ("objectClass", *GLOBAL_ATTRIBUTES), "The global password policy: what a lock means.")
    yield reading(FEATURE, ("*",), "Whether the server itself takes an account for usable.")


def restoring(needs: Needs, one: Restorable) -> Instruction:
    """Return the right to give one affiliation back, adding only. Raises InvalidInput."""
    if one.group:
        target = _adding("member", f"(member=*{_in_aci(needs.reading.base)})")
        why = "An unlock may make one of the people a member again; taking one out is refused."
        return Instruction(entry=one.group, target=target, right="write", why=why)
    target = _adding(one.attribute, _in_aci(equal(one.attribute, one.value)))
    why = "An unlock may add this one value; taking it away is refused."
    return Instruction(entry=needs.reading.base, target=target, right="write", why=why)


def reading(entry: str, attributes: Iterable[str], why: str) -> Instruction:
    """Return the right to read and search these attributes at and below an entry."""
    return Instruction(entry=entry, target=f'(targetattr="{" || ".join(attributes)}")', right=_READ, why=why)


def _deleting(attributes: Iterable[str]) -> str:
    return f'(targattrfilters="del={" && ".join(f"{name}:({name}=*)" for name in attributes)}")'


def _adding(attribute: str, condition: str) -> str:
    return f'(targattrfilters="add={attribute}:{condition}")'


def _account(account: str) -> list[str]:
    """Return the change of the account's own entry: a complete reading has no limit."""
    lines = ["# A complete reading has no limit.", f"dn: {account}", "changetype: modify"]
    for name in LIMITS:
        lines += [f"replace: {name}", f"{name}: -1", "-"]
    return lines


def _in_url(dn: str) -> str:
    return quote(dn, safe="=,+ ")


def _in_aci(text: str) -> str:
    """Return a text as it stands between quotation marks. Raises InvalidInput for one that would end them."""
    if '"' in text:
        raise InvalidInput(f"an access control instruction cannot hold a value with quotation marks: {text}")
    return text


def _folded(line: str) -> Iterator[str]:
    """Yield a long line in pieces, none of which ends with a space that an editor might take away.

    A line end and one space after it do not count (RFC 2849 note 2).
    """
    rest = line
    while len(rest) > _WIDTH:
        at = len(rest[:_WIDTH].rstrip())
        yield rest[:at]
        rest = f" {rest[at:]}"
    yield rest
