"""Directories without a dialect of their own, on real servers: a mapping of slapd's attributes, and eDirectory's."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.directories.checks import Check, Grade
from agent.directories.dialect import Knowledge, Policy
from agent.needs import needs_of
from ims.locks import LockReason
from tests.support.certificates import CertificateAuthority
from tests.support.intruder_slapd import IntruderSlapd
from tests.support.people import ACME
from tests.support.slapd import Person
from tests.support.slapd_config import AGENT_DN
from tests.support.sync_world import SyncWorld, open_sync_world

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS
PPOLICY: dict[str, Any] = {
    "lock": {"attribute": "pwdAccountLockedTime", "syntax": "since", "duration": "30m"},
    "assertion": True,
}


@pytest.fixture(scope="module")
def detecting(authority: CertificateAuthority) -> Iterator[IntruderSlapd]:
    """Return a slapd with eDirectory's attributes, in which the agent may read a container's intruder detection."""
    server = IntruderSlapd(authority)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def intruders(detecting: IntruderSlapd, tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a corner of it under sync, by eDirectory's own dialect."""
    made = open_sync_world(detecting, tmp_path)
    classes = ["top", "groupOfNames", "watchedByIntruderDetection"]
    detecting.modify(made.staff, objectClass=classes, GUID=f"group {made.mark}")
    made.configure(dialect="edirectory", default_policy=None)
    try:
        yield made
    finally:
        made.store.close()


def detection(world: SyncWorld, **values: str) -> None:
    """Configure the intruder detection of the world's container."""
    classes = ["organizationalUnit", "watchedByIntruderDetection"]
    world.slapd.modify(world.unit, objectClass=classes, **values)


def test_slapd_by_a_mapping_of_its_own_attributes(world: SyncWorld) -> None:
    """Real wrong passwords, a real lock, and an unlock that the person can feel."""
    world.configure(dialect="generic", mapping=PPOLICY, default_policy=None)
    ada = world.person("ada")
    world.reconcile()
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == [ATTEMPTS]
    (lock,) = world.user(ada).locks
    assert lock.until is not None
    assert world.unlock(ada).locks == ()
    assert world.slapd.sign_in(ada.dn, ada.password)
    world.reconcile()
    assert world.reasons(ada) == []


def test_edirectory_locks_are_seen_and_ended(intruders: SyncWorld) -> None:
    """By its own known mapping: the lock, its end, and its clearing as the vendor's console does it."""
    ada = intruders.person("ada", policy="timed")
    intruders.reconcile()
    intruders.slapd.lock(ada)
    intruders.tick()
    (lock,) = intruders.user(ada).locks
    assert lock.reason is ATTEMPTS
    assert lock.until is not None
    assert intruders.unlock(ada).locks == ()
    assert intruders.slapd.text(ada.dn, "lockedByIntruder") == "FALSE"
    assert intruders.slapd.sign_in(ada.dn, ada.password)
    for _ in range(2):
        assert not intruders.slapd.sign_in(ada.dn, "a wrong password")
    assert intruders.slapd.sign_in(ada.dn, ada.password)


def test_an_administrator_s_lock_of_edirectory_is_another_reason(intruders: SyncWorld) -> None:
    """And nobody's to clear here."""
    ada = intruders.person("ada")
    intruders.reconcile()
    intruders.slapd.modify(ada.dn, loginDisabled="TRUE")
    intruders.tick()
    assert intruders.reasons(ada) == [LockReason.DISABLED]


def policy(world: SyncWorld, person: Person) -> Policy:
    """Return the policy that eDirectory's dialect finds for somebody."""
    dialect, rules = world.directory.dialect, world.directory.reading
    with world.directory.client() as client:
        entry = client.search_one(person.dn, dialect.wanted_attributes())
        assert entry is not None
        policies = dialect.policies(client, rules)
        assert policies.fingerprint() == dialect.policies(client, rules).fingerprint()
        return policies.of(entry, world.clock.now())


def test_the_container_says_how_many_wrong_passwords_lock(intruders: SyncWorld) -> None:
    """Where it shows that; else nobody knows, and the portal lets one try through."""
    ada = intruders.person("ada")
    assert policy(intruders, ada).knowledge is Knowledge.UNKNOWN
    limits = {"loginIntruderLimit": "5", "intruderAttemptResetInterval": "600", "intruderLockoutResetInterval": "900"}
    detection(intruders, detectIntruder="TRUE", lockoutAfterDetection="TRUE", **limits)
    found = policy(intruders, ada)
    assert (found.knowledge, found.lockout, found.max_failures) == (Knowledge.KNOWN, True, 5)
    assert (found.failure_window, found.duration) == (timedelta(minutes=10), timedelta(minutes=15))
    detection(intruders, detectIntruder="TRUE", lockoutAfterDetection="FALSE", **limits)
    assert not policy(intruders, ada).lockout


def grades(world: SyncWorld) -> dict[str, Grade]:
    """Return what the checks find."""
    directory = world.directory
    needs = needs_of(directory)
    with directory.client() as client:
        checks: list[Check] = list(directory.dialect.checks(client, needs, world.clock.now))
        checks += directory.dialect.writing_checks(client, needs) or ()
    return {check.what: check.grade for check in checks}


def test_the_check_tells_what_can_be_seen(world: SyncWorld) -> None:
    """Without a canary nothing proves that locks can; what may be written nobody can tell."""
    world.configure(dialect="generic", mapping=PPOLICY, default_policy=None)
    found = grades(world)
    assert found == {"reading": Grade.OK, "locks": Grade.UNKNOWN, "writing": Grade.UNKNOWN}
    world.configure(canary=world.keeper.dn)
    assert grades(world)["locks"] is Grade.OK
    world.configure(mapping={**PPOLICY, "id": "noSuchAttribute"})
    assert grades(world)["reading"] is Grade.MISSING
    world.configure(mapping={"lock": {"attribute": "noSuchAttribute", "syntax": "until"}})
    assert grades(world)["locks"] is Grade.MISSING
    world.configure(users={"base": world.unit, "filter": "(uid=nobody)"})
    assert grades(world) == {"people": Grade.MISSING, "writing": Grade.UNKNOWN}


def test_the_rights_are_said_in_words(world: SyncWorld) -> None:
    """Which attributes to read, what an unlock does, and nothing else."""
    lock = {**PPOLICY["lock"], "resets": ["count: 0"]}
    world.configure(dialect="generic", mapping={"lock": lock}, default_policy=None, canary=world.keeper.dn)
    rules = {"staff": {"tenant": ACME, "group": world.staff, "restore": True}}
    world.configure(
        rules=rules | {"paid": {"tenant": ACME, "attribute": "employeeType", "value": "paid", "restore": True}}
    )
    recipe = world.directory.dialect.rights_recipe(needs_of(world.directory))
    assert AGENT_DN in recipe.text
    rights = [rule.right for rule in recipe.rules]
    assert "delete any value of pwdAccountLockedTime" in rights
    assert "delete any value of count, add the value 0" in rights
    assert "add values of member" in rights
    assert "add the value paid of employeeType" in rights
    assert all(rule.right in recipe.text for rule in recipe.rules)
    assert not any("userPassword" in right for right in rights)
