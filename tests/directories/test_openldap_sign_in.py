"""What the directory says to somebody's sign-in, and how much of it can be known."""

from collections.abc import Callable

import pytest

from agent.directories.dialect import SignIn
from ims.errors import InvalidInput
from tests.support.agent_side import DIALECT, client_of
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import PEOPLE
from tests.support.wire import proxy

pytestmark = pytest.mark.servers


def sign_in(slapd: Slapd, person: Person, password: str) -> SignIn:
    """Sign in through the agent."""
    with client_of(slapd) as client:
        return DIALECT.sign_in_outcome(client.bind_as(person.dn, password))


def test_right_and_wrong(slapd: Slapd) -> None:
    """And a person who does not exist is a wrong password like any other."""
    person = slapd.add_person()
    nobody = Person(uid="nobody", dn=f"uid=nobody,{PEOPLE}", password="x", entry_id="")
    assert sign_in(slapd, person, person.password) is SignIn.WELCOME
    assert sign_in(slapd, person, "a wrong password") is SignIn.WRONG
    assert sign_in(slapd, nobody, "x") is SignIn.WRONG


def test_a_lock_is_told_only_where_the_directory_tells_it(start_slapd: Callable[..., Slapd]) -> None:
    """By default slapd answers like to a wrong password; with ppolicy_use_lockout it says so."""
    server = start_slapd()
    person = server.add_person()
    server.lock(person)
    assert sign_in(server, person, person.password) is SignIn.WRONG
    server.restart(use_lockout=True)
    assert sign_in(server, person, person.password) is SignIn.LOCKED
    ended = server.add_person(pwdEndTime="20200101000000Z")
    assert sign_in(server, ended, ended.password) is SignIn.LOCKED


def test_a_password_to_be_changed_and_an_expired_one(slapd: Slapd) -> None:
    """Neither is a lock."""
    reset = slapd.add_person(pwdReset="TRUE")
    assert sign_in(slapd, reset, reset.password) is SignIn.MUST_CHANGE
    expired = slapd.add_person(policy="ageing")
    slapd.force(expired.dn, pwdChangedTime="20200101000000Z")
    assert sign_in(slapd, expired, expired.password) is SignIn.PASSWORD_EXPIRED


def test_an_empty_password_is_refused_before_anything_is_sent(slapd: Slapd) -> None:
    """slapd would refuse it; others would take it for an anonymous success."""
    person = slapd.add_person()
    with proxy(slapd.port) as listener, client_of(slapd, servers=(listener.url,)) as client:
        before = listener.connections
        with pytest.raises(InvalidInput, match="empty"):
            client.bind_as(person.dn, "")
        assert listener.connections == before
    assert not slapd.read(person.dn, "pwdFailureTime")


def test_a_sign_in_leaves_the_agent_signed_in(slapd: Slapd) -> None:
    """It has a connection of its own, secured like any other, and opens no circuit."""
    person = slapd.add_person()
    with client_of(slapd) as client:
        client.bind_as(person.dn, "a wrong password")
        assert client.search_one(person.dn, ("entryCSN",)) is not None


def test_a_refused_bind_is_no_verdict_on_the_password(slapd: Slapd) -> None:
    """A DN that is none: the directory judged nothing."""
    nonsense = Person(uid="x", dn="no dn at all", password="x", entry_id="")
    assert sign_in(slapd, nonsense, "x") is SignIn.UNDECIDED
