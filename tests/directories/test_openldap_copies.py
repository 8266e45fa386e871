"""A read-only copy (syncrepl consumer) locks for itself: only asking it shows that, only its provider can end it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from ims.ports import Outcome
from tests.support.agent_side import DIALECT, client_of, look
from tests.support.slapd import Person, Slapd
from tests.support.waiting import wait_until

pytestmark = pytest.mark.servers


@dataclass
class Pair:
    """A provider and its consumer."""

    provider: Slapd
    consumer: Slapd

    def person(self, policy: str = "") -> Person:
        """Add somebody and wait until both have them."""
        person = self.provider.add_person(policy=policy)
        self.agree(person)
        return person

    def agree(self, person: Person) -> None:
        """Wait until both show the same state of an entry."""
        wait_until(lambda: self._stamp(self.consumer, person) == self._stamp(self.provider, person), "replication")

    def _stamp(self, server: Slapd, person: Person) -> str:
        with client_of(server) as client:
            entry = client.search_one(person.dn, ("entryCSN",))
        return entry.text("entryCSN") if entry else ""


@pytest.fixture
def pair(start_slapd: Callable[..., Slapd]) -> Pair:
    """Start both."""
    provider = start_slapd()
    return Pair(provider, start_slapd(provider=provider.url))


def test_a_lock_on_the_provider_is_everywhere(pair: Pair) -> None:
    """Locks, and unlocks, replicate from there."""
    person = pair.person()
    pair.provider.lock(person)
    pair.agree(person)
    with client_of(pair.provider) as here, client_of(pair.consumer) as there:
        assert look(here, person).reading == look(there, person).reading
        seen = look(here, person)
        here.modify(DIALECT.unlock_modify(person.dn, seen.stamp, seen.reading.facts))
        wait_until(lambda: not look(there, person).reading.marker, "the unlock arrives")
    assert pair.consumer.sign_in(person.dn, person.password)


def test_a_lock_on_the_copy_is_nowhere_else(pair: Pair) -> None:
    """The provider lets the person in, the stamp stands still on both: only the copy's own marker shows it."""
    person = pair.person()
    before = pair.consumer.text(person.dn, "entryCSN")
    pair.consumer.lock(person)
    with client_of(pair.provider) as here, client_of(pair.consumer) as there:
        assert look(here, person).reading.facts == ()
        seen = look(there, person)
        assert seen.locked
        assert seen.stamp == before
        assert there.search_one(person.dn, ("uid",), DIALECT.locked_filter()) is not None
    assert pair.provider.sign_in(person.dn, person.password)
    assert not pair.consumer.sign_in(person.dn, person.password)


def test_a_copy_refuses_the_write_and_the_provider_ends_its_lock(pair: Pair) -> None:
    """Its referral is not followed; rewriting the entry at its source makes the copy anew."""
    person = pair.person()
    pair.consumer.lock(person)
    servers = (pair.provider.url, pair.consumer.url)
    with client_of(pair.provider, servers=servers) as client, client.connect_to(pair.consumer.url) as copy:
        seen = look(copy, person)
        answer = copy.modify(DIALECT.unlock_modify(person.dn, "", seen.reading.facts))
        assert DIALECT.is_copy(answer)
        assert DIALECT.outcome(answer) is Outcome.REFUSED
        assert look(copy, person).locked
        source = look(client, person)
        write = client.modify(DIALECT.rewrite_modify(person.dn, source.stamp))
        assert DIALECT.outcome(write) is Outcome.DONE
        wait_until(lambda: not look(copy, person).reading.marker, "the copy is made anew")
    assert pair.consumer.sign_in(person.dn, person.password)


def test_a_rewrite_clears_no_fresh_lock_of_the_provider(pair: Pair) -> None:
    """It is conditional on the state that was seen there."""
    person = pair.person()
    pair.consumer.lock(person)
    with client_of(pair.provider) as client:
        source = look(client, person)
        pair.provider.lock(person)
        assert DIALECT.outcome(client.modify(DIALECT.rewrite_modify(person.dn, source.stamp))) is Outcome.CHANGED
        assert look(client, person).locked


def test_a_timed_lock_on_a_copy_ends_by_the_same_clock(pair: Pair) -> None:
    """The policy is the provider's, replicated."""
    person = pair.person(policy="timed")
    pair.consumer.lock(person)
    with client_of(pair.consumer) as there:
        (fact,) = look(there, person).reading.facts
    assert fact.since is not None
    assert fact.until == fact.since + timedelta(minutes=30)
