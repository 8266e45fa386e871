"""The rights of Lockstep's account in FreeIPA: access control instructions, as FreeIPA's permissions are made of.

`targattrfilters` lets the account set the count to zero and to nothing else, so that it can lock nobody; a permission
of FreeIPA's own ("System: Unlock User") allows any count, and `nsAccountLock` too.
"""

from collections.abc import Iterator

from agent.directories import freeipa_locks
from agent.directories.ds389_changes import NUMBER, STAMP
from agent.directories.ds389_rights import Instruction, ldif, reading, restoring
from agent.directories.filters import attributes_in
from agent.directories.freeipa_policies import POLICY_ATTRIBUTES
from agent.directories.names import parent_of, within
from agent.directories.rights import Needs, Recipe

WRITTEN = (freeipa_locks.COUNT, freeipa_locks.FAILED, freeipa_locks.UNLOCKED)
_ENTRY = ("objectClass", "ipaUniqueID", STAMP, NUMBER)
_HEAD = """\
# The rights of {account}
# in FreeIPA, as access control instructions: {purpose}.
#
# Apply it as the directory manager of one master (it is replicated; what concerns the account's own limits is too):
#   ldapmodify -D "cn=Directory Manager" -W -H ldaps://MASTER -f THIS_FILE
# Applied twice it is refused (20).
#
# Nothing here locks anybody, takes anybody out of a group, or shows a password: the count of wrong passwords can be set
# to zero only. The nearest that FreeIPA's own permissions come to it allows more (any count, and nsAccountLock):
#   ipa privilege-add Lockstep
#   ipa privilege-add-permission Lockstep --permissions='System: Unlock User'
#   ipa privilege-add-permission Lockstep --permissions='System: Read User Kerberos Login Attributes'
#   ipa privilege-add-permission Lockstep --permissions='System: Read Group Password Policy'
#   ipa role-add Lockstep && ipa role-add-privilege Lockstep --privileges=Lockstep
#   ipa role-add-member Lockstep --users=lockstep
# Limit: whatever other instructions give everybody, this account has too.
"""


def recipe(needs: Needs) -> Recipe:
    """Return the instructions that grant these needs, and the LDIF that adds them. Raises InvalidInput."""
    purpose = "read, unlock, and give an affiliation back" if needs.restorable else "read and unlock"
    return ldif(_HEAD.format(account=needs.account, purpose=purpose), _instructions(needs), needs.account)


def read_of_people(needs: Needs) -> tuple[str, ...]:
    """Return everything that is read or searched of people: ids, lock attributes, the mapping, rules and filters."""
    named = (*needs.reading.attributes, *attributes_in(needs.reading.filter), "memberOf")
    plain = (name.partition(";")[0] for name in (*_ENTRY, *freeipa_locks.ENTRY_ATTRIBUTES, *named))
    return tuple({name.lower(): name for name in plain}.values())


def _instructions(needs: Needs) -> Iterator[Instruction]:
    people = needs.reading.base
    yield reading(people, read_of_people(needs), "What is read of people.")
    why = "An unlock sets the count to zero, and notes which failure it answers; a higher count is refused."
    yield Instruction(entry=people, target=_unlocking(), right="write", why=why)
    yield from (restoring(needs, one) for one in needs.restorable)
    for parent in dict.fromkeys(parent_of(group) for group in needs.groups):
        why = "Who is in the groups that settings name, which may be renamed where they are."
        yield reading(parent, (*_ENTRY, "member"), why)
    why = "Entries are found again by their ids, wherever they were moved; and the password policies."
    yield reading(needs.base, (*_ENTRY, freeipa_locks.POLICY, "cn", *POLICY_ATTRIBUTES), why)
    if needs.canary and not within(needs.canary, people):
        yield reading(needs.canary, read_of_people(needs), "The canary, which is not among the people.")


def _unlocking() -> str:
    anything = [f"{name}:({name}=*)" for name in WRITTEN]
    zero = f"{freeipa_locks.COUNT}:({freeipa_locks.COUNT}=0)"
    return f'(targattrfilters="add={" && ".join([zero, *anything[1:]])}, del={" && ".join(anything)}")'
