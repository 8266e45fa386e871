"""A server that is silent, hangs up, lies or points elsewhere: bounded time, typed errors, nothing for strangers."""

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from agent.directories.access import Scope, Tls
from agent.directories.client import Client
from agent.directories.errors import AnswerLost, Unreachable
from agent.directories.reader import Pages, read_all
from agent.directories.searches import Ended, Search
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import DirectoryUnreachable
from tests.support.agent_side import client_of
from tests.support.slapd import Slapd
from tests.support.slapd_config import BASE, PEOPLE
from tests.support.waiting import wait_until
from tests.support.wire import answering, proxy, silent

pytestmark = pytest.mark.servers
PLAIN: dict[str, Any] = {"tls": Tls.PLAINTEXT}
EVERYTHING = Search(base=BASE, attributes=("*",))


def test_a_silent_server_is_given_up_in_time(slapd: Slapd) -> None:
    """It takes the connection and never answers: StartTLS waits no longer than the timeout."""
    with silent() as listener:
        began = time.monotonic()
        with pytest.raises(Unreachable), client_of(slapd, servers=(listener.url,), receive_timeout_s=1):
            pass
        assert time.monotonic() - began < 2.5


def test_a_stalled_tls_handshake_is_given_up_in_time(slapd: Slapd) -> None:
    """ldaps to a port that says nothing."""
    with silent() as listener:
        began = time.monotonic()
        url = f"ldaps://127.0.0.1:{listener.port}"
        with pytest.raises(Unreachable):
            client_of(slapd, servers=(url,), connect_timeout_s=1, receive_timeout_s=1).__enter__()
        assert time.monotonic() - began < 2.5


def test_a_server_frozen_in_the_middle_is_given_up_in_time(start_slapd: Callable[..., Slapd]) -> None:
    """It answered a moment ago; the search waits no longer than the timeout, and the client is of no more use."""
    frozen = start_slapd()
    with client_of(frozen, receive_timeout_s=1) as client, frozen.frozen():
        began = time.monotonic()
        with pytest.raises(Unreachable):
            client.search_one(BASE)
        assert time.monotonic() - began < 2.5
        with pytest.raises(Unreachable, match="closed"):
            client.search_one(BASE)


def test_a_server_that_went_away_is_unreachable(start_slapd: Callable[..., Slapd]) -> None:
    """No reconnecting behind the caller's back."""
    gone = start_slapd()
    with client_of(gone) as client:
        gone.halt()
        with pytest.raises(Unreachable):
            client.search_one(BASE)


def test_a_referral_is_never_followed(slapd: Slapd) -> None:
    """Neither a search reference nor a referral result makes a connection elsewhere, let alone sends our password."""
    with silent() as listener:
        with slapd.connected() as admin:
            attributes = {"ou": "elsewhere", "ref": f"{listener.url}/ou=elsewhere,dc=far"}
            control = [("2.16.840.1.113730.3.4.2", True, None)]
            admin.add(f"ou=elsewhere,{BASE}", ["referral", "extensibleObject"], attributes, controls=control)
        try:
            with client_of(slapd) as client:
                entries, completeness = read_all(client, EVERYTHING)
                assert completeness.complete
                assert not [entry for entry in entries if "elsewhere" in entry.dn]
                below = Search(base=f"ou=below,ou=elsewhere,{BASE}", scope=Scope.BASE)
                _, refused = read_all(client, below)
                assert refused.ended is Ended.REFUSED
                assert "referral" in refused.why
                change = Modification(kind=Kind.ADD, attribute="description", values=(b"x",))
                assert client.modify(Modify(dn=below.base, changes=(change,))).name == "referral"
        finally:
            with slapd.connected() as admin:
                admin.delete(f"ou=elsewhere,{BASE}", controls=[("2.16.840.1.113730.3.4.2", True, None)])
        assert listener.connections == 0


def test_a_lost_answer_to_a_write_is_said_to_be_lost(slapd: Slapd) -> None:
    """The write was done all the same: whoever sent it must read, not repeat."""
    person = slapd.add_person()
    marker = slapd.lock(person)
    passing = [True]
    with (
        proxy(slapd.port, lambda data: data if passing[0] else b"") as listener,
        client_of(slapd, servers=(listener.url,), **PLAIN) as client,
    ):
        passing[0] = False
        change = Modification(kind=Kind.DELETE, attribute="pwdAccountLockedTime", values=(marker.encode(),))
        with pytest.raises(AnswerLost, match="read the entry"):
            client.modify(Modify(dn=person.dn, changes=(change,)))
    wait_until(lambda: not slapd.text(person.dn, "pwdAccountLockedTime"), "the marker is gone")


def test_corrupt_answers_end_in_typed_faults(slapd: Slapd) -> None:
    """Answers with a flipped byte each: an error of ours, or an answer; never another exception."""
    dice = random.Random(20261123)
    outcomes = Counter[str]()
    for _ in range(60):
        corrupting = [False]
        replies = _flipping(dice, corrupting)
        with (
            proxy(slapd.port, replies) as listener,
            client_of(slapd, servers=(listener.url,), receive_timeout_s=1, **PLAIN) as client,
        ):
            corrupting[0] = True
            outcomes[_outcome(client)] += 1
    assert set(outcomes) <= {"answered", "Unreachable", "ProtocolFault"}
    assert outcomes["ProtocolFault"] > 3


def test_nonsense_is_a_protocol_fault_or_no_answer(slapd: Slapd) -> None:
    """A web server on the LDAP port, an empty sequence, a result code of the future."""
    future = bytes.fromhex("300d02010161080a027fff04000400")
    for nonsense in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"0\x00", future, b"\x30\x03\x02\x01\x01"):
        with answering([nonsense]) as listener:
            address = listener.url
            with pytest.raises(Unreachable, match=address):
                client_of(slapd, servers=(address,), receive_timeout_s=1, **PLAIN).__enter__()


def _outcome(client: Client) -> str:
    try:
        list(Pages(client, Search(base=PEOPLE, scope=Scope.BASE, attributes=("*",))))
    except DirectoryUnreachable as error:
        return type(error).__name__
    return "answered"


def _flipping(dice: random.Random, corrupting: list[bool]) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        if not corrupting[0]:
            return data
        changed = bytearray(data)
        changed[dice.randrange(len(changed))] ^= dice.randrange(1, 256)
        return bytes(changed)

    return flip
