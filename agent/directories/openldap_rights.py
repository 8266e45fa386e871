"""The rights of Lockstep's account in OpenLDAP, as LDIF for cn=config (slapd.access(5), slapd-config(5)).

The rules come before all others, name the account alone, and hand everybody else on to the rules that were there
(`by * break`). The last one takes from the account whatever those would give it. In slapd's words: r, s, c = read,
search, compare; a = add values; z = delete values. An unlock needs z on the lock marker, which cannot set one; giving
an affiliation back needs a, which cannot take one away. Each is tried on slapd 2.5.
"""

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from agent.directories import ppolicy
from agent.directories.access import Scope
from agent.directories.filters import attributes_in
from agent.directories.names import parent_of, within
from agent.directories.rights import Needs, Recipe, Restorable, RightsRule
from ims.errors import InvalidInput

DATABASE = "olcDatabase={1}mdb,cn=config"
"""Where Debian and most others have the first database of people."""
READ, UNLOCK, ADD, COMPARE, NOTHING = "=rsc", "=zrsc", "=arsc", "=c", "none"
_ENTRY = ("entry", "objectClass", "entryUUID", "entryCSN")
"""What finds an entry by its id, wherever it was moved: the right to see that it is there, its class, id and stamp."""
_POLICY = (*_ENTRY, *ppolicy.POLICY_ATTRIBUTES, ppolicy.MIN_DELAY)
_WIDTH = 100
_HEAD = """\
# The rights of {account}
# in OpenLDAP (slapd), as a change of cn=config: {purpose}.
#
# Apply it as the administrator of cn=config:  ldapmodify -Y EXTERNAL -H ldapi:/// -f THIS_FILE
# The dn below is that of the database with {base}; this lists all:
#   ldapsearch -Q -LLL -Y EXTERNAL -H ldapi:/// -b cn=config '(olcSuffix=*)' olcSuffix olcAccess
#
# The rules come first and concern this account alone; all others go on to the rules that were there. If there are none
# (no olcAccess in that list), everybody may read everything now, and nobody could any more: make rules first.
# Applied twice it is refused (20) and changes nothing: take this account's old rules away before you apply new ones.
"""


def recipe(needs: Needs, database: str = DATABASE) -> Recipe:
    """Return the rules that grant exactly these needs, and the LDIF that puts them first. Raises InvalidInput."""
    rules = tuple(_rules(needs))
    changes = [f"dn: {database}", "changetype: modify", "add: olcAccess"]
    for place, rule in enumerate(rules):
        changes += [*_comment(rule.why), *_folded(f"olcAccess: {{{place}}}to {rule.what}")]
        changes += _by(needs.account, rule.right)
    account = f'dn.exact="{_quoted_dn(needs.account)}"'
    changes += [
        "-",
        "add: olcLimits",
        "# A complete reading has no limit.",
        f"olcLimits: {{0}}{account} size=unlimited",
    ]
    purpose = "read, unlock, and give an affiliation back" if needs.restorable else "read and unlock"
    head = _HEAD.format(account=needs.account, base=needs.base, purpose=purpose)
    return Recipe(rules=rules, text="\n".join([head, *changes, ""]))


def _rules(needs: Needs) -> Iterator[RightsRule]:
    """Yield the rules in the order in which slapd tries them: the first that fits decides about the account."""
    people = _below(needs.reading.scope, needs.reading.base)
    canary = f'dn.exact="{_quoted_dn(needs.canary)}"'
    if needs.canary:
        yield _rule(canary, (ppolicy.MARKER,), READ, "The canary's lock is seen, and stays.")
    yield _rule(people, (ppolicy.MARKER,), UNLOCK, "An unlock removes the lock marker; setting one is refused.")
    why = "slapd says whether an account is usable to those who may compare its password, which shows nothing of it."
    yield _rule(people, ("userPassword",), COMPARE, why)
    yield from (_restoring(needs, one) for one in needs.restorable)
    yield _rule(people, _beside_the_marker(needs), READ, "What is read of people.")
    for parent in dict.fromkeys(parent_of(group) for group in needs.groups):
        why = "Who is in the groups that settings name, which may be renamed where they are."
        yield _rule(f'dn.onelevel="{_quoted_dn(parent)}"', (*_ENTRY, "member"), READ, why)
    policies = f'dn.subtree="{_quoted_dn(needs.base)}" filter="(objectClass=pwdPolicy)"'
    yield _rule(policies, _POLICY, READ, "The password policies: what a lock means.")
    if needs.reading.default_policy and not within(needs.reading.default_policy, needs.base):
        policy = f'dn.exact="{_quoted_dn(needs.reading.default_policy)}"'
        yield _rule(policy, _POLICY, READ, "The default policy.")
    if needs.canary and not within(needs.canary, needs.reading.base):
        yield _rule(canary, _beside_the_marker(needs), READ, "The canary, which is not among the people.")
    own = f'dn.exact="{_quoted_dn(needs.account)}"'
    why = "Lockstep's own account: which policy it is under, and when it signed in, by the directory's clock."
    yield _rule(own, ("entry", "objectClass", ppolicy.POLICY, ppolicy.LAST_SUCCESS), READ, why)
    why = "Entries are found again by their ids, wherever they were moved."
    yield _rule(f'dn.subtree="{_quoted_dn(needs.base)}"', _ENTRY, READ, why)
    yield RightsRule(what="*", right=NOTHING, why="Nothing else, whatever the other rules give everybody.")


def read_of_people(needs: Needs) -> tuple[str, ...]:
    """Return everything that is read or searched of people: ids, lock attributes, the mapping, rules and filters.

    The names have no options: a right to an attribute is one to it in every language.
    """
    member_of = ("memberOf",) if needs.by_user else ()
    named = (*needs.reading.attributes, *attributes_in(needs.reading.filter), *member_of)
    plain = (name.partition(";")[0] for name in (*_ENTRY, *ppolicy.ENTRY_ATTRIBUTES, *named))
    return tuple({name.lower(): name for name in plain}.values())


def _beside_the_marker(needs: Needs) -> tuple[str, ...]:
    """Return what is read but for the marker, which has a rule of its own."""
    return tuple(name for name in read_of_people(needs) if name != ppolicy.MARKER)


def _restoring(needs: Needs, one: Restorable) -> RightsRule:
    if one.group:
        where = f'dn.exact="{_quoted_dn(one.group)}" attrs=member val.subtree="{_quoted_dn(needs.reading.base)}"'
        why = "An unlock may make one of the people a member again; taking one out is refused."
        return RightsRule(what=where, right=ADD, why=why)
    people = _below(needs.reading.scope, needs.reading.base)
    where = f'{people} attrs={one.attribute} val.exact="{_quoted(one.value)}"'
    return RightsRule(what=where, right=ADD, why="An unlock may add this one value; taking it away is refused.")


def _rule(where: str, attributes: Iterable[str], right: str, why: str) -> RightsRule:
    return RightsRule(what=f"{where} attrs={','.join(attributes)}", right=right, why=why)


def _below(scope: Scope, base: str) -> str:
    return f'dn.{"onelevel" if scope is Scope.LEVEL else "subtree"}="{_quoted_dn(base)}"'


def _by(account: str, right: str) -> tuple[str, str]:
    """Return the rest of a rule: continuation lines of LDIF, one space for the form and one that counts."""
    return f'  by dn.exact="{_quoted_dn(account)}" {right}', "  by * break"


def _folded(line: str) -> Iterator[str]:
    """Yield a long line in pieces: a line end and one space after it do not count (RFC 2849 note 2)."""
    rest = line
    while len(rest) > _WIDTH:
        comma, space = rest.rfind(",", 0, _WIDTH), rest.rfind(" ", 1, _WIDTH)
        at = max(comma + 1, space)
        if at <= 1:
            break
        yield rest[:at]
        rest = f" {rest[at:]}"
    yield rest


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, _WIDTH)]


# --- quoting ---------------------------------------------------------------------------------------------------------


def _quoted_dn(dn: str) -> str:
    """Return a DN as it stands between quotation marks in an access rule.

    Special characters and those outside ASCII become hexadecimal pairs (RFC 4514 section 2.4), so that no quotation
    mark is left. In cn=config a backslash stands for itself; slapd.conf would take two for one.
    """
    plain = re.sub(r"\\([ \"#+,;<=>\\])", lambda found: f"\\{ord(found[1]):02X}", dn)
    return "".join(character if character.isascii() else _hexadecimal(character) for character in plain)


def _hexadecimal(character: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in character.encode())


def _quoted(value: str) -> str:
    """Return a value as it stands between quotation marks in an access rule, where nothing is escaped.

    Raises InvalidInput for one that would end them.
    """
    if '"' in value:
        raise InvalidInput(f"slapd's access rules cannot hold a value with quotation marks: {value}")
    return value
