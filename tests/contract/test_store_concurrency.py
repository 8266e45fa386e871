"""Several threads and several processes at one store: nothing is lost, nothing is done twice."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from ims.errors import Conflict, FenceLost, LockstepError, NotUnique
from ims.passes import Fence
from ims.people import UserId
from ims.ports import Applied, Batch, Intent, IntentId, Store
from ims.query import EVERYTHING, Page
from ims.store import SqlStore
from tests.support.batches import CORP, audited, change, lease, progress, save
from tests.support.clock import NOON
from tests.support.people import ACME, actor, user

WRITERS = 4
Opener = Callable[[], SqlStore]
Act = Callable[[], object]


def at_once(acts: Sequence[Act]) -> list[object]:
    """Run all acts at the same moment, each in a thread, and return what came of each: its answer or our error."""
    start = threading.Barrier(len(acts))

    def run(act: Act) -> object:
        start.wait(timeout=30)
        try:
            return act()
        except LockstepError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def adding(store: Store, name: str) -> Act:
    """Return the act of changing one user until no other writer comes between reading and writing."""

    def add() -> int:
        for tries in range(1, 1000):
            seen = store.user(UserId("user-ada"))
            assert seen is not None
            grown = replace(seen, protected=f"{seen.protected},{name}")
            if not store.apply(
                Batch(changes=(change(grown, base=seen.version, audit=(audited(grown, name),)),))
            ).dropped:
                return tries
        raise AssertionError("never came through")

    return add


def taking(store: Store, owner: str, now: datetime) -> Act:
    """Return the act of taking the lease on CORP."""
    return lambda: store.take_lease(CORP, owner, timedelta(minutes=1), now)


def test_writers_of_one_user_lose_no_change(another: Opener) -> None:
    """Each a store of its own, as processes have; whoever came too late reads again."""
    stores = [another() for _ in range(WRITERS)]
    save(stores[0], user("ada"))
    names = [f"w{number}-{turn}" for number in range(WRITERS) for turn in range(5)]
    tries = at_once([adding(stores[int(name[1])], name) for name in names])
    assert all(isinstance(one, int) for one in tries), tries
    found = stores[0].user(UserId("user-ada"))
    assert found is not None
    assert sorted(found.protected.split(",")[1:]) == sorted(names)
    assert len(stores[0].audit(limit=1000)) == len(names)


def test_threads_share_one_store(store: SqlStore) -> None:
    """The web server's, while the same process writes: every answer is of one moment."""

    def write(number: int) -> Act:
        return lambda: save(store, *(user(f"{number}-{part}") for part in range(50)))

    def read() -> bool:
        page = store.find(ACME, EVERYTHING, Page(limit=1000), NOON)
        return page.total == len(page.users) and page.total % 50 == 0

    results = at_once([*(write(number) for number in range(WRITERS)), *[read] * WRITERS])
    assert [one for one in results if isinstance(one, bool)] == [True] * WRITERS
    assert sorted(one.revision for one in results if isinstance(one, Applied)) == [1, 2, 3, 4]
    assert store.count() == 50 * WRITERS


def test_one_name_goes_to_one_of_several_writers(another: Opener) -> None:
    """The others are told who has it."""
    stores = [another() for _ in range(WRITERS)]

    def take(number: int) -> Act:
        return lambda: save(stores[number], replace(user("ada"), id=UserId(f"u{number}")))

    results = at_once([take(number) for number in range(WRITERS)])
    assert sum(isinstance(one, Applied) for one in results) == 1
    assert sum(isinstance(one, NotUnique) for one in results) == WRITERS - 1
    assert stores[0].count() == 1


def test_a_lease_is_taken_by_one_of_several_agents(another: Opener) -> None:
    """Also when it has just run out."""
    stores = [another() for _ in range(WRITERS)]
    for expected, now in enumerate((NOON, NOON + timedelta(hours=1)), 1):
        owners = [f"agent-{expected}-{index}" for index in range(WRITERS)]
        results = at_once([taking(*pair, now) for pair in zip(stores, owners, strict=True)])
        assert [one for one in results if one is not None] == [Fence(directory=CORP, number=expected)]


def test_an_intent_has_one_effect(another: Opener) -> None:
    """Its owner comes back just when others settle it."""
    stores = [another() for _ in range(WRITERS)]
    save(stores[0], user("ada"))
    intent = Intent(
        id=IntentId("i"),
        user=UserId("user-ada"),
        tenant=ACME,
        actor=actor(),
        opened=NOON,
        deadline=NOON,
        owner="gone",
    )
    stores[0].open_intent(intent)

    def settle(store: SqlStore) -> Act:
        row = audited(user("ada"), "settled")
        return lambda: store.close_intent(intent.id, [row]) or None

    def finish(store: SqlStore) -> Act:
        batch = Batch(changes=(change(user("ada"), base=1, audit=(audited(user("ada"), "done"),)),), closes=intent.id)
        return lambda: store.apply(batch)

    results = at_once([settle(stores[0]), finish(stores[1]), settle(stores[2]), finish(stores[3])])
    assert len([one for one in results if one is True or isinstance(one, Applied)]) == 1
    assert all(one is None or one is True or isinstance(one, Applied | Conflict) for one in results)
    assert len(stores[0].audit()) == 1


def test_of_two_agents_the_one_that_lost_the_lease_writes_nothing(another: Opener) -> None:
    """Both commit batch after batch; from the takeover on only the new one's count."""
    old, new = another(), another()
    stale = lease(old)
    fresh = new.take_lease(CORP, "agent-2", timedelta(minutes=1), NOON + timedelta(hours=1))
    assert fresh is not None

    def commit(store: SqlStore, name: str, number: int) -> Act:
        fence = stale if store is old else fresh
        batch = Batch(changes=(change(user(f"{name}{number}")),), progress=progress(fence, number, pass_id=name))
        return lambda: store.apply(batch)

    acts = [commit(old, "late", number) for number in (1, 2)] + [commit(new, "ours", number) for number in (1, 2)]
    results = at_once(acts)
    assert [isinstance(one, FenceLost) for one in results] == [True, True, False, False]
    assert set(new.named(ACME, ["late1", "late2", "ours1", "ours2"])) == {"ours1", "ours2"}
