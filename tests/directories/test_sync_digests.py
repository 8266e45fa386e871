"""A complete reading passes over what is as it was, looks at all else, and ends where one without digests ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import ldap3
import pytest

from agent.directories.entry import Entry
from agent.interpret import Interpreter
from agent.run import PassResult
from ims.locks import LockReason
from ims.passes import Mode, PassKind
from ims.ports import Batch, UserChange
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import DEFAULT_POLICY, policy_dn
from tests.support.store_content import content
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers
LOST, ATTEMPTS, EXPIRED, ABSENT = (
    LockReason.UNAFFILIATED,
    LockReason.PASSWORD_ATTEMPTS,
    LockReason.EXPIRED,
    LockReason.ABSENT,
)
Looked = Callable[..., set[str]]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """Return a function that makes a pass and says at whose entries it looked, by user name without the mark."""
    seen: list[str] = []
    sighting = Interpreter.sighting

    def noting(self: Interpreter, entry: Entry) -> Any:
        seen.append(entry.text("uid").partition("-")[0])
        return sighting(self, entry)

    monkeypatch.setattr(Interpreter, "sighting", noting)

    def of(pass_: Callable[..., PassResult], **changes: Any) -> set[str]:
        seen.clear()
        report = pass_(**changes).report
        assert report.complete, report.error
        assert report.read - report.passed_over == len(seen)
        return set(seen)

    return of


def edit(world: SyncWorld, one: Person) -> None:
    """Change a user as an application does it."""
    user = world.user(one)
    changed = replace(user, profile=replace(user.profile, nick_name="Countess"))
    world.store.apply(Batch(changes=(UserChange(user=changed, base=user.version),)))


def by_department(world: SyncWorld) -> None:
    """Affiliate by an attribute of the entry itself: whoever comes and goes changes no group then.

    The keeper does not have it, is no user, and is looked at in every reading.
    """
    world.configure(rules={"dept": {"tenant": "acme", "attribute": "departmentNumber", "value": "7"}})


# --- nothing changed -------------------------------------------------------------------------------------------------


def test_an_unchanged_reconcile_writes_no_row_and_looks_at_nobody(world: SyncWorld, looked: Looked) -> None:
    """But for its own report and state, and at whoever is locked."""
    world.people(3)
    bob = world.person("bob")
    world.slapd.lock(bob)
    assert looked(world.reconcile) == {"p0", "p1", "p2", "keeper", "bob"}
    before = content(world.store)
    for _ in range(2):
        assert looked(world.reconcile) == {"bob"}
        assert content(world.store) == before
    assert world.store.passes(limit=1)[0].passed_over == 4


def test_a_second_look_that_changed_nothing_is_not_needed_again(world: SyncWorld, looked: Looked) -> None:
    """Whoever was written by a tick is looked at once more, and their digest kept without any new version."""
    ada = world.person("ada")
    world.reconcile()
    world.slapd.modify(ada.dn, title="Countess")
    world.tick()
    versions = world.versions()
    assert looked(world.reconcile) == {"ada"}
    assert looked(world.reconcile) == set()
    assert world.versions() == versions
    assert world.user(ada).profile.title == "Countess"


def test_ticks_go_on_after_it_and_miss_nothing(world: SyncWorld, looked: Looked) -> None:
    """The change stamps of those who were passed over are not known; where ticks go on from is, all the same."""
    ada = world.person("ada")
    world.reconcile()
    looked(world.reconcile)
    world.slapd.modify(ada.dn, title="Countess")
    result = world.tick()
    assert (result.report.kind, result.report.changed) == (PassKind.TICK, 1)


# --- what makes somebody be looked at --------------------------------------------------------------------------------


def test_a_changed_entry_is_looked_at(world: SyncWorld, looked: Looked) -> None:
    """And no other."""
    ada, _ = world.person("ada"), world.person("bob")
    world.reconcile()
    world.slapd.modify(ada.dn, title="Countess")
    assert looked(world.reconcile) == {"ada"}
    assert world.user(ada).profile.title == "Countess"
    assert looked(world.reconcile) == set()


def test_a_lock_and_its_end_are_seen(world: SyncWorld, looked: Looked) -> None:
    """slapd's own writes of its markers are changes like any other."""
    ada = world.person("ada")
    world.reconcile()
    world.slapd.lock(ada)
    assert looked(world.reconcile) == {"ada"}
    assert world.reasons(ada) == [ATTEMPTS]
    world.slapd.modify(ada.dn, pwdAccountLockedTime=[])
    assert looked(world.reconcile) == {"ada"}
    assert world.reasons(ada) == []
    assert looked(world.reconcile) == set()


def test_another_policy_is_applied_to_everybody(own_world: SyncWorld, looked: Looked) -> None:
    """No user's entry moves when a policy changes."""
    own_world.person("ada")
    own_world.person("bob", policy="brief")
    own_world.reconcile()
    assert looked(own_world.reconcile) == set()
    for policy in (DEFAULT_POLICY, policy_dn("brief")):
        own_world.slapd.modify(policy, pwdLockoutDuration="77")
        assert looked(own_world.reconcile) == {"ada", "bob", "keeper"}
        assert looked(own_world.reconcile) == set()


def test_a_policy_that_cannot_be_found_beforehand_passes_nobody_over(own_world: SyncWorld, looked: Looked) -> None:
    """What it says now is known only when somebody under it is looked at."""
    own_world.slapd.restart(access=(f'access to dn.base="{policy_dn("brief")}" by * none',))
    own_world.person("ada", policy="brief")
    own_world.reconcile()
    assert looked(own_world.reconcile) == {"ada"}


def test_somebody_who_joins_or_leaves_a_named_group_makes_everybody_be_looked_at(
    world: SyncWorld, looked: Looked
) -> None:
    """Their own entries do not change with it."""
    ada, bob = world.person("ada"), world.person("bob", staff=False)
    assert looked(world.reconcile) == {"ada", "bob", "keeper"}
    assert looked(world.reconcile) == {"bob"}, "whoever never matched a rule is no user, and has no digest"
    world.join(bob)
    assert looked(world.reconcile) == {"ada", "bob", "keeper"}
    assert looked(world.reconcile) == set()
    world.leave(ada)
    assert looked(world.reconcile) == {"ada", "bob", "keeper"}
    assert world.reasons(ada) == [LOST]
    assert looked(world.reconcile) == {"ada"}


def test_another_mapping_another_mode_and_another_version_are_applied_to_everybody(
    world: SyncWorld, looked: Looked
) -> None:
    """Each of them once; and what was kept under the first still holds when it comes back."""
    world.person("ada")
    everybody = {"ada", "keeper"}
    world.reconcile()
    world.configure(attributes={"displayName": "sn"})
    assert looked(world.reconcile) == everybody
    assert looked(world.reconcile) == set()
    world.mode(Mode.OBSERVE)
    assert looked(world.reconcile) == everybody
    assert looked(world.reconcile) == set()
    other = world.run(directory=replace(world.directory, version="another"))
    assert looked(world.reconcile, directory=other.directory) == everybody
    assert looked(world.reconcile, directory=other.directory) == set()


def test_whoever_an_application_changes_is_planned_again(world: SyncWorld, looked: Looked) -> None:
    """What the directory decides about them is put right though nothing changed there."""
    ada, _ = world.person("ada"), world.person("bob")
    world.reconcile()
    edit(world, ada)
    assert looked(world.reconcile) == {"ada"}
    assert world.user(ada).profile.nick_name == "Countess"
    assert looked(world.reconcile) == set()


def test_whoever_an_application_changes_during_a_reading_is_planned_again(world: SyncWorld, looked: Looked) -> None:
    """The digest of a plan made before that write is not kept."""
    ada = world.person("ada")
    world.reconcile()
    apply = world.store.apply

    def meddling(batch: Batch) -> Any:
        if batch.digests is not None:
            edit_now(ada)
        return apply(batch)

    def edit_now(one: Person) -> None:
        user = world.user(one)
        changed = replace(user, profile=replace(user.profile, nick_name=user.profile.nick_name + "x"))
        apply(Batch(changes=(UserChange(user=changed, base=user.version),)))

    edit(world, ada)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.store, "apply", meddling)
        assert looked(world.reconcile) == {"ada"}
    assert looked(world.reconcile) == {"ada"}
    assert looked(world.reconcile) == set()


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_password_that_expires_is_shown_though_nothing_changed(world: SyncWorld, looked: Looked) -> None:
    """The same bytes mean something else from that moment on, and the same from then on."""
    ada, _ = world.person("ada", policy="ageing"), world.person("bob")
    world.reconcile()
    assert world.user(ada).entries[0].hint == ""
    assert looked(world.reconcile) == set()
    world.later(days=1, minutes=1)
    assert looked(world.reconcile) == {"ada"}
    assert world.user(ada).entries[0].hint == "the password has expired"
    assert looked(world.reconcile) == set()


def test_an_end_of_validity_that_lies_ahead_comes_in_its_time(world: SyncWorld, looked: Looked) -> None:
    """It is in the ledger already, and whoever has a lock there is looked at always."""
    end = world.clock.now() + timedelta(hours=1)
    ada = world.person("ada", pwdEndTime=f"{end:%Y%m%d%H%M%SZ}")
    world.reconcile()
    assert world.reasons(ada) == []
    world.later(hours=2)
    assert world.reasons(ada) == [EXPIRED]
    assert looked(world.reconcile) == {"ada"}
    world.slapd.modify(ada.dn, pwdEndTime=[])
    world.reconcile()
    assert world.reasons(ada) == []


# --- absence ---------------------------------------------------------------------------------------------------------


def test_only_a_complete_reading_finds_somebody_gone(own_world: SyncWorld, looked: Looked) -> None:
    """What is left over when a reading was cut short may come later."""
    by_department(own_world)
    people = [own_world.person(f"p{number}", staff=False, departmentNumber="7") for number in range(9)]
    own_world.reconcile()
    own_world.slapd.delete(people[1].dn)
    own_world.slapd.restart(limits="size=unlimited size.prtotal=7")
    report = own_world.reconcile().report
    assert not report.complete
    assert report.passed_over > 0
    assert own_world.reasons(people[1]) == []
    own_world.slapd.restart(limits="size=unlimited")
    assert looked(own_world.reconcile) == {"keeper"}
    assert own_world.reasons(people[1]) == [ABSENT]
    assert [own_world.reasons(one) for one in people[2:]] == [[]] * 7


def test_a_reading_that_shows_nobody_says_nothing(own_world: SyncWorld) -> None:
    """Nobody is passed over in it either."""
    ada = own_world.person("ada")
    own_world.reconcile()
    own_world.slapd.restart(access=(f'access to dn.children="{own_world.unit}" by * none',))
    assert "showed nobody" in own_world.reconcile().report.error
    assert own_world.reasons(ada) == []


def test_whoever_the_brake_keeps_back_is_not_forgotten(world: SyncWorld, looked: Looked) -> None:
    """Their entries are as they were, and so is what they mean."""
    by_department(world)
    people = [world.person(f"p{number}", staff=False, departmentNumber="7") for number in range(12)]
    world.reconcile()
    for one in people[:11]:
        world.slapd.delete(one.dn)
    for _ in range(3):
        assert looked(world.reconcile) == {"keeper"}
        assert "11 absences" in world.state().kept_back
    assert not any(world.reasons(one) for one in people)


def test_a_rule_that_keeps_only_people_who_are_passed_over_is_not_silent(world: SyncWorld, looked: Looked) -> None:
    """They were not looked at, but they match it."""
    by_department(world)
    ada, bob = (world.person(name, staff=False, departmentNumber="7") for name in ("ada", "bob"))
    world.reconcile()
    world.slapd.modify(ada.dn, departmentNumber="8")
    assert looked(world.reconcile) == {"ada", "keeper"}
    assert (world.reasons(ada), world.reasons(bob)) == ([LOST], [])


# --- several servers -------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(world: SyncWorld, start_slapd: Callable[..., Slapd]) -> Slapd:
    """Return a consumer that forwards no wrong passwords, named second in the settings."""
    consumer = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[world.slapd.url, consumer.url])
    return consumer


def test_whoever_another_server_alone_locks_is_looked_at(world: SyncWorld, copy: Slapd, looked: Looked) -> None:
    """The entry that is read does not show it."""
    ada, _ = world.person("ada"), world.person("bob")
    world.reconcile()
    world.follow(copy, ada)
    copy.lock(ada)
    assert looked(world.reconcile) == {"ada"}
    assert world.reasons(ada) == [ATTEMPTS]


def test_nobody_is_passed_over_on_another_server_than_last_time(world: SyncWorld, copy: Slapd, looked: Looked) -> None:
    """How far the last readings came there is not known."""
    ada = world.person("ada")
    world.reconcile()
    world.follow(copy, ada)
    world.configure(servers=[copy.url])
    assert looked(world.reconcile) == {"ada", "keeper"}
    assert looked(world.reconcile) == set()
    assert world.tick().report.kind is PassKind.TICK


def test_a_renamed_entry_is_looked_at(world: SyncWorld, looked: Looked) -> None:
    """Its name is part of its bytes; by its id it is still there."""
    ada = world.person("ada")
    world.reconcile()
    with world.slapd.connected() as admin:
        admin.modify_dn(ada.dn, f"uid={ada.uid}x")
        admin.modify(f"uid={ada.uid}x,{world.unit}", {"title": [(ldap3.MODIFY_REPLACE, ["Countess"])]})
    assert "ada" in looked(world.reconcile)
    assert world.user(f"{ada.uid}x").profile.title == "Countess"
