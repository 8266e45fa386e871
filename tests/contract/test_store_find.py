"""Questions: pages in a stable order, exact totals, one tenant or all, and what the clock decides decided at `now`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.errors import InvalidInput
from ims.locks import LockReason
from ims.passes import PassReport
from ims.people import Contact, Profile, User, UserId
from ims.ports import Batch
from ims.query import (
    EVERYTHING,
    NOTHING,
    And,
    Attribute,
    Collection,
    Compare,
    Member,
    Not,
    Operator,
    Or,
    Page,
    Present,
    Query,
    Some,
    Value,
)
from ims.store import SqlStore
from tests.support.batches import lease, link, progress, report, save
from tests.support.clock import NOON, HandClock
from tests.support.people import ACME, GLOBEX, IDP, lock, user

MINUTE = timedelta(minutes=1)
ALL = Page(limit=100)


def found(store: SqlStore, query: Query, minutes: float = 0) -> list[str]:
    """Return the names of the users of ACME that satisfy the query so many minutes after NOON, checking the total."""
    answer = store.find(ACME, query, ALL, NOON + minutes * MINUTE)
    assert answer.total == len(answer.users)
    counted = store.find(ACME, query, Page(limit=0), NOON + minutes * MINUTE)
    assert (counted.users, counted.total) == ((), answer.total)
    return [one.profile.user_name for one in answer.users]


def asks(left: Attribute | Member, value: Value, operator: Operator = Operator.EQ) -> Compare:
    """Return a comparison."""
    return Compare(left, operator, value)


ACTIVE, LOCKED = asks(Attribute.ACTIVE, value=True), asks(Attribute.LOCKED, value=True)


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_by_offset_and_by_the_last_id_are_the_same_walk(store: SqlStore) -> None:
    """Every user once, in the order of ids, and the total on every page."""
    save(store, *(user(f"p{number:02}") for number in reversed(range(11))), user("x", tenant=GLOBEX))
    by_offset: list[UserId] = []
    by_id: list[UserId] = []
    for offset in range(0, 12, 4):
        page = store.find(ACME, EVERYTHING, Page(limit=4, offset=offset), NOON)
        after = store.find(ACME, EVERYTHING, Page(limit=4, after=by_id[-1] if by_id else None), NOON)
        by_offset += [one.id for one in page.users]
        by_id += [one.id for one in after.users]
        assert page.total == after.total == 11
    assert by_offset == by_id == [f"user-p{number:02}" for number in range(11)]


def test_a_page_behind_the_end_is_empty_and_has_the_total(store: SqlStore) -> None:
    """By offset and by id."""
    save(store, user("ada"), user("bo"))
    for page in (Page(limit=5, offset=2), Page(limit=5, offset=9), Page(limit=5, after=UserId("user-zz"))):
        answer = store.find(ACME, EVERYTHING, page, NOON)
        assert (answer.users, answer.total) == ((), 2)


def test_a_page_may_be_of_all_tenants(store: SqlStore) -> None:
    """What an operator on the box lists."""
    save(store, user("ada"), user("cy", tenant=GLOBEX))
    assert [one.tenant for one in store.find(None, EVERYTHING, ALL, NOON).users] == [ACME, GLOBEX]
    assert store.find(GLOBEX, EVERYTHING, ALL, NOON).total == 1


@pytest.mark.parametrize("page", [Page(limit=-1), Page(limit=1, offset=-1)])
def test_a_page_of_negative_size_is_refused(store: SqlStore, page: Page) -> None:
    """Some engines would take it for all users."""
    with pytest.raises(InvalidInput, match="negative"):
        store.find(ACME, EVERYTHING, page, NOON)


# --- comparisons -----------------------------------------------------------------------------------------------------


def test_everything_and_nothing(store: SqlStore) -> None:
    """The empty conjunction and the empty disjunction."""
    save(store, user("ada"))
    assert found(store, EVERYTHING) == ["ada"]
    assert found(store, NOTHING) == []
    assert found(store, Not(NOTHING)) == ["ada"]


@pytest.mark.parametrize("operator", [Operator.CO, Operator.SW, Operator.EW, Operator.EQ])
@pytest.mark.parametrize("wild", ["%", "_", "\\", "\\%", "%%", "*", "?", "[a]", "'", '"', "\\_"])
def test_no_character_is_a_wildcard(store: SqlStore, operator: Operator, wild: str) -> None:
    """Only who has the very character is found."""
    save(store, user("plain"), user(wild))
    assert found(store, asks(Attribute.USER_NAME, wild, operator)) == [wild]
    assert found(store, asks(Attribute.DISPLAY_NAME, wild, operator)) == [wild]


def test_case_counts_where_the_schema_says_so(store: SqlStore) -> None:
    """`id` and `externalId` octet by octet, also in parts; names folded."""
    save(store, replace(user("Ada"), profile=Profile(user_name="Ada", external_id="E-Ada", title="Stra\u00dfe")))
    for operator in (Operator.EQ, Operator.SW, Operator.EW, Operator.CO):
        assert found(store, asks(Attribute.EXTERNAL_ID, "E-Ada", operator)) == ["Ada"]
        assert found(store, asks(Attribute.EXTERNAL_ID, "e-ada", operator)) == []
        assert found(store, asks(Attribute.ID, "user-Ada", operator)) == ["Ada"]
        assert found(store, asks(Attribute.ID, "USER-ADA", operator)) == []
        assert found(store, asks(Attribute.TITLE, "STRASSE", operator)) == ["Ada"]


def test_a_user_name_is_found_by_whatever_would_make_it_not_unique(store: SqlStore) -> None:
    """A connection finds by filter whatever would give it a conflict."""
    save(store, replace(user("zoe"), profile=Profile(user_name="Zo\u00eb")))
    for same in ("zo\u00eb", "ZOE\u0308", "\uff3aO\u00cb"):
        assert len(found(store, asks(Attribute.USER_NAME, same))) == 1
    assert found(store, asks(Attribute.USER_NAME, "zoe")) == []


def test_no_value_is_not_equal_to_anything(store: SqlStore) -> None:
    """NE is true where there is no value, every other comparison false; NOT turns exactly that around."""
    save(store, user("ada"))
    for attribute in (Attribute.TITLE, Attribute.DELETED_BY):
        assert found(store, Present(attribute)) == []
        assert found(store, Not(Present(attribute))) == ["ada"]
        for operator in Operator:
            one = asks(attribute, "", operator)
            assert found(store, one) == (["ada"] if operator is Operator.NE else [])
            assert found(store, Not(one)) == ([] if operator is Operator.NE else ["ada"])


def test_a_missing_time_is_not_equal_to_anything(store: SqlStore) -> None:
    """Two-valued logic where SQL has three."""
    save(store, replace(user("ada"), affiliation=None))
    for operator in (Operator.EQ, Operator.NE, Operator.GT, Operator.GE, Operator.LT, Operator.LE):
        one = asks(Attribute.AFFILIATION_SINCE, NOON, operator)
        assert found(store, one) == (["ada"] if operator is Operator.NE else [])
        assert found(store, Not(one)) == ([] if operator is Operator.NE else ["ada"])


def test_some_element_satisfies_all_of_it(store: SqlStore) -> None:
    """Not one element this and another that."""
    emails = (Contact(value="a@x", type="work"), Contact(value="b@x", type="home", primary=True))
    save(store, replace(user("ada"), profile=Profile(user_name="ada", emails=emails)))
    work, home = asks(Member.TYPE, "WORK"), asks(Member.TYPE, "home")
    value = asks(Member.VALUE, "B@X")
    assert found(store, Some(Collection.EMAILS, And((home, value)))) == ["ada"]
    assert found(store, Some(Collection.EMAILS, And((work, value)))) == []
    assert found(store, Some(Collection.EMAILS, And((home, asks(Member.PRIMARY, value=True))))) == ["ada"]
    assert found(store, Some(Collection.PHONE_NUMBERS)) == []
    assert found(store, Not(Some(Collection.EMAILS, Or((value, work))))) == []


NONSENSE: list[Query] = [
    asks(Member.VALUE, "x"),
    Present(Member.VALUE),
    asks(Attribute.USER_NAME, value=True),
    asks(Attribute.USER_NAME, NOON),
    asks(Attribute.ACTIVE, "true"),
    asks(Attribute.ACTIVE, True, Operator.GT),
    asks(Attribute.CREATED, "2026"),
    asks(Attribute.CREATED, NOON, Operator.CO),
    asks(Attribute.LAST_MODIFIED, NOON, Operator.SW),
    Some(Collection.EMAILS, asks(Attribute.USER_NAME, "x")),
    Some(Collection.EMAILS, asks(Member.SINCE, NOON)),
    Some(Collection.EMAILS, Some(Collection.LOCKS)),
    asks(Attribute.USER_NAME, "nul\0"),
    asks(Attribute.USER_NAME, "half \ud800 a pair"),
    Some(Collection.LOCKS, And((asks(Member.SINCE, value=False),))),
]


@pytest.mark.parametrize("query", NONSENSE, ids=repr)
def test_a_question_that_makes_no_sense_is_refused(store: SqlStore, query: Query) -> None:
    """With a clear error, never with everybody or nobody."""
    with pytest.raises(InvalidInput):
        store.find(ACME, query, ALL, NOON)


def test_a_question_that_is_too_large_is_refused(store: SqlStore) -> None:
    """What the engine cannot take is said to be too much, not that the store is unusable."""
    wide = And(tuple(asks(Attribute.TITLE, str(number), Operator.NE) for number in range(1200)))
    deep: Query = Present(Attribute.TITLE)
    for number in range(1000):
        deep = Or((And((deep, asks(Attribute.ID, str(number)))), Present(Attribute.LOCALE)))
    for query in (wide, deep):
        with pytest.raises(InvalidInput, match="too much"):
            store.find(ACME, query, ALL, NOON)


def test_deleted_by_hides_from_connections(store: SqlStore) -> None:
    """The question that permits add."""
    save(store, user("ada"), user("bo", deleted_by=IDP))
    assert found(store, Not(Present(Attribute.DELETED_BY))) == ["ada"]
    assert found(store, asks(Attribute.DELETED_BY, "IDP")) == ["bo"]


# --- the clock -------------------------------------------------------------------------------------------------------


def timed() -> list[User]:
    """Return users with each kind of lock there is in time."""
    return [
        user("free"),
        user("forever", locks=[lock(name="forever")]),
        user("timed", locks=[lock(name="timed", until=NOON + 10 * MINUTE)]),
        user("future", locks=[lock(name="future", since=NOON + 5 * MINUTE)]),
        user(
            "twice",
            locks=[
                lock(name="twice", until=NOON + 3 * MINUTE),
                lock(name="twice", since=NOON + 6 * MINUTE, until=NOON + 8 * MINUTE),
            ],
        ),
        user("lapsed", locks=[lock(name="lapsed", since=NOON - 9 * MINUTE, until=NOON - MINUTE)]),
    ]


@pytest.mark.parametrize(
    ("minutes", "locked"),
    [
        (0, ["forever", "timed", "twice"]),
        (3, ["forever", "timed"]),
        (5, ["forever", "future", "timed"]),
        (6, ["forever", "future", "timed", "twice"]),
        (8, ["forever", "future", "timed"]),
        (10, ["forever", "future"]),
        (1e6, ["forever", "future"]),
    ],
)
def test_active_and_locked_follow_the_clock_without_a_write(store: SqlStore, minutes: float, locked: list[str]) -> None:
    """Ends and beginnings count exactly, also the second and third since the last write."""
    save(store, *timed())
    assert found(store, LOCKED, minutes) == locked
    assert found(store, Not(ACTIVE), minutes) == locked
    assert found(store, asks(Attribute.ACTIVE, False), minutes) == locked
    assert found(store, asks(Attribute.LOCKED, True, Operator.NE), minutes) == found(store, ACTIVE, minutes)
    assert len(found(store, ACTIVE, minutes)) == 6 - len(locked)
    assert found(store, Some(Collection.LOCKS), minutes) == locked


def test_a_pass_moves_no_answer(store: SqlStore, clock: HandClock) -> None:
    """Whatever is computed anew after a pass says the same as before."""
    save(store, *timed())
    fence = lease(store)
    clock.forward(7 * MINUTE)
    before = [(minute, found(store, LOCKED, minute)) for minute in (7, 8, 10)]
    told: PassReport = report(seconds=7 * 60)
    store.apply(Batch(progress=progress(fence, report=told)))
    assert [(minute, found(store, LOCKED, minute)) for minute in (7, 8, 10)] == before


def test_locks_that_are_asked_for_are_those_in_force(store: SqlStore) -> None:
    """By reason, source, server and times; a lapsed one is not there."""
    save(
        store,
        user("ada", locks=[lock(server="ldap://b", until=NOON + MINUTE)]),
        user("bo", locks=[lock(LockReason.HELD, name="bo", source="lockstep")]),
    )
    attempts = Some(Collection.LOCKS, asks(Member.VALUE, "password_attempts"))
    assert found(store, attempts) == ["ada"]
    assert found(store, attempts, 1) == []
    assert found(store, Some(Collection.LOCKS, asks(Member.SOURCE, "LOCKSTEP"))) == ["bo"]
    assert found(store, Some(Collection.LOCKS, asks(Member.SERVER, "ldap", Operator.SW))) == ["ada"]
    assert found(store, Some(Collection.LOCKS, Not(Present(Member.UNTIL)))) == ["bo"]
    assert found(store, Some(Collection.LOCKS, asks(Member.DISPLAY, "wrong passwords", Operator.CO))) == ["ada"]


def test_last_modified_moves_when_a_lock_begins_or_ends(store: SqlStore) -> None:
    """Although nobody wrote anything."""
    save(store, user("ada", locks=[lock(since=NOON + MINUTE, until=NOON + 2 * MINUTE)]))
    for minutes, last in ((0.0, NOON), (1.0, NOON + MINUTE), (1.5, NOON + MINUTE), (9.0, NOON + 2 * MINUTE)):
        assert found(store, asks(Attribute.LAST_MODIFIED, last), minutes) == ["ada"]
        assert found(store, asks(Attribute.LAST_MODIFIED, last, Operator.GT), minutes) == []
        assert found(store, asks(Attribute.LAST_MODIFIED, last, Operator.LE), minutes) == ["ada"]


def test_what_a_tick_reads_though_nothing_tells_it_to(store: SqlStore) -> None:
    """Locks of this directory that are not over, transitions due, absences and un-affiliations to confirm."""
    far = NOON + 90 * MINUTE
    save(
        store,
        user("free", entries=[link("free")]),
        user("locked", entries=[link("locked")], locks=[lock(name="locked")]),
        user("ahead", entries=[link("ahead")], locks=[lock(name="ahead", since=far)]),
        user("lapsed", entries=[link("lapsed")], locks=[lock(name="lapsed", until=NOON)]),
        user("elsewhere", entries=[link("elsewhere")], locks=[lock(name="elsewhere", source="lab", until=far)]),
        user("missing", entries=[replace(link("missing"), missing_since=NOON)]),
        user("unmatched", entries=[replace(link("unmatched"), unmatched_since=NOON)]),
        user("provisioned", locks=[lock(name="provisioned")]),
    )
    corp = link().directory
    usual = {"entry-locked", "entry-ahead", "entry-missing", "entry-unmatched"}
    assert store.to_reread(corp, NOON) == usual
    assert store.to_reread(corp, far) == usual | {"entry-elsewhere"}
    assert store.to_reread(link(directory=type(corp)("lab")).directory, NOON) == frozenset()
