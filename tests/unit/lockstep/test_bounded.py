"""Unlocks in a web worker: one at a time, a short wait for a quick one, and no wait at all behind a slow directory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ims.audit import Result
from ims.errors import DirectoryUnreachable
from ims.people import Actor, Channel, Profile, Role, TenantId, User, UserId
from ims.signing_in import Outcome, SignedIn
from ims.store import SqlStore, migrate, open_store
from ims.unlocking import Preview, UnlockRequest
from lockstep.bounded import PATIENCE_S, BoundedSigningIn, BoundedUnlocking
from tests.support.clock import NOON, HandClock

USER = User(id=UserId("u1"), tenant=TenantId("acme"), profile=Profile(user_name="lena"), created=NOON, modified=NOON)
ACTOR = Actor(name="carla", role=Role.CO_ADMINISTRATOR, channel=Channel.SCIM, tenant=TenantId("acme"))
REQUEST = UnlockRequest(actor=ACTOR, user=USER)


class SlowUnlocking:
    """An unlock that takes until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def unlock(self, request: UnlockRequest) -> User:
        self.begun.release()
        assert self.go_on.wait(10)
        return request.user

    def preview(self, actor: Actor, user: User) -> Preview:  # noqa: ARG002 - the protocol's
        self.begun.release()
        assert self.go_on.wait(10)
        return Preview(user=user, goes=(), stays=())


class SlowSignIn:
    """A sign-in that takes until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def sign_in(self, _user_name: str, _password: str) -> SignedIn:
        self.begun.release()
        assert self.go_on.wait(10)
        return SignedIn(outcome=Outcome.WRONG)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate(url)
    opened = open_store(url, HandClock())
    yield opened
    opened.close()


@contextmanager
def in_background(act: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        assert not thread.is_alive()


def test_behind_a_slow_directory_the_next_caller_is_told_at_once(store: SqlStore) -> None:
    """503 with Retry-After, recorded, and the thread is free to answer others."""
    slow = SlowUnlocking()
    bounded = BoundedUnlocking(slow, store, HandClock(), patience_s=0)
    with in_background(lambda: bounded.unlock(REQUEST)):
        assert slow.begun.acquire(timeout=5)
        with pytest.raises(DirectoryUnreachable, match="lena was not unlocked") as refused:
            bounded.unlock(REQUEST)
        assert refused.value.retry_after > 0
        slow.go_on.set()
    (row,) = store.audit()
    assert (row.result, row.subject, row.actor) == (Result.FAILED, "lena", "carla")


def test_a_quick_unlock_is_waited_for(store: SqlStore) -> None:
    """Two Co-Administrators who click at the same moment both get what they asked for."""
    slow = SlowUnlocking()
    bounded = BoundedUnlocking(slow, store, HandClock())
    with in_background(lambda: bounded.unlock(REQUEST)):
        assert slow.begun.acquire(timeout=5)
        threading.Timer(PATIENCE_S / 5, slow.go_on.set).start()
        assert bounded.unlock(REQUEST) == USER
    assert store.audit() == ()


def test_more_threads_take_more_unlocks_and_always_leave_one_for_reading(store: SqlStore) -> None:
    """Three threads: two unlocks, and the third is told."""
    slow = SlowUnlocking()
    bounded = BoundedUnlocking(slow, store, HandClock(), threads=3, patience_s=0)
    with in_background(lambda: bounded.unlock(REQUEST)), in_background(lambda: bounded.unlock(REQUEST)):
        assert slow.begun.acquire(timeout=5)
        assert slow.begun.acquire(timeout=5)
        with pytest.raises(DirectoryUnreachable):
            bounded.unlock(REQUEST)
        slow.go_on.set()


def test_an_unlock_that_fails_frees_its_place(store: SqlStore) -> None:
    """However it ends."""

    class Failing:
        def unlock(self, _request: UnlockRequest) -> User:
            raise DirectoryUnreachable("corp gave no answer")

        def preview(self, _actor: Actor, _user: User) -> Preview:
            raise DirectoryUnreachable("corp gave no answer")

    bounded = BoundedUnlocking(Failing(), store, HandClock())
    for _ in range(2):
        with pytest.raises(DirectoryUnreachable, match="corp gave no answer"):
            bounded.unlock(REQUEST)
        with pytest.raises(DirectoryUnreachable, match="corp gave no answer"):
            bounded.preview(ACTOR, USER)


def test_a_look_ahead_is_bounded_too(store: SqlStore) -> None:
    """Whoever waits for a slow directory leaves a thread for those who only read."""
    slow = SlowUnlocking()
    bounded = BoundedUnlocking(slow, store, HandClock(), patience_s=0)
    with in_background(lambda: bounded.preview(ACTOR, USER)):
        assert slow.begun.acquire(timeout=10)
        with pytest.raises(DirectoryUnreachable, match="Another unlock still waits"):
            bounded.preview(ACTOR, USER)
        slow.go_on.set()


def test_sign_ins_are_bounded_too() -> None:
    """The next one is told to come back, and no password is judged for it."""
    slow = SlowSignIn()
    bounded = BoundedSigningIn(slow, patience_s=0)
    with in_background(lambda: bounded.sign_in("lena", "secret")):
        assert slow.begun.acquire(timeout=10)
        assert bounded.sign_in("olaf", "secret").outcome is Outcome.UNREACHABLE
        slow.go_on.set()
    assert bounded.sign_in("olaf", "secret").outcome is Outcome.WRONG
