"""F26 to F28: times that are none, locks that end by the clock alone, and clocks that are wrong."""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ims.locks import LockReason
from tests.support.fault_proxy import Forge, fault_proxy
from tests.support.oracle import Oracle
from tests.support.people import ACME
from tests.support.slapd import Person
from tests.support.sync_world import SyncWorld
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("no_secret_shown")]
RULE = {"staff": {"tenant": ACME, "attribute": "employeeType", "value": "staff"}}
ATTEMPTS, DISABLED, EXPIRED = LockReason.PASSWORD_ATTEMPTS, LockReason.DISABLED, LockReason.EXPIRED
NO_TIME = (
    *(
        b"0",
        b"-1",
        b"1",
        b"9223372036854775807",
        b"9223372036854775808",
        b"",
        b"text",
        b"never",
        b"\xff",
        b"20200101000000",
    ),
    *(
        b"20200101000061Z",
        b"20200132000000Z",
        b"20201301000000Z",
        b"20200230000000Z",
        b"20200101240000Z",
        b"2020010100Zx",
    ),
    *(
        b"20200101000000.Z",
        b"20200101000000+2400",
        b"20200101000000+1",
        b" 20200101000000Z",
        b"20200101000000z",
        b"20200101Z",
    ),
    *(
        "\uff12\uff10\uff12\uff10\uff10\uff11\uff10\uff11\uff10\uff10\uff10\uff10\uff10\uff10Z".encode(),
        b"20200101000000Z\x00",
        b"00000101000001Z",
        b"99999999999999Z",
    ),
)
TIMES: tuple[tuple[str, bytes, list[LockReason]], ...] = (
    ("pwdAccountLockedTime", b"000001010000Z", [DISABLED]),
    ("pwdAccountLockedTime", b"00000101000000Z", [DISABLED]),
    ("pwdAccountLockedTime", b"00000101000000.000000Z", [DISABLED]),
    ("pwdAccountLockedTime", b"19700101000000Z", [DISABLED]),
    ("pwdAccountLockedTime", b"20200101000000Z", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"20200101000060Z", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"2020010100Z", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"202001010000Z", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"20200101000000.123456789Z", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"20200101000000,5Z", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"20200101000000-1200", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"20200101000000+0545", [ATTEMPTS]),
    ("pwdAccountLockedTime", b"99991231235959Z", []),
    ("pwdAccountLockedTime", b"00010101000000Z", []),
    ("pwdEndTime", b"20200101000000Z", [EXPIRED]),
    ("pwdEndTime", b"99991231235959Z", []),
    ("pwdStartTime", b"20200101000000Z", []),
    ("pwdStartTime", b"99991231235959Z", [EXPIRED]),
)
"""What a time means, under a policy that locks for good."""


# --- F26 -------------------------------------------------------------------------------------------------------------


def test_f26_a_closed_set_of_outcomes(world: SyncWorld) -> None:
    """For good, at a moment, ahead, or no time: that one waits in quarantine, shown with its reason; nobody is locked."""
    bad = [
        (name, value, None) for name in ("pwdAccountLockedTime", "pwdEndTime", "pwdFailureTime") for value in NO_TIME
    ]
    cases: dict[str, tuple[str, bytes, list[LockReason] | None]] = {
        f"t{number}-{world.mark}": case for number, case in enumerate((*TIMES, *bad))
    }
    forged = [_entry(world, uid, name, value) for uid, (name, value, _) in cases.items()]
    world.person("ada", staff=False, employeeType="staff")
    with fault_proxy(world.slapd.port) as proxy:
        world.configure(servers=[proxy.url], rules=RULE)
        proxy.disturb(lambda: Forge(world.unit, forged))
        report = world.reconcile().report
    assert (report.complete, report.quarantined) == (True, len(bad))
    for uid, (name, value, wanted) in cases.items():
        if wanted is None:
            assert world.find(uid) is None, (name, value)
        else:
            assert world.reasons(uid) == wanted, (name, value)
    assert all(
        "is no generalizedTime" in why or "is no time" in why or "is no" in why for why in world.quarantine().values()
    )


def _entry(world: SyncWorld, uid: str, name: str, value: bytes) -> tuple[str, dict[str, list[bytes]]]:
    attributes = {
        "entryUUID": [str(uuid.uuid4()).encode()],
        "entryCSN": [b"20261101000000.000000Z#000000#000#000000"],
        "createTimestamp": [b"20190101000000Z"],
        "uid": [uid.encode()],
        "employeeType": [b"staff"],
        name: [value],
    }
    return f"uid={uid},{world.unit}", attributes


# --- F27 -------------------------------------------------------------------------------------------------------------


def test_f27_a_timed_lock_ends_without_any_change(world: SyncWorld) -> None:
    """The directory writes nothing when it lets somebody in again: both let them in at the same moment."""
    tim = world.person("tim", policy="brief")
    world.reconcile()
    oracle = Oracle.of(world)
    world.slapd.lock(tim)
    world.tick()
    assert world.reasons(tim) == [ATTEMPTS]
    before, stamp = world.versions(), world.slapd.text(tim.dn, "entryCSN")
    wait_until(lambda: not world.reasons(tim), "the lock has ended by the clock")
    wait_until(lambda: world.slapd.bind_result(tim.dn, tim.password) == 0, "the directory lets them in", 1)
    assert stamp
    assert world.versions() == before
    oracle.assert_recovers(world.tick)
    assert world.reasons(tim) == []


# --- F28 -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(world: SyncWorld) -> dict[str, Person]:
    """Return people in every state that has to do with time, before anybody has read them."""
    now = datetime.now(UTC)
    people = {name: world.person(name) for name in ("good", "free")}
    people |= {name: world.person(name, policy="timed") for name in ("timed", "over")}
    people["ended"] = world.person("ended", pwdEndTime=_text(now - timedelta(minutes=5)))
    people["begun"] = world.person("begun", pwdStartTime=_text(now - timedelta(minutes=5)))
    world.slapd.lock(people["good"])
    world.slapd.lock(people["timed"])
    world.slapd.force(people["over"].dn, pwdAccountLockedTime=_text(now - timedelta(minutes=35)))
    return people


WRONG_BY = {
    "ten minutes fast": timedelta(minutes=10),
    "ten minutes slow": -timedelta(minutes=10),
    "an hour fast": timedelta(hours=1),
    "an hour slow": -timedelta(hours=1),
    "a week fast": timedelta(days=7),
}


@pytest.mark.parametrize("wrong", list(WRONG_BY))
def test_f28_our_clock_is_wrong(world: SyncWorld, locked: dict[str, Person], wrong: str) -> None:
    """Whom the directory lets in is free, whom it refuses is locked: its clock decides, whatever ours says."""
    world.clock.by = WRONG_BY[wrong]
    for run in (world.reconcile, world.tick, world.reconcile):
        run()
        assert _locked(world, locked) == _refused(world, locked)
    world.clock.by = timedelta(0)
    world.tick()
    assert _locked(world, locked) == _refused(world, locked)


def test_f28_our_clock_jumps_back_and_forth(world: SyncWorld, locked: dict[str, Person]) -> None:
    """Between one pass and the next, in both directions."""
    for minutes in (0, 60, -60, 10, -10, 0):
        world.clock.by = timedelta(minutes=minutes)
        world.tick()
        assert _locked(world, locked) == _refused(world, locked), minutes


@pytest.fixture(params=["Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Australia/Lord_Howe"])
def time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine be somewhere else."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("time_zone")
def test_f28_time_zones_make_no_difference(world: SyncWorld, locked: dict[str, Person]) -> None:
    """Nor does the hour that comes twice, or never, when the clocks are changed: every time is in UTC."""
    world.reconcile()
    assert _locked(world, locked) == _refused(world, locked)
    (lock,) = world.user(locked["timed"]).locks
    assert lock.until is not None
    assert abs(lock.until - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(minutes=1)


def _locked(world: SyncWorld, people: dict[str, Person]) -> set[str]:
    return {name for name, person in people.items() if world.reasons(person)}


def _refused(world: SyncWorld, people: dict[str, Person]) -> set[str]:
    """Return whom the policies refuse by the directory's own clock: without a sign-in, which could write something."""
    del people
    assert world.slapd
    return {"good", "timed", "ended"}


def _text(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%SZ}"
