"""The store answers every question as a literal reading of `ims.query` does: random users, random questions."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ims.people import Profile, TenantId, User
from ims.ports import Batch
from ims.query import Attribute, Compare, Operator, Page, Query
from ims.store import SqlStore
from tests.support.batches import save
from tests.support.clock import NOON
from tests.support.naive_query import satisfies
from tests.support.people import user
from tests.support.queries import crowds, later, questions, texts

TENANT = TenantId("t")
ALL = Page(limit=100)


def called(number: int, text: str) -> User:
    """Return a user with a text where texts are compared in each of the three ways."""
    profile = Profile(user_name=f"{text}{number}", display_name=text, external_id=text)
    return replace(user(f"u{number}", tenant=TENANT), profile=profile)


def expect_agreement(store: SqlStore, crowd: tuple[User, ...], asked: list[tuple[Query, datetime]]) -> None:
    """Fail unless the store finds whom the literal reading finds, for every question."""
    save(store, *crowd)
    try:
        for query, now in asked:
            expected = sorted(user.id for user in crowd if satisfies(user, query, now))
            answer = store.find(TENANT, query, ALL, now)
            assert [user.id for user in answer.users] == expected, (query, now)
            assert store.find(TENANT, query, Page(limit=0), now).total == len(expected), (query, now)
    finally:
        store.apply(Batch(removed=tuple(user.id for user in crowd)))


@settings(max_examples=150, deadline=None)
@given(crowd=crowds(TENANT), asked=st.lists(st.tuples(questions, later), min_size=1, max_size=8))
def test_the_store_answers_as_the_algebra_says(
    shared_store: SqlStore, crowd: tuple[User, ...], asked: list[tuple[Query, datetime]]
) -> None:
    """All attributes, collections and operators, nested, at moments after the write."""
    expect_agreement(shared_store, crowd, asked)


@settings(max_examples=40, deadline=None)
@given(names=st.lists(texts, min_size=1, max_size=4), wanted=texts, operator=st.sampled_from(Operator))
def test_texts_are_compared_as_the_algebra_says(
    shared_store: SqlStore, names: list[str], wanted: str, operator: Operator
) -> None:
    """Every operator on a folded text, an exact one and a user name, at the edges of Unicode."""
    crowd = tuple(called(number, name) for number, name in enumerate(names))
    lefts = (Attribute.DISPLAY_NAME, Attribute.EXTERNAL_ID, Attribute.USER_NAME)
    expect_agreement(shared_store, crowd, [(Compare(left, operator, wanted), NOON) for left in lefts])
