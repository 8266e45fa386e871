"""The unlock: one conditional deletion of the value that was seen, and never of another."""

import contextlib
import threading
from collections.abc import Callable, Sequence

import pytest
from ldap3 import MODIFY_DELETE
from ldap3.core.exceptions import LDAPNoSuchAttributeResult

from agent.directories.client import Client
from agent.directories.dialect import AttributeValue, GroupMembership, NotWritable
from agent.directories.writes import Kind, Modification, Modify
from ims.locks import LockFact
from ims.ports import Outcome
from tests.support.agent_side import DIALECT, Seen, client_of, look
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import AGENT_DN, GROUPS
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers
FOR_GOOD = "000001010000Z"


def unlock(client: Client, seen: Seen, facts: Sequence[LockFact] | None = None) -> Outcome:
    """Send the write that ends what was seen."""
    chosen = (*seen.reading.facts, *seen.reading.lapsed) if facts is None else facts
    return DIALECT.outcome(client.modify(DIALECT.unlock_modify(seen.entry.dn, seen.stamp, chosen)))


@pytest.mark.parametrize("policy", ["default", "timed"])
def test_an_unlocked_person_signs_in(slapd: Slapd, policy: str) -> None:
    """Marker and failures are gone, and the directory takes the right password."""
    person = slapd.add_person(policy=policy)
    slapd.lock(person)
    with client_of(slapd) as client:
        assert unlock(client, look(client, person)) is Outcome.DONE
        after = look(client, person).reading
    assert (after.facts, after.lapsed, after.marker) == ((), (), False)
    assert not slapd.read(person.dn, "pwdFailureTime")
    assert slapd.sign_in(person.dn, person.password)


def test_one_wrong_password_after_an_unlock_does_not_lock_again(slapd: Slapd) -> None:
    """The failures went with the marker: three more are needed."""
    person = slapd.add_person()
    slapd.lock(person)
    with client_of(slapd) as client:
        assert unlock(client, look(client, person)) is Outcome.DONE
        for _ in range(2):
            slapd.sign_in(person.dn, "a wrong password")
        assert look(client, person).reading.facts == ()
    assert slapd.sign_in(person.dn, person.password)


def test_a_lapsed_marker_is_removed_too(slapd: Slapd) -> None:
    """So that one more wrong password does not lock at once."""
    person = slapd.add_person(policy="brief")
    slapd.lock(person)
    with client_of(slapd) as client:
        wait_until(lambda: look(client, person).reading.lapsed, "the lock runs out")
        assert unlock(client, look(client, person)) is Outcome.DONE
        for _ in range(2):
            slapd.sign_in(person.dn, "a wrong password")
        assert look(client, person).reading.facts == ()


def test_an_administrator_s_lock_can_be_removed(slapd: Slapd) -> None:
    """Whether that is allowed is the ledger's rule, not the dialect's."""
    person = slapd.add_person(pwdAccountLockedTime=FOR_GOOD)
    with client_of(slapd) as client:
        assert unlock(client, look(client, person)) is Outcome.DONE
    assert slapd.sign_in(person.dn, person.password)


def test_unlocked_meanwhile_is_changed_and_then_nothing_is_left(slapd: Slapd) -> None:
    """The help desk was faster: the condition says so, and a fresh look finds nothing to clear."""
    person = slapd.add_person()
    slapd.lock(person)
    with client_of(slapd) as client:
        seen = look(client, person)
        slapd.modify(person.dn, pwdAccountLockedTime=[])
        stamp = slapd.text(person.dn, "entryCSN")
        assert unlock(client, seen) is Outcome.CHANGED
        assert look(client, person).reading.facts == ()
    assert slapd.text(person.dn, "entryCSN") == stamp


def test_deleting_what_is_not_there_is_already_done(slapd: Slapd) -> None:
    """Without a condition on the stamp slapd answers noSuchAttribute, which is what was wanted."""
    person = slapd.add_person()
    marker = slapd.lock(person)
    with client_of(slapd) as client:
        slapd.modify(person.dn, pwdAccountLockedTime=[])
        change = Modification(kind=Kind.DELETE, attribute="pwdAccountLockedTime", values=(marker.encode(),))
        result = client.modify(Modify(dn=person.dn, changes=(change,)))
    assert result.name == "noSuchAttribute"
    assert DIALECT.outcome(result) is Outcome.ALREADY


def test_a_fresh_lock_is_never_cleared(slapd: Slapd) -> None:
    """Unlocked and locked again since we looked: the new lock stays."""
    person = slapd.add_person()
    slapd.lock(person)
    with client_of(slapd) as client:
        seen = look(client, person)
        slapd.modify(person.dn, pwdAccountLockedTime=[])
        slapd.force(person.dn, pwdFailureTime=[])
        fresh = slapd.lock(person)
        assert unlock(client, seen) is Outcome.CHANGED
        no_stamp = DIALECT.unlock_modify(seen.entry.dn, "", seen.reading.facts)
        assert DIALECT.outcome(client.modify(no_stamp)) is Outcome.CHANGED
    assert slapd.text(person.dn, "pwdAccountLockedTime") == fresh


def test_an_entry_that_moved_is_changed(slapd: Slapd) -> None:
    """Nothing is written to whoever has that name now."""
    person = slapd.add_person()
    slapd.lock(person)
    with client_of(slapd) as client:
        seen = look(client, person)
        with slapd.connected() as admin:
            admin.modify_dn(person.dn, f"uid=moved-{person.uid}")
        assert unlock(client, seen) is Outcome.CHANGED


def test_an_attacker_s_fresh_lock_survives_every_unlock(start_slapd: Callable[..., Slapd]) -> None:
    """Attackers guess without a pause and a help desk unlocks: fresh locks begin between our look and our write.

    The server's own log shows it: every deletion of ours follows, write for write, the very state that we looked at.
    """
    server = start_slapd(log_writes=True)
    person = server.add_person()
    server.lock(person)
    done: list[str] = []
    late: list[str] = []
    stop = threading.Event()
    others = [
        threading.Thread(target=task, args=(server, person, stop), daemon=True)
        for task in (_attack, _attack, _unlock_blindly)
    ]
    for other in others:
        other.start()
    try:
        with client_of(server) as client:

            def unlocked_often() -> bool:
                seen = look(client, person)
                if seen.reading.facts:
                    outcome = unlock(client, seen)
                    assert outcome in {Outcome.DONE, Outcome.CHANGED}
                    (done if outcome is Outcome.DONE else late).append(seen.stamp)
                return len(done) >= 30 and len(late) >= 5

            wait_until(unlocked_often, "thirty unlocks, and five that came too late", seconds=30)
    finally:
        stop.set()
        for other in others:
            other.join(10)
    assert _stamps_before_each_unlock(server, person) == done


def test_the_agent_s_rights_lock_nobody(slapd: Slapd) -> None:
    """Deleting is all that it may do with a marker; passwords it may not touch at all."""
    person = slapd.add_person()
    with client_of(slapd) as client:
        for name, value in (("pwdAccountLockedTime", FOR_GOOD), ("userPassword", "x"), ("pwdReset", "TRUE")):
            change = Modification(kind=Kind.REPLACE, attribute=name, values=(value.encode(),))
            result = client.modify(Modify(dn=person.dn, changes=(change,)))
            assert result.name == "insufficientAccessRights"
            assert DIALECT.outcome(result) is Outcome.REFUSED


def test_a_missing_right_is_refused(start_slapd: Callable[..., Slapd]) -> None:
    """The directory says no, and the lock stays."""
    rule = f'access to attrs=pwdAccountLockedTime by dn.exact="{AGENT_DN}" read by * none'
    server = start_slapd(access=(rule,))
    person = server.add_person()
    marker = server.lock(person)
    with client_of(server) as client:
        assert unlock(client, look(client, person)) is Outcome.REFUSED
    assert server.text(person.dn, "pwdAccountLockedTime") == marker


def test_what_cannot_be_written_says_what_ends_it(slapd: Slapd) -> None:
    """A temporary delay ends by itself; validity dates are the directory's administrators'."""
    delayed = slapd.add_person(policy="timed")
    slapd.force(delayed.dn, pwdAccountTmpLockoutEnd="20990101000000Z")
    ended = slapd.add_person(pwdEndTime="20200101000000Z")
    with client_of(slapd) as client:
        with pytest.raises(NotWritable, match="by itself at 2099-01-01 00:00:00 UTC"):
            unlock(client, look(client, delayed))
        with pytest.raises(NotWritable, match="administrators"):
            unlock(client, look(client, ended))


def test_a_membership_is_given_back_once(start_slapd: Callable[..., Slapd]) -> None:
    """Added if it is missing, already there if it is not; everything else about the group is refused."""
    group = f"cn=staff,{GROUPS}"
    rule = f'access to dn.exact="{group}" attrs=member by dn.exact="{AGENT_DN}" =arsc by * none'
    server = start_slapd(access=(rule,))
    person, other = server.add_person(), server.add_person()
    server.add_group("staff", [other.dn])
    with client_of(server) as client:
        write = DIALECT.affiliate_modify(person.dn, GroupMembership(group_dn=group))
        assert DIALECT.outcome(client.modify(write)) is Outcome.DONE
        assert DIALECT.outcome(client.modify(write)) is Outcome.ALREADY
        assert server.text(person.dn, "memberOf") == group
        gone = DIALECT.affiliate_modify(person.dn, GroupMembership(group_dn=f"cn=gone,{GROUPS}"))
        assert DIALECT.outcome(client.modify(gone)) is Outcome.CHANGED
        removal = Modification(kind=Kind.DELETE, attribute="member", values=(other.dn.encode(),))
        assert DIALECT.outcome(client.modify(Modify(dn=group, changes=(removal,)))) is Outcome.REFUSED


def test_a_value_is_given_back_once(start_slapd: Callable[..., Slapd]) -> None:
    """An affiliation by attribute, on the entry itself."""
    rule = f'access to attrs=departmentNumber by dn.exact="{AGENT_DN}" =arsc by * none'
    server = start_slapd(access=(rule,))
    person = server.add_person()
    with client_of(server) as client:
        write = DIALECT.affiliate_modify(person.dn, AttributeValue(attribute="departmentNumber", value="10"))
        assert DIALECT.outcome(client.modify(write)) is Outcome.DONE
        assert DIALECT.outcome(client.modify(write)) is Outcome.ALREADY
    assert server.text(person.dn, "departmentNumber") == "10"


def _attack(server: Slapd, person: Person, stop: threading.Event) -> None:
    while not stop.is_set():
        server.sign_in(person.dn, "a wrong password")


def _unlock_blindly(server: Slapd, person: Person, stop: threading.Event) -> None:
    """Do what a help desk does: remove whatever lock is there."""
    while not stop.wait(0.02):
        with contextlib.suppress(LDAPNoSuchAttributeResult), server.connected() as admin:
            admin.modify(person.dn, {"pwdAccountLockedTime": [(MODIFY_DELETE, [])]})


def _stamps_before_each_unlock(server: Slapd, person: Person) -> list[str]:
    """Return, for each write of the agent's, the entry's stamp after the write before it."""
    stamps, last = [], ""
    for write in server.log():
        if write["reqdn"] != [person.dn.encode()]:
            continue
        if write["reqauthzid"] == [AGENT_DN.encode()]:
            stamps.append(last)
        last = next(mod.partition(b"= ")[2].decode() for mod in write["reqmod"] if mod.startswith(b"entryCSN:"))
    return stamps
