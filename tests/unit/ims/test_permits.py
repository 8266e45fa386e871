"""Who may do what: the table, literally, and the view that shows each actor their own company account only."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ims.audit import Action
from ims.batches import BatchId, Decision
from ims.errors import Forbidden, InvalidInput, NotFound, StaleVersion
from ims.grouping import GroupEdit
from ims.groups import Group, GroupId
from ims.locks import LockReason
from ims.people import Actor, Channel, Profile, Revision, Role, User, UserId
from ims.permits import ON_THE_BOX, TABLE, Permission, Services, TenantView, allows, for_actor, require
from ims.pleas import PleaId
from ims.ports import Batch, UserChange
from ims.provisioning import Edit
from ims.query import EVERYTHING, Attribute, Compare, Operator, Page
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, HR, IDP, actor, provisioner, user
from tests.support.unlock_world import World

PROVISIONER, READER, CO, ACCOUNT, AUDITOR, OPERATOR, AGENT = Role

PINNED = """
                     provisioner reader co_administrator account_administrator auditor operator agent
discovery:read       yes         yes    yes              yes                   yes     yes      -
users:read           yes         yes    yes              yes                   yes     -        -
groups:read          yes         yes    yes              yes                   yes     -        -
evidence:read        -           -      yes              yes                   yes     -        -
users:provision      yes         -      -                -                     -       -        -
locks:hold           -           -      yes              yes                   -       -        -
locks:unlock         -           -      yes              yes                   -       -        -
audit:read           -           -      yes              yes                   yes     -        -
health:read          -           -      yes              yes                   yes     -        -
batches:decide       -           -      -                yes                   -       -        -
operations:read      -           -      -                -                     -       yes      -
box:break_glass      -           -      -                -                     -       yes      -
box:read             -           -      -                -                     -       yes      -
box:decide           -           -      -                -                     -       yes      -
"""


def pinned() -> list[tuple[Permission, Role, bool]]:
    """Return the cells of the table above."""
    heads, *lines = PINNED.strip().splitlines()
    roles = [Role(name) for name in heads.split()]
    rows = [line.split() for line in lines]
    return [
        (Permission(name), role, cell == "yes")
        for name, *cells in rows
        for role, cell in zip(roles, cells, strict=True)
    ]


@pytest.mark.parametrize(("permission", "role", "may"), pinned())
def test_the_table(permission: Permission, role: Role, may: bool) -> None:  # noqa: FBT001 - a cell
    """A changed right is a changed test: every cell is written out."""
    here = actor(role, channel=Channel.COMMAND_LINE)
    assert allows(here, permission) is may
    if may:
        require(here, permission)
    else:
        with pytest.raises(Forbidden, match=f"The role {role.value} may not do this \\({permission.value}\\)"):
            require(here, permission)


def test_the_table_is_whole() -> None:
    """No permission and no role without its cell, here and in the code."""
    cells = {(permission, role) for permission, role, _ in pinned()}
    assert cells == {(permission, role) for permission in Permission for role in Role}
    assert set(TABLE) == set(Permission)


@pytest.mark.parametrize("permission", sorted(ON_THE_BOX))
@pytest.mark.parametrize("channel", [channel for channel in Channel if channel is not Channel.COMMAND_LINE])
def test_what_belongs_to_the_box_is_never_granted_to_a_token(permission: Permission, channel: Channel) -> None:
    """An operator's token, wherever it is shown, breaks no glass."""
    assert allows(actor(OPERATOR, channel=Channel.COMMAND_LINE), permission)
    assert not allows(actor(OPERATOR, channel=channel), permission)


def test_what_belongs_to_the_box() -> None:
    assert {Permission.BREAK_GLASS, Permission.READ_ON_THE_BOX, Permission.DECIDE_ON_THE_BOX} == ON_THE_BOX


# --- every method of the view needs a permission ---------------------------------------------------------------------


def missing(call: Callable[[], Any]) -> None:
    """Ask for something that is not there, and be told so."""
    with pytest.raises((NotFound, StaleVersion)):
        call()


GROUP = Group(id=GroupId("none"), tenant=ACME, display_name="none", created=NOON, modified=NOON, version=Revision(1))
NEEDS: dict[str, tuple[Permission, Callable[[TenantView], Any]]] = {
    "user": (Permission.READ_USERS, lambda view: view.user(UserId("user-ada"))),
    "find": (Permission.READ_USERS, lambda view: view.find(EVERYTHING, Page(limit=1))),
    "create": (Permission.PROVISION, lambda view: view.create(Profile(user_name="new"), active=True)),
    "edit": (Permission.PROVISION, lambda view: view.edit(UserId("user-ada"), Edit(active=False))),
    "delete": (Permission.PROVISION, lambda view: view.delete(UserId("user-ada"))),
    "hold": (Permission.HOLD, lambda view: view.hold(UserId("user-ada"), "why")),
    "unlock": (Permission.UNLOCK, lambda view: view.unlock(UserId("user-ada"))),
    "pleas": (Permission.UNLOCK, lambda view: view.pleas()),
    "dismiss": (Permission.UNLOCK, lambda view: missing(lambda: view.dismiss(PleaId("none")))),
    "preview": (Permission.UNLOCK, lambda view: view.preview(UserId("user-ada"))),
    "group": (Permission.READ_GROUPS, lambda view: missing(lambda: view.group(GroupId("none")))),
    "find_groups": (Permission.READ_GROUPS, lambda view: view.find_groups(EVERYTHING, Page(limit=1))),
    "members": (Permission.READ_GROUPS, lambda view: view.members(())),
    "memberships": (Permission.READ_GROUPS, lambda view: view.memberships(())),
    "create_group": (Permission.PROVISION, lambda view: view.create_group(GroupEdit(display_name="new"))),
    "edit_group": (Permission.PROVISION, lambda view: view.edit_group(GROUP, GroupEdit())),
    "delete_group": (Permission.PROVISION, lambda view: missing(lambda: view.delete_group(GROUP))),
    "audit": (Permission.READ_AUDIT, lambda view: view.audit()),
    "held": (Permission.DECIDE, lambda view: view.held()),
    "held_part": (Permission.DECIDE, lambda view: missing(lambda: view.held_part(BatchId("none")))),
    "decide": (Permission.DECIDE, lambda view: missing(lambda: view.decide(BatchId("none"), Decision.APPROVED))),
}
TOUCH_NOTHING = {"actor", "may_clear", "now", "rules", "sees_evidence"}


def test_every_method_of_the_view_is_in_the_list() -> None:
    """A method that somebody adds is tested before it is used."""
    public = {name for name, _ in inspect.getmembers(TenantView) if not name.startswith("_")} | {"actor"}
    assert public == set(NEEDS) | TOUCH_NOTHING


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("method", sorted(NEEDS))
def test_without_the_permission_nothing_is_touched(world: World, method: str, role: Role) -> None:
    """Forbidden comes before the store: the same answer where there is none at all."""
    permission, call = NEEDS[method]
    ada = world.person()
    view = world.view(actor(role, connection=IDP if role in (PROVISIONER, READER) else None))
    if role in TABLE[permission]:
        call(view)
        return
    before = world.store.revision(), world.store.audit()
    untouchable = TenantView(view.actor, ACME, None)  # type: ignore[arg-type]  # whoever touches it fails otherwise
    with pytest.raises(Forbidden):
        call(untouchable)
    with pytest.raises(Forbidden):
        call(view)
    assert (world.store.revision(), world.store.audit()) == before
    assert world.stored(ada) == ada


# --- one company account only ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [OPERATOR, AGENT])
def test_who_has_no_company_account_sees_nobody(world: World, role: Role) -> None:
    """An operator's token has no tenant: there is no view to hold."""
    with pytest.raises(Forbidden, match="sees no people"):
        world.view(actor(role, tenant=None))


@pytest.mark.parametrize("role", [OPERATOR, AGENT])
def test_a_tenant_does_not_make_an_operator_see_people(world: World, role: Role) -> None:
    ada = world.person()
    with pytest.raises(Forbidden):
        world.view(actor(role)).user(ada.id)


def refusal(call: Callable[[TenantView], Any], view: TenantView) -> str:
    with pytest.raises(NotFound) as told:
        call(view)
    return str(told.value)


ON_ONE_USER = sorted({"user", "edit", "delete", "hold", "unlock"})


@pytest.mark.parametrize("method", ON_ONE_USER)
def test_a_foreign_user_is_a_missing_one(world: World, method: str) -> None:
    """The same error with the same words, for every method, by everybody who may call it; and nothing happens."""
    permission, call = NEEDS[method]
    for role in sorted(TABLE[permission]):
        view = world.view(actor(role, tenant=GLOBEX, connection=HR if role in (PROVISIONER, READER) else None))
        missing = refusal(call, view)
        ada = world.save(user("ada", tenant=ACME))
        assert refusal(call, view) == missing
        assert world.stored(ada) == ada
        world.store.apply(Batch(removed=(ada.id,)))
    assert world.store.audit() == ()


def test_finding_ends_at_the_company_account(world: World) -> None:
    """Neither the list nor the count nor a clever question tells of others."""
    world.save(user("ada"))
    world.save(user("bob", tenant=GLOBEX))
    view = world.view(actor(CO, tenant=GLOBEX))
    for query in (EVERYTHING, Compare(Attribute.USER_NAME, Operator.EQ, "ada"), Compare(Attribute.ID, Operator.NE, "")):
        page = view.find(query, Page(limit=10))
        assert {found.profile.user_name for found in page.users} <= {"bob"}
        assert page.total <= 1
    assert view.find(EVERYTHING, Page(limit=10)).total == 1


def test_the_audit_ends_at_the_company_account(world: World) -> None:
    """Asked for in general, or for somebody else's user by id."""
    world.view(actor(CO)).hold(world.save(user("ada")).id, "why")
    world.view(actor(CO, tenant=GLOBEX)).hold(world.save(user("bob", tenant=GLOBEX)).id, "why")
    view = world.view(actor(AUDITOR))
    assert [row.subject for row in view.audit()] == ["ada"]
    assert view.audit(UserId("user-bob")) == ()


# --- users whom a connection has deleted -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", [PROVISIONER, READER, CO, ACCOUNT, AUDITOR])
def test_a_deleted_user_is_there_for_people_only(world: World, role: Role) -> None:
    """A connection that DELETEd somebody gets 404 and finds nobody; a Co-Administrator still sees the lock."""
    gone = world.save(user("ada", deleted_by=IDP))
    connection = role in (PROVISIONER, READER)
    for by in (IDP, HR) if connection else (None,):
        view = world.view(actor(role, connection=by))
        found = view.find(Compare(Attribute.USER_NAME, Operator.EQ, "ada"), Page(limit=10))
        if connection:
            assert found.total == 0
            with pytest.raises(NotFound, match="There is no user user-ada"):
                view.user(gone.id)
        else:
            assert [one.id for one in found.users] == [gone.id]
            assert view.user(gone.id) == gone


def test_a_connections_role_alone_hides_the_deleted(world: World) -> None:
    """Whoever forgets to name the connection in the actor shows nothing more for it."""
    gone = world.save(user("ada", deleted_by=IDP))
    view = world.view(actor(READER))
    assert view.find(EVERYTHING, Page(limit=10)).total == 0
    with pytest.raises(NotFound):
        view.user(gone.id)


@pytest.mark.parametrize("role", Role)
def test_evidence_is_for_people(world: World, role: Role) -> None:
    assert world.view(actor(role)).sees_evidence is (role in (CO, ACCOUNT, AUDITOR))


def test_a_view_tells_the_rules_and_the_moment(world: World) -> None:
    """Whoever shows locks needs both, and neither is anybody's secret."""
    view = world.view(actor(READER))
    assert (view.rules, view.now()) == (world.rules, NOON)


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        lambda view, ada: view.edit(ada.id, Edit(active=False), ada.version),
        lambda view, ada: view.delete(ada.id, ada.version),
    ],
    ids=["edit", "delete"],
)
def test_a_version_that_is_no_longer_true_is_refused(world: World, act: Callable[[TenantView, User], Any]) -> None:
    """If-Match: the caller looked at another state."""
    ada = world.save(user("ada", connection=IDP))
    world.view().hold(ada.id, "why")
    with pytest.raises(StaleVersion, match="ada was changed meanwhile"):
        act(world.view(provisioner()), ada)
    assert world.reasons(ada) == [LockReason.HELD]


def test_a_true_version_is_taken(world: World) -> None:
    ada = world.save(user("ada", connection=IDP))
    after = world.view(provisioner()).edit(ada.id, Edit(active=False), ada.version)
    assert after == world.stored(ada)
    assert after.version > ada.version


class Meddler:
    """A store in which somebody else writes the user just before each of the next `times` writes."""

    def __init__(self, world: World, times: int) -> None:
        self.world = world
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world.store, name)

    def apply(self, batch: Batch) -> Any:
        if self.times:
            self.times -= 1
            for change in batch.changes:
                stored = self.world.stored(change.user)
                self.world.store.apply(Batch(changes=(UserChange(user=stored, base=stored.version),)))
        return self.world.store.apply(batch)


def meddled_view(world: World, who: Actor, times: int = 3) -> TenantView:
    """Return a view over such a store."""
    store: Any = Meddler(world, times)
    services = Services(store=store, unlocking=world.unlocking, clock=world.clock, rules=world.rules)
    return for_actor(who, services)


def test_a_write_in_between_is_no_reason_to_fail(world: World) -> None:
    """Whoever names no version means the latest: the tick that came between does not become a 409."""
    ada = world.save(user("ada", connection=IDP))
    meddled_view(world, provisioner()).edit(ada.id, Edit(active=False))
    assert world.reasons(ada) == [LockReason.DEPROVISIONED]
    meddled_view(world, actor(CO)).hold(ada.id, "why", NOON + timedelta(hours=1))
    assert set(world.reasons(ada)) == {LockReason.DEPROVISIONED, LockReason.HELD}
    assert [row.action for row in world.store.audit(user=ada.id)] == [Action.LOCK_RAISED] * 2


def test_a_write_in_between_is_told_to_whoever_named_a_version(world: World) -> None:
    ada = world.save(user("ada", connection=IDP))
    with pytest.raises(StaleVersion):
        meddled_view(world, provisioner()).edit(ada.id, Edit(active=False), ada.version)
    assert world.active(ada)


def test_a_version_of_the_future_is_not_the_present(world: World) -> None:
    ada = world.save(user("ada", connection=IDP))
    with pytest.raises(StaleVersion):
        world.view(provisioner()).edit(ada.id, Edit(active=False), Revision(ada.version + 1))


def test_an_error_of_the_act_is_the_callers(world: World) -> None:
    """Nothing is repeated, and nothing hidden, where repeating cannot help."""
    ada = world.save(user("ada"))
    with pytest.raises(InvalidInput):
        world.view().hold(ada.id, "why", NOON - timedelta(hours=1))
