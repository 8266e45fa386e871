"""How well a directory is read, in one word and in sentences."""

from datetime import timedelta
from typing import Any

import pytest

from agent.health import Condition, DirectoryHealth, health_of
from ims.passes import ChangeSource, DirectoryState, Mode, Told
from tests.support.clock import NOON
from tests.support.sightings import AGO, CORP

TICK = timedelta(seconds=60)


def health(**changes: Any) -> DirectoryHealth:
    """Judge a directory that was just read, changed as a test says."""
    usual = {"name": CORP, "mode": Mode.ENFORCE, "last_tick": NOON, "last_reconcile": NOON - AGO}
    return health_of(DirectoryState(**{**usual, **changes}), Mode.OBSERVE, TICK, NOON)


def test_a_directory_that_was_just_read_is_well() -> None:
    """And nothing need be said."""
    found = health()
    assert (found.condition, found.ok, found.sentences, found.read_at) == (Condition.OK, True, (), NOON)


@pytest.mark.parametrize(("ago", "condition"), [(180, Condition.OK), (181, Condition.STALE)])
def test_three_missed_ticks_make_it_stale(ago: int, condition: Condition) -> None:
    """What is stored may be over."""
    assert health(last_tick=NOON - timedelta(seconds=ago)).condition is condition


def test_a_quick_rhythm_is_not_stale_at_once() -> None:
    """A tick of a second leaves two minutes."""
    state = DirectoryState(name=CORP, mode=Mode.ENFORCE, last_tick=NOON - timedelta(seconds=119))
    assert health_of(state, Mode.ENFORCE, timedelta(seconds=1), NOON).ok


def test_a_reconcile_counts_as_a_reading() -> None:
    """Whichever came last."""
    assert health(last_tick=None, last_reconcile=NOON).condition is Condition.OK


def test_an_error_says_since_when() -> None:
    """The worst condition decides, every sentence is told."""
    found = health(error="no server can be used", error_since=NOON - AGO, last_tick=NOON - AGO)
    assert found.condition is Condition.INCOMPLETE
    assert found.sentences == (
        "corp has given no complete reading since 2026-11-23 11:00:00 UTC: no server can be used",
        "corp was last read completely on 2026-11-23 11:00:00 UTC",
    )


def test_never_read_is_said_so() -> None:
    """Nothing is known."""
    assert health(last_tick=None, last_reconcile=None).condition is Condition.NEVER_READ


def test_what_is_kept_back_is_told() -> None:
    """It waits for a person."""
    found = health(kept_back="since 11:00: 12 un-affiliations")
    assert (found.condition, found.ok) == (Condition.KEPT_BACK, False)
    assert found.sentences == ("corp keeps changes back since 11:00: 12 un-affiliations",)


def test_an_observed_directory_says_how_many_it_would_lock() -> None:
    """That is no fault; the settings' mode counts where none is stored."""
    assert health(mode=None).sentences == ("corp is only observed: nobody would be locked",)
    found = health(mode=Mode.OBSERVE, would_lock=("a: x", "b: x", "and 40 more"))
    assert found.ok
    (sentence,) = found.sentences
    assert sentence == "corp is only observed: enforced, it would lock 42 users (`lockstep status` names them)"


def test_a_server_that_tells_nothing_is_mentioned_and_no_failure() -> None:
    """The ticks find what changes; nobody has to do anything."""
    why = "ldap://a.example.com: does not offer it"
    (polls,) = health(told=Told(why=why)).sentences
    assert "the ticks find it" in polls
    (partly,) = health(told=Told(source=ChangeSource.PUSH, why=why)).sentences
    assert "not every server" in partly
    assert why in polls
    assert why in partly
    assert health(told=Told(why=why)).ok
