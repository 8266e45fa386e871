"""Reading one entry for an unlock: everything that is there now, on every server, and how far it can be believed."""

from collections.abc import Callable
from datetime import UTC, datetime

import ldap3
import pytest

from agent.directories.errors import BadEntry
from agent.directories.openldap import OpenLdap
from ims.errors import DirectoryUnreachable
from ims.locks import LockReason
from ims.ports import Readable
from tests.support.people import ACME, GLOBEX
from tests.support.slapd import Slapd
from tests.support.slapd_config import BASE
from tests.support.sync_world import SyncWorld

pytestmark = pytest.mark.servers


def test_a_locked_entry_shows_its_marker_its_rule_and_its_last_failure(world: SyncWorld) -> None:
    """A marker that is seen proves that it can be seen."""
    ada = world.person()
    world.reconcile()
    world.slapd.lock(ada)
    reading = world.fresh(ada)
    assert (reading.present, reading.readable, reading.matched, reading.rule) == (
        True,
        Readable.PROVED,
        ACME,
        "corp/staff",
    )
    (fact,) = reading.facts
    assert (fact.reason, fact.server) == (LockReason.PASSWORD_ATTEMPTS, "")
    assert reading.stamp == world.slapd.text(ada.dn, "entryCSN")
    failures = world.slapd.read(ada.dn, "pwdFailureTime")["pwdfailuretime"]
    last = datetime.strptime(max(failures).decode(), "%Y%m%d%H%M%S.%fZ").replace(tzinfo=UTC)
    assert reading.last_failure == last


def test_a_lapsed_marker_is_among_the_facts(world: SyncWorld) -> None:
    """The unlock removes it too."""
    ada = world.person(policy="timed")
    world.reconcile()
    world.slapd.lock(ada)
    world.later(minutes=31)
    (fact,) = world.fresh(ada).facts
    assert fact.until is not None
    assert fact.until < world.clock.now()


def test_what_is_not_there_is_proved_by_the_stamp_or_the_canary(world: SyncWorld) -> None:
    """Neither moved nor seen: nothing is proved."""
    ada = world.person()
    world.reconcile()
    assert world.fresh(ada).readable is Readable.NOT_PROVED
    world.slapd.modify(ada.dn, title="Countess")
    assert world.fresh(ada).readable is Readable.PROVED
    canary = world.slapd.add_person(f"canary-{world.mark}", parent=f"ou=services,{BASE}")
    world.configure(canary=canary.dn)
    assert world.fresh(ada).readable is Readable.NOT_PROVED
    world.slapd.lock(canary)
    world.reconcile()
    assert world.fresh(ada).readable is Readable.PROVED


def test_an_entry_that_moved_is_found_and_one_that_is_gone_is_not(world: SyncWorld) -> None:
    """By its id; the DN is where it is now."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    with world.slapd.connected() as admin:
        admin.modify_dn(ada.dn, f"uid=eva-{world.mark}")
    assert world.fresh(ada).link.dn == f"uid=eva-{world.mark},{world.unit}"
    world.slapd.delete(bob.dn)
    gone = world.fresh(bob)
    assert (gone.present, gone.readable) == (False, Readable.NOT_PROVED)


def test_whoever_lost_their_rule_matches_nothing_or_another_tenant(world: SyncWorld) -> None:
    """Asked now, not remembered."""
    ada, _ = world.person("ada"), world.person("bob")
    others = world.slapd.add_group(f"others-{world.mark}", [world.keeper.dn])
    world.configure(
        rules={
            "others": {"tenant": GLOBEX, "group": others},
            "staff": {"tenant": ACME, "group": world.staff},
        }
    )
    world.reconcile()
    world.leave(ada)
    assert world.fresh(ada).matched is None
    world.members(ldap3.MODIFY_ADD, ada, group=others)
    assert world.fresh(ada).matched == GLOBEX
    world.join(ada)
    assert world.fresh(ada).matched == ACME


def test_a_missing_group_is_no_answer_for_somebody_who_is_unaffiliated(world: SyncWorld) -> None:
    """Whoever still has their rule is not in question: their lock is."""
    ada, bob = world.person("ada"), world.person("bob")
    world.reconcile()
    world.leave(ada)
    world.tick()
    world.slapd.delete(world.staff)
    with pytest.raises(DirectoryUnreachable, match="who is affiliated is not known"):
        world.fresh(ada)
    assert world.fresh(bob).present


def test_the_protected_are_named_with_the_reason(world: SyncWorld) -> None:
    """By user name here."""
    ada = world.person()
    world.configure(protected={"user_names": [ada.uid.upper()]})
    world.reconcile()
    assert world.fresh(ada).protected == "listed in the settings"


def test_a_directory_that_is_down_is_no_answer(world: SyncWorld) -> None:
    """Nothing is decided on that."""
    ada = world.person()
    world.reconcile()
    world.configure(servers=["ldap://127.0.0.1:9"])
    with pytest.raises(DirectoryUnreachable, match="no server can be used"):
        world.fresh(ada)


def test_every_server_has_to_answer(world: SyncWorld) -> None:
    """The one that does not may hold the lock that keeps the person out."""
    ada = world.person()
    world.configure(servers=[world.slapd.url, "ldap://127.0.0.1:9"])
    world.reconcile()
    with pytest.raises(DirectoryUnreachable, match=r"127\.0\.0\.1:9"):
        world.fresh(ada)


def test_a_copys_own_lock_names_the_copy_and_a_copied_one_does_not(
    world: SyncWorld, start_slapd: Callable[..., Slapd]
) -> None:
    """One lock each."""
    copy = start_slapd(provider=world.slapd.url, tls=False)
    world.configure(servers=[world.slapd.url, copy.url])
    ada, bob = world.person("ada"), world.person("bob")
    world.slapd.lock(bob)
    world.reconcile()
    world.follow(copy, ada)
    world.follow(copy, bob)
    copy.lock(ada)
    assert [fact.server for fact in world.fresh(ada).facts] == [copy.url]
    assert [fact.server for fact in world.fresh(bob).facts] == [""]


def test_membership_is_asked_of_the_side_that_the_rule_names(world: SyncWorld) -> None:
    """Each user lists their groups, where settings say so."""
    ada = world.person()
    world.configure(rules={"staff": {"tenant": ACME, "group": world.staff, "via": "memberof"}})
    world.reconcile()
    assert world.fresh(ada).matched == ACME
    world.leave(ada)
    assert world.fresh(ada).matched is None


def test_an_entry_whose_marks_are_no_times_leaves_a_doubt(world: SyncWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decided about its locks."""
    ada = world.person()
    world.reconcile()

    def refuse(*_: object) -> None:
        raise BadEntry(ada.dn, "pwdEndTime: no time")

    monkeypatch.setattr(OpenLdap, "read_locks", refuse)
    monkeypatch.setattr(OpenLdap, "last_failure", refuse)
    reading = world.fresh(ada)
    assert (reading.doubt, reading.facts, reading.last_failure) == ("pwdEndTime: no time", (), None)
