"""Every role, every route, whose user it is, and the state of the token: nothing is open by accident.

The cases are generated from the application's URL map, so a route that nobody thought of fails here.
"""

import contextlib
from itertools import product

import pytest

from ims.errors import Forbidden
from ims.people import Channel, Role, UserId
from ims.permits import TABLE, Permission
from scim.app import PREFIX, ROUTES, Route, authorize, blueprint
from scim.urns import PATCH_URN, USER_URN
from tests.support.people import ACME, GLOBEX, HR, IDP, actor, user
from tests.support.scim_world import GLOBEX_IDP, PORTAL, Caller, Reply, ScimWorld

ROLES = (
    "provisioner",
    "other_provisioner",
    "reader",
    "co_administrator",
    "account_administrator",
    "auditor",
    "operator",
)
STATES = ("good", "absent", "unknown", "expired", "revoked")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

EXPECTED = {
    #          role                     GET  POST PATCH active:true, false, title  DELETE  of an own user
    "provisioner": (200, 201, 200, 200, 204, 204),
    "other_provisioner": (200, 201, 200, 200, 403, 403),
    "reader": (200, 403, 403, 403, 403, 403),
    "co_administrator": (200, 403, 200, 200, 403, 403),
    "account_administrator": (200, 403, 200, 200, 403, 403),
    "auditor": (200, 403, 403, 403, 403, 403),
    "operator": (403, 403, 403, 403, 403, 403),
}
ACTS = ("GET", "POST", "unlock", "lock", "edit", "DELETE")


def caller_of(scim: ScimWorld, role: str) -> Caller:
    """Return a caller of that role in ACME."""
    match role:
        case "provisioner":
            return scim.connection(IDP)
        case "other_provisioner":
            return scim.connection(HR)
        case "reader":
            return scim.connection(PORTAL)
        case "operator":
            return scim.operator
        case _:
            return scim.person(f"me-{role}", Role(role))


def target_of(scim: ScimWorld, target: str, role: str) -> str:
    """Return the id of a user who is that to the caller."""
    match target:
        case "own":
            return scim.provisioned("own").id
        case "foreign":
            return scim.world.save(user("foreign", tenant=GLOBEX, connection=GLOBEX_IDP)).id
        case "self":
            return f"user-me-{role}"
        case "protected":
            return scim.world.person("root", corp=False, protected="adminCount = 1").id
        case _:
            return "user-nobody"


def act_on(caller: Caller, act: str, target: str) -> Reply:
    """Do one act on a user."""
    match act:
        case "GET":
            return caller.get(f"/Users/{target}")
        case "POST":
            return caller.post("newcomer")
        case "unlock" | "lock":
            return caller.set_active(target, value=act == "unlock")
        case "edit":
            return caller.patch(target, {"op": "replace", "path": "title", "value": "1"})
        case _:
            return caller.call("DELETE", f"/Users/{target}")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_to_its_own_tenant_what_the_table_says(scim: ScimWorld, role: str) -> None:
    outcomes = []
    for number, act in enumerate(ACTS):
        one = scim.provisioned(f"own{number}")
        outcomes.append(act_on(caller_of(scim, role), act, one.id).status)
    assert tuple(outcomes) == EXPECTED[role]


FOREIGN = {
    #                       GET  PATCH active:true, false, title  DELETE  of a user of another tenant
    "provisioner": (404, 404, 404, 404, 404),
    "other_provisioner": (404, 404, 404, 404, 404),
    "reader": (404, 403, 403, 403, 403),
    "co_administrator": (404, 404, 404, 404, 403),
    "account_administrator": (404, 404, 404, 404, 403),
    "auditor": (404, 403, 403, 403, 403),
    "operator": (403, 403, 403, 403, 403),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_foreign_user_is_a_missing_user(scim: ScimWorld, role: str) -> None:
    """Byte for byte, once the id that was asked for is the same text."""
    foreign = target_of(scim, "foreign", role)
    caller = caller_of(scim, role)
    statuses = []
    for act in ("GET", "unlock", "lock", "edit", "DELETE"):
        hidden, missing = act_on(caller, act, foreign), act_on(caller, act, "user-nobodyy")
        assert hidden.status == missing.status
        assert hidden.raw.data == missing.raw.data.replace(b"user-nobodyy", foreign.encode())
        statuses.append(hidden.status)
    assert tuple(statuses) == FOREIGN[role]
    assert scim.stored(foreign).version == 1


@pytest.mark.parametrize("target", ["self", "protected"])
@pytest.mark.parametrize("role", ["co_administrator", "account_administrator"])
def test_nobody_frees_themself_or_a_protected_account(scim: ScimWorld, role: str, target: str) -> None:
    caller = caller_of(scim, role)
    assert caller.set_active(target_of(scim, target, role), value=True).problem == (403, None)
    assert scim.world.side.reads == []


def test_only_an_account_administrator_frees_an_account_administrator(scim: ScimWorld) -> None:
    other = scim.world.save(user("other", role=Role.ACCOUNT_ADMINISTRATOR))
    assert scim.carol.set_active(other.id, value=True).problem == (403, None)
    assert scim.alba.set_active(other.id, value=True).status == 200


# --- from the URL map ------------------------------------------------------------------------------------------------


def concrete(scim: ScimWorld) -> list[str]:
    """Return a path for every rule that the blueprint has registered, below the prefix."""
    rules = [rule for rule in scim.app.url_map.iter_rules() if rule.endpoint.startswith("scim.")]
    filled = {
        "user_id": "user-own",
        "group_id": "no-group",
        "name": "User",
        "urn": USER_URN,
        "rest": "nothing/here",
    }
    return [rule.build(filled, append_unknown=False)[1].removeprefix(PREFIX) for rule in rules]  # type: ignore[index]  # a rule of ours can be built


def caller_in(scim: ScimWorld, role: str, state: str) -> Caller:
    """Return a caller whose token is in that state."""
    good = caller_of(scim, role)
    match state:
        case "absent":
            return scim.anybody
        case "unknown":
            return Caller(client=good.client, token="lsk_0123456789ab_" + "A" * 43)
        case "revoked":
            newest = scim.world.store.tokens()[-1]
            scim.world.store.revoke_token(newest.id, scim.world.clock.now(), ())
            return good
        case _:
            return good


@pytest.mark.parametrize(
    ("role", "state"), [pair for pair in product(ROLES, STATES) if pair[1] not in ("good", "expired")]
)
def test_without_a_good_token_there_is_nothing_but_401(scim: ScimWorld, role: str, state: str) -> None:
    """Whatever the path, known or not, and whatever the method."""
    scim.provisioned("own")
    caller = caller_in(scim, role, state)
    paths = concrete(scim)
    assert len(paths) > len(ROUTES) / 2
    for path, method in product(paths, METHODS):
        assert caller.call(method, path, data=b"{").status == 401, (method, path)
    assert scim.stored("user-own").version == 1


@pytest.mark.parametrize("role", ROLES)
def test_an_expired_token_is_401_everywhere(scim: ScimWorld, role: str) -> None:
    caller = caller_of(scim, role)
    scim.world.clock.at = scim.world.store.tokens()[-1].expires
    for path, method in product(concrete(scim), METHODS):
        assert caller.call(method, path, data=b"{").status == 401


@pytest.mark.parametrize("role", ROLES)
def test_a_good_token_opens_what_its_role_has_and_nothing_else(scim: ScimWorld, role: str) -> None:
    """Bodies are wrong on purpose: 400 and 415 mean that the door was open, 403 that it was not."""
    scim.provisioned("own")
    caller = caller_of(scim, role)
    held = Role("provisioner" if role == "other_provisioner" else role)
    offered = {(route.method, path_of(route)): route for route in ROUTES}
    for path, method in product(concrete(scim), METHODS):
        if method == "DELETE":
            continue
        status = caller.call(method, path, data=b"{").status
        route = offered.get(("GET" if method == "HEAD" else method, path))
        if route is None:
            assert status in (404, 405, 501), (method, path)
        elif any(held in TABLE[permission] for permission in route.permissions):
            assert status in (200, 400, 404, 415), (method, path)
        else:
            assert status == 403, (method, path)


def path_of(route: Route) -> str:
    """Return a route's path as `concrete` fills it."""
    path = route.path.replace("<user_id>", "user-own").replace("<group_id>", "no-group")
    return path.replace("<name>", "User").replace("<urn>", USER_URN)


def test_every_rule_of_the_application_has_a_row(scim: ScimWorld) -> None:
    """A rule that is registered past the table would have no permission."""
    known = {PREFIX + route.path for route in ROUTES}
    rules = {rule.rule for rule in scim.app.url_map.iter_rules() if rule.endpoint != "static"}
    assert rules - known == {f"{PREFIX}/<scim_anything:rest>"}


def test_every_row_has_a_permission() -> None:
    """An empty tuple would open nothing, and a permission that is on no list would open everything to nobody."""
    for route in ROUTES:
        assert route.permissions
        assert set(route.permissions) <= set(Permission)
        assert all(TABLE[permission] for permission in route.permissions)


@pytest.mark.parametrize("role", list(Role))
def test_the_door_agrees_with_the_table(role: Role) -> None:
    for route in ROUTES:
        one = actor(role, tenant=ACME, user=UserId("x"), channel=Channel.SCIM)
        may = any(role in TABLE[permission] for permission in route.permissions)
        with contextlib.nullcontext() if may else pytest.raises(Forbidden):
            authorize(one, route)


def test_conflicting_ids_in_body_query_and_headers_change_nothing(scim: ScimWorld) -> None:
    """Only the path names the user: what else looks like an id, or like a tenant, is not believed."""
    foreign = target_of(scim, "foreign", "provisioner")
    own = scim.provisioned("own")
    body = {
        "schemas": [PATCH_URN],
        "id": foreign,
        "tenant": "globex",
        "Operations": [{"op": "replace", "path": "title", "value": "1"}],
    }
    reply = scim.idp.call(
        "PATCH",
        f"/Users/{own.id}",
        body,
        query={"id": foreign, "tenant": "globex"},
        headers={"X-Tenant": "globex", "X-User": foreign},
    )
    assert reply.status == 204
    assert (scim.stored(own.id).profile.title, scim.stored(foreign).profile.title) == ("1", "")
    created = scim.idp.post("newcomer", tenant="globex", **{"urn:x:y": {"tenant": "globex"}}).body["id"]
    assert scim.stored(created).tenant == ACME


def test_the_blueprint_is_made_anew_for_each_application(scim: ScimWorld) -> None:
    assert blueprint(scim.services) is not blueprint(scim.services)
