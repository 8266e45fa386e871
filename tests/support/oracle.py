"""Who judges a fault: what the directory holds, read by its administrator, against what Lockstep holds.

    oracle = Oracle.of(world)           # notes what is true before the fault
    ...inject, run passes...
    oracle.assert_safe()                # at any moment: nobody freed, nobody locked without a reason, nothing leaked
    ...heal...
    oracle.assert_recovers(world.tick, world.reconcile)   # three passes at most, and both sides agree

The model below is written from slapo-ppolicy(5) and from the table of lock reasons, and shares no code with the agent.
It knows worlds of one group and `confirm = 0`; a person who waits in quarantine is named by the test.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap3

from ims.audit import Action
from ims.chain import Head
from ims.locks import DIRECTORY_REASONS, in_force
from ims.names import key_of_name
from ims.people import DirectoryName, EntryId, User
from ims.ports import Clock
from ims.store import SqlStore
from lockstep.verification import verify_chain
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import (
    ADMIN_PASSWORD,
    AGENT_DN,
    AGENT_PASSWORD,
    BASE,
    DEFAULT_POLICY,
    POLICY_ATTRIBUTES,
    policy_dn,
)
from tests.support.sync_world import CORP, SyncWorld

Reasons = frozenset[str]
NOTHING: Reasons = frozenset()
FOR_GOOD = "000001010000Z"
SECRETS = (AGENT_PASSWORD, ADMIN_PASSWORD)
MOST_PASSES = 3
SEEN = ("entryUUID", "uid", "pwdAccountLockedTime", "pwdStartTime", "pwdEndTime", "pwdPolicySubentry")
_ROWS = 1_000_000
_LEDGER = {Action.LOCK_RAISED, Action.LOCK_LIFTED, Action.LOCK_UPDATED, Action.UNLOCKED_OUTSIDE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One entry by the administrator's eyes: why the directory itself lets nobody in, and who is in the group."""

    dn: str
    user_name: str
    locked: Reasons
    member: bool


class Oracle:
    """The judge of one directory's users in one store.

    `unit` is what the agent reads, `staff` the group that affiliates; `clock` is Lockstep's. Whatever is in force when
    it is made, or when it last found both sides in step, is what must not be lost.
    """

    def __init__(
        self,
        slapd: Slapd,
        store: SqlStore,
        clock: Clock,
        *,
        unit: str,
        staff: str,
        directory: DirectoryName = CORP,
    ) -> None:
        self._slapd = slapd
        self._store = store
        self._clock = clock
        self._unit = unit
        self._staff = staff
        self._directory = directory
        self._heads: list[Head] = []
        self._settled = self._held()
        self._agents = self._written_by_the_agent()

    @classmethod
    def of(cls, world: SyncWorld) -> "Oracle":
        """Return the judge of a world, which notes what is true now."""
        return cls(world.slapd, world.store, world.clock, unit=world.unit, staff=world.staff)

    # --- judgement ---------------------------------------------------------------------------------------------------

    def assert_safe(self) -> None:
        """Prove that nothing wrong was done, however little is known at the moment.

        Whoever was locked and is still locked in the directory is locked; whoever is locked was, or is there.
        """
        _must_be_empty([*self._unsafe(), *self._improper()])

    def assert_settled(self, quarantined: Collection[Person] = ()) -> None:
        """Prove that both sides agree about everybody but those in quarantine, who are exactly these."""
        _must_be_empty([*self.differences(quarantined), *self._unsafe(), *self._improper()])
        self._settled = self._held()

    def assert_recovers(self, *passes: Callable[[], object], quarantined: Collection[Person] = ()) -> int:
        """Run passes one by one until both sides agree, and return how many that took: three at most."""
        assert 0 < len(passes) <= MOST_PASSES
        for number, run in enumerate(passes, 1):
            run()
            self.assert_safe()
            if not self.differences(quarantined):
                self.assert_settled(quarantined)
                return number
        raise AssertionError(f"not in step after {len(passes)} passes: {list(self.differences(quarantined))}")

    def differences(self, quarantined: Collection[Person] = ()) -> list[str]:
        """Return where Lockstep is not in step with the directory."""
        truths, held = self._truths(), self._held()
        waiting = {waiting.key for waiting in self._store.quarantine(self._directory)}
        found = [f"in quarantine: {key}" for key in waiting ^ {one.entry_id for one in quarantined}]
        for entry_id in (truths.keys() | held.keys()) - waiting:
            wanted = self._wanted(entry_id, truths, known=entry_id in held)
            if wanted is not None and held.get(entry_id) != wanted:
                found.append(f"{_who(entry_id, truths)}: {_shown(held.get(entry_id))}, and should be {_shown(wanted)}")
        return found

    # --- the model ---------------------------------------------------------------------------------------------------

    def _wanted(self, entry_id: EntryId, truths: Mapping[EntryId, Truth], *, known: bool) -> Reasons | None:
        """Return why somebody must be locked now; None for one whom Lockstep need not know."""
        truth = truths.get(entry_id)
        if truth is None:
            return self._settled.get(entry_id, NOTHING) | {"absent"}
        if not truth.member and not known:
            return None
        return truth.locked | (NOTHING if truth.member else {"unaffiliated"})

    def _unsafe(self) -> list[str]:
        """Return locks that were lost, and locks that nothing in the directory gives a reason for."""
        truths, held = self._truths(), self._held()
        found = []
        for entry_id, before in self._settled.items():
            wanted = self._wanted(entry_id, truths, known=True) or NOTHING
            lost = (before & wanted) - held.get(entry_id, NOTHING)
            found += [f"{_who(entry_id, truths)} lost the lock {reason}" for reason in sorted(lost)]
        for entry_id, now in held.items():
            wanted = self._wanted(entry_id, truths, known=True) or NOTHING
            wrong = now - wanted - self._settled.get(entry_id, NOTHING)
            found += [f"{_who(entry_id, truths)} is locked for no reason: {reason}" for reason in sorted(wrong)]
        return found

    def _truths(self) -> dict[EntryId, Truth]:
        with self._slapd.connected() as admin:
            admin.search(self._staff, "(objectClass=*)", ldap3.BASE, attributes=["member"])
            members = {value.lower() for value in admin.response[0]["raw_attributes"].get("member", ())}
            admin.search(self._unit, "(objectClass=inetOrgPerson)", ldap3.SUBTREE, attributes=list(SEEN))
            found = list(admin.response)
        now = self._clock.now()
        return {
            EntryId(raw["entryUUID"][0].decode()): Truth(
                dn=item["dn"],
                user_name=raw["uid"][0].decode(errors="replace"),
                locked=reasons_of(raw, now),
                member=item["raw_dn"].lower() in members,
            )
            for item in found
            for raw in (item["raw_attributes"],)
        }

    def _held(self) -> dict[EntryId, Reasons]:
        """Return why each known entry's user is locked now, as far as the directory has a say in it."""
        now = self._clock.now()
        known = self._store.entry_ids(self._directory)
        return {
            entry_id: frozenset(
                lock.reason.value
                for lock in user.locks
                if lock.source == self._directory and lock.reason in DIRECTORY_REASONS and in_force(lock, now)
            )
            for entry_id, user in self._store.behind(self._directory, known).items()
        }

    # --- what is never proper ----------------------------------------------------------------------------------------

    def _improper(self) -> list[str]:
        secrets = secrets_in(_store_bytes(self._store))
        return [*self._foreign_writes(), *self._unaccounted(), *self._broken_chain(), *secrets]

    def _written_by_the_agent(self) -> set[tuple[str, str]]:
        with self._slapd.connected() as admin:
            admin.search(BASE, f"(modifiersName={AGENT_DN})", ldap3.SUBTREE, attributes=["entryCSN"])
            return {(item["dn"], str(item["raw_attributes"]["entryCSN"][0])) for item in admin.response}

    def _foreign_writes(self) -> list[str]:
        """Return the entries that the agent has written and that no unlock accounts for."""
        done = {row.user for row in self._store.audit(limit=_ROWS) if row.action is Action.UNLOCK}
        users = (user for user_id in done if user_id and (user := self._store.user(user_id)))
        allowed = {link.dn.lower() for user in users for link in user.entries} | (
            {self._staff.lower()} if done else set()
        )
        new = self._written_by_the_agent() - self._agents
        return [f"the agent wrote {dn}, and no unlock asked for it" for dn, _ in new if dn.lower() not in allowed]

    def _unaccounted(self) -> list[str]:
        """Return the users whose ledger is not what the audit, read from its beginning, makes of it."""
        told: dict[str, Counter[str]] = {}
        for row in reversed(self._store.audit(limit=_ROWS)):
            if row.action in _LEDGER:
                ledger = told.setdefault(row.user or "", Counter())
                ledger.subtract([_label(row.before)] if row.before else [])
                ledger.update([_label(row.after)] if row.after else [])
        return [
            f"{user.profile.user_name}: the audit tells of {dict(told.get(user.id, Counter()))}"
            for user in everybody(self._store, self._directory)
            if +told.get(user.id, Counter()) != Counter(f"{lock.reason} from {lock.source}" for lock in user.locks)
            or any(count < 0 for count in told.get(user.id, Counter()).values())
        ]

    def _broken_chain(self) -> list[str]:
        """Return where the audit's chain breaks; it must lead to every head that was seen before."""
        with self._store.chain() as chain:
            verified = verify_chain(chain, self._heads)
            self._heads.append(chain.extract.head)
        return [str(found) for found in verified.breaks]


def _must_be_empty(findings: list[str]) -> None:
    """Fail with what was found: this module is no test, so that pytest shows no more than the sentence."""
    if findings:
        raise AssertionError("\n".join(findings))


def reasons_of(raw: Mapping[str, Iterable[bytes]], now: datetime) -> Reasons:
    """Return why the password policy overlay refuses this entry's sign-in now, whatever the password."""
    values = {name: next(iter(found), b"").decode() for name, found in raw.items()}
    reasons = set()
    starts, ends = _time(values.get("pwdStartTime", "")), _time(values.get("pwdEndTime", ""))
    if (starts and now < starts) or (ends and ends <= now):
        reasons.add("expired")
    policy = _policy(values.get("pwdPolicySubentry", "") or DEFAULT_POLICY)
    marker = values.get("pwdAccountLockedTime", "")
    if marker and policy.get("pwdLockout") == "TRUE":
        duration = timedelta(seconds=int(policy.get("pwdLockoutDuration", "0")))
        since = _time(marker)
        if marker == FOR_GOOD:
            reasons.add("disabled")
        elif since and (not duration or now < since + duration):
            reasons.add("password_attempts")
    return frozenset(reasons)


def everybody(store: SqlStore, directory: DirectoryName = CORP) -> tuple[User, ...]:
    """Return every user with an entry in the directory."""
    return tuple(store.behind(directory, store.entry_ids(directory)).values())


def secrets_in(data: bytes) -> list[str]:
    """Return which of the secrets of tests stand in what was written somewhere."""
    return [f"a secret was written: {secret}" for secret in SECRETS if secret.encode() in data]


def canonical(store: SqlStore, directory: DirectoryName = CORP) -> list[str]:
    """Return what a store says about its users, locks and entries in one form, without ids and times of its own.

    Two runs that saw the same directory have the same: that is how an interrupted pass is compared with one that was
    not. Times that the directory tells (since when, until when by its markers) stay; those of the passes do not.
    """
    return sorted(_canonical(user) for user in everybody(store, directory))


def _canonical(user: User) -> str:
    locks = sorted((lock.reason.value, lock.source, lock.server, lock.until, lock.evidence) for lock in user.locks)
    links = [
        (link.directory, link.entry_id, link.dn, link.rule, bool(link.missing_since), bool(link.unmatched_since))
        for link in user.entries
    ]
    standing = (user.affiliation.status.value, user.affiliation.rule) if user.affiliation else ()
    doubts = [(link.doubt, link.hint) for link in user.entries]
    return repr((user.tenant, key_of_name(user.profile.user_name), user.profile, standing, locks, links, doubts))


def _policy(dn: str) -> Mapping[str, str]:
    known = {policy_dn(name).lower(): attributes for name, attributes in POLICY_ATTRIBUTES.items()}
    return known[dn.lower()]


def _time(text: str) -> datetime | None:
    """Return a time as slapd itself writes it, None for none."""
    if not text or text == FOR_GOOD:
        return None
    form = "%Y%m%d%H%M%S.%fZ" if "." in text else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _label(text: str) -> str:
    """Return "reason from source" of an audit's before or after."""
    return " ".join(text.split()[:3])


def _shown(reasons: Reasons | None) -> str:
    return "unknown" if reasons is None else ", ".join(sorted(reasons)) or "free"


def _who(entry_id: EntryId, truths: Mapping[EntryId, Truth]) -> str:
    return truths[entry_id].user_name if entry_id in truths else f"the entry {entry_id}, which is gone,"


def _store_bytes(store: SqlStore) -> bytes:
    file = store._database.file
    parts = (file, Path(f"{file}-wal"))
    return b"".join(part.read_bytes() for part in parts if part.exists())
