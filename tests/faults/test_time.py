"""F26 to F28: times that are none, locks that end by the clock alone, and clocks that are wrong."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap3
import pytest

from ims.locks import LockReason
from tests.support.fault_proxy import Forge, fault_proxy
from tests.support.oracle import SEEN, Oracle, reasons_of
from tests.support.people import ACME
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import SyncWorld, open_sync_world
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
    """For good, at a moment, ahead, or no time: that one waits in quarantine, with its reason; nobody is locked."""
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
    waiting = world.quarantine()
    for (_, attributes), (name, value, wanted) in zip(forged, cases.values(), strict=True):
        if wanted is None:
            shown = repr(value.decode("ascii", errors="replace")[:40])
            why = waiting[attributes["entryUUID"][0].decode()]
            assert why.startswith((f"{name}: {shown} is no generalizedTime", f"{name}: {shown} is no time: ")), why


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
    return _people(world)


@pytest.fixture
def told(start_slapd: Callable[..., Slapd], tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a world in a directory that tells its time, with such people in it."""
    made = open_sync_world(start_slapd(tls=False, extra=("database monitor", "access to * by * read")), tmp_path)
    try:
        yield made
    finally:
        made.store.close()


def _people(world: SyncWorld) -> dict[str, Person]:
    now = datetime.now(UTC)
    people = {name: world.person(name) for name in ("good", "free")}
    people |= {name: world.person(name, policy="timed") for name in ("timed", "over")}
    people["ended"] = world.person("ended", pwdEndTime=_text(now - timedelta(minutes=5)))
    people["ends"] = world.person("ends", pwdEndTime=_text(now + timedelta(minutes=30)))
    people["begins"] = world.person("begins", pwdStartTime=_text(now + timedelta(minutes=30)))
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
def test_f28_our_clock_is_wrong(told: SyncWorld, wrong: str) -> None:
    """Whom the directory lets in is free, whom it refuses is locked: its clock decides, whatever ours says."""
    people = _people(told)
    told.clock.by = WRONG_BY[wrong]
    for run in (told.reconcile, told.tick, told.reconcile):
        assert any("the clock of ldap" in note for note in run().report.notes)
        assert _locked(told, people) == _refused(told, people)
    before = told.versions()
    told.tick()
    told.reconcile()
    assert told.versions() == before
    told.clock.by = timedelta(0)
    told.tick()
    assert _locked(told, people) == _refused(told, people)


def test_f28_our_clock_jumps_back_and_forth(told: SyncWorld) -> None:
    """Between one pass and the next, in both directions."""
    people = _people(told)
    for minutes in (0, 60, -60, 10, -10, 0):
        told.clock.by = timedelta(minutes=minutes)
        told.tick()
        assert _locked(told, people) == _refused(told, people), minutes


@pytest.mark.parametrize("wrong", ["an hour fast", "an hour slow"])
def test_f28_an_unlock_by_a_wrong_clock(told: SyncWorld, wrong: str) -> None:
    """What is read afresh is judged by the same clock, and so is what remains."""
    people = _people(told)
    told.clock.by = WRONG_BY[wrong]
    told.tick()
    for name in ("good", "timed"):
        told.unlock(people[name])
        assert told.slapd.bind_result(people[name].dn, people[name].password) == 0
    told.tick()
    assert _locked(told, people) == _refused(told, people)


def test_f28_a_clock_that_nobody_tells_is_taken_for_ours(world: SyncWorld, locked: dict[str, Person]) -> None:
    """Nothing else is known; what ends by no clock is right all the same."""
    world.clock.by = WRONG_BY["an hour fast"]
    assert world.reconcile().report.notes == ()
    assert world.reasons(locked["good"]) == [ATTEMPTS]
    assert world.reasons(locked["ended"]) == [EXPIRED]


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
    """Return whom the policies refuse by the directory's own clock, which is this machine's.

    What the entries hold is judged by the oracle's model, without a sign-in: a right one would end a lock that is over.
    """
    with world.slapd.connected() as admin:
        return {name for name, person in people.items() if reasons_of(_raw(admin, person), datetime.now(UTC))}


def _raw(admin: ldap3.Connection, person: Person) -> Mapping[str, list[bytes]]:
    admin.search(person.dn, "(objectClass=*)", ldap3.BASE, attributes=list(SEEN))
    (item,) = admin.response
    raw: Mapping[str, list[bytes]] = item["raw_attributes"]
    return raw


def _text(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%SZ}"
