"""What an entry shows in every situation, compared with what the domain itself does to a right password."""

from datetime import timedelta

import pytest
from ldap3 import MODIFY_REPLACE

from agent.directories.dialect import Knowledge
from agent.directories.filetime import filetime_of
from ims.locks import LockReason
from ims.people import EntryId
from tests.support.ad_side import DIALECT, RULES, client_of, look
from tests.support.agent_side import FixedSecret, in_force, now
from tests.support.samba_dc import SambaDc
from tests.support.samba_domain import BASE, READER_DN, fine_policy, password_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
AN_HOUR = timedelta(hours=1)
NEVER = "9223372036854775807"


def test_wrong_passwords_below_the_limit_are_no_lock(domain: SambaDc) -> None:
    """Two of three; the marker that proves that a lock could be seen is the server's own word."""
    person = domain.add_person()
    for _ in range(2):
        assert not domain.sign_in(person.dn, "a wrong password")
    with client_of(domain) as client:
        seen = look(client, person)
    assert (seen.reading.facts, seen.reading.lapsed, seen.reading.doubt) == ((), (), "")
    assert seen.reading.marker
    failed = DIALECT.last_failure(seen.entry)
    assert failed is not None
    assert abs(failed - now()) < timedelta(seconds=10)
    assert domain.sign_in(person.dn, person.password)


def test_a_lock_for_good(domain: SambaDc) -> None:
    """The third wrong password locks, and only the domain's policy says that it is for good."""
    person = domain.add_person()
    marker = domain.lock(person)
    with client_of(domain) as client:
        seen = look(client, person)
    (fact,) = seen.reading.facts
    assert (fact.reason, fact.source, fact.until) == (LockReason.PASSWORD_ATTEMPTS, "corp", None)
    assert fact.since is not None
    assert abs(fact.since - now()) < timedelta(seconds=10)
    assert fact.evidence == (("lockoutTime", marker),)
    assert (seen.policy.source, seen.policy.max_failures) == (BASE, 3)
    assert not domain.sign_in(person.dn, person.password)


def test_further_wrong_passwords_change_nothing(domain: SambaDc) -> None:
    """The same lock stays the same fact, however often somebody tries."""
    person = domain.add_person(policy="timed")
    domain.lock(person)
    with client_of(domain) as client:
        before = look(client, person).reading
        for _ in range(3):
            domain.sign_in(person.dn, "a wrong password")
        assert look(client, person).reading == before


def test_a_timed_lock_by_a_fine_grained_policy(domain: SambaDc) -> None:
    """Its end is the marker's time and that policy's duration, to the second in which the server lets go."""
    person = domain.add_person(policy="timed")
    domain.lock(person)
    with client_of(domain) as client:
        seen = look(client, person)
    (fact,) = seen.reading.facts
    assert seen.policy.source == fine_policy("timed")
    assert fact.since is not None
    assert fact.until is not None
    assert timedelta(0) <= fact.until - fact.since - timedelta(minutes=30) < timedelta(seconds=1)


def test_a_timed_lock_runs_out_with_no_write(domain: SambaDc) -> None:
    """The domain lets the person in at the moment that we computed, and writes nothing at it."""
    person = domain.add_person(policy="brief")
    domain.lock(person)
    with client_of(domain) as client:
        before = look(client, person)
        (fact,) = (*before.reading.facts, *before.reading.lapsed)
        end = fact.until or now()
        wait_until(lambda: now() >= end, "the lock runs out")
        after = look(client, person)
        assert (after.reading.facts, after.reading.lapsed, after.locked) == ((), (fact,), False)
        assert after.stamp == before.stamp
        assert domain.sign_in(person.dn, person.password)
        cleared = look(client, person)
    assert (cleared.reading.facts, cleared.reading.lapsed, cleared.reading.marker) == ((), (), True)
    assert cleared.stamp > before.stamp


def test_the_locked_are_found_by_a_search(domain: SambaDc) -> None:
    """With the filter that a tick uses; and whoever was never locked is not found."""
    locked, free = domain.add_person(), domain.add_person()
    domain.lock(locked)
    with client_of(domain) as client:
        assert client.search_one(locked.dn, filter_=DIALECT.locked_filter()) is not None
        assert client.search_one(free.dn, filter_=DIALECT.locked_filter()) is None
        assert client.search_one(free.dn, filter_=DIALECT.readable_filter()) is not None


def test_a_new_password_alone_ends_no_lock(domain: SambaDc) -> None:
    """An administrator's reset leaves the marker, and the server still refuses: so does Lockstep."""
    person = domain.add_person()
    domain.lock(person)
    with domain.connected() as admin:
        admin.modify(person.dn, {"unicodePwd": [(MODIFY_REPLACE, ['"A-new-1-for-them"'.encode("utf-16-le")])]})
    with client_of(domain) as client:
        assert look(client, person).locked
    assert not domain.sign_in(person.dn, "A-new-1-for-them")


def test_an_administrator_disables(domain: SambaDc) -> None:
    """By bit 0x2, without a beginning; and it is no lock by wrong passwords."""
    person = domain.add_person()
    domain.modify(person.dn, userAccountControl="514")
    with client_of(domain) as client:
        (fact,) = look(client, person).reading.facts
        assert (fact.reason, fact.since, fact.until) == (LockReason.DISABLED, None, None)
        assert fact.evidence == (("userAccountControl", "514"),)
        assert not domain.sign_in(person.dn, person.password)
        domain.modify(person.dn, userAccountControl="512")
        assert look(client, person).reading.facts == ()
    assert domain.sign_in(person.dn, person.password)


def test_both_at_once_are_two_locks(domain: SambaDc) -> None:
    """Disabled while locked by wrong passwords."""
    person = domain.add_person()
    domain.modify(person.dn, userAccountControl="514")
    domain.lock(person)
    with client_of(domain) as client:
        reasons = {fact.reason for fact in look(client, person).reading.facts}
    assert reasons == {LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED}


@pytest.mark.parametrize("value", ["0", NEVER, "9223372036854775806"])
def test_no_end_of_validity(domain: SambaDc, value: str) -> None:
    """Zero, the largest number, and a date after the year 9999 are all no date."""
    person = domain.add_person()
    domain.modify(person.dn, accountExpires=value)
    with client_of(domain) as client:
        assert look(client, person).reading.facts == ()
    assert domain.sign_in(person.dn, person.password)


@pytest.mark.parametrize("ahead", [-AN_HOUR, AN_HOUR])
def test_an_end_of_validity(domain: SambaDc, ahead: timedelta) -> None:
    """Over, it locks; ahead, it is known already, and until then the same entry means the same."""
    person = domain.add_person()
    ends = (now() + ahead).replace(microsecond=0)
    domain.modify(person.dn, accountExpires=str(filetime_of(ends)))
    with client_of(domain) as client:
        seen = look(client, person)
    (fact,) = seen.reading.facts
    assert (fact.reason, fact.since) == (LockReason.EXPIRED, ends)
    assert in_force(fact, now()) == (ahead < timedelta(0))
    assert domain.sign_in(person.dn, person.password) == (ahead > timedelta(0))
    assert (seen.reading.same_until == ends) == (ahead > timedelta(0))


def test_a_password_to_be_changed_is_a_hint(domain: SambaDc) -> None:
    """And no lock."""
    person = domain.add_person()
    domain.modify(person.dn, pwdLastSet="0")
    with client_of(domain) as client:
        reading = look(client, person).reading
    assert reading.facts == ()
    assert reading.hint == "the password must be changed at the next sign-in"


def test_a_policy_that_is_hidden_leaves_the_server_s_word(domain: SambaDc) -> None:
    """A lock under it is seen, though not when it ends; and that it is over is seen too."""
    person = domain.add_person(policy="brief")
    domain.lock(person)
    with client_of(domain, dn=READER_DN, secret=FixedSecret(password_of("reader"))) as client:
        seen = look(client, person)
        assert seen.policy.knowledge is Knowledge.UNKNOWN
        assert [fact.until for fact in seen.reading.facts] == [None]
        wait_until(lambda: not look(client, person).locked, "the server says that it is over")
        assert len(look(client, person).reading.lapsed) == 1
    assert domain.sign_in(person.dn, person.password)


def test_an_entry_s_id_survives_rename_and_move(domain: SambaDc) -> None:
    """It is the objectGUID, as administrators write it; the same name again is another one."""
    person = domain.add_person()
    unit = domain.add_unit(f"unit-of-{person.uid}", RULES.base)
    with domain.connected() as admin:
        admin.modify_dn(person.dn, f"CN=renamed-{person.uid}", new_superior=unit)
    with client_of(domain) as client:
        seen = look(client, person)
        assert seen.entry.dn == f"CN=renamed-{person.uid},{unit}"
        assert DIALECT.entry_id(seen.entry) == person.entry_id
        domain.delete(seen.entry.dn)
        again = domain.add_person(person.uid)
        assert DIALECT.entry_id(look(client, again).entry) == again.entry_id != person.entry_id
        assert client.search_one(again.dn, filter_=DIALECT.entry_filter(EntryId(person.entry_id))) is None


def test_explaining_shows_values_policy_and_arithmetic(domain: SambaDc) -> None:
    """In lines, for `lockstep explain`."""
    person = domain.add_person(policy="timed")
    marker = domain.lock(person)
    with client_of(domain) as client:
        seen = look(client, person)
    lines = DIALECT.explain(seen.entry, seen.policy, seen.at)
    assert f"lockoutTime: {marker}" in lines
    assert f"policy {fine_policy('timed')}: locks after 3 wrong passwords for 30 min" in lines
    assert any(line.endswith("in force") for line in lines)
