"""What the portal keeps, in every store: sessions, devices, tries and operations."""

import threading
from dataclasses import replace
from datetime import timedelta

from ims.operations import OperationId, UnlockOperation, UnlockOutcome, UnlockResult
from ims.people import Role, UserId
from ims.pleas import Plea, PleaId
from ims.sessions import (
    Patience,
    Session,
    Standing,
    device_id_of,
    new_session_secret,
    session_id_of,
)
from ims.store import SqlStore
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX

HOUR = timedelta(hours=1)
ADA = UserId("ada")


def opened(store: SqlStore, role: Role | None = Role.AUDITOR, **fields: object) -> Session:
    session_id, _ = new_session_secret()
    whole = {"user": ADA, "tenant": ACME, "form_key": "key", "opened": NOON, "seen": NOON, "expires": NOON + HOUR}
    session = Session(id=session_id, role=role, **{**whole, **fields})  # type: ignore[arg-type]
    store.open_session(session, [])
    return session


def test_a_session_is_kept_and_ended(store: SqlStore) -> None:
    for role in (Role.AUDITOR, None):
        session = opened(store, role)
        assert store.session(session.id) == session
        store.touch_session(session.id, NOON + timedelta(minutes=2))
        touched = store.session(session.id)
        assert touched is not None
        assert touched.seen == NOON + timedelta(minutes=2)
        store.end_session(session.id)
        store.end_session(session.id)
        assert store.session(session.id) is None


def test_all_sessions_of_a_person_end_together_and_nobody_elses(store: SqlStore) -> None:
    first, second, other = opened(store), opened(store), opened(store, user=UserId("bob"))
    assert store.end_sessions(ADA) == 2
    assert store.session(first.id) is store.session(second.id) is None
    assert store.session(other.id) == other


def test_a_new_session_sweeps_out_those_that_are_over(store: SqlStore) -> None:
    old = opened(store)
    new = opened(store, opened=NOON + 2 * HOUR, seen=NOON + 2 * HOUR, expires=NOON + 3 * HOUR)
    assert store.session(old.id) is None
    assert store.session(new.id) == new


def test_a_session_is_over_by_its_end_and_by_idleness(store: SqlStore) -> None:
    session = opened(store)
    quarter = timedelta(minutes=15)
    assert session.usable(NOON + timedelta(minutes=14), quarter)
    assert not session.usable(NOON + quarter, quarter)
    assert not session.usable(NOON + HOUR, 2 * HOUR)


def test_the_secret_is_not_kept(store: SqlStore) -> None:
    session_id, secret = new_session_secret()
    assert secret not in session_id
    assert session_id_of(secret) == session_id
    assert store.session(session_id_of("\ud800")) is None


def test_tries_are_counted_by_name_and_forgotten_in_time(store: SqlStore) -> None:
    patience = Patience(tries=3)
    for number in range(3):
        at = NOON + timedelta(minutes=number)
        assert store.take_try("ada", at, patience).standing is Standing.YOURS
        store.settle_try("ada")
    refused = store.take_try("ada", NOON + timedelta(minutes=3), patience)
    assert (refused.standing, refused.last) == (Standing.TOO_MANY, NOON + timedelta(minutes=2))
    assert store.take_try("bob", NOON, patience).standing is Standing.YOURS
    assert store.take_try("ada", NOON + patience.window, patience).standing is Standing.YOURS
    store.forget_tries("ada")
    assert store.take_try("ada", NOON + patience.window, patience).standing is Standing.YOURS


def test_one_try_at_a_time_for_a_name(store: SqlStore) -> None:
    """Until it is settled, or its process must be gone."""
    patience = Patience()
    assert store.take_try("ada", NOON, patience).standing is Standing.YOURS
    assert store.take_try("ada", NOON, patience).standing is Standing.BUSY
    assert store.take_try("ada", NOON + patience.longest, patience).standing is Standing.YOURS


def test_of_many_at_once_one_gets_the_try(store: SqlStore) -> None:
    standings: list[Standing] = []
    threads = [
        threading.Thread(target=lambda: standings.append(store.take_try("ada", NOON, Patience()).standing))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(standings) == [Standing.BUSY] * 5 + [Standing.YOURS]


def test_devices_are_known_by_person(store: SqlStore) -> None:
    device = device_id_of("laptop")
    assert not store.knows_device(device, ADA)
    store.remember_device(device, ADA, NOON)
    store.remember_device(device, ADA, NOON + HOUR)
    assert store.knows_device(device, ADA)
    assert not store.knows_device(device, UserId("bob"))
    assert not store.knows_device(device_id_of("phone"), ADA)


def test_an_operation_is_read_as_it_was_kept(store: SqlStore) -> None:
    results = (UnlockResult(user=ADA, user_name="ada", outcome=UnlockOutcome.STILL_LOCKED, text="disabled: “why”"),)
    operation = UnlockOperation(id=OperationId("op"), tenant=ACME, actor="carla", at=NOON, results=results)
    store.add_operation(operation)
    assert store.operation(OperationId("op")) == operation
    assert store.operation(OperationId("none")) is None
    later = replace(operation, id=OperationId("later"), at=NOON + timedelta(days=91))
    store.add_operation(later)
    assert store.operation(later.id) == later
    assert store.operation(operation.id) is None, "the audit keeps it"


def test_one_plea_of_a_person_counts_for_a_while(store: SqlStore) -> None:
    """However often it is sent; afterwards a new one takes its place."""
    first = Plea(id=PleaId("1"), user=ADA, tenant=ACME, at=NOON, words="please")
    again = replace(first, id=PleaId("2"), at=NOON + timedelta(minutes=5))
    later = replace(first, id=PleaId("3"), at=NOON + 2 * HOUR)
    assert store.add_plea(first, NOON - HOUR)
    assert not store.add_plea(again, again.at - HOUR)
    assert store.pleas(ACME) == (first,)
    assert store.dismiss_plea(first.id)
    assert not store.dismiss_plea(first.id)
    assert store.pleas(ACME) == ()
    assert not store.add_plea(again, again.at - HOUR), "dismissed is not forgotten"
    assert store.add_plea(later, later.at - HOUR)
    assert store.pleas(ACME) == (later,)
    assert store.pleas(GLOBEX) == ()
