"""A small office behind a fault proxy, and a day's work in its directory that goes on while something is broken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ims.errors import DirectoryUnreachable
from tests.support.fault_proxy import Disturbance, FaultProxy, fault_proxy
from tests.support.oracle import FOR_GOOD, Oracle
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import SyncWorld, open_sync_world


@dataclass(kw_only=True)
class Office:
    """A world that reads through `proxy`, and its judge.

    ada is locked for good, tim for half an hour, dee by an administrator; bob, cyd and fay are free; eve is not one of
    the staff. `gil` is nobody before `happen`.
    """

    world: SyncWorld
    proxy: FaultProxy
    oracle: Oracle
    people: dict[str, Person] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Person:
        """Return one of the people."""
        return self.people[name]

    def attempt(self, run: Callable[[], object]) -> DirectoryUnreachable | None:
        """Run a pass that may fail to reach the directory, and in no other way."""
        try:
            run()
        except DirectoryUnreachable as error:
            return error
        return None

    def endure(self, make: Callable[[], Disturbance] | None = None) -> list[DirectoryUnreachable]:
        """Tick and reconcile under a disturbance; whatever they come to, nothing wrong is done. Return their errors."""
        if make is not None:
            self.proxy.disturb(make)
        errors = []
        for run in (self.world.tick, self.world.reconcile):
            errors.append(self.attempt(run))
            self.oracle.assert_safe()
        return [error for error in errors if error is not None]

    def happen(self) -> None:
        """Let people be locked and freed, come, leave and go, as on any day."""
        slapd = self.world.slapd
        slapd.lock(self["bob"])
        slapd.modify(self["ada"].dn, pwdAccountLockedTime=[])
        self.world.leave(self["cyd"])
        slapd.delete(self["fay"].dn)
        self.people["gil"] = self.world.person("gil")

    def assert_heals(self) -> None:
        """Prove that after the fault three passes bring both sides in step."""
        self.proxy.heal()
        self.oracle.assert_recovers(self.world.tick, self.world.reconcile, self.world.tick)


@contextmanager
def open_office(slapd: Slapd, folder: Path, **settings: Any) -> Iterator[Office]:
    """Open a scene in a corner of a directory: everybody is known, and both sides are in step."""
    world = open_sync_world(slapd, folder)
    try:
        with fault_proxy(slapd.port) as proxy:
            world.configure(servers=[proxy.url], connect_timeout=1, receive_timeout=1, **settings)
            people = _people(world)
            oracle = Oracle.of(world)
            oracle.assert_recovers(world.reconcile)
            proxy.forget()
            yield Office(world=world, proxy=proxy, oracle=oracle, people=people)
            proxy.heal()
    finally:
        world.store.close()


def _people(world: SyncWorld) -> dict[str, Person]:
    people = {name: world.person(name, staff=False) for name in ("ada", "bob", "cyd", "dee", "eve", "fay")}
    people["tim"] = world.person("tim", staff=False, policy="timed")
    world.join(*(person for name, person in people.items() if name != "eve"))
    for name in ("ada", "tim"):
        world.slapd.lock(people[name])
    world.slapd.modify(people["dee"].dn, pwdAccountLockedTime=FOR_GOOD)
    return people
