"""Taking back a pass: its locks and un-affiliations, nobody else's, each step recorded, none lost to a race."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ims.audit import Action, AuditEntry, Result
from ims.errors import Conflict
from ims.locks import LockFact, LockReason, lock_of
from ims.passes import PassId
from ims.people import (
    Actor,
    Affiliation,
    AffiliationStatus,
    Channel,
    DirectoryName,
    EntryId,
    EntryLink,
    Profile,
    Role,
    TenantId,
    User,
    UserId,
)
from ims.ports import Applied, Batch, UserChange
from ims.store import SqlStore, migrate, open_store
from lockstep.undoing import undo, without
from tests.support.brake_world import open_brake_world
from tests.support.clock import NOON, HandClock

BAD_PASS = PassId("pass-2")
OPERATOR = Actor(name="root", role=Role.OPERATOR, channel=Channel.COMMAND_LINE)
EARLIER = NOON - timedelta(days=3)


def somebody(name: str, *reasons: tuple[LockReason, str]) -> User:
    """Return a user with a lock for each (reason, pass that raised it)."""
    user_id, tenant = UserId(f"id-{name}"), TenantId("acme")
    facts = [(LockFact(reason=reason, source="corp", since=EARLIER), raised_by) for reason, raised_by in reasons]
    unaffiliated = any(reason is LockReason.UNAFFILIATED for reason, _ in reasons)
    status = AffiliationStatus.UNAFFILIATED if unaffiliated else AffiliationStatus.AFFILIATED
    link = EntryLink(
        directory=DirectoryName("corp"),
        entry_id=EntryId(f"entry-{name}"),
        dn=f"uid={name}",
        seen_at=NOON,
        missing_since=EARLIER,
    )
    return User(
        id=user_id,
        tenant=tenant,
        profile=Profile(user_name=name),
        created=EARLIER,
        modified=EARLIER,
        affiliation=Affiliation(status=status, since=EARLIER, rule="corp/staff"),
        entries=(link,),
        locks=tuple(lock_of(fact, user_id, tenant, NOON, raised_by) for fact, raised_by in facts),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate(url)
    opened = open_store(url, HandClock())
    yield opened
    opened.close()


def keep(store: SqlStore, *users: User) -> None:
    changes = tuple(UserChange(user=user, base=store.revision()) for user in users)
    store.apply(Batch(changes=changes))


def test_the_locks_of_the_pass_go_and_all_others_stay(store: SqlStore) -> None:
    """Nobody else's lock ends by it, and who was not touched stays untouched."""
    anna = somebody("anna", (LockReason.ABSENT, BAD_PASS), (LockReason.DISABLED, "pass-1"))
    bert = somebody("bert", (LockReason.ABSENT, "pass-1"))
    keep(store, anna, bert)
    undone = undo(store, HandClock(), OPERATOR, BAD_PASS)
    assert [(one.user.profile.user_name, len(one.locks)) for one in undone] == [("anna", 1)]
    after = store.user(anna.id)
    assert after is not None
    assert [lock.reason for lock in after.locks] == [LockReason.DISABLED]
    untouched = store.user(bert.id)
    assert untouched is not None
    assert untouched.locks == bert.locks


def test_an_unaffiliated_person_is_affiliated_again_and_the_history_says_so(store: SqlStore) -> None:
    """The status is what gives or takes a role; the lock alone would not be enough."""
    anna = somebody("anna", (LockReason.UNAFFILIATED, BAD_PASS))
    keep(store, anna)
    undo(store, HandClock(), OPERATOR, BAD_PASS)
    after = store.user(anna.id)
    assert after is not None
    assert after.affiliation == Affiliation(status=AffiliationStatus.AFFILIATED, since=NOON, rule="corp/staff")
    assert [affiliation.status for _, affiliation in store.history(anna.id)] == [AffiliationStatus.AFFILIATED]


def test_what_waits_for_a_second_reading_waits_anew() -> None:
    """Or the very next pass would confirm what was just taken back."""
    anna = somebody("anna", (LockReason.ABSENT, BAD_PASS))
    assert without(anna, BAD_PASS, NOON).entries[0].missing_since is None
    other = somebody("anna", (LockReason.ABSENT, "pass-1"))
    assert without(other, BAD_PASS, NOON).entries[0].missing_since == EARLIER


def test_who_was_taken_back_is_still_a_matter_of_the_same_rule(tmp_path: Path) -> None:
    """Its group is lost after the undo: that says nothing about anybody, and so not about them either."""
    world = open_brake_world(tmp_path)
    people = world.known(13)
    world.change(*people[:2], staff=False)
    report = world.reconcile().report
    assert world.locked() == [one.name for one in people[:2]]
    assert len(undo(world.store, world.clock, OPERATOR, report.id)) == 2
    assert {link.rule for one in people[:2] for link in world.user(one).entries} == {"corp/staff"}
    world.silent = frozenset({"corp/staff"})
    for _ in range(2):
        world.clock.forward(timedelta(hours=1))
        world.reconcile()
    locked = world.locked()
    world.store.close()
    assert locked == []


def test_every_lock_and_the_whole_is_recorded(store: SqlStore) -> None:
    """Who, which pass, what: one row for each lock, one for the affiliation, one for the act."""
    keep(store, somebody("anna", (LockReason.UNAFFILIATED, BAD_PASS)), somebody("bert", (LockReason.ABSENT, BAD_PASS)))
    undo(store, HandClock(), OPERATOR, BAD_PASS)
    rows = store.audit(reference=BAD_PASS)
    assert sorted(row.action for row in rows) == sorted(
        [Action.LOCK_LIFTED, Action.LOCK_LIFTED, Action.AFFILIATED, Action.PASS_UNDONE],
    )
    assert {(row.actor, row.role, row.channel, row.result) for row in rows} == {
        ("root", Role.OPERATOR, Channel.COMMAND_LINE, Result.DONE),
    }
    (summary,) = (row for row in rows if row.action is Action.PASS_UNDONE)
    assert (summary.subject, summary.before) == (BAD_PASS, "2 locks of 2 users")


def test_a_second_undo_finds_nothing(store: SqlStore) -> None:
    """And records nothing."""
    keep(store, somebody("anna", (LockReason.ABSENT, BAD_PASS)))
    assert len(undo(store, HandClock(), OPERATOR, BAD_PASS)) == 1
    rows = store.audit()
    assert undo(store, HandClock(), OPERATOR, BAD_PASS) == ()
    assert store.audit() == rows


class Interfering:
    """The store, with somebody else who writes a user just before each of the first batches is committed."""

    def __init__(self, store: SqlStore, user: UserId, times: int) -> None:
        self._store = store
        self._user = user
        self._times = times

    def raised_by(self, pass_id: str) -> tuple[User, ...]:
        return self._store.raised_by(pass_id)

    def record(self, entries: list[AuditEntry]) -> None:
        self._store.record(entries)

    def apply(self, batch: Batch) -> Applied:
        if self._times:
            self._times -= 1
            user = self._store.user(self._user)
            assert user is not None
            renamed = replace(user, profile=replace(user.profile, title=f"title {self._times}"))
            self._store.apply(Batch(changes=(UserChange(user=renamed, base=self._store.revision()),)))
        return self._store.apply(batch)


def test_somebody_who_changes_meanwhile_is_read_again(store: SqlStore) -> None:
    """The other write stays, and the lock goes all the same."""
    anna = somebody("anna", (LockReason.ABSENT, BAD_PASS))
    keep(store, anna)
    undone = undo(Interfering(store, anna.id, 2), HandClock(), OPERATOR, BAD_PASS)  # type: ignore[arg-type]  # what undo uses
    assert len(undone) == 1
    after = store.user(anna.id)
    assert after is not None
    assert (after.locks, after.profile.title) == ((), "title 0")


def test_somebody_who_never_stops_changing_is_named(store: SqlStore) -> None:
    """Not silently left behind."""
    anna = somebody("anna", (LockReason.ABSENT, BAD_PASS))
    keep(store, anna)
    with pytest.raises(Conflict, match="anna"):
        undo(Interfering(store, anna.id, 99), HandClock(), OPERATOR, BAD_PASS)  # type: ignore[arg-type]  # what undo uses
