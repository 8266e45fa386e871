"""Affiliation, lost and returned, as real groups and attributes have it."""

from datetime import timedelta

import ldap3
import pytest

from ims.audit import Action
from ims.locks import LockReason
from ims.passes import PassKind
from ims.people import AffiliationStatus, Role
from tests.support.people import ACME, GLOBEX
from tests.support.sync_world import CORP, SyncWorld

pytestmark = pytest.mark.servers
LOST = [LockReason.UNAFFILIATED]


def status(world: SyncWorld, uid: str) -> AffiliationStatus | None:
    """Return a user's standing."""
    affiliation = world.user(uid).affiliation
    return affiliation.status if affiliation else None


def test_whoever_leaves_the_group_is_unaffiliated_by_the_next_tick(world: SyncWorld) -> None:
    """Nothing in the person's own entry tells (`confirm = 0`)."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    world.leave(ada)
    result = world.tick()
    assert (result.report.kind, result.report.raised) == (PassKind.TICK, 1)
    assert world.reasons(ada) == LOST
    assert world.reasons(bob) == []
    assert status(world, ada.uid) is AffiliationStatus.UNAFFILIATED
    assert [row.action for row in world.audit()][-2:] == [Action.UNAFFILIATED, Action.LOCK_RAISED]
    assert [one.status for _, one in world.store.history(world.user(ada).id)] == [
        AffiliationStatus.AFFILIATED,
        AffiliationStatus.UNAFFILIATED,
    ]


def test_two_readings_ten_minutes_apart_are_needed(world: SyncWorld) -> None:
    """The first tick remembers, ticks before the time is up wait, the one after it locks."""
    ada = world.person()
    world.configure(affiliation={"confirm": "10m"})
    world.reconcile()
    world.leave(ada)
    assert world.tick().report.raised == 0
    assert world.user(ada).entries[0].unmatched_since is not None
    world.later(minutes=9)
    assert world.tick().report.raised == 0
    world.later(minutes=1)
    assert world.tick().report.raised == 1
    assert world.reasons(ada) == LOST


def test_back_before_it_is_confirmed_was_never_away(world: SyncWorld) -> None:
    """And the next absence from the group begins anew."""
    ada = world.person()
    world.configure(affiliation={"confirm": "10m"})
    world.reconcile()
    world.leave(ada)
    world.tick()
    world.join(ada)
    world.tick()
    assert world.user(ada).entries[0].unmatched_since is None
    world.later(minutes=11)
    world.leave(ada)
    assert world.tick().report.raised == 0


def test_back_within_the_grace_ends_by_itself_and_later_it_sticks(world: SyncWorld) -> None:
    """A day is the grace."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    world.leave(ada, bob)
    world.tick()
    world.later(hours=23)
    world.join(ada)
    world.tick()
    assert world.reasons(ada) == []
    assert status(world, ada.uid) is AffiliationStatus.AFFILIATED
    world.later(hours=2)
    world.join(bob)
    world.tick()
    world.reconcile()
    assert world.reasons(bob) == LOST
    assert status(world, bob.uid) is AffiliationStatus.UNAFFILIATED


def test_a_restarted_agent_finds_out_who_came_and_went(world: SyncWorld) -> None:
    """It remembers no members: the store tells who differs."""
    ada, eva = world.person("ada"), world.person("eva", staff=False)
    world.reconcile()
    world.memory.__init__()  # type: ignore[misc] # what a new process has
    world.leave(ada)
    world.join(eva)
    result = world.tick()
    assert result.report.kind is PassKind.TICK
    assert world.reasons(ada) == LOST
    assert world.user(eva).affiliation is not None


def test_somebody_new_to_the_group_appears_though_their_entry_is_old(world: SyncWorld) -> None:
    """Never matched: counted. Matched now: read by name, and stored."""
    eva = world.person("eva", staff=False)
    assert world.reconcile().report.unmatched == 1
    assert world.find(eva) is None
    world.join(eva)
    world.tick()
    assert world.user(eva).tenant == ACME


def test_a_renamed_group_is_the_same_group(world: SyncWorld) -> None:
    """It is known by its entry id; settings need not follow."""
    ada = world.person()
    world.reconcile()
    with world.slapd.connected() as admin:
        admin.modify_dn(world.staff, f"cn=renamed-{world.mark}")
    world.tick()
    assert world.reasons(ada) == []
    world.members(ldap3.MODIFY_DELETE, ada, group=world.staff.replace("cn=staff-", "cn=renamed-"))
    world.tick()
    assert world.reasons(ada) == LOST


@pytest.mark.parametrize("via", ["member", "memberof"])
def test_membership_is_read_from_either_side(world: SyncWorld, via: str) -> None:
    """From the group, or from its members."""
    ada, bob = world.person("ada"), world.person("bob")
    world.configure(rules={"staff": {"tenant": ACME, "group": world.staff, "via": via}})
    world.reconcile()
    assert world.user(ada).tenant == ACME
    world.leave(ada)
    world.tick()
    assert (world.reasons(ada), world.reasons(bob)) == (LOST, [])


def test_attributes_and_subtrees_affiliate_too(world: SyncWorld) -> None:
    """A changed attribute shows at the next tick; so does a move."""
    ada = world.person("ada", staff=False, departmentNumber="42")
    bob = world.person("bob", staff=False, departmentNumber="42")
    world.person("cay", staff=False, departmentNumber="42")
    guests = f"ou=guests,{world.unit}"
    with world.slapd.connected() as admin:
        admin.add(guests, "organizationalUnit")
    eva = world.slapd.add_person(world.name("eva"), parent=guests)
    world.configure(
        rules={
            "desk": {"tenant": ACME, "attribute": "departmentNumber", "value": "42"},
            "guests": {"tenant": GLOBEX, "subtree": guests},
        }
    )
    world.reconcile()
    assert (world.user(ada).tenant, world.user(eva, GLOBEX).tenant) == (ACME, GLOBEX)
    world.slapd.modify(ada.dn, departmentNumber="43")
    world.tick()
    assert (world.reasons(ada), world.reasons(bob)) == (LOST, [])
    with world.slapd.connected() as admin:
        admin.modify_dn(bob.dn, f"uid={bob.uid}", new_superior=guests)
        admin.modify(f"uid={bob.uid},{guests}", {"departmentNumber": [(ldap3.MODIFY_DELETE, [])]})
    world.tick()
    assert world.user(bob, GLOBEX).tenant == GLOBEX


def test_a_transfer_moves_the_user_and_its_directory_locks(world: SyncWorld) -> None:
    """From one group into another between two readings."""
    ada, _ = world.person("ada"), world.person("bob")
    others = world.slapd.add_group(f"others-{world.mark}", [world.keeper.dn])
    world.configure(
        rules={
            "staff": {"tenant": ACME, "group": world.staff},
            "others": {"tenant": GLOBEX, "group": others},
        }
    )
    world.slapd.lock(ada)
    report = world.reconcile().report
    assert "match" in world.quarantine()[world.keeper.entry_id]
    assert report.quarantined == 1
    before = world.user(ada)
    world.leave(ada)
    world.members(ldap3.MODIFY_ADD, ada, group=others)
    world.tick()
    after = world.user(ada, GLOBEX)
    assert after.id == before.id
    assert [(lock.id, lock.tenant) for lock in after.locks] == [(before.locks[0].id, GLOBEX)]
    assert {row.tenant for row in world.audit(Action.TRANSFERRED)} == {ACME, GLOBEX}


def test_a_role_comes_and_goes_with_its_group(world: SyncWorld) -> None:
    """Entering a role group shows at the next tick, and so does leaving it."""
    ada = world.person()
    admins = world.slapd.add_group(f"admins-{world.mark}", [world.keeper.dn])
    world.configure(tenants={"acme": {"roles": {"co_administrator": {"directory": CORP, "group": admins}}}})
    world.reconcile()
    assert (world.user(world.keeper).role, world.user(ada).role) == (Role.CO_ADMINISTRATOR, None)
    world.members(ldap3.MODIFY_ADD, ada, group=admins)
    world.tick()
    assert world.user(ada).role is Role.CO_ADMINISTRATOR
    world.memory.__init__()  # type: ignore[misc] # what a new process has
    world.members(ldap3.MODIFY_DELETE, ada, group=admins)
    world.tick()
    assert world.user(ada).role is None
    assert world.user(world.keeper).role is Role.CO_ADMINISTRATOR


def test_the_confirmation_is_not_lost_by_a_reconcile(world: SyncWorld) -> None:
    """Ticks and reconciles confirm each other."""
    ada = world.person()
    world.configure(affiliation={"confirm": "10m"})
    world.reconcile()
    world.leave(ada)
    world.reconcile()
    world.clock.forward(timedelta(minutes=10))
    world.tick()
    assert world.reasons(ada) == LOST
