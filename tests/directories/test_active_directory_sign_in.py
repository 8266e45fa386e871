"""What the domain says to somebody's sign-in, by the sub-code of its answer."""

import pytest

from agent.directories.dialect import SignIn
from tests.support.ad_side import DIALECT, client_of
from tests.support.samba_dc import SambaDc
from tests.support.samba_domain import PEOPLE
from tests.support.slapd import Person

pytestmark = pytest.mark.servers


def sign_in(domain: SambaDc, person: Person, password: str) -> SignIn:
    """Sign in through the agent."""
    with client_of(domain) as client:
        return DIALECT.sign_in_outcome(client.bind_as(person.dn, password))


def test_right_and_wrong(domain: SambaDc) -> None:
    """And a person who does not exist is a wrong password like any other."""
    person = domain.add_person()
    nobody = Person(uid="nobody", dn=f"CN=nobody,{PEOPLE}", password="x", entry_id="")
    assert sign_in(domain, person, person.password) is SignIn.WELCOME
    assert sign_in(domain, person, "a wrong password") is SignIn.WRONG
    assert sign_in(domain, nobody, "x") is SignIn.WRONG


def test_a_lock_is_told_whatever_the_password(domain: SambaDc) -> None:
    """So this is for the agent's eyes, and never for a caller's."""
    person = domain.add_person()
    domain.lock(person)
    assert sign_in(domain, person, person.password) is SignIn.LOCKED
    assert sign_in(domain, person, "a wrong password") is SignIn.LOCKED


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"userAccountControl": "514"}, SignIn.LOCKED),
        ({"accountExpires": "1"}, SignIn.LOCKED),
        ({"pwdLastSet": "0"}, SignIn.MUST_CHANGE),
    ],
)
def test_disabled_expired_and_to_be_changed(domain: SambaDc, change: dict[str, str], outcome: SignIn) -> None:
    """Each is told to the right password only."""
    person = domain.add_person()
    domain.modify(person.dn, **change)
    assert sign_in(domain, person, person.password) is outcome
    assert sign_in(domain, person, "a wrong password") is SignIn.WRONG
