"""A directory in which things happen, and the Lockstep that reads it: what a stateful test acts on.

The directory's side is done by its administrator and by people who try passwords; Lockstep's side goes through the
composition root, in this process or in one that is killed on the way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import ldap3

from agent.groups import GroupMemory
from agent.run import PassResult
from agent.sync import reconcile, tick
from config.load import load
from ims.audit import Action
from ims.errors import LockstepError
from ims.locks import locks_in_force
from ims.people import EntryId, User
from ims.permits import TenantView, for_actor
from ims.provisioning import Edit
from lockstep.leasing import lease
from lockstep.wiring import Wiring
from tests.support.crash_scene import plain
from tests.support.crash_work import CORP, OKTA, settle
from tests.support.installation import Corner, Installation, corner
from tests.support.people import actor, provisioner
from tests.support.prefork import Order, Prefork
from tests.support.reference_model import Entry, Model
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import BASE
from tests.support.sync_world import ShiftedClock
from tests.support.waiting import wait_until

KEEPER = "keeper"
"""A member of the group whom nothing ever happens to: a group without members says nothing about anybody."""


def act(config: str, shift: float, what: str, entry_id: str = "") -> None:
    """Do one thing as a process of its own: what a forked child runs until a failpoint ends it."""
    with Wiring(load(Path(config), {}), ShiftedClock(timedelta(seconds=shift))) as wiring:
        if what == "unlock":
            _unlock(wiring, entry_id)
        else:
            _read(wiring, GroupMemory(), complete=what == "reconcile")


def _read(wiring: Wiring, memory: GroupMemory, *, complete: bool) -> PassResult:
    with lease(wiring, CORP) as fence:
        run = replace(wiring.run_of(CORP, fence), memory=memory)
        return reconcile(run) if complete else tick(run)


def _unlock(wiring: Wiring, entry_id: str) -> LockstepError | None:
    """Unlock the user behind an entry; return the error where it was refused."""
    try:
        for_actor(actor(), wiring.services).unlock(_behind(wiring, entry_id).id)
    except LockstepError as error:
        return error
    return None


def _behind(wiring: Wiring, entry_id: str) -> User:
    return wiring.store.behind(CORP, [EntryId(entry_id)])[EntryId(entry_id)]


@dataclass(kw_only=True)
class LivingDirectory:
    """A corner of a real directory, its installation, and the account that the model gives of both."""

    slapd: Slapd
    runner: Prefork
    corner: Corner
    installation: Installation
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    memory: GroupMemory = field(default_factory=GroupMemory)
    model: Model = field(default_factory=Model)
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the store, and read the directory once."""
        self.wiring = Wiring(load(self.installation.config, {}), self.clock)
        self.keeper = self.corner.person(KEEPER)
        self._know(self.keeper, KEEPER, timed=False, member=True)
        self.read(complete=True)

    # --- what happens in the directory -------------------------------------------------------------------------------

    @property
    def unit(self) -> str:
        """Return what Lockstep reads."""
        return f"ou={self.corner.name},{BASE}"

    @property
    def elsewhere(self) -> str:
        """Return what it does not."""
        return f"ou=elsewhere-{self.corner.name},{BASE}"

    def add(self, name: str, *, timed: bool, member: bool) -> Entry:
        """Add an entry; a name that was there before makes a new one all the same."""
        policy = "timed" if timed else ""
        person = self.slapd.add_person(f"{name}-{self.corner.name}", parent=self.unit, policy=policy)
        if member:
            self.corner.join(person)
        return self._know(person, name, timed=timed, member=member)

    def guess(self, entry: Entry) -> None:
        """Lock somebody by wrong passwords."""
        entry.marker = self.slapd.lock(self.people[entry.entry_id])

    def set_marker(self, entry: Entry, marker: str) -> None:
        """Lock or unlock somebody as the directory's administrators and its help desk do."""
        dn = self.people[entry.entry_id].dn
        if marker:
            self.slapd.force(dn, pwdAccountLockedTime=marker)
        else:
            self.slapd.modify(dn, pwdAccountLockedTime=[])
        entry.marker, entry.helped = marker, True

    def set_member(self, entry: Entry, *, member: bool) -> None:
        """Put somebody into the group that affiliates, or take them out."""
        (self.corner.join if member else self.corner.leave)(self.people[entry.entry_id])
        entry.member = member

    def move(self, entry: Entry, *, name: str = "", in_scope: bool = True) -> None:
        """Give an entry another name, or another place."""
        person = self.people[entry.entry_id]
        uid = f"{name or entry.name}-{self.corner.name}"
        parent = self.unit if in_scope else self.elsewhere
        with self.slapd.connected() as admin:
            admin.modify_dn(person.dn, f"uid={uid}", new_superior=parent)
        moved = replace(person, uid=uid, dn=f"uid={uid},{parent}")
        self.people[entry.entry_id] = moved
        entry.name, entry.in_scope = name or entry.name, in_scope
        entry.moved_unknown = entry.moved_unknown or not entry.known
        self._await_members(person.dn, moved.dn if entry.member else "")

    def delete(self, entry: Entry) -> None:
        """Remove an entry."""
        dn = self.people[entry.entry_id].dn
        self.slapd.delete(dn)
        self._await_members(dn, "")
        entry.exists, entry.member = False, False

    def _know(self, person: Person, name: str, *, timed: bool, member: bool) -> Entry:
        entry = Entry(entry_id=person.entry_id, name=name, timed=timed, member=member)
        self.model.entries.append(entry)
        self.people[entry.entry_id] = person
        return entry

    def _await_members(self, gone: str, there: str) -> None:
        """Wait for slapd to correct the group, which it does a moment later (slapo-refint)."""

        def corrected() -> bool:
            members = self.slapd.read(self.corner.group, "member")["member"]
            return gone.encode() not in members and (not there or there.encode() in members)

        wait_until(corrected, "the group follows")

    # --- what Lockstep does ------------------------------------------------------------------------------------------

    def read(self, *, complete: bool) -> None:
        """Run a pass."""
        result = _read(self.wiring, self.memory, complete=complete)
        assert result.report.complete, result.report.error
        assert not result.state.kept_back, result.state.kept_back
        everything = complete or result.report.kind.value == "reconcile"
        self.model.passed(self.clock.now(), complete=everything)
        if not everything:
            self._forget_overlooked()

    def _forget_overlooked(self) -> None:
        """Let a tick overlook somebody new who was moved while unknown: only a complete reading must find them.

        slapd corrects the group without a trace in its change stamp, so that a tick goes by the members it remembers.
        """
        new = [entry for entry in self.model.users if entry.moved_unknown]
        found = self.wiring.store.behind(CORP, [EntryId(entry.entry_id) for entry in new])
        for entry in new:
            entry.known = entry.entry_id in found
            entry.moved_unknown = not entry.known

    def unlock(self, entry: Entry) -> None:
        """Unlock somebody, and require what the model expects."""
        expected = self.model.unlock(entry, self.clock.now())
        error = _unlock(self.wiring, entry.entry_id)
        assert (error is None) == expected.succeeds, (error, expected)
        self.model.unlocked(entry, expected)

    def crash(self, what: str, point: str, entry: Entry | None = None) -> None:
        """Do something in a process that is killed on the way, or not, and recover as the next process does."""
        file = self.installation.folder / "output"
        arguments = {
            "config": str(self.installation.config),
            "shift": self.clock.by.total_seconds(),
            "what": what,
            "entry_id": entry.entry_id if entry else "",
        }
        order = Order(work="tests.support.living_directory:act", output=str(file), arguments=arguments, point=point)
        code = self.runner.run(order)
        assert code in (0, -9), file.read_text()
        settle(self.wiring)
        if entry is not None:
            self._take_over(entry)
        self.read(complete=True)

    def _take_over(self, entry: Entry) -> None:
        """See what became of an unlock that was killed: all that it had to do, none of it, or the directory's part."""
        expected = self.model.unlock(entry, self.clock.now())
        user = self.user(entry)
        held = any(lock.reason.value == "held" for lock in user.locks)
        back = not any(lock.reason.value == "unaffiliated" for lock in user.locks)
        marker = self.slapd.text(self.people[entry.entry_id].dn, "pwdAccountLockedTime") if entry.exists else ""
        removed = bool(entry.exists and entry.marker and not marker)
        assert removed <= expected.removes_marker, "a marker is gone that no unlock may remove"
        dropped = entry.held and not held
        assert dropped <= expected.drops_hold
        assert not dropped or removed == expected.removes_marker, "a hold has ended before the directory was unlocked"
        done = replace(
            expected,
            removes_marker=removed,
            drops_hold=dropped,
            brings_back=expected.brings_back and back,
        )
        self.model.unlocked(entry, done)

    def hold(self, entry: Entry) -> None:
        """Have a Co-Administrator lock somebody."""
        self._view().hold(self.user(entry).id, "a stolen laptop")
        entry.held = True

    def provision(self, entry: Entry, *, active: bool) -> None:
        """Have the identity provider deactivate or activate somebody."""
        for_actor(provisioner(OKTA), self.wiring.services).edit(self.user(entry).id, Edit(active=active))
        entry.deprovisioned = not active

    def later(self, length: timedelta) -> None:
        """Let time pass for Lockstep."""
        self.clock.forward(length)

    def _view(self) -> TenantView:
        return for_actor(actor(), self.wiring.services)

    def user(self, entry: Entry) -> User:
        """Return the user behind an entry."""
        return _behind(self.wiring, entry.entry_id)

    # --- what must be true -------------------------------------------------------------------------------------------

    def assert_directory(self) -> None:
        """Every marker in the directory is what people and unlocks have made it, and the group has whom it should."""
        with self.slapd.connected() as admin:
            admin.search(BASE, f"(uid=*-{self.corner.name})", attributes=["entryUUID", "pwdAccountLockedTime"])
            raw = [item["raw_attributes"] for item in admin.response]
        found = {one["entryUUID"][0].decode(): b"".join(one.get("pwdAccountLockedTime", [])).decode() for one in raw}
        found.pop(self.slapd.text(self.corner.canary, "entryUUID"), None)
        assert found == {entry.entry_id: entry.marker for entry in self.model.entries if entry.exists}

    def assert_store(self) -> None:
        """Lockstep knows whom it should, locked for what they should be, under the name that they have."""
        store, now = self.wiring.store, self.clock.now()
        behind = store.behind(CORP, [EntryId(entry.entry_id) for entry in self.model.entries])
        found = {
            entry_id: (
                user.profile.user_name.partition("-")[0],
                {lock.reason.value for lock in locks_in_force(user.locks, now)},
            )
            for entry_id, user in behind.items()
        }
        assert found == {entry.entry_id: (entry.user_name, entry.reasons(now)) for entry in self.model.users}
        assert {waiting.key for waiting in store.quarantine(CORP)} == self.model.quarantined
        assert store.open_intents() == ()
        outside = {row.user for row in store.audit(limit=10_000) if row.action is Action.UNLOCKED_OUTSIDE}
        assert outside <= {user.id for entry_id, user in behind.items() if self._entry(entry_id).helped}

    def _entry(self, entry_id: str) -> Entry:
        return next(entry for entry in self.model.entries if entry.entry_id == entry_id)

    def assert_steady(self) -> None:
        """Another reading finds nothing to change, and the audit's chain is whole."""
        again = reconcile(replace(self.wiring.run_of(CORP), memory=GroupMemory()))
        assert again.preview == ()
        verified = self.installation.run("audit", "verify")
        assert verified.exit_code == 0, verified.output


@contextmanager
def living_directory(slapd: Slapd, runner: Prefork, folder: Path, number: int) -> Iterator[LivingDirectory]:
    """Return a new corner of a directory that only the keeper is in."""
    place = folder / f"example-{number}"
    place.mkdir()
    where = corner(slapd, (KEEPER,))
    with slapd.connected() as admin:
        admin.add(f"ou=elsewhere-{where.name},{BASE}", "organizationalUnit")
    installation = Installation(folder=place, directories=plain(where.settings()).replace("restore = true", ""))
    made = LivingDirectory(slapd=slapd, runner=runner, corner=where, installation=installation)
    try:
        yield made
    finally:
        made.wiring.close()
        _remove(slapd, made)


def _remove(slapd: Slapd, made: LivingDirectory) -> None:
    """Leave the directory as small as it was."""
    with slapd.connected() as admin:
        for place in (made.unit, made.elsewhere):
            admin.search(place, "(objectClass=*)", ldap3.SUBTREE, attributes=["1.1"])
            for dn in sorted((item["dn"] for item in admin.response), key=len, reverse=True):
                if dn != made.keeper.dn:
                    _delete_quietly(admin, dn)
        admin.delete(made.corner.group)


def _delete_quietly(admin: ldap3.Connection, dn: str) -> None:
    try:
        admin.delete(dn)
    except ldap3.core.exceptions.LDAPOperationResult:
        return
