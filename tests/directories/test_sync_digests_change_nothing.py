"""Whatever happens in a directory, readings that pass over entries end where readings that look at everybody end."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.groups import GroupMemory
from ims.locks import ENTRY_REASONS, Lock
from ims.people import User
from ims.ports import Batch, UserChange
from ims.store import migrate, open_store
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import CORP, SyncWorld, open_sync_world

pytestmark = pytest.mark.servers
NAMES = ("ada", "bob", "eva")
_NUMBERS = itertools.count(1)


class Office:
    """One unit of a directory with three people, read into two stores: with digests, and without."""

    def __init__(self, first: SyncWorld, second: SyncWorld) -> None:
        self.first = first
        self.second = second
        self.people = {name: first.person(name, departmentNumber="7") for name in NAMES}

    def reconcile(self, _: str) -> None:
        """Read everything into both, and have no digest in the second."""
        self.first.reconcile()
        with self.second.store._database.writing() as connection:
            connection.exec_driver_sql("UPDATE entries SET digest = NULL")
        assert self.second.reconcile().report.passed_over == 0
        assert state(self.first) == state(self.second)

    def tick(self, _: str) -> None:
        """Read what changed into both."""
        self.first.tick()
        self.second.tick()

    def retitle(self, name: str) -> None:
        """Change what is shown of somebody."""
        self._modify(name, title=f"Number {next(_NUMBERS)}")

    def promote(self, name: str) -> None:
        """Let somebody match another rule."""
        self._modify(name, departmentNumber="8")

    def demote(self, name: str) -> None:
        """Let somebody match the first rule."""
        self._modify(name, departmentNumber="7")

    def lock(self, name: str) -> None:
        """Lock somebody by wrong passwords."""
        self._modify(name, pwdAccountLockedTime="20260101000000Z")

    def free(self, name: str) -> None:
        """Unlock somebody in the directory."""
        self._modify(name, pwdAccountLockedTime=[])

    def end(self, name: str) -> None:
        """Give somebody an end of validity a day ahead."""
        self._modify(name, pwdEndTime=f"{self.first.clock.now() + timedelta(days=1):%Y%m%d%H%M%SZ}")

    def wait(self, _: str) -> None:
        """Let a day pass, and a little more."""
        self.first.later(hours=25)

    def remove(self, name: str) -> None:
        """Take somebody out of the directory."""
        one = self.people[name]
        if self._there(one):
            self.first.slapd.delete(one.dn)

    def add(self, name: str) -> None:
        """Bring somebody new under the same name, as a member of the staff."""
        if not self._there(self.people[name]):
            self.people[name] = self.first.person(f"{name}{next(_NUMBERS)}", departmentNumber="7")

    def write(self, name: str) -> None:
        """Let an application change somebody's profile in both stores."""
        for world in (self.first, self.second):
            user = world.find(self.people[name])
            if user is not None:
                changed = replace(user, profile=replace(user.profile, title="An application's"))
                world.store.apply(Batch(changes=(UserChange(user=changed, base=user.version),)))

    def _modify(self, name: str, **values: str | list[str]) -> None:
        if self._there(self.people[name]):
            self.first.slapd.force(self.people[name].dn, **values)

    def _there(self, one: Person) -> bool:
        with self.first.slapd.connected() as admin:
            return bool(admin.search(self.first.unit, f"(uid={one.uid})", attributes=["1.1"]))


ACTS: tuple[Callable[[Office, str], None], ...] = (
    Office.reconcile,
    Office.tick,
    Office.retitle,
    Office.promote,
    Office.demote,
    Office.lock,
    Office.free,
    Office.end,
    Office.wait,
    Office.remove,
    Office.add,
    Office.write,
)


def state(world: SyncWorld) -> set[object]:
    """Return what is known of everybody, without ids, versions and the moments at which the passes took place."""
    known = world.store.entry_ids(CORP)
    return {essence(user) for user in world.store.behind(CORP, known).values()}


def essence(user: User) -> object:
    """Return what the directory has made of a user."""
    (link,) = user.entries
    waits = (link.missing_since is None, link.unmatched_since is None)
    affiliation = (user.affiliation.status, user.affiliation.rule) if user.affiliation else None
    locks = frozenset(map(lock_essence, user.locks))
    return user.tenant, user.profile, affiliation, user.role, locks, link.dn, link.rule, link.hint, link.doubt, waits


def lock_essence(lock: Lock) -> object:
    """Return a lock, with its beginning where the entry tells it."""
    since = lock.since if lock.reason in ENTRY_REASONS else None
    return lock.reason, lock.source, lock.server, since, lock.until, lock.evidence


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(NAMES)), max_size=8))
def test_readings_with_and_without_digests_end_alike(
    slapd: Slapd,
    tmp_path_factory: pytest.TempPathFactory,
    acts: list[tuple[Callable[[Office, str], None], str]],
) -> None:
    """Entries, groups, time, locks and applications: the order does not matter, nor who was passed over when."""
    first = open_sync_world(slapd, tmp_path_factory.mktemp("first"))
    rules = {
        "sevens": {"tenant": "acme", "attribute": "departmentNumber", "value": "7"},
        "eights": {"tenant": "globex", "attribute": "departmentNumber", "value": "8"},
    }
    first.configure(rules=rules)
    url = f"sqlite:///{tmp_path_factory.mktemp('second')}/store.db"
    migrate(url)
    second = replace(first, store=open_store(url, first.clock), memory=GroupMemory())
    try:
        office = Office(first, second)
        office.reconcile("")
        for act, name in acts:
            act(office, name)
        office.reconcile("")
        office.reconcile("")
        assert state(first) == state(second)
    finally:
        first.store.close()
        second.store.close()
