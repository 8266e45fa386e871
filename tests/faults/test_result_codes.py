"""F03: every result code at every operation. Only 0 is success, and nothing that a server answers is a crash."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.directories.access import Tls
from agent.directories.client import Client
from agent.directories.errors import AnswerLost, InvalidCredentials, ProtocolFault, Refused, Unreachable
from agent.directories.reader import Pages, find_one, read_all
from agent.directories.searches import Ended, Search
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import Conflict, DirectoryUnreachable, LockstepError
from ims.locks import LockReason
from tests.support.agent_side import DIALECT, MemoryCircuits, client_of
from tests.support.ber import Op
from tests.support.fault_proxy import Answer, FaultProxy, fault_proxy
from tests.support.office import Office
from tests.support.slapd import Slapd
from tests.support.slapd_config import BASE

pytestmark = pytest.mark.servers
EVERY = range(1, 124)
"""Up to the last code that is registered (RFC 4520, lcupObjectNotFound and beyond)."""
SOME = (
    EVERY if os.environ.get("LOCKSTEP_FAULTS") == "long" else (1, 2, 3, 4, 10, 11, 16, 20, 32, 50, 51, 53, 80, 122, 123)
)
REFUSED_FOR_GOOD = {19, 48, 49, 53}
"""Another bind with the same secret could only make it worse."""
SHORTENED = {3, 4, 11}
LATER = {51, 52}
ALREADY, CHANGED = {16, 20}, {32, 122}
ASSIGNED = {*range(1, 9), *range(10, 15), *range(16, 22), 32, 33, 34, 36, *range(48, 55), *range(64, 70), 71, 80, 122}
"""RFC 4511 section 4.1.9 and RFC 4528. Of other codes an answer may also count as a fault of the protocol."""
EVERYTHING = Search(base=BASE, attributes=("*",))


def test_f03_at_the_bind(slapd: Slapd) -> None:
    """A session with 0 and with nothing else; what the credentials are to blame for is remembered, and only that."""
    with fault_proxy(slapd.port) as proxy:
        for code in EVERY:
            circuits = MemoryCircuits()
            proxy.disturb(lambda code=code: Answer(Op.BIND, code))  # type: ignore[misc] # a default binds it now
            expected = InvalidCredentials if code in REFUSED_FOR_GOOD else Unreachable
            with pytest.raises(expected), _client(slapd, proxy, circuits):
                pass
            assert bool(circuits.opened) == (code in REFUSED_FOR_GOOD), code


def test_f03_at_a_search(slapd: Slapd) -> None:
    """Complete with 0 and with nothing else, whether many are asked for or one."""
    with fault_proxy(slapd.port) as proxy:
        for code in EVERY:
            proxy.disturb(lambda code=code: Answer(Op.SEARCH, code))  # type: ignore[misc] # a default binds it now
            with _tolerating(code), _client(slapd, proxy) as client:
                entries, completeness = read_all(client, EVERYTHING)
                assert entries == ()
                assert completeness.ended is (Ended.LIMITED if code in SHORTENED else Ended.REFUSED), code
                with pytest.raises((Refused, DirectoryUnreachable)):
                    find_one(client, EVERYTHING)
                _assert_no_entry(client, code)


def test_f03_in_the_middle_of_a_search(slapd: Slapd) -> None:
    """The first page came well, the second one's code is what counts."""
    with fault_proxy(slapd.port) as proxy:
        for code in SOME:
            proxy.disturb(lambda code=code: Answer(Op.SEARCH, code, spared=1))  # type: ignore[misc] # binds it now
            with _client(slapd, proxy) as client:
                pages = Pages(client, Search(base=BASE, page_size=2))
                assert len([entry for page in pages for entry in page]) == 2
                assert not pages.completeness.complete, code


def test_f03_at_a_modify(slapd: Slapd) -> None:
    """Done with 0 and with nothing else; what means "nothing left to do" is not believed before it was read back."""
    with fault_proxy(slapd.port) as proxy:
        change = Modification(kind=Kind.ADD, attribute="description", values=(b"x",))
        for code in EVERY:
            proxy.disturb(lambda code=code: Answer(Op.MODIFY, code))  # type: ignore[misc] # a default binds it now
            with _tolerating(code), _client(slapd, proxy) as client:
                if code in LATER:
                    with pytest.raises(Unreachable):
                        client.modify(Modify(dn=BASE, changes=(change,)))
                    continue
                outcome = DIALECT.outcome(client.modify(Modify(dn=BASE, changes=(change,))))
                wanted = "already" if code in ALREADY else "changed" if code in CHANGED else "refused"
                assert outcome.value == wanted, code
    assert "description" not in slapd.read(BASE)


@pytest.mark.parametrize("op", [Op.BIND, Op.SEARCH])
def test_f03_a_pass_survives_every_code(office: Office, op: Op) -> None:
    """It fails in our own words or is incomplete, and the store stays as it was; then three passes mend everything."""
    office.happen()
    before = office.world.versions()
    for code in SOME:
        if op is Op.BIND and code in REFUSED_FOR_GOOD:
            continue  # F14: the secret is not tried again before it changes
        errors = office.endure(lambda code=code: Answer(op, code))  # type: ignore[misc] # a default binds it now
        assert errors or office.world.state().error, code
        assert office.world.versions() == before, code
    office.assert_heals()


def test_f03_nobody_is_shown_unlocked_by_a_refusal(office: Office) -> None:
    """Whatever the directory answers to the write, it still holds the lock, and so do we."""
    for code in SOME:
        office.proxy.disturb(lambda code=code: Answer(Op.MODIFY, code))  # type: ignore[misc] # a default binds it now
        expected = DirectoryUnreachable if code in LATER else (Conflict, DirectoryUnreachable)
        with pytest.raises(expected):
            office.world.unlock(office["ada"])
        assert office.world.reasons(office["ada"]) == [LockReason.PASSWORD_ATTEMPTS], code
        assert office.world.store.open_intents() == ()
        office.oracle.assert_safe()
    office.proxy.heal()
    office.world.unlock(office["ada"])
    office.assert_heals()


def _client(slapd: Slapd, proxy: FaultProxy, circuits: MemoryCircuits | None = None) -> Client:
    return client_of(slapd, circuits, servers=(proxy.url,), receive_timeout_s=2, tls=Tls.PLAINTEXT)


def _assert_no_entry(client: Client, code: int) -> None:
    try:
        assert client.search_one(BASE) is None
        assert code == 32
    except (LockstepError, DirectoryUnreachable):
        assert code != 32


@contextmanager
def _tolerating(code: int) -> Iterator[None]:
    """Let a code without a meaning be a fault of the protocol, or a write of which nobody knows whether it was done."""
    try:
        yield
    except (ProtocolFault, AnswerLost):
        assert code not in ASSIGNED, code
