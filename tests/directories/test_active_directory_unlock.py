"""The unlock: one exchange of the marker that was seen for zero, and never of another."""

import threading

import pytest

from agent.directories.dialect import AttributeValue, GroupMembership, NotWritable
from agent.directories.writes import Kind, Modification, Modify
from ims.ports import Outcome
from tests.support.ad_side import DIALECT, client_of, look, unlock
from tests.support.agent_side import FixedSecret
from tests.support.samba_dc import SambaDc
from tests.support.samba_domain import ADMIN_NAME, ADMIN_PASSWORD, EVERY_ACCOUNT, READER_DN, password_of
from tests.support.slapd import Person
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("policy", ["", "timed"])
def test_an_unlocked_person_signs_in(domain: SambaDc, policy: str) -> None:
    """Marker and count are zero, and the domain takes the right password."""
    person = domain.add_person(policy=policy)
    domain.lock(person)
    with client_of(domain) as client:
        assert unlock(client, look(client, person)) is Outcome.DONE
        after = look(client, person).reading
    assert (after.facts, after.lapsed, after.marker) == ((), (), True)
    assert (domain.text(person.dn, "lockoutTime"), domain.text(person.dn, "badPwdCount")) == ("0", "0")
    assert domain.sign_in(person.dn, person.password)


def test_one_wrong_password_after_an_unlock_does_not_lock_again(domain: SambaDc) -> None:
    """The server forgot the others: three more are needed."""
    person = domain.add_person()
    domain.lock(person)
    with client_of(domain) as client:
        assert unlock(client, look(client, person)) is Outcome.DONE
        for _ in range(2):
            assert not domain.sign_in(person.dn, "a wrong password")
        assert look(client, person).reading.facts == ()
    assert domain.sign_in(person.dn, person.password)


def test_a_lapsed_marker_is_removed_too(domain: SambaDc) -> None:
    """So that one more wrong password does not lock at once."""
    person = domain.add_person(policy="brief")
    domain.lock(person)
    with client_of(domain) as client:
        wait_until(lambda: look(client, person).reading.lapsed, "the lock runs out")
        assert unlock(client, look(client, person)) is Outcome.DONE
        for _ in range(2):
            assert not domain.sign_in(person.dn, "a wrong password")
        assert look(client, person).reading.facts == ()
    assert domain.sign_in(person.dn, person.password)


def test_unlocked_meanwhile_is_changed_and_then_nothing_is_left(domain: SambaDc) -> None:
    """The help desk was faster: our write does nothing, and a fresh look finds nothing to clear."""
    person = domain.add_person()
    domain.lock(person)
    with client_of(domain) as client:
        seen = look(client, person)
        domain.unlock(person)
        stamp = domain.text(person.dn, "uSNChanged")
        assert unlock(client, seen) is Outcome.CHANGED
        after = look(client, person).reading
    assert (after.facts, after.lapsed) == ((), ())
    assert domain.text(person.dn, "uSNChanged") == stamp


def test_a_fresh_lock_is_never_cleared(domain: SambaDc) -> None:
    """Unlocked and locked again since we looked: the new lock stays."""
    person = domain.add_person()
    domain.lock(person)
    with client_of(domain) as client:
        seen = look(client, person)
        domain.unlock(person)
        fresh = domain.lock(person)
        assert unlock(client, seen) is Outcome.CHANGED
    assert domain.text(person.dn, "lockoutTime") == fresh
    assert not domain.sign_in(person.dn, person.password)


def test_an_entry_that_moved_is_changed(domain: SambaDc) -> None:
    """Nothing is written to whoever has that name now."""
    person = domain.add_person()
    domain.lock(person)
    with client_of(domain) as client:
        seen = look(client, person)
        with domain.connected() as admin:
            admin.modify_dn(person.dn, f"CN=moved-{person.uid}")
        domain.add_person(person.uid, sAMAccountName=f"x{person.uid}"[:20], userPrincipalName=f"x{person.uid}@x.test")
        assert unlock(client, seen) is Outcome.CHANGED
        assert look(client, person).locked


def test_an_attacker_s_fresh_lock_survives_every_unlock(domain: SambaDc) -> None:
    """Attackers guess without a pause while we unlock: each unlock that is done ends exactly the lock that was seen."""
    person = domain.add_person()
    domain.lock(person)
    done, late = list[str](), list[str]()
    stop = threading.Event()
    others = [threading.Thread(target=task, args=(domain, person, stop), daemon=True) for task in (_guess, _help)]
    for other in others:
        other.start()
    try:
        with client_of(domain) as client:

            def unlocked_often() -> bool:
                seen = look(client, person)
                if seen.reading.facts:
                    outcome = unlock(client, seen)
                    assert outcome in {Outcome.DONE, Outcome.CHANGED}
                    (done if outcome is Outcome.DONE else late).append(seen.reading.facts[0].evidence[0][1])
                return len(done) >= 10 and len(late) >= 2

            wait_until(unlocked_often, "ten unlocks, and two that came too late", seconds=30)
    finally:
        stop.set()
        for other in others:
            other.join(10)
    assert len(set(done)) == len(done)
    assert not set(done) & set(late)


def _guess(domain: SambaDc, person: Person, stop: threading.Event) -> None:
    while not stop.is_set():
        domain.sign_in(person.dn, "a wrong password")


def _help(domain: SambaDc, person: Person, stop: threading.Event) -> None:
    """Do what a help desk does, without looking."""
    while not stop.wait(0.15):
        domain.unlock(person)


def test_a_missing_right_is_refused(domain: SambaDc) -> None:
    """The domain says no, and the lock stays."""
    person = domain.add_person()
    marker = domain.lock(person)
    with client_of(domain, dn=READER_DN, secret=FixedSecret(password_of("reader"))) as client:
        assert unlock(client, look(client, person)) is Outcome.REFUSED
    assert domain.text(person.dn, "lockoutTime") == marker


def test_a_protected_account_is_refused_by_the_domain(domain: SambaDc) -> None:
    """Whoever is in a protected group inherits no right: here as the domain's own background task leaves it."""
    person = domain.add_person()
    marker = domain.lock(person)
    domain.restrict(person.dn, EVERY_ACCOUNT)
    with client_of(domain) as client:
        assert unlock(client, look(client, person)) is Outcome.REFUSED
    assert domain.text(person.dn, "lockoutTime") == marker


def test_what_cannot_be_written_says_who_ends_it(domain: SambaDc) -> None:
    """Disabling and dates are the directory's administrators'."""
    person = domain.add_person()
    domain.modify(person.dn, userAccountControl="514", accountExpires="1")
    with client_of(domain) as client, pytest.raises(NotWritable, match="administrators"):
        unlock(client, look(client, person))


def test_a_membership_is_given_back_once(domain: SambaDc) -> None:
    """Added if it is missing, already there if it is not, and changed where the group is gone."""
    person = domain.add_person()
    group = domain.add_group(f"staff-of-{person.uid}", [])
    write = DIALECT.affiliate_modify(person.dn, GroupMembership(group_dn=group))
    with client_of(domain) as client:
        assert DIALECT.outcome(client.modify(write)) is Outcome.REFUSED
    with client_of(domain, dn=ADMIN_NAME, secret=FixedSecret(ADMIN_PASSWORD)) as client:
        assert DIALECT.outcome(client.modify(write)) is Outcome.DONE
        assert DIALECT.outcome(client.modify(write)) is Outcome.ALREADY
        domain.delete(group)
        assert DIALECT.outcome(client.modify(write)) is Outcome.CHANGED


def test_a_value_is_given_back_once(domain: SambaDc) -> None:
    """An affiliation by attribute, on the entry itself."""
    person = domain.add_person()
    write = DIALECT.affiliate_modify(person.dn, AttributeValue(attribute="department", value="10"))
    with client_of(domain, dn=ADMIN_NAME, secret=FixedSecret(ADMIN_PASSWORD)) as client:
        assert DIALECT.outcome(client.modify(write)) is Outcome.DONE
        assert DIALECT.outcome(client.modify(write)) is Outcome.ALREADY
    assert domain.text(person.dn, "department") == "10"


def test_the_write_for_copies_unlocks_as_administrators_do(domain: SambaDc) -> None:
    """On a writable controller, where a read-only one refers to; that it is no such one its success shows."""
    person = domain.add_person()
    domain.lock(person)
    with client_of(domain) as client:
        result = client.modify(DIALECT.rewrite_modify(person.dn, ""))
        assert DIALECT.outcome(result) is Outcome.DONE
        assert not DIALECT.is_copy(result)
    assert domain.sign_in(person.dn, person.password)


@pytest.mark.parametrize(
    ("name", "value"),
    [("userAccountControl", "514"), ("accountExpires", "1"), ("description", "x"), ("department", "x")],
)
def test_the_agent_s_rights_reach_nothing_else(domain: SambaDc, name: str, value: str) -> None:
    """It may not disable, end or change anybody."""
    person = domain.add_person()
    change = Modification(kind=Kind.REPLACE, attribute=name, values=(value.encode(),))
    with client_of(domain) as client:
        result = client.modify(Modify(dn=person.dn, changes=(change,)))
    assert result.name == "insufficientAccessRights"
    assert DIALECT.outcome(result) is Outcome.REFUSED
