"""What the entry shows in every situation, compared with what the directory itself does to a right password."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from agent.directories.openldap import OpenLdap
from ims.locks import LockReason
from tests.support.agent_side import DIALECT, client_of, in_force, look, now
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import policy_dn
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
FOR_GOOD = "000001010000Z"
AN_HOUR = timedelta(hours=1)


def test_wrong_passwords_below_the_limit_are_no_lock(slapd: Slapd) -> None:
    """Two failures stand on the entry and mean nothing yet."""
    person = slapd.add_person()
    for _ in range(2):
        slapd.sign_in(person.dn, "a wrong password")
    with client_of(slapd) as client:
        seen = look(client, person)
    assert seen.reading.facts == ()
    assert DIALECT.last_failure(seen.entry) is not None
    assert slapd.sign_in(person.dn, person.password)


def test_a_lock_for_good(slapd: Slapd) -> None:
    """The third wrong password locks, and only the policy says that it is for good."""
    person = slapd.add_person()
    began = now()
    marker = slapd.lock(person)
    with client_of(slapd) as client:
        seen = look(client, person)
    (fact,) = seen.reading.facts
    assert fact.reason is LockReason.PASSWORD_ATTEMPTS
    assert fact.source == "corp"
    assert fact.since is not None
    assert abs(fact.since - began) < timedelta(seconds=5)
    assert fact.until is None
    assert fact.evidence[0] == ("pwdAccountLockedTime", marker)
    assert seen.reading.marker
    assert not slapd.sign_in(person.dn, person.password)


def test_further_wrong_passwords_change_nothing(slapd: Slapd) -> None:
    """The same lock stays the same fact, however often somebody tries."""
    person = slapd.add_person(policy="timed")
    slapd.lock(person)
    with client_of(slapd) as client:
        before = look(client, person).reading
        for _ in range(3):
            slapd.sign_in(person.dn, "a wrong password")
        assert look(client, person).reading == before


def test_a_timed_lock(slapd: Slapd) -> None:
    """Its end is the marker's time and the policy's duration."""
    person = slapd.add_person(policy="timed")
    slapd.lock(person)
    with client_of(slapd) as client:
        (fact,) = look(client, person).reading.facts
    assert fact.since is not None
    assert fact.until == fact.since + timedelta(minutes=30)


def test_a_timed_lock_runs_out_with_no_write(slapd: Slapd) -> None:
    """The directory lets the person in at the moment that we computed, and writes nothing at it."""
    person = slapd.add_person(policy="brief")
    slapd.lock(person)
    with client_of(slapd) as client:
        before = look(client, person)
        (fact,) = (*before.reading.facts, *before.reading.lapsed)
        end = fact.until or now()
        wait_until(lambda: now() >= end, "the lock runs out")
        after = look(client, person)
        assert (after.reading.facts, after.locked) == ((), False)
        assert after.reading.lapsed == (fact,)
        assert after.stamp == before.stamp
        assert slapd.sign_in(person.dn, person.password)
        cleared = look(client, person).reading
    assert (cleared.facts, cleared.lapsed, cleared.marker) == ((), (), False)


def test_a_lapsed_lock_is_one_wrong_password_from_the_next(slapd: Slapd) -> None:
    """The marker goes with the next wrong password, the failures stay: the one after it locks again."""
    person = slapd.add_person(policy="timed", pwdAccountLockedTime="20200101000000Z")
    for _ in range(2):
        slapd.sign_in(person.dn, "a wrong password")
    with client_of(slapd) as client:
        assert look(client, person).reading.facts == ()
        slapd.lock(person, tries=1)
        assert look(client, person).locked


def test_an_administrator_s_lock_is_disabled(slapd: Slapd) -> None:
    """000001010000Z has no beginning and no end, under a timed policy too."""
    person = slapd.add_person(policy="timed", pwdAccountLockedTime=FOR_GOOD)
    with client_of(slapd) as client:
        (fact,) = look(client, person).reading.facts
    assert fact.reason is LockReason.DISABLED
    assert (fact.since, fact.until) == (None, None)
    assert fact.evidence == (("pwdAccountLockedTime", FOR_GOOD),)
    assert not slapd.sign_in(person.dn, person.password)


@pytest.mark.parametrize(
    "marker",
    [
        FOR_GOOD,
        "00000101000000Z",
        "0000010100Z",
        "00000101000000.5Z",
        "000001010000+0000",
        "19700101000000Z",
        "19600101000000Z",
        "00010101000000Z",
        "20200101000000Z",
        "20200101000060Z",
        "202001010000Z",
        "2020010100Z",
        "20200101000000.5Z",
        "20200101000000,5Z",
        "20200101000000+0130",
        "20200101000000-01",
        "20990101000000Z",
    ],
)
@pytest.mark.parametrize("policy", ["default", "timed"])
def test_every_form_of_a_marker_means_what_the_directory_makes_of_it(slapd: Slapd, marker: str, policy: str) -> None:
    """Every form that slapd takes, under a lock for good and a timed one."""
    person = slapd.add_person(policy=policy, pwdAccountLockedTime=marker)
    with client_of(slapd) as client:
        seen = look(client, person)
    assert seen.locked is not slapd.sign_in(person.dn, person.password)


def test_a_lock_may_begin_later(slapd: Slapd) -> None:
    """A marker that lies ahead is known now and counts from its time on."""
    person = slapd.add_person(policy="timed", pwdAccountLockedTime="20990101000000Z")
    with client_of(slapd) as client:
        seen = look(client, person)
    (fact,) = seen.reading.facts
    assert not seen.locked
    assert fact.since is not None
    assert fact.since > now()
    assert in_force(fact, fact.since)


def test_validity_that_ended(slapd: Slapd) -> None:
    """pwdEndTime in the past: no marker appears, and a bind fails."""
    person = slapd.add_person(pwdEndTime="20200101000000Z")
    with client_of(slapd) as client:
        seen = look(client, person)
    (fact,) = seen.reading.facts
    assert (fact.reason, fact.until) == (LockReason.EXPIRED, None)
    assert f"{fact.since:%Y-%m-%d}" == "2020-01-01"
    assert seen.locked
    assert not seen.reading.marker
    assert not slapd.sign_in(person.dn, person.password)


def test_validity_that_ends_later_takes_effect_with_no_write(slapd: Slapd) -> None:
    """The end is known ahead; the directory refuses the person from that moment on."""
    end = (now() + timedelta(seconds=3)).replace(microsecond=0)
    person = slapd.add_person(pwdEndTime=f"{end:%Y%m%d%H%M%SZ}")
    with client_of(slapd) as client:
        seen = look(client, person)
    assert not seen.locked
    assert slapd.sign_in(person.dn, person.password)
    assert seen.reading.facts[0].since == end
    wait_until(lambda: now() >= end, "the validity ends")
    assert not slapd.sign_in(person.dn, person.password)
    assert in_force(seen.reading.facts[0], now())


def test_validity_that_has_not_begun(slapd: Slapd) -> None:
    """Locked since the entry was made, until pwdStartTime."""
    person = slapd.add_person(pwdStartTime="20990101000000Z", pwdEndTime="20991231000000Z")
    with client_of(slapd) as client:
        seen = look(client, person)
    begins, ends = seen.reading.facts
    assert begins.reason is ends.reason is LockReason.EXPIRED
    assert f"{begins.until:%Y}" == "2099"
    assert begins.since is not None
    assert begins.since <= now()
    assert seen.locked
    assert not slapd.sign_in(person.dn, person.password)
    with client_of(slapd) as client:
        assert not look(client, person, at=begins.until).locked


@pytest.mark.parametrize(("name", "reason"), [("pwdEndTime", "20200101000000Z"), ("pwdStartTime", "20990101000000Z")])
def test_validity_counts_without_lockout_too(slapd: Slapd, name: str, reason: str) -> None:
    """pwdLockout FALSE switches markers off, not dates."""
    person = slapd.add_person(policy="none", **{name: reason})
    with client_of(slapd) as client:
        assert look(client, person).locked
    assert not slapd.sign_in(person.dn, person.password)


@pytest.mark.parametrize("marker", [FOR_GOOD, "20200101000000Z"])
def test_no_marker_counts_without_lockout(slapd: Slapd, marker: str) -> None:
    """pwdLockout FALSE lets everybody in, an administrator's lock included."""
    person = slapd.add_person(policy="none", pwdAccountLockedTime=marker)
    with client_of(slapd) as client:
        seen = look(client, person)
    assert (seen.reading.facts, seen.reading.lapsed) == ((), ())
    assert seen.reading.marker
    assert slapd.sign_in(person.dn, person.password)


def test_a_temporary_delay_is_a_short_lock(slapd: Slapd) -> None:
    """pwdAccountTmpLockoutEnd, which slapd writes after each wrong password under pwdMinDelay."""
    person = slapd.add_person(policy="timed")
    slapd.sign_in(person.dn, "a wrong password")
    end = (now() + AN_HOUR).replace(microsecond=0)
    slapd.force(person.dn, pwdAccountTmpLockoutEnd=f"{end:%Y%m%d%H%M%SZ}")
    with client_of(slapd) as client:
        seen = look(client, person)
        (fact,) = seen.reading.facts
        assert (fact.reason, fact.until) == (LockReason.PASSWORD_ATTEMPTS, end)
        assert fact.since == DIALECT.last_failure(seen.entry)
        assert not slapd.sign_in(person.dn, person.password)
        slapd.force(person.dn, pwdAccountTmpLockoutEnd="20200101000000Z")
        over = look(client, person).reading
        assert (over.facts, over.lapsed) == ((), ())
        slapd.force(person.dn, pwdAccountTmpLockoutEnd=[])
    assert slapd.sign_in(person.dn, person.password)


def test_an_unused_account_becomes_idle_by_the_clock(start_slapd: Callable[..., Slapd]) -> None:
    """pwdMaxIdle after the last sign-in: known ahead, and in force in the second in which the directory refuses."""
    server = start_slapd(lastbind=True)
    person = server.add_person(policy="idle")
    assert server.sign_in(person.dn, person.password)
    with client_of(server) as client:
        (ahead,) = look(client, person).reading.facts
        assert ahead.reason is LockReason.IDLE
        assert ahead.since is not None
        assert ahead.since > now() + timedelta(minutes=59)
        server.modify(policy_dn("idle"), pwdMaxIdle="1")
        (fact,) = look(client, person).reading.facts
        begins = fact.since or now()
        wait_until(lambda: now() >= begins, "the account is idle")
        assert look(client, person).locked
    assert not server.sign_in(person.dn, person.password)


def test_idleness_counts_with_lockout_only(start_slapd: Callable[..., Slapd]) -> None:
    """pwdLockout FALSE switches it off like a marker."""
    server = start_slapd(lastbind=True)
    person = server.add_person(policy="idle")
    assert server.sign_in(person.dn, person.password)
    server.modify(policy_dn("idle"), pwdMaxIdle="1", pwdLockout="FALSE")
    with client_of(server) as client:
        assert look(client, person, at=now() + AN_HOUR).reading.facts == ()


@pytest.mark.parametrize("lastbind", [True, False])
def test_an_account_never_used_is_idle_where_the_directory_says_so(
    start_slapd: Callable[..., Slapd],
    lastbind: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """slapd counts from the last change of the password, but only where it keeps sign-in times: ask it."""
    server = start_slapd(lastbind=lastbind)
    person = server.add_person(policy="idle")
    server.force(person.dn, pwdChangedTime="20200101000000Z")
    with client_of(server) as client:
        seen = look(client, person)
    assert seen.policy.usability is not None
    assert seen.locked is lastbind
    assert server.sign_in(person.dn, person.password) is not lastbind


def test_a_password_to_be_changed_is_a_hint(slapd: Slapd) -> None:
    """pwdReset counts where the policy says pwdMustChange, and the person signs in."""
    person = slapd.add_person(pwdReset="TRUE")
    with client_of(slapd) as client:
        reading = look(client, person).reading
        assert (reading.facts, reading.hint) == ((), "the password must be changed at the next sign-in")
        elsewhere = slapd.add_person(policy="timed", pwdReset="TRUE")
        assert look(client, elsewhere).reading.hint == ""
    assert slapd.sign_in(person.dn, person.password)


def test_an_expired_password_is_a_hint(slapd: Slapd) -> None:
    """No lock: a new password ends it, no unlock does."""
    person = slapd.add_person(policy="ageing")
    slapd.force(person.dn, pwdChangedTime="20200101000000Z")
    with client_of(slapd) as client:
        reading = look(client, person).reading
    assert (reading.facts, reading.hint) == ((), "the password has expired")


def test_a_reset_password_ends_the_lock(slapd: Slapd) -> None:
    """An administrator's new password removes marker and failures."""
    person = slapd.add_person()
    slapd.lock(person)
    slapd.modify(person.dn, userPassword="a new one")
    with client_of(slapd) as client:
        assert look(client, person).reading.facts == ()


def test_explain_shows_the_arithmetic(slapd: Slapd) -> None:
    """The raw value, the policy and where it came from, and the sum."""
    person = slapd.add_person(policy="timed", pwdAccountLockedTime="20261123100211Z")
    with client_of(slapd) as client:
        seen = look(client, person)
    at = seen.at.replace(year=2026, month=11, day=23, hour=10, minute=20, second=0, microsecond=0)
    lines = OpenLdap(DIALECT._source).explain(seen.entry, seen.policy, at)
    assert "pwdAccountLockedTime: 20261123100211Z" in lines
    assert f"policy {policy_dn('timed')}: locks after 3 wrong passwords for 30 min" in lines
    assert "password_attempts: locked 10:02:11 + 30 min = 10:32:11, now 10:20:00: in force" in lines


def test_the_locked_filter_finds_everybody_with_a_marker(slapd: Slapd) -> None:
    """Locked in any way, lapsed included; nobody else."""
    locked = slapd.add_person()
    slapd.lock(locked)
    disabled = slapd.add_person(pwdAccountLockedTime=FOR_GOOD)
    lapsed = slapd.add_person(policy="timed", pwdAccountLockedTime="20200101000000Z")
    free = slapd.add_person()
    assert _found(slapd, [locked, disabled, lapsed, free]) == {locked.uid, disabled.uid, lapsed.uid}


def _found(slapd: Slapd, people: list[Person]) -> set[str]:
    with client_of(slapd) as client:
        entries = [client.search_one(person.dn, ("uid",), DIALECT.locked_filter()) for person in people]
    return {entry.text("uid") for entry in entries if entry is not None}
