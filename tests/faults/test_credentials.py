"""F14: the agent's own account expires, is disabled, is locked, or has another password. It is tried once, no more."""

import pytest

from agent.directories.errors import InvalidCredentials
from ims.errors import DirectoryUnreachable
from tests.support.ber import Op, taken_from
from tests.support.office import Office
from tests.support.oracle import FOR_GOOD
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, policy_dn

pytestmark = pytest.mark.servers
NEW_PASSWORD = "agent-of-tests-2"
LIMITED = {"pwdPolicySubentry": policy_dn("default")}
"""Lets the agent's account be locked: three wrong passwords, for good."""


def expired(office: Office) -> None:
    """Its validity ended yesterday."""
    office.world.slapd.force(AGENT_DN, **LIMITED, pwdEndTime="20200101000000Z")


def disabled(office: Office) -> None:
    """An administrator has locked it for good."""
    office.world.slapd.force(AGENT_DN, **LIMITED, pwdAccountLockedTime=FOR_GOOD)


def locked(office: Office) -> None:
    """Somebody else tried passwords with its name."""
    slapd = office.world.slapd
    slapd.force(AGENT_DN, **LIMITED)
    for _ in range(3):
        slapd.sign_in(AGENT_DN, "a wrong password")
    assert slapd.text(AGENT_DN, "pwdAccountLockedTime")


def password_changed(office: Office) -> None:
    """In the directory, and not in our settings."""
    office.world.slapd.force(AGENT_DN, **LIMITED)
    office.world.slapd.modify(AGENT_DN, userPassword=NEW_PASSWORD)


@pytest.mark.parametrize("trouble", [expired, disabled, locked, password_changed], ids=lambda trouble: trouble.__name__)
def test_f14_one_bind_for_a_secret(own_office: Office, trouble: object) -> None:
    """Ten passes and an unlock make one bind; a new secret makes one more, and everything goes on."""
    assert callable(trouble)
    world = own_office.world
    trouble(own_office)
    failures = len(world.slapd.read(AGENT_DN).get("pwdfailuretime", []))
    own_office.happen()
    for _ in range(5):
        assert len(own_office.endure()) == 2
    with pytest.raises(DirectoryUnreachable):
        world.unlock(own_office["ada"])
    assert _binds(own_office) == 1
    assert "is not tried again before it changes" in world.state().error
    assert len(world.slapd.read(AGENT_DN).get("pwdfailuretime", [])) <= failures + 1
    (circuit,) = world.store.circuits()
    assert AGENT_PASSWORD not in repr(circuit)
    world.slapd.modify(AGENT_DN, userPassword=NEW_PASSWORD, pwdPolicySubentry=policy_dn("none"))
    world.slapd.force(AGENT_DN, pwdEndTime=[], pwdAccountLockedTime=[])
    world.configure(bind={"dn": AGENT_DN, "password": NEW_PASSWORD})
    own_office.assert_heals()


def test_f14_two_wrong_secrets_are_two_binds(own_office: Office) -> None:
    """A second one that is wrong too does not lock the account either; the first is not tried when it comes back."""
    world = own_office.world
    world.slapd.force(AGENT_DN, **LIMITED)
    for password in ("wrong-1", "wrong-2", "wrong-1"):
        world.configure(bind={"dn": AGENT_DN, "password": password})
        for run in (world.tick, world.reconcile, world.tick):
            assert isinstance(own_office.attempt(run), InvalidCredentials)
    assert _binds(own_office) == 2
    world.configure(bind={"dn": AGENT_DN, "password": AGENT_PASSWORD})
    own_office.assert_heals()


def test_f14_no_other_server_is_tried_with_a_refused_secret(own_office: Office) -> None:
    """Two addresses of one directory: the same account would be hurt twice."""
    world = own_office.world
    world.configure(servers=[own_office.proxy.url, world.slapd.url], bind={"dn": AGENT_DN, "password": "wrong-3"})
    world.slapd.force(AGENT_DN, **LIMITED)
    assert len(own_office.endure()) == 2
    assert len(world.slapd.read(AGENT_DN)["pwdfailuretime"]) == 1
    world.configure(bind={"dn": AGENT_DN, "password": AGENT_PASSWORD})
    own_office.assert_heals()


def test_f14_a_repaired_account_is_tried_again_when_the_operator_says_so(own_office: Office) -> None:
    """The secret is the right one and does not change: only a person can know that it works again."""
    world = own_office.world
    disabled(own_office)
    assert len(own_office.endure()) == 2
    world.slapd.force(AGENT_DN, pwdAccountLockedTime=[], pwdPolicySubentry=policy_dn("none"))
    assert len(own_office.endure()) == 2
    assert _binds(own_office) == 1
    for circuit in world.store.circuits():
        world.store.close_circuit(circuit.secret)
    own_office.assert_heals()


def _binds(office: Office) -> int:
    """Return how often anybody tried to sign in through the proxy."""
    return sum(message.op == Op.BIND for message in taken_from(bytearray(office.proxy.received)))
