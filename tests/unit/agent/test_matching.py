"""Rules, roles and protection: what an entry matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.addresses import address_of, addresses_in, addresses_of
from agent.directories.entry import Entry, entry_of
from agent.matching import Groups, matches_of, protection_of, roles_of, rule_tests, unknown_roles, unknown_rules
from agent.members import Members
from ims.people import Role
from tests.support.configured import ADMINS, AUDITORS, STAFF, directory
from tests.support.people import ACME, GLOBEX

ADA = "uid=ada,ou=people,dc=x"


def rules(dn: str = ADA, members: tuple[str, ...] = (), **attributes: str) -> list[str]:
    """Return the names of the rules that an entry matches."""
    entry = entry_of(dn, {name: [value.encode()] for name, value in attributes.items()})
    groups = Groups(members={STAFF: frozenset(addresses_of(members))})
    return [match.rule for match in matches_of(entry, address_of(dn), rule_tests(directory(), groups))]


def test_each_kind_of_rule_matches_its_people() -> None:
    """In the settings' order, so that the first one can decide."""
    assert rules() == []
    assert rules(members=(ADA,)) == ["corp/staff"]
    assert rules(departmentNumber="help  DESK") == ["corp/desk"]
    assert rules("uid=ada,OU=Guests,ou=people,dc=x", departmentNumber="Help Desk") == ["corp/desk", "corp/guests"]


@pytest.mark.parametrize("dn", ["UID=Ada, OU=People, DC=X", "0.9.2342.19200300.100.1.1=ada,ou=people,dc=x"])
def test_a_member_is_the_same_however_it_is_spelled(dn: str) -> None:
    """A group holds DNs as somebody typed them."""
    assert rules(members=(dn,)) == ["corp/staff"]


def test_a_value_that_only_begins_alike_does_not_match() -> None:
    """Neither does a group member that is none."""
    assert rules(departmentNumber="Help Desk 2", members=("no name", "uid=ada2,ou=people,dc=x")) == []


def test_of_several_roles_the_strongest_counts() -> None:
    """Per tenant."""
    both = Groups(members={ADMINS: frozenset(addresses_of([ADA])), AUDITORS: frozenset(addresses_of([ADA]))})
    assert roles_of(address_of(ADA), directory(), both) == ((ACME, Role.CO_ADMINISTRATOR),)
    one = Groups(members={ADMINS: frozenset(), AUDITORS: frozenset(addresses_of([ADA]))})
    assert roles_of(address_of(ADA), directory(), one) == ((ACME, Role.AUDITOR),)


def test_what_could_not_be_read_is_known_to_be_unknown() -> None:
    """A rule's group, and a role's."""
    some = Groups(members={ADMINS: frozenset()})
    assert unknown_rules(directory(), some) == {"corp/staff"}
    assert unknown_roles(directory(), some) == {ACME}
    assert GLOBEX not in unknown_roles(directory(), some)


@pytest.mark.parametrize(
    ("dn", "name", "why"),
    [
        (ADA, "ada", ""),
        (ADA, "ROOT", "listed in the settings"),
        ("cn=boss,dc=x", "boss", "listed in the settings"),
        ("CN=Canary,dc=x", "canary", "the canary of its directory"),
        ("cn=agent,dc=x", "agent", "Lockstep's own account"),
    ],
)
def test_some_are_protected(dn: str, name: str, why: str) -> None:
    """By name, by DN, and always the canary and our own account."""
    guarded = directory(protected={"user_names": ["root"], "dns": ["cn=boss,dc=x"]})
    assert protection_of(Entry(dn=dn, attributes={}), address_of(dn), name, guarded) == why


@given(st.lists(st.text(alphabet="ab,+=\\ ", min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
def test_different_names_have_different_addresses(values: list[str]) -> None:
    """However hard a value tries to look like two."""
    one, other = (f"cn={_escaped(value)},dc=x" for value in values)
    same = " ".join(values[0].split()) == " ".join(values[1].split())
    assert (address_of(one) == address_of(other)) is same


SPELLINGS = st.builds(
    lambda kind, value, parent: f"{kind}={value}{parent}",
    st.sampled_from(["uid", "UID", "userid", "0.9.2342.19200300.100.1.1", "oid.2.5.4.3", "cn"]),
    st.sampled_from(["ada", "Ada", "a d", "a  d", " ada", "ada ", "\\41da", "a\\,b", "\xe4", "a=b", "1"]),
    st.sampled_from(
        [",ou=x", ", ou=x", ",OU=X", ",organizationalUnitName=x", ",2.5.4.11=x", ",ou=x+cn=y", "", ",", "+cn=b"]
    ),
)


@given(st.lists(SPELLINGS, max_size=4))
def test_many_names_read_at_once_are_those_read_one_by_one(dns: list[str]) -> None:
    """As far as they are names at all: what is none is nobody's address."""
    together = addresses_in("\n".join(dns).encode())
    assert addresses_of(dns).keys() <= together
    assert not {address_of(dn) for dn in ("uid=eve,ou=x", "cn=b,ou=x")} & (together - addresses_of(dns).keys())


def test_members_are_compared_by_name_and_not_by_spelling() -> None:
    """Who came is told by the name that the server lists."""
    before, now = Members([b"uid=ada,ou=x", b"uid=bob,ou=x"]), Members([b"UID=Ada, ou=x", b"uid=Eva,ou=x"])
    assert now.without(before) == {address_of("uid=eva,ou=x"): "uid=Eva,ou=x"}
    assert before.addresses - now.addresses == {address_of("uid=bob,ou=x")}
    assert (len(now), address_of("uid=ada,ou=x") in now, address_of("uid=bob,ou=x") in now) == (2, True, False)
    assert Members([]).addresses == frozenset()
    assert Members([b"cn=a\nuid=bob"]).addresses == {address_of("cn=a\\0auid=bob")}


def _escaped(value: str) -> str:
    return "".join(f"\\{ord(character):02x}" for character in value)


NAMES = st.sampled_from(
    ["uid=ada,ou=people,dc=x", "UID=Bob,OU=People,dc=x", "uid=eva , dc=x", "uid=ad,dc=x", "ada", "", "uid=J\\2cK,dc=x"]
)


@given(st.lists(NAMES, max_size=6), NAMES, st.integers(min_value=0, max_value=80))
def test_members_are_the_same_before_and_after_their_set_is_made(listed: list[str], asked: str, often: int) -> None:
    """The first questions are answered by looking through the names as they are."""
    group = Members(dn.encode() for dn in listed)
    addresses = addresses_in("\n".join(listed).encode())
    (address,) = addresses_of([asked]) or (asked.encode(),)
    answers = {address in group for _ in range(often + 1)}
    assert answers == {address in addresses}
    assert group.addresses == addresses
