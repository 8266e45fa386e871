"""The recipe of `lockstep rights` on a real 389 Directory Server: all that is needed, and nothing that locks."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import ldap3
import pytest

from agent.directories.checks import Check, Grade
from agent.needs import needs_of
from ims.locks import LockReason
from tests.support.ns_slapd import ADMIN_DN, ADMIN_PASSWORD, SERVICES, policy_dn
from tests.support.people import ACME
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS, LOST = LockReason.PASSWORD_ATTEMPTS, LockReason.UNAFFILIATED
INSUFFICIENT, EXISTS = 50, 20


@pytest.fixture
def hired(ds389_world: SyncWorld) -> SyncWorld:
    """Return a world with an account of its own that may do nothing yet, and a rule that may be restored."""
    name = f"lockstep-{ds389_world.mark}"
    account = ds389_world.slapd.add_person(name, parent=SERVICES, policy="none")
    ds389_world.configure(
        bind={"dn": account.dn, "password": account.password},
        rules={"staff": {"tenant": ACME, "group": ds389_world.staff, "restore": True}},
    )
    return ds389_world


def apply(world: SyncWorld, *, restore: bool = True) -> None:
    """Apply the recipe as the directory manager does."""
    needs = needs_of(world.directory)
    recipe = world.directory.dialect.rights_recipe(needs if restore else replace(needs, restorable=()))
    command = ["ldapmodify", "-x", "-H", world.slapd.url, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD]
    done = subprocess.run(command, input=recipe.text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def checked(world: SyncWorld) -> list[Check]:
    """Return what `lockstep check --online` finds."""
    dialect, needs = world.directory.dialect, needs_of(world.directory)
    with world.directory.client() as client:
        return [*dialect.checks(client, needs, world.clock.now), *(dialect.writing_checks(client, needs) or ())]


def bad(world: SyncWorld) -> dict[str, Grade]:
    """Return what is not as it should be."""
    return {check.what: check.grade for check in checked(world) if check.grade is not Grade.OK}


@contextmanager
def as_account(world: SyncWorld) -> Iterator[ldap3.Connection]:
    """Hold a connection of the account, on which a refusal is a result and no exception."""
    bind = world.directory.access
    assert bind.secret is not None
    with world.slapd.connected(bind.dn, bind.secret.read()) as connection:
        connection.raise_exceptions = False
        yield connection


def tried(connection: ldap3.Connection, dn: str, kind: str, name: str, *values: str) -> int:
    """Try one modification and return its result."""
    connection.modify(dn, {name: [(kind, list(values))]})
    return int(connection.result["result"])


def locked(world: SyncWorld) -> Person:
    """Add somebody who locked themself."""
    ada = world.person("ada")
    world.reconcile()
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == [ATTEMPTS]
    return ada


def test_without_the_recipe_nothing_is_believed(hired: SyncWorld) -> None:
    """And the check says what is missing."""
    hired.person("ada")
    assert bad(hired)["people"] is Grade.MISSING


def test_with_the_recipe_a_lock_is_seen_and_ended(hired: SyncWorld) -> None:
    """All that a pass and an unlock need; the check admits what this server does not tell."""
    apply(hired)
    ada = locked(hired)
    assert bad(hired) == {f"group {hired.staff}": Grade.UNKNOWN}
    assert hired.unlock(ada).locks == ()
    assert hired.slapd.sign_in(ada.dn, ada.password)


def test_the_recipe_gives_an_affiliation_back(hired: SyncWorld) -> None:
    """By adding the member."""
    apply(hired)
    ada = hired.person("ada")
    hired.reconcile()
    hired.leave(ada)
    hired.tick()
    hired.later(hours=25)
    hired.tick()
    assert hired.reasons(ada) == [LOST]
    hired.unlock(ada)
    hired.tick()
    assert hired.reasons(ada) == []


def test_the_account_can_add_members_of_the_people_and_take_none_out(hired: SyncWorld) -> None:
    """Nobody from elsewhere either."""
    apply(hired)
    ada = hired.person("ada", staff=False)
    with as_account(hired) as account:
        assert tried(account, hired.staff, ldap3.MODIFY_ADD, "member", f"uid=stranger,{SERVICES}") == INSUFFICIENT
        assert tried(account, hired.staff, ldap3.MODIFY_ADD, "member", ada.dn) == 0
        assert tried(account, hired.staff, ldap3.MODIFY_ADD, "member", ada.dn) == EXISTS
        assert tried(account, hired.staff, ldap3.MODIFY_DELETE, "member", ada.dn) == INSUFFICIENT
        assert tried(account, hired.staff, ldap3.MODIFY_REPLACE, "member", ada.dn) == INSUFFICIENT
        assert tried(account, hired.staff, ldap3.MODIFY_ADD, "description", "x") == INSUFFICIENT


def test_unlock_alone_adds_no_member(hired: SyncWorld) -> None:
    """The smaller of the two recipes."""
    apply(hired, restore=False)
    ada = hired.person("ada", staff=False)
    with as_account(hired) as account:
        assert tried(account, hired.staff, ldap3.MODIFY_ADD, "member", ada.dn) == INSUFFICIENT
    assert bad(hired) == {f"group {hired.staff}": Grade.UNKNOWN}


@pytest.mark.parametrize("kind", [ldap3.MODIFY_ADD, ldap3.MODIFY_REPLACE])
def test_the_account_locks_nobody_and_touches_no_password(hired: SyncWorld, kind: str) -> None:
    """Whatever it tries to set is refused."""
    apply(hired)
    ada = hired.person("ada")
    values = {
        "accountUnlockTime": "20990101000000Z",
        "passwordRetryCount": "9",
        "retryCountResetTime": "20990101000000Z",
        "nsAccountLock": "true",
        "userPassword": "x",
        "nsRoleDN": f"cn=off,{SERVICES}",
        "pwdpolicysubentry": policy_dn("none"),
        "description": "x",
    }
    with as_account(hired) as account:
        for name, value in values.items():
            assert tried(account, ada.dn, kind, name, value) == INSUFFICIENT, name
        account.search(ada.dn, "(userPassword=*)", ldap3.BASE, attributes=["userPassword"])
        assert account.response == []
    assert hired.slapd.sign_in(ada.dn, ada.password)


def test_rights_that_nothing_needs_are_found(hired: SyncWorld) -> None:
    """An account that may write the whole attribute could lock everybody."""
    apply(hired)
    hired.person("ada")
    rule = (
        '(targetattr="accountUnlockTime || nsAccountLock || userPassword")(version 3.0; acl "too much"; allow (write) '
    )
    subject = f'userdn="ldap:///{hired.directory.access.dn}";)'
    with hired.slapd.connected() as admin:
        admin.modify(hired.unit, {"aci": [(ldap3.MODIFY_ADD, [rule + subject])]})
    too_much = {what for what, grade in bad(hired).items() if grade is Grade.TOO_MUCH}
    assert too_much == {"accountUnlockTime", "nsAccountLock", "userPassword"}


def test_an_account_that_strangers_can_lock_is_warned_about(hired: SyncWorld) -> None:
    """Under the global policy anybody's three wrong passwords lock Lockstep out."""
    apply(hired)
    hired.person("ada")
    hired.slapd.modify(hired.directory.access.dn, pwdpolicysubentry=[])
    assert bad(hired)["Lockstep's account"] is Grade.WARNING
