"""A small company in a real directory, with something under way for everybody: where processes are killed."""

import shutil
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ims.locks import LockReason
from ims.people import UserId
from ims.permits import for_actor
from ims.ports import Intent, IntentId
from lockstep.wiring import Wiring
from tests.support.crash_work import Journal, named
from tests.support.installation import Corner, Installation, corner
from tests.support.people import ACME, actor
from tests.support.prefork import Order, Prefork
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import BASE

UIDS = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")
LOCKED = ("ada", "bob", "cyd", "dan", "gus")
GONE = "nowhere/no-boot/0/1/0"
DEAD = "a dead process"


@dataclass(kw_only=True)
class CrashScene:
    """An installation and its corner of the directory; `markers` are the lock markers as they were in the beginning."""

    installation: Installation
    corner: Corner
    slapd: Slapd
    newcomer: Person
    markers: dict[str, str] = field(default_factory=dict)

    @property
    def journal(self) -> Journal:
        """Return what was acknowledged."""
        return Journal(self.installation.folder / "journal")

    @property
    def output(self) -> Path:
        """Return what the processes printed and logged."""
        return self.installation.folder / "output"

    def marker(self, person: Person) -> str:
        """Return the lock marker that the directory holds for somebody now; empty if there is none."""
        return self.slapd.text(person.dn, "pwdAccountLockedTime")

    def members(self) -> set[str]:
        """Return whom the directory has in the group that affiliates."""
        return {value.decode() for value in self.slapd.read(self.corner.group, "member")["member"]}

    def order(self, work: str, point: str = "", nth: int = 0, **arguments: str | int) -> Order:
        """Return the order to do something here."""
        return Order(
            work=f"tests.support.crash_work:{work}",
            output=str(self.output),
            arguments={"config": str(self.installation.config), **arguments},
            point=point,
            nth=nth,
        )

    def deadline(self, length: str) -> None:
        """Change how long an unlock may take."""
        self.installation.more += f'\n[unlock]\ndeadline = "{length}"\n'
        self.installation.write()

    def kill(self, runner: Prefork, point: str, nth: int = 0) -> int:
        """Have a process do everything and die at a failpoint; return how it ended."""
        return runner.run(self.order("work", point, nth, journal=str(self.journal.file)))

    def recover(self, runner: Prefork) -> float:
        """Have the next process do what it does at its start; return how many seconds that took."""
        began = time.monotonic()
        code = runner.run(self.order("recover"))
        assert code == 0, self.output.read_text()
        return time.monotonic() - began


def plain(settings: str) -> str:
    """Return a directory's settings without TLS: a proxy can read along, and a connection costs less."""
    lines = ['tls = { mode = "none" }' if line.startswith("tls =") else line for line in settings.splitlines()]
    return "\n".join(lines)


def arrange(slapd: Slapd, folder: Path, empty_store: Path) -> CrashScene:
    """Return a company in which five are locked, one is held too, one has lost her affiliation, and one is about to.

    `empty_store` is a store with nobody in it: a copy is made faster than a new one.
    """
    where = corner(slapd, UIDS)
    shutil.copy(empty_store, folder / "lockstep.db")
    installation = Installation(folder=folder, directories=plain(where.settings()))
    for name in LOCKED:
        slapd.lock(where.person(name))
    installation.ok("sync")
    where.leave(where.person("fay"))
    installation.ok("sync")
    with installation.wired() as wiring:
        _left_open(wiring)
        for_actor(actor(), wiring.services).hold(named(wiring, "gus").id, "a stolen laptop")
    where.leave(where.person("eve"))
    newcomer = slapd.add_person(f"nia-{where.name}", parent=f"ou={where.name},{BASE}")
    where.join(newcomer)
    scene = CrashScene(installation=installation, corner=where, slapd=slapd, newcomer=newcomer)
    scene.markers = {person.uid: scene.marker(person) for person in where.people}
    return scene


def _left_open(wiring: Wiring) -> None:
    """Leave two unlocks of a process that is gone: one that had not written yet, and one that was about to."""
    now = wiring.clock.now()
    dan, eve = named(wiring, "dan"), named(wiring, "eve")
    for number, user in enumerate((eve, dan)):
        intent = Intent(
            id=IntentId(f"left-open-{number}"),
            user=UserId(user.id),
            tenant=ACME,
            actor=actor(name=DEAD),
            opened=now - timedelta(hours=1),
            deadline=now - timedelta(minutes=59),
            owner=GONE,
        )
        wiring.store.open_intent(intent)
    facts = [
        fact
        for link in dan.entries
        for fact in wiring.write_back.read(link, ACME).facts
        if fact.reason is LockReason.PASSWORD_ATTEMPTS
    ]
    wiring.store.mark_writing(IntentId("left-open-1"), facts)
