"""FreeIPA on its stand-in: the recipe of `lockstep rights`, what the check makes of it, and two masters."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import ldap3
import pytest

from agent.directories.checks import Check, Grade
from agent.needs import needs_of
from ims.locks import LockReason
from tests.support.certificates import CertificateAuthority
from tests.support.dialect_server import SERVERS, DialectServer, started
from tests.support.ipa_server import IpaServer
from tests.support.ns_slapd import ADMIN_DN, ADMIN_PASSWORD, SERVICES
from tests.support.people import ACME
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = LockReason.PASSWORD_ATTEMPTS
INSUFFICIENT = 50


@pytest.fixture(scope="module")
def realm(authority: CertificateAuthority) -> Iterator[DialectServer]:
    """Return a master that the tests of this file share."""
    made = SERVERS["freeipa"](authority)
    try:
        yield started(made)
    finally:
        made.server.stop()


@pytest.fixture
def world(realm: DialectServer, tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a corner of it, with an account of its own that may do nothing yet, and a rule that may be restored."""
    made = realm.world(tmp_path)
    account = made.slapd.add_person(f"lockstep-{made.mark}", parent=SERVICES, policy="none")
    made.configure(
        bind={"dn": account.dn, "password": account.password},
        rules={"staff": {"tenant": ACME, "group": made.staff, "restore": True}},
    )
    try:
        yield made
    finally:
        made.store.close()


def apply(world: SyncWorld) -> None:
    """Apply the recipe as the directory manager does."""
    recipe = world.directory.dialect.rights_recipe(needs_of(world.directory))
    command = ["ldapmodify", "-x", "-H", world.slapd.url, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD]
    done = subprocess.run(command, input=recipe.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def grades(world: SyncWorld) -> dict[str, Grade]:
    """Return what `lockstep check --online` finds."""
    dialect, needs = world.directory.dialect, needs_of(world.directory)
    with world.directory.client() as client:
        checks: list[Check] = list(dialect.checks(client, needs, world.clock.now))
        checks += dialect.writing_checks(client, needs) or ()
    return {check.what: check.grade for check in checks}


def test_with_the_recipe_a_lock_is_seen_and_ended(world: SyncWorld) -> None:
    """All that a pass and an unlock need, and the check is content."""
    world.person("bob")
    assert grades(world)["people"] is Grade.MISSING
    apply(world)
    ada = world.person("ada")
    world.reconcile()
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == [ATTEMPTS]
    assert set(grades(world).values()) == {Grade.OK}
    assert world.unlock(ada).locks == ()
    assert world.slapd.text(ada.dn, "krbLastAdminUnlock") == world.slapd.text(ada.dn, "krbLastFailedAuth")
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_the_account_locks_nobody(world: SyncWorld) -> None:
    """The count can be set to zero only; nothing else can be written."""
    apply(world)
    ada = world.person("ada")
    secret = world.directory.access.secret
    assert secret is not None
    values = {"krbLoginFailedCount": "9", "nsAccountLock": "true", "userPassword": "x", "krbPrincipalExpiration": "x"}
    with world.slapd.connected(world.directory.access.dn, secret.read()) as account:
        account.raise_exceptions = False
        for name, value in values.items():
            account.modify(ada.dn, {name: [(ldap3.MODIFY_REPLACE, [value])]})
            assert account.result["result"] == INSUFFICIENT, name
    assert world.slapd.sign_in(ada.dn, ada.password)


def test_rights_that_nothing_needs_are_found(world: SyncWorld) -> None:
    """As FreeIPA's own permission grants them."""
    apply(world)
    world.person("ada")
    rule = '(targetattr="krbLoginFailedCount || nsAccountLock")(version 3.0; acl "too much"; allow (write) '
    subject = f'userdn="ldap:///{world.directory.access.dn}";)'
    with world.slapd.connected() as admin:
        admin.modify(world.unit, {"aci": [(ldap3.MODIFY_ADD, [rule + subject])]})
    found = {what for what, grade in grades(world).items() if grade is Grade.TOO_MUCH}
    assert found == {"krbLoginFailedCount", "nsAccountLock"}


def test_a_lock_on_another_master_is_seen_and_ended_there(authority: CertificateAuthority, tmp_path: Path) -> None:
    """Counts are each master's own: the lock names its server, and the unlock goes there."""
    first = SERVERS["freeipa"](authority)
    second = IpaServer()
    try:
        started(first)
        world = first.world(tmp_path)
        ada, canary = world.person("ada"), world.slapd.add_person(f"canary-{world.mark}", parent=SERVICES)
        world.slapd.lock(canary)
        assert isinstance(first.server, IpaServer)
        first.server.halt()
        second.start(first.server)
        first.server.resume()
        world.configure(servers=[first.server.url, second.url], canary=canary.dn)
        world.reconcile()
        second.lock(ada)
        world.tick()
        (lock,) = world.user(ada).locks
        assert (lock.reason, lock.server) == (ATTEMPTS, second.url)
        assert not second.sign_in(ada.dn, ada.password)
        assert world.unlock(ada).locks == ()
        assert second.sign_in(ada.dn, ada.password)
        world.store.close()
    finally:
        first.server.stop()
        second.stop()
