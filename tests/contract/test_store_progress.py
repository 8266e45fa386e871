"""A pass writes under its fence, each batch once, and its state, report and quarantine with the last one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.errors import FenceLost
from ims.passes import DirectoryState, Mode, Quarantined
from ims.people import UserId
from ims.ports import Batch
from ims.store import SqlStore, sync_state
from tests.support.batches import CORP, LAB, audited, change, lease, link, progress, report, save
from tests.support.clock import NOON, HandClock
from tests.support.people import lock, user

MINUTE = timedelta(minutes=1)


def waiting(key: str, seconds: int = 0, directory: str = CORP) -> Quarantined:
    """Return something in quarantine."""
    since = NOON + timedelta(seconds=seconds)
    return Quarantined(directory=CORP, key=key, dn=f"uid={key}", since=since, why=f"no time in {directory}")


def test_a_batch_is_written_under_the_newest_fence(store: SqlStore) -> None:
    """Also after its time, as long as nobody took over."""
    fence = lease(store)
    store.apply(Batch(changes=(change(user("ada")),), progress=progress(fence)))
    assert store.count() == 1


def test_a_stale_fence_writes_nothing(store: SqlStore) -> None:
    """Another agent has taken over: neither users nor audit nor state."""
    stale = lease(store)
    assert store.take_lease(CORP, "agent-2", MINUTE, NOON + MINUTE) is not None
    late = progress(stale, state=DirectoryState(name=CORP, watermark="late"), report=report())
    with pytest.raises(FenceLost, match="corp"):
        store.apply(Batch(changes=(change(user("ada")),), audit=(audited(user("ada")),), progress=late))
    assert store.count() == 0
    assert store.audit() == ()
    assert store.directory(CORP).watermark == ""
    assert store.revision() == 0


def test_a_fence_that_was_never_given_writes_nothing(store: SqlStore) -> None:
    """Nor does one of another directory."""
    fence = lease(store, directory=LAB)
    with pytest.raises(FenceLost):
        store.apply(Batch(progress=progress(replace(fence, directory=CORP))))


def test_a_batch_is_applied_once(store: SqlStore) -> None:
    """Its repetition answers what it answered, and changes nothing, not even who moved since."""
    save(store, user("ada"))
    save(store, user("ada"))
    fence = lease(store)
    batch = Batch(
        changes=(change(user("ada"), base=1), change(user("bo"), audit=(audited(user("bo")),))),
        progress=progress(fence),
    )
    first = store.apply(batch)
    save(store, replace(user("bo"), protected="newer"))
    assert store.apply(batch) == first
    assert first.dropped == ("user-ada",)
    assert len(store.audit()) == 1
    found = store.user(UserId("user-bo"))
    assert found is not None
    assert found.protected == "newer"


def test_another_number_and_another_pass_are_other_batches(store: SqlStore) -> None:
    """Numbers count within a pass."""
    fence = lease(store)
    revisions = [
        store.apply(Batch(progress=progress(fence, number, pass_id=pass_id))).revision
        for pass_id, number in (("pass-1", 1), ("pass-1", 2), ("pass-2", 1))
    ]
    assert revisions == [1, 2, 3]


def test_the_last_batch_of_a_pass_is_remembered_when_the_next_one_ends(store: SqlStore) -> None:
    """Of older passes nothing is kept; nobody can repeat them any more."""
    fence = lease(store)
    for pass_id in ("pass-1", "pass-2"):
        store.apply(Batch(progress=progress(fence, pass_id=pass_id, report=report(pass_id))))
    assert store.apply(Batch(progress=progress(fence, pass_id="pass-2", report=report("pass-2")))).revision == 2
    assert [one.id for one in store.passes()] == ["pass-2", "pass-1"]


def test_state_and_report_are_written_with_the_users_they_cover(store: SqlStore) -> None:
    """All of their fields."""
    state = DirectoryState(name=CORP, watermark="w1", entries=7, last_tick=NOON, would_lock=("ada: disabled",))
    told = replace(report(), read=3, raised=1, canary_seen=True, notes=("a note",))
    store.apply(Batch(progress=progress(lease(store), state=state, report=told)))
    assert store.directory(CORP) == state
    assert store.passes() == (told,)


def test_a_pass_does_not_take_back_what_enable_set_meanwhile(store: SqlStore) -> None:
    """It read the state before the operator enabled the directory."""
    fence = lease(store)
    before = store.directory(CORP)
    store.save_directory(replace(before, mode=Mode.ENFORCE))
    store.apply(Batch(progress=progress(fence, state=replace(before, watermark="w1"))))
    assert store.directory(CORP) == DirectoryState(name=CORP, mode=Mode.ENFORCE, watermark="w1")


def test_the_quarantine_is_replaced_or_left_alone(store: SqlStore) -> None:
    """None = unchanged, empty = nobody waits; another directory's is its own."""
    fence = lease(store)
    store.apply(Batch(progress=progress(fence, 1, quarantine=(waiting("b", 1), waiting("a", 2), waiting("b", 3)))))
    assert [item.key for item in store.quarantine()] == ["a", "b"]
    store.apply(Batch(progress=progress(fence, 2)))
    assert [item.key for item in store.quarantine(CORP)] == ["a", "b"]
    assert store.quarantine(LAB) == ()
    store.apply(Batch(progress=progress(fence, 3, quarantine=())))
    assert store.quarantine() == ()


def test_a_pass_does_not_take_back_what_was_rejected_meanwhile(store: SqlStore) -> None:
    """It read the quarantine before the operator decided; once the entry is free, the decision goes with it."""
    fence = lease(store)
    store.apply(Batch(progress=progress(fence, 1, quarantine=(waiting("a"), waiting("b")))))
    store.reject(replace(waiting("a"), rejected=NOON, rejected_by="olga"), [audited(user("ada"))])
    store.reject(replace(waiting("nobody"), rejected=NOON, rejected_by="olga"), [audited(user("ada"))])
    assert len(store.audit()) == 1
    store.apply(Batch(progress=progress(fence, 2, quarantine=(waiting("a"), waiting("b")))))
    assert [(item.key, item.rejected, item.rejected_by) for item in store.quarantine()] == [
        ("a", NOON, "olga"),
        ("b", None, ""),
    ]
    store.apply(Batch(progress=progress(fence, 3, quarantine=(waiting("b"),))))
    assert [item.key for item in store.quarantine()] == ["b"]


def test_reports_are_newest_first_and_limited(store: SqlStore) -> None:
    """By directory, or of all."""
    fence, other = lease(store), lease(store, directory=LAB)
    for number in range(3):
        name = f"pass-{number}"
        store.apply(Batch(progress=progress(fence, pass_id=name, report=report(name))))
    elsewhere = replace(report("lab-1"), directory=LAB)
    store.apply(Batch(progress=progress(other, pass_id="lab-1", report=elsewhere)))
    assert [one.id for one in store.passes(limit=2)] == ["lab-1", "pass-2"]
    assert [one.id for one in store.passes(CORP)] == ["pass-2", "pass-1", "pass-0"]


def test_old_reports_are_let_go(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick every few seconds would fill the disk in a year."""
    monkeypatch.setattr(sync_state, "KEPT_PASSES", 3)
    fence = lease(store)
    for number in range(5):
        name = f"pass-{number}"
        store.apply(Batch(progress=progress(fence, pass_id=name, report=report(name))))
    assert [one.id for one in store.passes(CORP)] == ["pass-4", "pass-3", "pass-2"]


def test_a_transition_is_read_once(store: SqlStore, clock: HandClock) -> None:
    """A lapsed lock whose marker stays in the directory is not read on every tick for ever."""
    save(store, user("ada", entries=[link()], locks=[lock(until=NOON + MINUTE)]))
    assert store.to_reread(CORP, NOON) == {"entry-ada"}
    started = clock.forward(MINUTE * 2)
    assert store.to_reread(CORP, started) == {"entry-ada"}
    fence = lease(store)
    too_early, failed, cut = report(), report(error="down", seconds=120), report(complete=False, seconds=120)
    for number, told in enumerate((too_early, failed, cut), 1):
        store.apply(Batch(progress=progress(fence, number, report=told)))
        assert store.to_reread(CORP, started) == {"entry-ada"}
    store.apply(Batch(progress=progress(fence, 9, report=report(seconds=120))))
    assert store.to_reread(CORP, started) == frozenset()
    found = store.user(UserId("user-ada"))
    assert found is not None
    assert found.version == 1
