"""Groups in every store: what is found is what a literal reading finds, and belonging goes through groups in groups."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ims.errors import InvalidInput, StaleVersion
from ims.groups import Group, GroupChange, GroupId, MemberEdit, MemberKind, Membership
from ims.people import Revision, TenantId, User, UserId
from ims.ports import Batch
from ims.query import EVERYTHING, And, Attribute, Collection, Compare, Member, Not, Operator, Page, Present, Some, Sort
from ims.store import SqlStore
from tests.support.batches import save
from tests.support.clock import NOON
from tests.support.people import user
from tests.support.queries import texts

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ALL = Page(limit=100)


def group(number: int, name: str = "", *, tenant: TenantId = ACME) -> Group:
    """Return a group that is not stored yet."""
    named = name or f"Group {number}"
    return Group(id=GroupId(f"g{number}"), tenant=tenant, display_name=named, created=NOON, modified=NOON)


def write(store: SqlStore, one: Group, *members: str) -> Group:
    """Store a group with these members."""
    edit = MemberEdit(added=frozenset(members))
    return store.write_group(GroupChange(group=one, base=one.version, members=edit))


def test_a_group_comes_back_as_it_was(store: SqlStore) -> None:
    save(store, user("ada", tenant=ACME))
    written = write(store, replace(group(1), external_id="x"), "user-ada")
    assert written.version == store.revision()
    assert store.group(GroupId("g1")) == written
    (member,) = store.members([written.id])[written.id]
    assert (member.id, member.kind, member.display) == ("user-ada", MemberKind.USER, "Ada")
    assert store.group(GroupId("none")) is None


def test_a_change_on_an_older_state_is_stale(store: SqlStore) -> None:
    written = write(store, group(1))
    renamed = write(store, replace(written, display_name="Other"))
    for stale in (written, group(1)):
        with pytest.raises(StaleVersion):
            write(store, replace(stale, display_name="Third"))
    with pytest.raises(StaleVersion):
        store.remove_group(written, ())
    store.remove_group(renamed, ())
    assert store.find_groups(ACME, EVERYTHING, ALL).total == 0
    with pytest.raises(StaleVersion):
        store.remove_group(replace(renamed, version=Revision(99)), ())


def test_members_are_of_the_group_s_tenant_only(store: SqlStore) -> None:
    save(store, user("ada", tenant=ACME), user("eve", tenant=GLOBEX))
    assert store.kinds(ACME, ["user-ada", "user-eve", "g1", "none"]) == {"user-ada": MemberKind.USER}
    written = write(store, group(1), "user-ada", "user-eve")
    assert [one.id for one in store.members([written.id])[written.id]] == ["user-ada"]


def test_belonging_goes_through_groups_even_in_a_circle(store: SqlStore) -> None:
    save(store, user("ada", tenant=ACME), user("bob", tenant=ACME))
    for number in (1, 2, 3):
        write(store, group(number))
    for number, members in ((1, ("user-ada", "g3")), (2, ("g1",)), (3, ("g2", "user-bob"))):
        stored = store.group(GroupId(f"g{number}"))
        assert stored is not None
        write(store, stored, *members)
    belongs = store.memberships([UserId("user-ada"), UserId("user-bob"), UserId("none")])
    assert belongs[UserId("user-ada")] == tuple(
        Membership(group=GroupId(f"g{number}"), display=f"Group {number}", direct=number == 1) for number in (1, 2, 3)
    )
    assert [one.direct for one in belongs[UserId("user-bob")]] == [False, False, True]
    assert UserId("none") not in belongs


def test_who_is_removed_is_in_no_group(store: SqlStore) -> None:
    save(store, user("ada", tenant=ACME))
    written = write(store, group(1), "user-ada")
    store.apply(Batch(removed=(UserId("user-ada"),)))
    assert store.members([written.id]) == {}


def test_a_page_has_an_order_and_no_negative_size(store: SqlStore) -> None:
    for number, name in enumerate(("b", "", "a", "C")):
        write(store, replace(group(number), display_name=name))

    def names(by: Attribute, *, descending: bool = False) -> list[str]:
        page = Page(limit=10, sort=Sort(by=by, descending=descending))
        return [one.display_name for one in store.find_groups(ACME, EVERYTHING, page).groups]

    assert names(Attribute.DISPLAY_NAME) == ["a", "b", "C", ""]
    assert names(Attribute.DISPLAY_NAME, descending=True) == ["", "C", "b", "a"]
    assert names(Attribute.CREATED) == ["b", "", "a", "C"]
    for sort in (Sort(by=Attribute.TITLE), Sort(by=Collection.EMAILS)):
        with pytest.raises(InvalidInput):
            store.find_groups(ACME, EVERYTHING, Page(limit=1, sort=sort))
    with pytest.raises(InvalidInput):
        store.find_groups(ACME, EVERYTHING, Page(limit=-1))
    with pytest.raises(InvalidInput):
        store.find_groups(ACME, Some(Collection.EMAILS), ALL)
    with pytest.raises(InvalidInput):
        store.find_groups(ACME, Compare(Attribute.TITLE, Operator.EQ, "x"), ALL)


def _called(number: int, name: str, tenant: TenantId) -> User:
    one = user(f"u{number}", tenant=tenant)
    return replace(one, id=UserId(f"n{number}"), profile=replace(one.profile, display_name=name))


@settings(max_examples=60, deadline=None)
@given(names=st.lists(texts.filter(bool), min_size=1, max_size=4), wanted=texts, operator=st.sampled_from(Operator))
def test_names_are_compared_as_a_user_s_are(
    shared_store: SqlStore, names: list[str], wanted: str, operator: Operator
) -> None:
    """The same question on users and on groups of the same names has the same answer."""
    tenant = TenantId("t")
    people = [_called(number, name, tenant) for number, name in enumerate(names)]
    save(shared_store, *people)
    groups = [replace(group(n, name, tenant=tenant), id=GroupId(f"n{n}x")) for n, name in enumerate(names)]
    written = [write(shared_store, one) for one in groups]
    try:
        query = Compare(Attribute.DISPLAY_NAME, operator, wanted)
        for question in (query, Not(query), And((query, Present(Attribute.ID)))):
            found = [one.id for one in shared_store.find(tenant, question, ALL, NOON).users]
            page = shared_store.find_groups(tenant, question, ALL)
            assert [one.id.removesuffix("x") for one in page.groups] == found
    finally:
        for one in written:
            shared_store.remove_group(one, ())
        shared_store.apply(Batch(removed=tuple(one.id for one in people)))


def test_groups_are_found_by_their_members(store: SqlStore) -> None:
    save(store, user("ada", tenant=ACME))
    write(store, group(1), "user-ada")
    write(store, group(2), "g1")
    write(store, group(3))

    def found(where: object) -> list[str]:
        query = Some(Collection.MEMBERS, where)  # type: ignore[arg-type]  # None or a query
        return [one.id for one in store.find_groups(ACME, query, ALL).groups]

    assert found(None) == ["g1", "g2"]
    assert found(Compare(Member.VALUE, Operator.EQ, "user-ada")) == ["g1"]
    assert found(Compare(Member.TYPE, Operator.EQ, "GROUP")) == ["g2"]
    assert found(Not(Compare(Member.TYPE, Operator.EQ, "Group"))) == ["g1"]
    with pytest.raises(InvalidInput):
        found(Some(Collection.EMAILS))
    with pytest.raises(InvalidInput):
        found(Present(Member.DN))
