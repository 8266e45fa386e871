"""F07 to F11: a connection that breaks, stalls, dribbles, lies or points elsewhere. Time is bounded, nobody guesses."""

import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from agent.configured import configured
from agent.schedule import Agent, Services
from ims.people import DirectoryName
from tests.support.ber import Message, Op, answer
from tests.support.fake_directory import FakeProcesses
from tests.support.fault_proxy import (
    Answer,
    CutAfter,
    Disturbance,
    Dribble,
    HalfCloseAfter,
    Line,
    Lose,
    Messages,
    Mutate,
    Refer,
    StallAfter,
)
from tests.support.office import Office
from tests.support.slapd import Slapd
from tests.support.slapd_config import BASE, DEFAULT_POLICY, PEOPLE
from tests.support.sync_world import CORP
from tests.support.waiting import wait_until
from tests.support.wire import silent

pytestmark = pytest.mark.servers
LONG = os.environ.get("LOCKSTEP_FAULTS") == "long"
TIMEOUT_S = 1
SLACK_S = 1.0
INVALID_DN_SYNTAX = 34
SIGNED_IN = 14
"""Bytes of the answer to a bind. One that is changed may be a refusal, and no secret is tried again after that."""


# --- F07: cut after byte k -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cut",
    [CutAfter, lambda k: CutAfter(k, reset=True), HalfCloseAfter],
    ids=["hung up", "torn down", "half closed"],
)
def test_f07_cut_after_byte_k_of_the_answers(office: Office, cut: Callable[[int], Disturbance]) -> None:
    """Wherever it breaks, the reading is incomplete: what was seen is kept, and nobody is taken for absent."""
    office.world.reconcile()
    whole = office.proxy.replied
    office.happen()
    last = office.world.state().last_reconcile
    for k in _sweep(whole, 120 if LONG else 10):
        office.proxy.disturb(lambda k=k: cut(k))  # type: ignore[misc] # a default binds it now
        office.attempt(office.world.reconcile)
        office.oracle.assert_safe()
        state = office.world.state()
        assert state.error, f"cut after {k} of {whole} bytes, and nobody noticed"
        assert state.last_reconcile == last
    assert office.world.user(office["fay"]).entries[0].missing_since is None
    office.assert_heals()


def test_f07_cut_after_byte_k_of_the_questions(office: Office) -> None:
    """The server does not hear all that it is asked."""
    office.world.reconcile()
    whole = len(office.proxy.received)
    office.happen()
    for k in _sweep(whole, 60 if LONG else 6):
        office.proxy.disturb(lambda k=k: CutAfter(k, asked=True))  # type: ignore[misc] # a default binds it now
        assert office.attempt(office.world.reconcile) or office.world.state().error
        office.oracle.assert_safe()
    office.assert_heals()


def test_f07_cut_in_a_tick(office: Office) -> None:
    """A tick asks for several things: without one of them it does not go on from where it was."""
    office.world.tick()
    whole, mark = office.proxy.replied, office.world.state().watermark
    office.happen()
    for k in _sweep(whole, 60 if LONG else 6):
        office.proxy.disturb(lambda k=k: CutAfter(k))  # type: ignore[misc] # a default binds it now
        office.attempt(office.world.tick)
        office.oracle.assert_safe()
        assert office.world.state().watermark == mark
    office.assert_heals()


def test_f07_a_search_that_shows_only_a_part_and_says_success(office: Office) -> None:
    """One whose entry is held back was there a moment ago: a single complete reading without them is not enough."""
    office.world.configure(affiliation={"confirm": "10m"})
    office.world.reconcile()
    office.proxy.disturb(lambda: Lose([office["ada"].entry_id.encode(), office["bob"].entry_id.encode()]))
    office.world.reconcile()
    office.oracle.assert_safe()
    assert office.world.user(office["bob"]).entries[0].missing_since is not None
    office.assert_heals()
    assert office.world.user(office["bob"]).entries[0].missing_since is None


# --- F08, F09: silence, and next to it -------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, SIGNED_IN, 1500])
def test_f08_an_answer_that_stalls(office: Office, after: int) -> None:
    """Before the first byte, after the sign-in, and in the middle of the entries."""
    office.happen()
    office.proxy.disturb(lambda: StallAfter(after))
    with _bounded():
        office.attempt(office.world.reconcile)
    office.oracle.assert_safe()
    assert office.world.state().error
    office.assert_heals()


def test_f08_a_server_that_is_stopped(own_office: Office) -> None:
    """SIGSTOP: the system takes its connections, and nobody reads them."""
    own_office.happen()
    with own_office.world.slapd.frozen(), _bounded():
        assert own_office.attempt(own_office.world.tick)
    own_office.oracle.assert_safe()
    own_office.assert_heals()


def test_f08_other_directories_keep_their_cadence(office: Office, slapd: Slapd) -> None:
    """One directory stalls; the other one's ticks go on as if nothing were."""
    lab = DirectoryName("lab")
    world = office.world
    world.configure(schedule={"tick": "1s", "jitter": "0s"})
    corp = world.settings
    world.configure(servers=[slapd.url], users={"base": PEOPLE})
    both = corp.model_copy(update={"directories": {**corp.directories, lab: world.settings.directories[CORP]}})
    directories = {name: configured(both, name, world.store, world.clock) for name in (CORP, lab)}
    services = Services(
        store=world.store,
        write_back=world.write_back,
        directories=world.directories,
        processes=FakeProcesses(name="one agent"),
        clock=world.clock,
        rules=world.run().rules,
    )
    world.store.drop_lease(world.fence())
    office.proxy.disturb(lambda: StallAfter(0))
    agent = Agent(directories, services)
    agent.start()
    try:
        wait_until(lambda: len(world.store.passes(lab)) >= 3, "three passes of the other directory", 8)
        times = sorted(report.started for report in world.store.passes(lab))
        assert all((two - one).total_seconds() < 2.5 for one, two in pairwise(times))
    finally:
        agent.stop()
    office.oracle.assert_safe()


def test_f09_connections_that_are_swallowed(office: Office) -> None:
    """Taken and never answered; and not even taken, because the queue is full."""
    office.happen()
    with _full_queue() as address, _bounded():
        office.world.configure(servers=[address])
        assert office.attempt(office.world.tick)
    office.oracle.assert_safe()
    office.world.configure(servers=[office.proxy.url])
    office.assert_heals()


@pytest.mark.parametrize("after", [0, SIGNED_IN, 1500])
def test_f09_one_byte_at_a_time(office: Office, after: int) -> None:
    """Each byte comes before the timeout, so that only a limit for the whole answer ends it."""
    office.happen()
    office.proxy.disturb(lambda: Dribble(after, 0.2))
    with _bounded():
        office.attempt(office.world.reconcile)
    office.oracle.assert_safe()
    assert office.world.state().error
    office.assert_heals()


# --- F10: mutated answers --------------------------------------------------------------------------------------------


def test_f10_mutated_answers_end_in_faults_or_in_answers(office: Office) -> None:
    """Whatever comes: a pass that ends, or an error of ours. A dry run, as nothing vouches for what was read."""
    dice = random.Random(20261123)
    office.world.reconcile()
    whole, outcomes = office.proxy.replied, Counter[str]()
    for _ in range(1_500 if LONG else 60):
        after, seed = dice.randrange(SIGNED_IN, whole), dice.random()
        office.proxy.disturb(lambda after=after, seed=seed: Mutate(random.Random(seed), after))  # type: ignore[misc] # now
        error = office.attempt(lambda: office.world.reconcile(fence=None))
        outcomes[type(error).__name__] += 1
    assert set(outcomes) <= {"NoneType", "Unreachable", "ProtocolFault"}
    assert outcomes["NoneType"] > 3
    assert outcomes.total() - outcomes["NoneType"] > 3
    office.assert_heals()


def test_f10_under_tls_a_changed_byte_changes_nothing(office: Office, slapd: Slapd) -> None:
    """The connection ends, and what came before it was the directory's own word."""
    world, dice = office.world, random.Random(20261124)
    world.configure(tls={"mode": "starttls", "ca_file": str(slapd.ca_file)})
    office.assert_heals()
    office.happen()
    for _ in range(300 if LONG else 12):
        after, seed = dice.randrange(200, 6000), dice.random()
        office.proxy.disturb(lambda after=after, seed=seed: Mutate(random.Random(seed), after))  # type: ignore[misc] # now
        office.attempt(world.reconcile)
        office.oracle.assert_safe()
    office.assert_heals()


@pytest.mark.parametrize("name", ["a DN that is none", "another DN"])
def test_f10_a_policy_that_comes_under_another_name(office: Office, name: str) -> None:
    """What is asked about it next is asked by the name that we know, and a refusal there is no crash."""
    last = BASE[-1:].encode()
    office.happen()
    office.endure(lambda: Renamed(DEFAULT_POLICY, last, b"\x83" if name == "a DN that is none" else b"x"))
    office.proxy.disturb(lambda: Refused(b"pwdMaxIdle"))
    assert office.attempt(office.world.reconcile) is None
    office.oracle.assert_safe()
    office.assert_heals()


# --- F11: referrals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["references", "search", "bind", "extended"])
def test_f11_nobody_goes_where_a_referral_points(office: Office, where: str) -> None:
    """Neither a connection nor a byte for the address that an answer names."""
    office.happen()
    with silent() as elsewhere:
        url = f"{elsewhere.url}/dc=elsewhere"
        made: dict[str, Callable[[], Disturbance]] = {
            "references": lambda: Refer(url, elsewhere.url),
            "search": lambda: Answer(Op.SEARCH, 10, referral=(url,)),
            "bind": lambda: Answer(Op.BIND, 10, referral=(url,)),
            "extended": lambda: Answer(Op.EXTENDED, 10, referral=(url,)),
        }
        if where == "extended":
            office.world.configure(tls={"mode": "starttls", "ca_file": str(office.world.slapd.ca_file)})
        errors = office.endure(made[where])
        failed = bool(errors or office.world.state().error)
        assert (elsewhere.connections, bytes(elsewhere.received)) == (0, b"")
    assert failed == (where != "references")
    office.assert_heals()


class Renamed(Messages):
    """Gives an entry's name another last character of the same length."""

    def __init__(self, dn: str, old: bytes, new: bytes) -> None:
        super().__init__()
        self._dn = dn.encode()
        self._new = self._dn.removesuffix(old) + new

    def reply(self, message: Message) -> Iterable[bytes]:
        """Let an answer pass, with that entry under the other name."""
        return (message.raw.replace(self._dn, self._new, 1) if message.op == Op.ENTRY else message.raw,)


class Refused(Messages):
    """Refuses the searches for one entry that name an attribute in their filter."""

    def __init__(self, attribute: bytes) -> None:
        super().__init__()
        self._attribute = attribute

    def request(self, message: Message, line: Line) -> Iterable[bytes]:
        """Answer in the server's place where the filter asks whether the attribute is not there (RFC 4511: 0xa2)."""
        absent = b"\xa2%c\x87%c%s" % (len(self._attribute) + 2, len(self._attribute), self._attribute)
        if message.op == Op.SEARCH and absent in message.raw:
            line.answer(answer(message.number, Op.SEARCH_DONE, INVALID_DN_SYNTAX))
            return ()
        return (message.raw,)


# --- in common -------------------------------------------------------------------------------------------------------


def _sweep(whole: int, steps: int) -> Iterator[int]:
    """Yield places all over an answer, its first and its last bytes among them."""
    yield from (0, 1, 13, 14, 15)
    yield from range(16, whole - 40, max(1, (whole - 40) // steps))
    yield whole - 40


@contextmanager
def _bounded() -> Iterator[None]:
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took <= TIMEOUT_S + SLACK_S, f"it took {took:.1f} s with a timeout of {TIMEOUT_S} s"


@contextmanager
def _full_queue() -> Iterator[str]:
    """Return the address of a port whose system takes no connection any more: a handshake there is never answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            yield f"ldap://127.0.0.1:{port}"
        finally:
            for one in waiting:
                one.close()
