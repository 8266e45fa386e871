"""What an identity provider's connection may do to users, once, repeatedly and all at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from threading import Barrier

import pytest

from ims import provisioning
from ims.audit import Action
from ims.errors import Conflict, Forbidden, InvalidInput, NotFound, NotUnique, StaleVersion
from ims.locks import Lock, LockReason
from ims.people import Actor, AffiliationStatus, Contact, Profile, User
from ims.ports import Batch
from ims.provisioning import Edit
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, HR, IDP, actor, lock, provisioner, user
from tests.support.unlock_world import AGO, World

ADA = Profile(user_name="ada", external_id="e-1", display_name="Ada", emails=(Contact(value="ada@acme.test"),))
IDP_ACTOR, HR_ACTOR = provisioner(IDP), provisioner(HR)
HOUR = timedelta(hours=1)


def actions(world: World, one: User) -> list[Action]:
    return [row.action for row in reversed(world.store.audit(user=one.id, limit=1000))]


def of_the_directory(world: World, *locks: Lock) -> User:
    """Store a user "ada" who comes from a directory and belongs to no connection."""
    return world.person(locks=locks)


def deprovisioned(connection: str) -> Lock:
    return lock(LockReason.DEPROVISIONED, source=connection, since=NOON - AGO)


# --- create ----------------------------------------------------------------------------------------------------------


def test_a_new_user_belongs_to_tenant_and_connection_of_the_token(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    assert (made.tenant, made.connection, made.profile, made.locks) == (ACME, IDP, ADA, ())
    assert made == world.stored(made)
    assert made.affiliation is not None
    assert (made.affiliation.status, made.affiliation.rule) == (AffiliationStatus.AFFILIATED, IDP)
    assert world.store.history(made.id) == ((ACME, made.affiliation),)
    assert actions(world, made) == [Action.USER_CREATED]


def test_an_id_is_ours(world: World) -> None:
    """Whatever the client sends as externalId names nobody: such an id has made a stranger an administrator."""
    first = world.view(IDP_ACTOR).create(ADA, active=True)
    second = world.view(IDP_ACTOR).create(Profile(user_name="eve", external_id=first.id), active=True)
    assert second.id not in (first.id, first.profile.external_id)
    assert world.stored(first) == first


def test_created_inactive_is_created_locked(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=False)
    assert world.reasons(made) == [LockReason.DEPROVISIONED]
    assert [(one.source, one.raised_by) for one in made.locks] == [(IDP, IDP)]
    assert actions(world, made) == [Action.USER_CREATED, Action.LOCK_RAISED]


@pytest.mark.parametrize("name", ["ada", "ADA", "Ada"])
@pytest.mark.parametrize("by", [IDP_ACTOR, HR_ACTOR], ids=["the same connection", "another one"])
def test_a_name_that_a_connection_owns_is_taken(world: World, name: str, by: Actor) -> None:
    """A retried POST too: RFC 7644 section 3.3."""
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(NotUnique, match="is taken in this company account"):
        world.view(by).create(replace(ADA, user_name=name), active=True)
    assert world.stored(made) == made


def test_a_name_may_be_used_once_in_each_company(world: World) -> None:
    one = world.view(IDP_ACTOR).create(ADA, active=True)
    other = world.view(provisioner(IDP, GLOBEX)).create(ADA, active=True)
    assert one.id != other.id
    assert other.tenant == GLOBEX


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\N{NO-BREAK SPACE}"])
def test_a_user_without_a_name_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidInput, match="userName that is not blank"):
        world.view(IDP_ACTOR).create(Profile(user_name=name), active=True)
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(InvalidInput, match="userName that is not blank"):
        world.view(IDP_ACTOR).edit(made.id, Edit(profile=replace(ADA, user_name=name)))


def test_only_a_connection_provisions(world: World) -> None:
    """An actor without a connection, whatever its role says, owns nothing that it could create."""
    with pytest.raises(Forbidden, match="Only a connection"):
        provisioning.create(world.store, world.clock, actor(), ADA, active=True)


def test_many_posts_of_one_user_at_once_make_one_user(world: World) -> None:
    """An identity provider that repeats itself: one 201, else 409, and one user."""
    together = Barrier(8)

    def post(_: int) -> User | None:
        together.wait(timeout=30)
        try:
            return world.view(IDP_ACTOR).create(ADA, active=True)
        except NotUnique:
            return None

    with ThreadPoolExecutor(max_workers=8) as pool:
        made = [one for one in pool.map(post, range(8)) if one is not None]
    assert len(made) == 1
    assert world.store.count(ACME) == 1


# --- adopt -----------------------------------------------------------------------------------------------------------


def test_a_user_of_the_directory_is_adopted(world: World) -> None:
    """The profile stays the directory's, but for externalId, which is the client's own (RFC 7643 section 3.1)."""
    ada = of_the_directory(world)
    adopted = world.view(IDP_ACTOR).create(replace(ADA, display_name="Somebody Else"), active=True)
    assert adopted == world.stored(ada)
    assert adopted.connection == IDP
    assert adopted.profile == replace(ada.profile, external_id="e-1")
    assert adopted.entries == ada.entries
    assert actions(world, ada) == [Action.USER_CHANGED]


def test_adopting_frees_nobody(world: World) -> None:
    """Whatever locks the user already is not the connection's to end."""
    locks = (lock(since=NOON - AGO), lock(LockReason.HELD, source="lockstep", since=NOON - AGO), deprovisioned(HR))
    ada = of_the_directory(world, *locks)
    adopted = world.view(IDP_ACTOR).create(ADA, active=True)
    assert set(adopted.locks) == set(locks)
    assert not world.active(ada)


def test_adopting_inactive_locks(world: World) -> None:
    ada = of_the_directory(world)
    world.view(IDP_ACTOR).create(ADA, active=False)
    assert world.reasons(ada) == [LockReason.DEPROVISIONED]


def test_an_adopted_user_is_taken_for_others(world: World) -> None:
    of_the_directory(world)
    world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(NotUnique):
        world.view(HR_ACTOR).create(ADA, active=True)


# --- edit ------------------------------------------------------------------------------------------------------------


def test_the_owner_edits_the_profile(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    world.clock.forward(HOUR)
    wanted = replace(ADA, user_name="ada.lovelace", display_name="Ada Lovelace")
    edited = world.view(IDP_ACTOR).edit(made.id, Edit(profile=wanted))
    assert edited.profile == wanted
    assert (edited.created, edited.modified) == (NOON, NOON + HOUR)
    assert edited == world.stored(made)
    assert actions(world, made)[1:] == [Action.USER_CHANGED]


def test_an_edit_that_changes_nothing_writes_nothing(world: World) -> None:
    """No version, no audit row, no lastModified: RFC 7644 section 3.5.2.1."""
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    world.clock.forward(HOUR)
    for wanted in (Edit(), Edit(profile=ADA), Edit(active=True), Edit(profile=ADA, active=True)):
        assert world.view(IDP_ACTOR).edit(made.id, wanted) == made
    assert world.stored(made) == made
    assert actions(world, made) == [Action.USER_CREATED]


def test_a_name_that_somebody_has_is_refused(world: World) -> None:
    world.view(IDP_ACTOR).create(replace(ADA, user_name="eve"), active=True)
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(NotUnique, match="the user name EVE is taken"):
        world.view(IDP_ACTOR).edit(made.id, Edit(profile=replace(ADA, user_name="EVE")))
    assert world.stored(made) == made


def test_another_connections_profile_is_not_changed(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(Forbidden, match="ada belongs to another connection; only that one may change them"):
        world.view(HR_ACTOR).edit(made.id, Edit(profile=replace(ADA, title="Boss")))
    assert world.stored(made) == made


def test_a_directorys_profile_stays_as_the_directory_says(world: World) -> None:
    """Only externalId is taken: the answer shows the truth."""
    ada = of_the_directory(world)
    edited = world.view(IDP_ACTOR).edit(ada.id, Edit(profile=replace(ADA, title="Boss", external_id="e-9")))
    assert edited.profile == replace(ada.profile, external_id="e-9")
    assert edited.connection is None


def test_external_id_of_another_connections_directory_user_stays(world: World) -> None:
    ada = of_the_directory(world)
    world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(Forbidden):
        world.view(HR_ACTOR).edit(ada.id, Edit(profile=replace(ADA, external_id="stolen")))
    assert world.stored(ada).profile.external_id == "e-1"


# --- active ----------------------------------------------------------------------------------------------------------


def test_inactive_and_active_again(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    world.view(IDP_ACTOR).edit(made.id, Edit(active=False))
    assert world.reasons(made) == [LockReason.DEPROVISIONED]
    world.view(IDP_ACTOR).edit(made.id, Edit(active=True))
    assert world.stored(made).locks == ()
    assert actions(world, made)[1:] == [Action.LOCK_RAISED, Action.LOCK_LIFTED]


def test_inactive_twice_moves_no_time(world: World) -> None:
    """The lock began when it began: a repeated `active: false` is no news."""
    made = world.view(IDP_ACTOR).create(ADA, active=False)
    world.clock.forward(HOUR)
    again = world.view(IDP_ACTOR).edit(made.id, Edit(active=False))
    assert again == made == world.stored(made)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_inactive_twice_is_no_news_whatever_other_locks_there_are(world: World, order: tuple[int, ...]) -> None:
    """The order of a ledger means nothing."""
    locks = (deprovisioned(IDP), lock(since=NOON - AGO), deprovisioned(HR))
    ada = of_the_directory(world, *(locks[place] for place in order))
    assert world.view(IDP_ACTOR).edit(ada.id, Edit(active=False)) == ada
    assert world.stored(ada) == ada


def test_active_ends_only_the_connections_own_lock(world: World) -> None:
    """The story's second sentence: an identity provider's `active: true` does not free a locked person."""
    others = (
        lock(since=NOON - AGO),
        lock(LockReason.UNAFFILIATED, since=NOON - AGO),
        lock(LockReason.HELD, source="lockstep", since=NOON - AGO),
        deprovisioned(HR),
    )
    ada = of_the_directory(world, deprovisioned(IDP), *others)
    edited = world.view(IDP_ACTOR).edit(ada.id, Edit(active=True))
    assert set(edited.locks) == set(others)
    assert not world.active(ada)
    assert world.side.reads == []
    assert world.side.writes == []


def test_two_connections_two_locks(world: World) -> None:
    """Each ends its own: while one says no, the user is locked."""
    ada = of_the_directory(world)
    for by in (IDP_ACTOR, HR_ACTOR):
        world.view(by).edit(ada.id, Edit(active=False))
    assert world.reasons(ada) == [LockReason.DEPROVISIONED] * 2
    world.view(IDP_ACTOR).edit(ada.id, Edit(active=True))
    assert [one.source for one in world.stored(ada).locks] == [HR]


def test_profile_and_active_in_one_edit_are_one_write(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    revision = world.store.revision()
    world.view(IDP_ACTOR).edit(made.id, Edit(profile=replace(ADA, title="Boss"), active=False))
    assert world.store.revision() == revision + 1
    assert actions(world, made)[1:] == [Action.USER_CHANGED, Action.LOCK_RAISED]


def test_a_forbidden_profile_leaves_active_alone(world: World) -> None:
    """All or nothing."""
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    with pytest.raises(Forbidden):
        world.view(HR_ACTOR).edit(made.id, Edit(profile=replace(ADA, title="Boss"), active=False))
    assert world.active(made)


# --- delete ----------------------------------------------------------------------------------------------------------


def test_a_user_whom_no_directory_knows_is_removed(world: World) -> None:
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    world.view(IDP_ACTOR).delete(made.id)
    assert world.store.user(made.id) is None
    assert actions(world, made)[-1] is Action.USER_DELETED
    again = world.view(IDP_ACTOR).create(ADA, active=True)
    assert again.id != made.id


def test_a_user_whom_a_directory_knows_stays_for_people(world: World) -> None:
    """Gone for every connection of the tenant, locked, and still there for a Co-Administrator."""
    ada = of_the_directory(world)
    world.view(IDP_ACTOR).delete(ada.id)
    for by in (IDP_ACTOR, HR_ACTOR):
        with pytest.raises(NotFound):
            world.view(by).user(ada.id)
    kept = world.view().user(ada.id)
    assert (kept.deleted_by, world.reasons(ada)) == (IDP, [LockReason.DEPROVISIONED])
    assert actions(world, ada) == [Action.USER_DELETED, Action.LOCK_RAISED]


def test_deleted_twice_is_not_found(world: World) -> None:
    ada = of_the_directory(world)
    world.view(IDP_ACTOR).delete(ada.id)
    with pytest.raises(NotFound):
        world.view(IDP_ACTOR).delete(ada.id)


def test_a_user_whom_another_connection_owns_is_not_deleted(world: World) -> None:
    """Neither one that it made nor one that it adopted from a directory."""
    made = world.view(IDP_ACTOR).create(replace(ADA, user_name="eve"), active=True)
    ada = of_the_directory(world)
    world.view(IDP_ACTOR).create(ADA, active=True)
    for one in (made, ada):
        before = world.stored(one)
        with pytest.raises(Forbidden, match="belongs to another connection; only that one may delete them"):
            world.view(HR_ACTOR).delete(one.id)
        assert world.stored(one) == before


def test_posted_again_a_deleted_user_is_adopted(world: World) -> None:
    """The same person with the same id and history; the connection's own lock ends, the others do not."""
    ada = of_the_directory(world, lock(since=NOON - AGO))
    world.view(IDP_ACTOR).delete(ada.id)
    again = world.view(IDP_ACTOR).create(ADA, active=True)
    assert (again.id, again.deleted_by, again.connection) == (ada.id, None, IDP)
    assert world.reasons(ada) == [LockReason.PASSWORD_ATTEMPTS]
    assert world.view(IDP_ACTOR).user(ada.id) == again


def test_posted_again_by_another_connection(world: World) -> None:
    """It adopts, and the lock of the one that deleted stays: no connection clears another's lock."""
    ada = of_the_directory(world)
    world.view(IDP_ACTOR).delete(ada.id)
    again = world.view(HR_ACTOR).create(ADA, active=True)
    assert (again.connection, again.deleted_by) == (HR, None)
    assert [one.source for one in again.locks] == [IDP]


@pytest.mark.parametrize(
    "foreign",
    [lock(LockReason.HELD, source="lockstep", since=NOON - AGO), deprovisioned(HR)],
    ids=["held by a Co-Administrator", "deprovisioned by another connection"],
)
def test_delete_and_post_launder_no_lock(world: World, foreign: Lock) -> None:
    """Not even of a user whom only the connection knows: what somebody else locked stays locked."""
    made = world.save(user("ada", connection=IDP, locks=[foreign]))
    world.view(IDP_ACTOR).delete(made.id)
    with pytest.raises(NotFound):
        world.view(IDP_ACTOR).user(made.id)
    again = world.view(IDP_ACTOR).create(ADA, active=True)
    assert again.id == made.id
    assert again.profile == ADA
    assert again.locks == (foreign,)


def test_a_hold_that_is_over_keeps_nobody(world: World) -> None:
    over = lock(LockReason.HELD, source="lockstep", since=NOON - 2 * AGO, until=NOON - AGO)
    made = world.save(user("ada", connection=IDP, locks=[over]))
    world.view(IDP_ACTOR).delete(made.id)
    assert world.store.user(made.id) is None


# --- storms ----------------------------------------------------------------------------------------------------------


def test_a_hundred_repeated_patches_are_one(world: World) -> None:
    """An identity provider that repeats itself: one lock, one write, one audit row."""
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    revision = world.store.revision()
    answers = {world.view(IDP_ACTOR).edit(made.id, Edit(active=False)).version for _ in range(100)}
    assert answers == {revision + 1}
    assert world.store.revision() == revision + 1


def test_many_patches_at_once_all_succeed(world: World) -> None:
    """Twenty at once, half of them the other way: no error, no lost audit row, and the ledger is sound."""
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    together = Barrier(20)

    def patch(active: bool) -> User:  # noqa: FBT001 - mapped over
        together.wait(timeout=30)
        return world.view(IDP_ACTOR).edit(made.id, Edit(active=active))

    with ThreadPoolExecutor(max_workers=20) as pool:
        answers = list(pool.map(patch, islice(cycle([False, True]), 20)))
    assert {len(answer.locks) for answer in answers} <= {0, 1}
    moves = actions(world, made)[1:]
    assert moves == list(islice(cycle([Action.LOCK_RAISED, Action.LOCK_LIFTED]), len(moves)))
    assert len(world.stored(made).locks) == len(moves) % 2


def test_two_connections_at_once_do_not_mix(world: World) -> None:
    ada = of_the_directory(world)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda by: world.view(by).edit(ada.id, Edit(active=False)), [IDP_ACTOR, HR_ACTOR] * 4))
    assert sorted(one.source for one in world.stored(ada).locks) == [HR, IDP]


def test_a_stale_user_is_not_written(world: World) -> None:
    """The rule below the view: what was planned on an old state is refused, whole."""
    ada = of_the_directory(world)
    world.view().hold(ada.id, "lost laptop")
    with pytest.raises(StaleVersion, match="read the user again, then repeat"):
        provisioning.edit(world.store, world.clock, IDP_ACTOR, ada, Edit(active=False))
    assert world.reasons(ada) == [LockReason.HELD]


def test_a_removed_user_is_not_brought_back(world: World) -> None:
    """Deleted between reading and writing: a conflict, not a new user."""
    made = world.view(IDP_ACTOR).create(ADA, active=True)
    world.store.apply(Batch(removed=(made.id,)))
    with pytest.raises(Conflict):
        provisioning.edit(world.store, world.clock, IDP_ACTOR, made, Edit(active=False))
    assert world.store.user(made.id) is None
