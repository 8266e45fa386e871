"""How near to locking an account the portal may come: never to it."""

from hypothesis import given
from hypothesis import strategies as st

from agent.directories.dialect import Knowledge, Policy
from agent.signing_in import may_try


def policy(maximum: int, *, lockout: bool = True, knowledge: Knowledge = Knowledge.KNOWN) -> Policy:
    return Policy(knowledge=knowledge, source="cn=policy", lockout=lockout, max_failures=maximum)


@given(st.integers(1, 50), st.integers(0, 60))
def test_no_try_is_the_one_that_locks(maximum: int, before: int) -> None:
    """From any count on: whoever goes on for as long as it is allowed ends below the maximum."""
    failures = before
    while may_try(policy(maximum), failures):
        failures += 1
    assert failures == before or failures < maximum


@given(st.integers(5, 50))
def test_where_there_is_room_two_are_left(maximum: int) -> None:
    """For the device that tries an old password at the same moment."""
    assert may_try(policy(maximum), maximum - 3)
    assert not may_try(policy(maximum), maximum - 2)


def test_whoever_mistypes_once_may_repeat_where_three_lock() -> None:
    assert [may_try(policy(3), failures) for failures in range(4)] == [True, True, False, False]
    assert [may_try(policy(2), failures) for failures in range(3)] == [True, False, False]
    assert not may_try(policy(1), 0)


def test_without_a_lockout_or_without_knowledge() -> None:
    assert may_try(policy(3, lockout=False), 99)
    assert may_try(policy(0), 99)
    assert may_try(policy(3, knowledge=Knowledge.UNKNOWN), 0)
    assert not may_try(policy(3, knowledge=Knowledge.UNKNOWN), 1)
