"""The quarantine: who waits, since when, and who is free again."""

from agent.quarantine import Quarantine
from ims.passes import Quarantined
from tests.support.clock import NOON
from tests.support.sightings import AGO, CORP


def waiting(key: str) -> Quarantined:
    """Return somebody who waits since an hour before NOON."""
    return Quarantined(directory=CORP, key=key, dn=f"uid={key}", since=NOON - AGO, why="as before")


def test_whoever_waits_on_keeps_their_first_moment() -> None:
    """And gets the present reason."""
    quarantine = Quarantine(CORP, NOON, [waiting("a")])
    quarantine.put("a", "uid=a", "still")
    quarantine.put("b", "uid=b", "new")
    assert [(one.key, one.since, one.why) for one in quarantine.after(None)] == [
        ("a", NOON - AGO, "still"),
        ("b", NOON, "new"),
    ]
    assert "a" in quarantine
    assert len(quarantine) == 2


def test_a_complete_reading_frees_everybody_it_trusts() -> None:
    """Whoever was not put here again."""
    assert Quarantine(CORP, NOON, [waiting("a")]).after(None) == ()


def test_a_tick_frees_only_whom_it_looked_at() -> None:
    """The others wait on as they were."""
    quarantine = Quarantine(CORP, NOON, [waiting("a"), waiting("b")])
    assert [one.key for one in quarantine.after(["a"])] == ["b"]
