"""Deciding on what is kept back: the operator on all of it, an Account Administrator on their tenant's own part."""

from datetime import timedelta

import pytest

from ims.audit import Action
from ims.batches import BatchId, Decision, HeldChange
from ims.deciding import chosen, decide, part, parts
from ims.errors import Conflict, Forbidden, InvalidInput, NotFound
from ims.people import Actor, Channel, Role, UserId
from ims.permits import Permission, TenantView, allows
from tests.support.batches import CORP
from tests.support.clock import NOON
from tests.support.held import hold, item, write
from tests.support.people import ACME, GLOBEX, actor
from tests.support.unlock_world import World

APPROVED, REJECTED, WAITING = Decision.APPROVED, Decision.REJECTED, Decision.WAITING
OPERATOR = Actor(name="root", role=Role.OPERATOR, channel=Channel.COMMAND_LINE)
BATCH = BatchId("batch-1")


@pytest.fixture
def held(world: World) -> World:
    """Return a world in which ada and bo of acme, gus of globex, and zoe, who would move between them, wait."""
    hold(world.store, item("ada"), item("bo"), item("gus", GLOBEX), item("zoe", None))
    return world


def administrator(world: World, user: UserId | None = None) -> TenantView:
    """Return what an Account Administrator of acme holds."""
    return world.view(actor(Role.ACCOUNT_ADMINISTRATOR, user=user))


def decisions(world: World) -> dict[str, Decision]:
    """Return what was decided, by name."""
    return {one.name: one.decision for one in world.store.held_items(CORP)}


# --- the operator ----------------------------------------------------------------------------------------------------


def test_the_operator_sees_and_decides_on_all_of_it(held: World) -> None:
    """One audit row for each tenant that is concerned, with the hash of the batch."""
    (found,) = parts(held.store)
    assert [one.name for one in found.items] == ["ada", "bo", "gus", "zoe"]
    decide(held.store, held.clock, OPERATOR, found, chosen(found, (), APPROVED), APPROVED)
    assert set(decisions(held).values()) == {APPROVED}
    rows = held.store.audit(reference=BATCH)
    assert {(row.action, row.actor, row.role) for row in rows} == {(Action.BATCH_APPROVED, "root", Role.OPERATOR)}
    assert {row.tenant: row.after for row in rows} == {ACME: "2 users", GLOBEX: "1 users", None: "1 users"}
    assert all(found.batch.hash in row.detail for row in rows)


def test_user_by_user_each_has_a_row_of_their_own(held: World) -> None:
    """With what it was about, and the hash of exactly that."""
    found = part(held.store, BATCH)
    (ada,) = chosen(found, ["ADA"], REJECTED)
    decide(held.store, held.clock, OPERATOR, found, [ada], REJECTED)
    assert decisions(held) == {"ada": REJECTED, "bo": WAITING, "gus": WAITING, "zoe": WAITING}
    (row,) = held.store.audit(reference=BATCH)
    assert (row.action, row.subject, row.tenant, row.user) == (Action.BATCH_REJECTED, "ada", ACME, "user-ada")
    assert (row.before, row.after, row.at) == ("locks: none", "locks: disabled", NOON)
    assert ada.hash in row.detail


def test_whole_means_whoever_waits_still(held: World) -> None:
    """An earlier rejection of one stands; named, or with all decided, it can be changed."""
    found = part(held.store, BATCH)
    decide(held.store, held.clock, OPERATOR, found, chosen(found, ["ada"], REJECTED), REJECTED)
    found = part(held.store, BATCH)
    assert [one.name for one in chosen(found, (), APPROVED)] == ["bo", "gus", "zoe"]
    assert [one.name for one in chosen(found, ["ada"], APPROVED)] == ["ada"]
    decide(held.store, held.clock, OPERATOR, found, chosen(found, (), REJECTED), REJECTED)
    found = part(held.store, BATCH)
    assert len(chosen(found, (), APPROVED)) == 4
    with pytest.raises(Conflict, match="Nothing waits in the batch batch-1: it is rejected"):
        chosen(found, (), REJECTED)


def test_names_that_are_not_there_or_not_clear_are_refused(held: World) -> None:
    """Two of one name in two company accounts are told apart by id."""
    hold(held.store, item("ada", GLOBEX, key="user-ada2"), id=BatchId("batch-2"))
    found = part(held.store, BATCH)
    with pytest.raises(NotFound, match="There is no eve in the batch batch-1"):
        chosen(found, ["bo", "eve"], APPROVED)
    with pytest.raises(InvalidInput, match="user-ada, user-ada2"):
        chosen(found, ["ada"], APPROVED)
    assert [one.key for one in chosen(found, ["user-ada2", "user-ada2"], APPROVED)] == ["user-ada2"]


def test_a_closed_batch_is_shown_and_not_decided_on(held: World) -> None:
    """Its items are in another batch, or nowhere."""
    found = part(held.store, BATCH)
    new = item("ada", hash="other")
    write(held.store, HeldChange(dropped=("user-bo",), put=(new,)))
    with pytest.raises(Conflict):
        decide(held.store, held.clock, OPERATOR, found, found.items, APPROVED)
    assert set(decisions(held).values()) == {WAITING}
    with pytest.raises(InvalidInput):
        decide(held.store, held.clock, OPERATOR, found, found.items, WAITING)
    with pytest.raises(NotFound):
        part(held.store, BatchId("none"))


def test_many_who_were_named_are_named_in_the_audit(world: World) -> None:
    """Of 250, 101 are refused: the batch's hash alone would not say who; the rest then share a row."""
    hold(world.store, *(item(f"p{number:03}") for number in range(250)))
    found = part(world.store, BATCH)
    some = chosen(found, [f"p{number:03}" for number in range(101)], REJECTED)
    decide(world.store, world.clock, OPERATOR, found, some, REJECTED)
    named = {row.subject for row in world.store.audit(reference=BATCH, limit=1000)}
    assert named == {one.name for one in some}
    found = part(world.store, BATCH)
    decide(world.store, world.clock, OPERATOR, found, chosen(found, (), APPROVED), APPROVED)
    (row,) = [row for row in world.store.audit(reference=BATCH, limit=1000) if row.action is Action.BATCH_APPROVED]
    assert row.after == "149 users"


def test_an_expired_batch_is_not_approved_any_more(held: World) -> None:
    """Though no pass has told it anew yet, because the agent is down; what was refused may still be let go."""
    found = part(held.store, BATCH)
    decide(held.store, held.clock, OPERATOR, found, chosen(found, ["bo"], REJECTED), REJECTED)
    held.clock.forward(timedelta(days=7))
    found = part(held.store, BATCH)
    for names in ((), ("ada",)):
        with pytest.raises(Conflict, match="The batch batch-1 expired on 2026-"):
            decide(held.store, held.clock, OPERATOR, found, chosen(found, names, APPROVED), APPROVED)
    assert decisions(held) == {"ada": WAITING, "bo": REJECTED, "gus": WAITING, "zoe": WAITING}
    decide(held.store, held.clock, OPERATOR, found, chosen(found, ["bo"], APPROVED), APPROVED)
    assert decisions(held)["bo"] is APPROVED


def test_two_who_look_at_once_do_not_overrule_each_other(held: World) -> None:
    """The operator approves what an Account Administrator has just refused: told, and nothing is decided."""
    found = part(held.store, BATCH)
    items = chosen(found, (), APPROVED)
    administrator(held).decide(BATCH, REJECTED, ["bo"])
    with pytest.raises(Conflict, match="somebody else has decided"):
        decide(held.store, held.clock, OPERATOR, found, items, APPROVED)
    assert decisions(held) == {"ada": WAITING, "bo": REJECTED, "gus": WAITING, "zoe": WAITING}


# --- a tenant's own part ---------------------------------------------------------------------------------------------


def test_an_account_administrator_sees_the_own_part_only(held: World) -> None:
    """Neither others, nor who moves between two, nor how many there are, nor a sentence that names another tenant."""
    (found,) = administrator(held).held()
    assert [one.name for one in found.items] == ["ada", "bo"]
    assert (found.batch.tenant, found.batch.size, found.batch.waiting) == (ACME, 2, 2)
    assert "globex" not in repr(found)
    assert administrator(held).held_part(BATCH) == found


def test_they_decide_on_it_whole_or_user_by_user(held: World) -> None:
    """And on nobody else, named or not."""
    view = administrator(held)
    assert [one.name for one in view.decide(BATCH, REJECTED, ["bo"])] == ["bo"]
    assert [one.name for one in view.decide(BATCH, APPROVED)] == ["ada"]
    assert decisions(held) == {"ada": APPROVED, "bo": REJECTED, "gus": WAITING, "zoe": WAITING}
    for name in ("gus", "zoe", "user-gus"):
        with pytest.raises(NotFound):
            view.decide(BATCH, APPROVED, [name])
    assert {row.tenant for row in held.store.audit(reference=BATCH)} == {ACME}
    assert {row.role for row in held.store.audit(reference=BATCH)} == {Role.ACCOUNT_ADMINISTRATOR}


def test_a_batch_of_others_is_a_missing_one(world: World) -> None:
    """The same words."""
    hold(world.store, item("gus", GLOBEX))
    view = administrator(world)
    told = set()
    for batch in (BATCH, BatchId("batch-9")):
        with pytest.raises(NotFound) as error:
            view.held_part(batch)
        told.add(str(error.value).replace(batch, ""))
    assert len(told) == 1
    assert view.held() == ()


def test_nobody_decides_on_themselves(held: World) -> None:
    """Alone or among others: a second person is needed."""
    view = administrator(held, UserId("user-ada"))
    for names in (["ada"], ["ada", "bo"], []):
        with pytest.raises(Forbidden, match="themselves"):
            view.decide(BATCH, REJECTED, names)
    view.decide(BATCH, APPROVED, ["bo"])
    assert decisions(held)["ada"] is WAITING


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ACCOUNT_ADMINISTRATOR])
def test_a_co_administrator_may_not(held: World, role: Role) -> None:
    """Nor anybody else with a token: an operator decides on the machine only."""
    view = held.view(actor(role))
    for call in (view.held, lambda: view.held_part(BATCH), lambda: view.decide(BATCH, APPROVED)):
        with pytest.raises(Forbidden):
            call()
    assert allows(OPERATOR, Permission.DECIDE_ON_THE_BOX)
    assert not allows(actor(role, channel=Channel.SCIM), Permission.DECIDE_ON_THE_BOX)
