"""The text of a recipe: what it names, and how it is quoted and folded. What it grants is tried on a real slapd."""

import re
from dataclasses import replace

import pytest

from agent.directories.access import ReadingRules, Scope
from agent.directories.filters import any_of, attributes_in
from agent.directories.names import parent_of, rdn_of
from agent.directories.openldap_rights import read_of_people, recipe
from agent.directories.rights import Needs, Restorable
from ims.errors import InvalidInput

BASE = "dc=x"
READING = ReadingRules(base=f"ou=people,{BASE}", filter="(objectClass=person)", attributes=("uid", "cn;lang-de", "CN"))
NEEDS = Needs(account=f"cn=agent,{BASE}", base=BASE, reading=READING)


def rules(needs: Needs) -> dict[str, str]:
    """Return the rights of a recipe by what they are to."""
    return {rule.what: rule.right for rule in recipe(needs).rules}


def unfolded(text: str) -> list[str]:
    """Return the lines of LDIF as they are read: comments left out, continuations joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return re.sub(r"\n ", "", lines).splitlines()


def test_without_a_canary_groups_or_restoring_there_are_no_rules_for_them() -> None:
    """Nothing is granted that settings do not name."""
    text = recipe(NEEDS).text
    for word in ("member", "memberOf", "=arsc", "canary"):
        assert word not in text


def test_the_last_rule_takes_everything_else_away() -> None:
    """Whatever stands below it."""
    assert list(rules(NEEDS).items())[-1] == ("*", "none")


def test_attributes_are_named_once_and_without_options() -> None:
    """A right to cn is one to cn;lang-de."""
    names = read_of_people(NEEDS)
    assert [name for name in names if name.lower().startswith("cn")] == ["CN"]
    assert len({name.lower() for name in names}) == len(names)


def test_filters_and_memberships_are_read_too() -> None:
    """What a search asks about has to be searchable."""
    reading = replace(READING, filter="(&(objectClass=person)(!(employeeType=robot)))")
    assert {"employeeType", "memberOf"} <= set(read_of_people(replace(NEEDS, reading=reading, by_user=True)))


def test_a_level_is_a_level() -> None:
    """People right below their base only."""
    needs = replace(NEEDS, reading=replace(READING, scope=Scope.LEVEL))
    assert 'dn.onelevel="ou=people,dc=x" attrs=pwdAccountLockedTime' in rules(needs)


def test_groups_are_read_where_they_are_and_restored_by_name() -> None:
    """Two groups in one place are one rule to read, and one each to add to."""
    groups = (f"cn=a,ou=groups,{BASE}", f"cn=b,ou=groups,{BASE}")
    found = rules(replace(NEEDS, groups=groups, restorable=(Restorable(group=groups[0]),)))
    reading = [what for what in found if "member" in what and found[what] == "=rsc"]
    adding = [what for what in found if found[what] == "=arsc"]
    assert reading == ['dn.onelevel="ou=groups,dc=x" attrs=entry,objectClass,entryUUID,entryCSN,member']
    assert adding == ['dn.exact="cn=a,ou=groups,dc=x" attrs=member val.subtree="ou=people,dc=x"']


def test_special_characters_of_a_dn_become_pairs_of_digits() -> None:
    """So that no quotation mark ends the name early, and no character outside ASCII depends on an encoding."""
    odd = 'cn=M\\c3\\bcller\\, \\"S\\" ü,dc=x'
    found = rules(replace(NEEDS, restorable=(Restorable(group=odd),)))
    (adding,) = [what for what, right in found.items() if right == "=arsc"]
    assert adding.startswith('dn.exact="cn=M\\c3\\bcller\\2C \\22S\\22 \\C3\\BC,dc=x" attrs=member')


def test_a_value_that_cannot_be_quoted_is_refused() -> None:
    """slapd knows no escape for it."""
    needs = replace(NEEDS, restorable=(Restorable(attribute="o", value='the "office"'),))
    with pytest.raises(InvalidInput, match="quotation marks"):
        recipe(needs)


def test_long_lines_are_folded_where_ldif_reads_them_back() -> None:
    """Every rule is there again as it was."""
    found = recipe(NEEDS)
    assert max(map(len, found.text.partition("\n\n")[2].splitlines())) <= 100
    lines = unfolded(found.text)
    for place, rule in enumerate(found.rules):
        assert f'olcAccess: {{{place}}}to {rule.what} by dn.exact="cn=agent,dc=x" {rule.right} by * break' in lines


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(uid=x)", ("uid",)),
        ("(&(objectClass=person)(!(cn:caseExactMatch:=a\\28b=c))(sn;lang-de>=x))", ("objectClass", "cn", "sn")),
        ("(|(a~=b)(mail<=5)(a=1))", ("a", "mail")),
        ("(:dn:2.4.6:=x)", ()),
        ("(2.5.4.3=x)", ("2.5.4.3",)),
    ],
)
def test_the_attributes_of_a_filter(text: str, names: tuple[str, ...]) -> None:
    """Once each, without options; none where a filter names none."""
    assert attributes_in(text) == names


def test_small_tools() -> None:
    """The parts of a DN as they are written, and filters put together."""
    assert (rdn_of("cn=a\\,b,dc=x"), parent_of("cn=a\\,b, dc=x"), parent_of("dc=x")) == ("cn=a\\,b", "dc=x", "")
    assert (any_of("(a=1)"), any_of("(a=1)", "(b=2)"), any_of()) == ("(a=1)", "(|(a=1)(b=2))", "(|)")
