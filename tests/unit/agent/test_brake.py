"""The brake's arithmetic: how many may lose their access within an hour."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.brake import HANDFUL, Crowd, Verdict, Weight, appears, brake, limit
from ims.locks import LockReason
from ims.people import TenantId, UserId
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock

LOST, ABSENT, DISABLED, EXPIRED = (
    LockReason.UNAFFILIATED,
    LockReason.ABSENT,
    LockReason.DISABLED,
    LockReason.EXPIRED,
)
DAY = timedelta(days=1)


def weights(count: int, tenant: TenantId = ACME, reason: LockReason = LOST, first: int = 0) -> list[Weight]:
    """Return the weights of so many users of one tenant, who are free so far."""
    return [
        Weight(tenant=tenant, reason=reason, user=UserId(f"{tenant}-{number}"))
        for number in range(first, first + count)
    ]


def crowd(users: int, free: int | None = None) -> Crowd:
    """Return so many users, all of them free unless told."""
    return Crowd(users=users, free=users if free is None else free)


# --- the limit -------------------------------------------------------------------------------------------------------


def test_the_limit_is_a_twentieth_between_ten_and_fifty() -> None:
    """Small directories may lose ten, large ones fifty."""
    numbers = (0, 1, 200, 219, 220, 400, 999, 1000, 100_000)
    assert [limit(users) for users in numbers] == [10, 10, 10, 10, 11, 20, 49, 50, 50]


def test_nothing_waits_up_to_the_limit() -> None:
    """Ten of twenty may go."""
    assert brake(weights(10), (), crowd(20), {ACME: crowd(20)}) == Verdict()


def test_beyond_the_directorys_limit_everything_waits() -> None:
    """All reasons count together, and the text says how many of each."""
    proposed = [
        *weights(5),
        *weights(2, GLOBEX, ABSENT),
        *weights(3, GLOBEX, DISABLED, 2),
        *weights(1, GLOBEX, EXPIRED),
    ]
    verdict = brake(proposed, (), crowd(20), {ACME: crowd(10), GLOBEX: crowd(10)})
    assert verdict.everything
    assert verdict.holds(ACME)
    assert verdict.text == (
        "5 un-affiliations, 2 absences, 3 disabled accounts, 1 accounts out of their validity within an hour "
        "are more than the limit of 10 for 20 users of the directory"
    )


def test_a_tenant_beyond_its_own_limit_waits_alone() -> None:
    """A big directory does not make a small tenant's loss a small one."""
    verdict = brake([*weights(11), *weights(9, GLOBEX)], (), crowd(1000), {ACME: crowd(20), GLOBEX: crowd(900)})
    assert verdict.holds(ACME)
    assert not verdict.holds(GLOBEX)


def test_the_last_hour_counts_along() -> None:
    """Six, and six a tick later."""
    lately = weights(6, first=6)
    assert brake(weights(4), lately, crowd(100), {ACME: crowd(100)}) == Verdict()
    assert brake(weights(5), lately, crowd(100), {ACME: crowd(100)}).everything


def test_a_tenants_last_hour_is_that_of_all_its_directories() -> None:
    """Two directories that each take eight are sixteen for the tenant; another tenant's are none of its own."""
    elsewhere = [*weights(8, first=8), *weights(9, GLOBEX)]
    verdict = brake(weights(8), (), crowd(1000), {ACME: crowd(40)}, elsewhere)
    assert (verdict.everything, verdict.tenants) == (False, frozenset({ACME}))
    assert verdict.text == (
        "16 un-affiliations within an hour, 8 of them by other directories, "
        "are more than the limit of 10 for 40 users of acme"
    )
    assert brake(weights(2), (), crowd(1000), {ACME: crowd(40)}, elsewhere) == Verdict()


def test_nobody_left_is_said_of_what_this_directory_takes() -> None:
    """One who is the last one here is no company that was emptied, though another directory took two."""
    assert brake(weights(1), (), crowd(1000), {ACME: crowd(40, free=1)}, weights(2, first=5)) == Verdict()


# --- nobody left -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("people", "waits"), [(2, False), (3, True), (6, True), (10, True)])
def test_a_small_tenant_does_not_lose_everybody_at_once(people: int, waits: bool) -> None:  # noqa: FBT001 - a cell
    """All of them are below any limit; two people may well leave a company of two."""
    verdict = brake(weights(people, reason=DISABLED), (), crowd(500), {ACME: crowd(people)})
    assert verdict.holds(ACME) is waits
    assert ("would leave nobody of acme" in verdict.text) is waits


def test_one_who_is_left_is_enough() -> None:
    """Then it was persons who left, and the limit is all that counts."""
    assert brake(weights(5), (), crowd(500), {ACME: crowd(6)}) == Verdict()


def test_whoever_is_locked_already_is_not_left() -> None:
    """Three of six were taken within the hour, and are gone; the other three would be the last."""
    lately = [Weight(tenant=ACME, reason=LOST, user=UserId(f"acme-{n}"), free=False) for n in (3, 4, 5)]
    assert brake(weights(3), lately, crowd(500), {ACME: crowd(6, free=3)}).holds(ACME)
    assert brake(weights(2), lately, crowd(500), {ACME: crowd(6, free=3)}) == Verdict()


def test_a_lock_more_for_somebody_who_is_locked_takes_nobody() -> None:
    """Three who are disabled already become unaffiliated, while others go on working."""
    more = [Weight(tenant=ACME, reason=LOST, user=UserId(f"acme-{n}"), free=False) for n in range(3)]
    assert brake(more, (), crowd(500), {ACME: crowd(6, free=3)}) == Verdict()


def test_a_whole_small_directory_is_looked_at_as_a_whole() -> None:
    """Five tenants of two: each alone would be below every limit."""
    tenants = [TenantId(f"t{number}") for number in range(5)]
    proposed = [weight for tenant in tenants for weight in weights(2, tenant)]
    assert brake(proposed, (), crowd(10), {tenant: crowd(2) for tenant in tenants}).everything


# --- what appears ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ((), (DISABLED, NOON, None), True),
        ((), (LockReason.IDLE, NOON, None), False),
        ((), (LockReason.PASSWORD_ATTEMPTS, NOON, None), False),
        (((EXPIRED, NOON, None),), (EXPIRED, NOON + DAY, None), False),
        (((EXPIRED, NOON + DAY, None),), (EXPIRED, NOON, None), True),
        (((EXPIRED, NOON - DAY, NOON),), (EXPIRED, NOON + DAY, None), True),
        (((EXPIRED, NOON, None),), (DISABLED, NOON, None), True),
    ],
    ids=["new", "idle", "attempts", "later end", "earlier end", "not begun, then ended", "another reason"],
)
def test_what_takes_access_away_that_was_there(
    old: tuple[tuple[LockReason, datetime, datetime | None], ...],
    new: tuple[LockReason, datetime, datetime | None],
    *,
    counts: bool,
) -> None:
    """An end of validity that moves to a later day gives somebody time; an earlier one takes it."""
    known = [lock(reason, since=since, until=until) for reason, since, until in old]
    reason, since, until = new
    assert appears(lock(reason, since=since, until=until), known) is counts


# --- whatever the numbers --------------------------------------------------------------------------------------------


@given(
    acme=st.integers(0, 70),
    globex=st.integers(0, 70),
    lately=st.integers(0, 60),
    users=st.integers(0, 3000),
    acme_users=st.integers(0, 3000),
)
def test_no_verdict_lets_more_through_than_all_limits(
    acme: int, globex: int, lately: int, users: int, acme_users: int
) -> None:
    """What flows and what the last hour let through are within the directory's limit and each tenant's."""
    before = weights(lately, first=1000)
    tenants = {ACME: crowd(acme_users), GLOBEX: crowd(users)}
    verdict = brake([*weights(acme), *weights(globex, GLOBEX)], before, crowd(users), tenants)
    if acme and not verdict.holds(ACME):
        assert acme + lately <= limit(acme_users)
        assert acme < HANDFUL or acme < acme_users
    assert verdict.everything or acme + globex + lately <= limit(users)
    assert bool(verdict.text) == (verdict.everything or bool(verdict.tenants))
