"""The rights of Lockstep's account in Active Directory: as dsacls grants them on Windows, and as SDDL for samba-tool.

Access control entries only add: what everybody may do, this account may too, which is to read nearly everything. So a
recipe grants what an ordinary account lacks. Accounts in protected groups inherit nothing (`adminCount` = 1), so that
no recipe reaches them (MS-ADTS 3.1.1.6.1). Each is tried on Samba 4.17.
"""

from collections.abc import Iterator
from textwrap import wrap

from agent.directories.ad_policies import CONTAINER
from agent.directories.names import parent_of, rdn_of
from agent.directories.rights import Needs, Recipe, Restorable, RightsRule
from ims.errors import InvalidInput

USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
POLICY_CLASS = "3bcd9db8-f84b-451c-952f-6c52b81f9ec6"
ACCOUNT_RESTRICTIONS = "4c164200-20c0-11d0-a768-00aa006e0529"
"""The property set with `userAccountControl`, `accountExpires`, `pwdLastSet` and what is computed of them."""
ATTRIBUTES = {
    "lockoutTime": "28630ebf-41d5-11d1-a9c1-0000f80367c1",
    "member": "bf9679c0-0de6-11d0-a285-00aa003049e2",
    "department": "bf96794f-0de6-11d0-a285-00aa003049e2",
    "departmentNumber": "be9ef6ee-cbc7-4f22-b27b-96967e7ee585",
    "company": "f0f8ff88-1191-11d0-a060-00aa006c33ed",
    "division": "fe6136a0-2073-11d0-a9c2-00aa006c33ed",
    "employeeID": "bf967962-0de6-11d0-a285-00aa003049e2",
    "employeeType": "a8df73f0-c5ea-11d1-bbcb-0080c76670c0",
}
"""The schemaIDGUIDs of what may be written: the same in every forest."""
_WIDTH = 100
_HEAD = """\
# The rights of {account}
# in Active Directory: {purpose}. Apply one of the two parts below, as an administrator of the domain.
#
# Known limits, which Active Directory's rights cannot draw more narrowly:
# - Whoever may write lockoutTime to unlock may also set it, and so lock somebody: keep this account's password well.
{limits}# - Accounts in protected groups (adminCount = 1) inherit nothing: the directory refuses to have them unlocked.
# - What everybody may read or write in the domain, this account may too.
"""
_RESTORE_LIMIT = """\
# - Whoever may add members to a group may also take them out; Lockstep never does.
"""
_WINDOWS = "# --- on Windows: in PowerShell, with the modules of the directory's tools (RSAT) ---"
_SAMBA = """\
# --- on Samba: in a shell of a domain controller, as root; elsewhere with AT='-H ldap://DC -U Administrator' ---"""


def recipe(needs: Needs) -> Recipe:
    """Return what grants exactly these needs. Raises InvalidInput for an attribute whose GUID is not known here."""
    granted = tuple(_granted(needs))
    head = _HEAD.format(
        account=needs.account,
        purpose="read, unlock, and give an affiliation back" if needs.restorable else "read and unlock",
        limits=_RESTORE_LIMIT if needs.restorable else "",
    )
    windows = [line for rule in granted for line in (*_comment(rule.why), rule.dsacls)]
    samba = [line for rule in granted for line in (*_comment(rule.why), rule.samba)]
    text = [
        head,
        _WINDOWS,
        f"$sid = (Get-ADUser -Identity {_powershell(needs.account)}).SID",
        "$account = $sid.Translate([Security.Principal.NTAccount]).Value",
        *windows,
        "",
        _SAMBA,
        f"NAME={_shell(_value_of(needs.account))}  # the account's sAMAccountName: correct it if that is another",
        "SID=$(samba-tool user show \"$NAME\" --attributes=objectSid $AT | sed -n 's/^objectSid: //p')",
        *samba,
    ]
    rules = tuple(RightsRule(what=rule.where, right=rule.sddl, why=rule.why) for rule in granted)
    return Recipe(rules=rules, text="\n".join([*text, ""]))


class _Grant:
    """One access control entry, in both spellings."""

    def __init__(self, where: str, right: str, sddl: str, why: str, *, below: bool) -> None:
        self.where, self.sddl, self.why = where, sddl, why
        inherited = " /I:S" if below else ""
        self.dsacls = f'dsacls {_powershell(where)}{inherited} /G "${{account}}:{right}"'
        self.samba = f'samba-tool dsacl set $AT --objectdn={_shell(where)} --sddl="{sddl.replace("SID", "$SID")}"'


def _granted(needs: Needs) -> Iterator[_Grant]:
    people = needs.reading.base
    lock = ATTRIBUTES["lockoutTime"]
    yield _Grant(
        people,
        "RPWP;lockoutTime;user",
        f"(OA;CIIO;RPWP;{lock};{USER_CLASS};SID)",
        "An unlock writes 0 into the lockoutTime of people.",
        below=True,
    )
    yield _Grant(
        people,
        "RP;Account Restrictions;user",
        f"(OA;CIIO;RP;{ACCOUNT_RESTRICTIONS};{USER_CLASS};SID)",
        "Whether somebody is disabled, expired or locked is read, where not everybody may.",
        below=True,
    )
    yield _Grant(
        f"{CONTAINER},{domain_in(needs.base)}",
        "RP;;msDS-PasswordSettings",
        f"(OA;CIIO;RP;;{POLICY_CLASS};SID)",
        "Fine-grained policies are read: when a lock under them ends.",
        below=True,
    )
    for one in needs.restorable:
        yield _group(one) if one.group else _attribute(people, one)


def _group(one: Restorable) -> _Grant:
    why = "An unlock may make one of the people a member of this group again."
    return _Grant(one.group, "RPWP;member", f"(OA;;RPWP;{ATTRIBUTES['member']};;SID)", why, below=False)


def _attribute(people: str, one: Restorable) -> _Grant:
    known = {name.lower(): (name, guid) for name, guid in ATTRIBUTES.items()}
    if one.attribute.lower() not in known:
        raise InvalidInput(
            f"{one.attribute} cannot be granted by a recipe, which knows {', '.join(sorted(ATTRIBUTES))}: "
            "use one of these in rules with restore = true, or a group"
        )
    name, guid = known[one.attribute.lower()]
    why = f"An unlock may give people the {name} of a rule again."
    return _Grant(people, f"RPWP;{name};user", f"(OA;CIIO;RPWP;{guid};{USER_CLASS};SID)", why, below=True)


def domain_in(dn: str) -> str:
    """Return the DN of the domain that a DN lies in: its part of domain components alone."""
    while dn and not rdn_of(dn).lower().startswith("dc="):
        dn = parent_of(dn)
    return dn


def _value_of(dn: str) -> str:
    return rdn_of(dn).partition("=")[2]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, _WIDTH)]


def _powershell(text: str) -> str:
    """Return a text as it stands between PowerShell's quotation marks, in which only they are special."""
    return "'" + text.replace("'", "''") + "'"


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
