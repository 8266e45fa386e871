"""Attacks that once changed who is shown locked: a right that is lost in part, a small answer, a name that is taken."""

from dataclasses import replace

import pytest

from ims.errors import LockstepError
from ims.locks import LockReason
from ims.people import Profile
from ims.provisioning import create
from tests.support.people import ACME, GLOBEX, provisioner
from tests.support.slapd import Person
from tests.support.slapd_config import AGENT_DN
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = [LockReason.PASSWORD_ATTEMPTS]
MARKER = "pwdAccountLockedTime"


def canary(world: SyncWorld) -> Person:
    """Add a canary, which is an entry among the people, and name it in the settings."""
    bird = world.slapd.add_person(world.name("canary"), parent=world.unit)
    world.slapd.lock(bird)
    world.configure(canary=bird.dn)
    return bird


def hidden(attribute: str, of: str = "", level: str = "none") -> str:
    """Return the rule that takes the agent's right to an attribute, or to entries, leaving it `level`."""
    where = (f'dn.exact="{of}"' if of else "") + (f" attrs={attribute}" if attribute else "")
    return f'access to {where} by dn.exact="{AGENT_DN}" {level} by anonymous auth by * none'


# --- the right to see locks is lost in part --------------------------------------------------------------------------


def test_a_lock_hidden_on_one_entry_stays_though_the_canary_is_seen(own_world: SyncWorld) -> None:
    """The canary proves only what may be read of the canary."""
    ada = own_world.person()
    own_world.slapd.lock(ada)
    canary(own_world)
    own_world.reconcile()
    own_world.slapd.restart(access=(hidden(MARKER, ada.dn),))
    assert own_world.tick().report.canary_seen
    assert not own_world.slapd.sign_in(ada.dn, ada.password)
    assert own_world.reasons(ada) == ATTEMPTS


def test_a_hidden_lock_stays_though_its_entry_changed(own_world: SyncWorld) -> None:
    """Without a canary a new telephone number moves the stamp, and proves nothing about the lock."""
    ada = own_world.person()
    own_world.slapd.lock(ada)
    own_world.reconcile()
    own_world.slapd.restart(access=(hidden(MARKER),))
    own_world.slapd.modify(ada.dn, telephoneNumber="123")
    own_world.tick()
    assert own_world.reasons(ada) == ATTEMPTS


def test_a_hidden_end_of_validity_lifts_nothing(own_world: SyncWorld) -> None:
    """The canary shows its marker, and no date."""
    ada = own_world.person(pwdEndTime="20200101000000Z")
    canary(own_world)
    own_world.reconcile()
    own_world.slapd.restart(access=(hidden("pwdEndTime"),))
    own_world.tick()
    assert not own_world.slapd.sign_in(ada.dn, ada.password)
    assert own_world.reasons(ada) == [LockReason.EXPIRED]


@pytest.mark.parametrize("with_canary", [False, True])
def test_a_marker_seen_a_moment_ago_proves_nothing_once_it_is_hidden(
    own_world: SyncWorld, *, with_canary: bool
) -> None:
    """The second unlock within a minute wrote nothing and called the person free."""
    ada = own_world.person()
    own_world.slapd.lock(ada)
    if with_canary:
        canary(own_world)
    own_world.reconcile()
    own_world.slapd.restart(access=(hidden(MARKER, level="read"),))
    with pytest.raises(LockstepError):
        own_world.unlock(ada)
    own_world.slapd.restart(access=(hidden(MARKER),))
    with pytest.raises(LockstepError):
        own_world.unlock(ada)
    assert not own_world.slapd.sign_in(ada.dn, ada.password)
    assert own_world.reasons(ada) == ATTEMPTS


# --- small answers ---------------------------------------------------------------------------------------------------


def test_an_answer_with_nobody_but_the_canary_says_nothing(own_world: SyncWorld) -> None:
    """A company of six was locked: one entry was seen, so the answer did not count as empty."""
    people = own_world.people(6)
    canary(own_world)
    own_world.reconcile()
    own_world.slapd.restart(access=tuple(hidden("", one.dn) for one in (*people, own_world.keeper)))
    for _ in range(3):
        assert not own_world.reconcile().report.complete
    assert [own_world.reasons(one) for one in people] == [[]] * 6


def test_a_group_emptied_a_little_at_each_tick_meets_the_brake(world: SyncWorld) -> None:
    """The brake counts over an hour (DESIGN section 4): six at a time were thirty in the end."""
    people = world.people(30)
    world.reconcile()
    for first in range(0, 30, 6):
        world.leave(*people[first : first + 6])
        world.tick()
    assert len([one for one in people if world.reasons(one)]) <= 10


# --- names that are taken --------------------------------------------------------------------------------------------


def test_a_user_whose_new_name_is_taken_is_locked_all_the_same(world: SyncWorld) -> None:
    """Whoever provisions the name before the directory renames somebody froze their locks."""
    ada = world.person()
    world.reconcile()
    eva = world.name("eva")
    create(world.store, world.clock, provisioner(), Profile(user_name=eva), active=True)
    with world.slapd.connected() as admin:
        admin.modify_dn(ada.dn, f"uid={eva}")
    world.tick()
    world.slapd.lock(replace(ada, dn=f"uid={eva},{world.unit}"))
    world.tick()
    assert "is taken" in world.quarantine()[ada.entry_id]
    assert world.reasons(ada) == ATTEMPTS


def test_another_tenants_provisioner_cannot_hide_a_lock_by_taking_the_name(world: SyncWorld) -> None:
    """A transfer that waits for a free name does not stop the directory's locks."""
    ada, *_ = (world.person(name, staff=False, departmentNumber="1") for name in ("ada", "bob"))
    world.person("cyd", staff=False, departmentNumber="2")
    rules = {"a": (ACME, "1"), "b": (GLOBEX, "2")}
    named = {n: {"tenant": t, "attribute": "departmentNumber", "value": v} for n, (t, v) in rules.items()}
    world.configure(rules=named)
    world.reconcile()
    create(world.store, world.clock, provisioner(tenant=GLOBEX), Profile(user_name=ada.uid), active=True)
    world.slapd.modify(ada.dn, departmentNumber="2")
    world.tick()
    world.slapd.lock(ada)
    world.tick()
    assert world.reasons(ada) == ATTEMPTS


# --- two directories -------------------------------------------------------------------------------------------------


# --- protection ------------------------------------------------------------------------------------------------------
