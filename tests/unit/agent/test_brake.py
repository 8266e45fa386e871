"""The brake: how many may be locked because something was not found."""

from hypothesis import given
from hypothesis import strategies as st

from agent.brake import Verdict, Weight, brake, limit
from ims.locks import LockReason
from ims.people import TenantId
from tests.support.people import ACME, GLOBEX


def weights(count: int, tenant: TenantId = ACME, reason: LockReason = LockReason.UNAFFILIATED) -> list[Weight]:
    """Return the weights of so many users of one tenant."""
    return [Weight(tenant=tenant, reason=reason)] * count


def test_the_limit_is_a_twentieth_between_ten_and_fifty() -> None:
    """Small directories may lose ten, large ones fifty."""
    assert [limit(users) for users in (0, 1, 200, 219, 220, 400, 999, 1000, 100_000)] == [
        10,
        10,
        10,
        10,
        11,
        20,
        49,
        50,
        50,
    ]


def test_nothing_waits_up_to_the_limit() -> None:
    """Ten of twenty may go."""
    assert brake(weights(10), 20, {ACME: 20}) == Verdict()


def test_beyond_the_directorys_limit_everything_waits() -> None:
    """Absences and un-affiliations count together, and the text says how many of each."""
    verdict = brake([*weights(6), *weights(5, GLOBEX, LockReason.ABSENT)], 20, {ACME: 10, GLOBEX: 10})
    assert verdict.everything
    assert verdict.holds(ACME)
    assert verdict.count == 11
    assert verdict.text == "6 un-affiliations and 5 absences are more than the limit of 10 for 20 users"


def test_a_tenant_beyond_its_own_limit_waits_alone() -> None:
    """A big directory does not make a small tenant's loss a small one."""
    verdict = brake([*weights(11), *weights(9, GLOBEX)], 1000, {ACME: 20, GLOBEX: 900})
    assert verdict.holds(ACME)
    assert not verdict.holds(GLOBEX)
    assert verdict.count == 11


@given(
    acme=st.integers(0, 120),
    globex=st.integers(0, 120),
    users=st.integers(0, 100_000),
    tenant_users=st.integers(0, 100_000),
)
def test_no_verdict_lets_more_through_than_both_limits(acme: int, globex: int, users: int, tenant_users: int) -> None:
    """Whatever the numbers, what flows is within the directory's limit and each tenant's."""
    verdict = brake([*weights(acme), *weights(globex, GLOBEX)], users, {ACME: tenant_users, GLOBEX: tenant_users})
    flowing = {tenant: count for tenant, count in ((ACME, acme), (GLOBEX, globex)) if not verdict.holds(tenant)}
    assert sum(flowing.values()) <= limit(users)
    assert all(count <= limit(tenant_users) for count in flowing.values())
    assert verdict.count == acme + globex - sum(flowing.values())
    assert bool(verdict.text) == bool(verdict.count)
