"""F16: somebody tries three passwords at everybody. Every lock is taken over at once, and one alarm is raised."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from ims.locks import LockReason
from tests.support.bulk import load, people, record
from tests.support.oracle import everybody
from tests.support.slapd import Slapd
from tests.support.sync_world import SyncWorld

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("no_secret_shown")]
LONG = os.environ.get("LOCKSTEP_FAULTS") == "long"
COUNT = 10_000 if LONG else 1000
RULE = {"staff": {"tenant": "acme", "attribute": "employeeType", "value": "staff"}}


@pytest.fixture
def company(world: SyncWorld) -> Iterator[SyncWorld]:
    """Return a world of many people, all known and all free."""
    world.configure(rules=RULE)
    load(world.slapd, people(world.unit, _names(world), employeeType="staff"))
    assert world.reconcile().report.complete
    yield world
    records = (record(f"uid={name},{world.unit}", {}, change="delete") for name in _names(world))
    load(world.slapd, records)


def test_f16_everybody_locked_within_a_minute_and_freed_again(company: SyncWorld) -> None:
    """Two ticks have them all, though the attack goes on between the two, and nothing waits for the brake.

    What the directory's own administrators do afterwards is taken over at once, too.
    """
    names = _names(company)
    with capture_logs() as logs:
        _lock(company.slapd, company, names[: COUNT // 2])
        first = company.tick().report
        _lock(company.slapd, company, names[COUNT // 2 :])
        second = company.tick().report
        company.tick()
    assert (first.raised + second.raised, first.kept_back, second.kept_back) == (COUNT, 0, 0)
    users = everybody(company.store)
    assert all([lock.reason for lock in user.locks] == [LockReason.PASSWORD_ATTEMPTS] for user in users)
    assert _alarms(logs) == ["many_password_attempts"]
    assert company.state().attempts
    load(company.slapd, (_marked(company, name) for name in names))
    freed = company.tick().report
    assert (freed.lifted, freed.complete, freed.kept_back) == (COUNT, True, 0)
    assert not any(user.locks for user in everybody(company.store))


def _names(world: SyncWorld) -> list[str]:
    return [f"s{number}-{world.mark}" for number in range(COUNT)]


def _lock(slapd: Slapd, world: SyncWorld, names: list[str]) -> None:
    now = f"{datetime.now(UTC):%Y%m%d%H%M%SZ}"
    load(slapd, (_marked(world, name, now) for name in names))


def _marked(world: SyncWorld, name: str, *markers: str) -> str:
    return record(f"uid={name},{world.unit}", {"pwdAccountLockedTime": markers}, change="modify")


def _alarms(logs: list[Any]) -> list[str]:
    return [log["event"] for log in logs if log["log_level"] == "warning"]
