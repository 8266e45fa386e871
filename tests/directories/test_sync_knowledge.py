"""What a reading does not show is believed only where it could have been seen: nothing else locks or unlocks."""

import ldap3
import pytest

from agent.health import Condition, health_of
from ims.locks import LockReason
from ims.passes import Mode
from tests.support.people import ACME
from tests.support.slapd_config import AGENT_DN, BASE
from tests.support.sync_world import CORP, SyncWorld

pytestmark = pytest.mark.servers
ATTEMPTS = [LockReason.PASSWORD_ATTEMPTS]
HIDE_MARKERS = f'access to attrs=pwdAccountLockedTime by dn.exact="{AGENT_DN}" none by * none'


# --- groups and rules ------------------------------------------------------------------------------------------------


def test_a_group_that_is_gone_says_nothing_about_its_members(world: SyncWorld) -> None:
    """Nobody is unaffiliated, and the report says why."""
    ada = world.person()
    world.reconcile()
    world.slapd.delete(world.staff)
    for result in (world.tick(), world.reconcile()):
        assert result.report.complete
        assert f"the group {world.staff} is missing" in result.report.notes
    assert world.reasons(ada) == []
    assert world.user(ada).entries[0].unmatched_since is None


def test_a_group_that_has_lost_all_its_members_says_nothing(world: SyncWorld) -> None:
    """Nobody the rule matched before is in it any more: that is what a lost right looks like."""
    ada = world.person()
    world.reconcile()
    stranger = world.slapd.add_person(f"stranger-{world.mark}")
    with world.slapd.connected() as admin:
        admin.modify(world.staff, {"member": [(ldap3.MODIFY_REPLACE, [stranger.dn])]})
    for result in (world.tick(), world.reconcile()):
        assert any("matches nobody whom it matched before" in note for note in result.report.notes)
    assert world.reasons(ada) == []


def test_a_group_that_is_made_anew_counts_from_then_on(world: SyncWorld) -> None:
    """The first reading only takes note of its new id; the next one reads it."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    world.slapd.delete(world.staff)
    world.slapd.add_group(f"staff-{world.mark}", [world.keeper.dn, bob.dn])
    assert any("a new one by an old name" in note for note in world.tick().report.notes)
    assert world.reasons(ada) == []
    world.tick()
    assert (world.reasons(ada), world.reasons(bob)) == ([LockReason.UNAFFILIATED], [])


def test_an_attribute_that_nobody_has_any_more_says_nothing(world: SyncWorld) -> None:
    """A tick asks whether the rule matches anybody at all."""
    ada = world.person("ada", staff=False, departmentNumber="42")
    bob = world.person("bob", staff=False, departmentNumber="42")
    world.configure(rules={"desk": {"tenant": ACME, "attribute": "departmentNumber", "value": "42"}})
    world.reconcile()
    world.slapd.modify(ada.dn, departmentNumber="1")
    world.slapd.modify(bob.dn, departmentNumber="1")
    for result in (world.tick(), world.reconcile()):
        assert any("matches nobody whom it matched before" in note for note in result.report.notes)
    assert (world.reasons(ada), world.reasons(bob)) == ([], [])


# --- empty and shortened answers -------------------------------------------------------------------------------------


def test_success_with_nobody_in_it_says_nothing(own_world: SyncWorld) -> None:
    """The right to see the people is gone: result code 0, no entry."""
    ada = own_world.person()
    own_world.slapd.lock(ada)
    own_world.reconcile()
    before = own_world.versions()
    hidden = f'access to dn.children="{own_world.unit}" by dn.exact="{AGENT_DN}" none by anonymous auth by * none'
    own_world.slapd.restart(access=(hidden,))
    for result in (own_world.tick(), own_world.reconcile(), own_world.reconcile()):
        assert (result.report.read, result.report.changed) == (0, 0)
    assert not result.report.complete
    assert "showed nobody" in own_world.state().error
    assert own_world.reasons(ada) == ATTEMPTS
    assert own_world.versions() == before


def test_a_reading_that_the_server_cuts_short_makes_nobody_absent(own_world: SyncWorld) -> None:
    """Those who were seen are taken over; the watermark stays where it was."""
    people = own_world.people(6)
    own_world.configure(page_size=2)
    own_world.reconcile()
    first = own_world.state()
    for one in people:
        own_world.slapd.lock(one)
    own_world.slapd.restart(limits="size=unlimited size.prtotal=4")
    report = own_world.reconcile().report
    assert not report.complete
    assert 0 < report.read < 7
    assert report.raised > 0
    state = own_world.state()
    assert (state.watermark, state.last_reconcile) == (first.watermark, first.last_reconcile)
    assert "LimitExceeded" in state.error
    assert not any(own_world.user(one).entries[0].missing_since for one in people)
    health = health_of(state, Mode.ENFORCE, own_world.directory.settings.schedule.tick, own_world.clock.now())
    assert health.condition is Condition.INCOMPLETE


def test_a_directory_that_is_down_changes_nothing_and_says_since_when(own_world: SyncWorld) -> None:
    """And the first reading after it clears the error."""
    own_world.person()
    own_world.reconcile()
    own_world.slapd.halt()
    with pytest.raises(Exception, match="no server can be used"):
        own_world.tick()
    since = own_world.state().error_since
    assert since is not None
    own_world.later(minutes=5)
    with pytest.raises(Exception, match="no server can be used"):
        own_world.tick()
    assert own_world.state().error_since == since
    assert own_world.store.passes(CORP)[0].error
    own_world.slapd.resume()
    assert own_world.tick().report.complete
    assert (own_world.state().error, own_world.state().error_since) == ("", None)


# --- lock attributes that cannot be read -----------------------------------------------------------------------------


def test_a_lock_that_may_not_be_read_any_more_stays(own_world: SyncWorld) -> None:
    """The search succeeds, the marker is missing, the entry has not changed."""
    ada = own_world.person()
    own_world.slapd.lock(ada)
    own_world.reconcile()
    own_world.slapd.restart(access=(HIDE_MARKERS,))
    for result in (own_world.tick(), own_world.reconcile()):
        assert any(f"{ada.uid} stays locked" in note for note in result.report.notes)
    assert own_world.reasons(ada) == ATTEMPTS


def test_with_a_canary_not_even_a_changed_entry_proves_an_unlock(own_world: SyncWorld) -> None:
    """As long as the canary's own lock is not seen; then everything that changed is believed at once."""
    ada = own_world.person()
    canary = own_world.slapd.add_person("canary", parent=f"ou=services,{BASE}")
    own_world.slapd.lock(canary)
    own_world.configure(canary=canary.dn)
    own_world.slapd.lock(ada)
    assert own_world.reconcile().report.canary_seen
    own_world.slapd.restart(access=(HIDE_MARKERS,))
    own_world.slapd.modify(ada.dn, title="Countess")
    report = own_world.tick().report
    assert not report.canary_seen
    assert any("the canary's lock was not seen" in note for note in report.notes)
    assert own_world.reasons(ada) == ATTEMPTS
    own_world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    own_world.slapd.restart(access=())
    assert own_world.tick().report.canary_seen
    assert own_world.reasons(ada) == []


def test_a_list_of_members_that_is_cut_short_says_nothing(own_world: SyncWorld) -> None:
    """Asked of the members' side, the answer may be a part only."""
    ada, _, _ = (own_world.person(name) for name in ("ada", "bob", "cay"))
    own_world.configure(
        rules={"staff": {"tenant": ACME, "group": own_world.staff, "via": "memberof"}},
        page_size=1,
    )
    own_world.reconcile()
    own_world.leave(ada)
    own_world.slapd.restart(limits="size=unlimited size.prtotal=1")
    own_world.memory.__init__()  # type: ignore[misc] # what a new process has
    assert any("cannot be used: cut short" in note for note in own_world.tick().report.notes)
    assert own_world.reasons(ada) == []


def test_members_that_are_no_users_are_passed_over(world: SyncWorld) -> None:
    """From elsewhere in the directory, or no entry at all."""
    stranger = world.slapd.add_person(f"stranger-{world.mark}")
    world.reconcile()
    nobody = f"uid=nobody-{world.mark},{world.unit}"
    with world.slapd.connected() as admin:
        admin.modify(world.staff, {"member": [(ldap3.MODIFY_ADD, [stranger.dn, nobody, world.unit])]})
    report = world.tick().report
    assert (report.complete, report.quarantined, report.changed) == (True, 0, 0)
    assert world.find(stranger) is None


def test_entries_whose_id_may_not_be_read_make_nobody_absent(own_world: SyncWorld) -> None:
    """They are there; which of the known ones they are cannot be told."""
    ada = own_world.person()
    own_world.reconcile()
    hide_ids = f'access to dn.exact="{ada.dn}" attrs=entryUUID by dn.exact="{AGENT_DN}" none by * none'
    own_world.slapd.restart(access=(hide_ids,))
    for _ in range(2):
        report = own_world.reconcile().report
    assert not report.complete
    assert "did not show their id" in report.error
    assert own_world.reasons(ada) == []
    assert ada.dn in own_world.quarantine()
