"""Tokens: what is behind one decides at every request."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ims.credentials import new_secret
from ims.errors import StoreUnusable
from ims.locks import LockReason
from ims.people import AffiliationStatus, ConnectionName, Role, TenantId, UserId
from ims.ports import Batch
from tests.support.people import ACME, GLOBEX, IDP, lock, user
from tests.support.scim_world import PORTAL, Caller, ScimWorld


def outcome(caller: Caller) -> tuple[int, str]:
    """Return the status of a request, and why it was refused."""
    reply = caller.get("/Users", count=0)
    if reply.status == 401:
        assert reply.raw.headers["WWW-Authenticate"].startswith("Bearer ")
    return reply.status, reply.body.get("detail", "")


def test_a_good_token_is_good(scim: ScimWorld) -> None:
    for caller in (scim.idp, scim.carol, scim.alba, scim.aude, scim.connection(PORTAL)):
        assert outcome(caller) == (200, "")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer lsk_",
        "Bearer lsk_0123456789ab_",
        "Bearer lsk_0123456789ab_wrong",
        "Bearer nonsense",
        "Basic bHNrXzox",
        "lsk_0123456789ab_secret",
        "Bearer \udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    ],
)
def test_what_is_no_token_is_401(scim: ScimWorld, header: str) -> None:
    reply = scim.anybody.call("GET", "/Users", headers={"Authorization": header})
    assert reply.status == 401
    assert 'error="invalid_token"' in reply.raw.headers["WWW-Authenticate"]


def test_no_token_is_challenged_without_an_error(scim: ScimWorld) -> None:
    reply = scim.anybody.get("/Users")
    assert (reply.status, reply.raw.headers["WWW-Authenticate"]) == (401, 'Bearer realm="Lockstep"')


def test_the_scheme_is_taken_in_any_case(scim: ScimWorld) -> None:
    assert scim.anybody.call("GET", "/Users", headers={"Authorization": f"bEARER  {scim.idp.token}"}).status == 200


def test_a_secret_must_fit_its_id(scim: ScimWorld) -> None:
    """A known public id with another secret is as wrong as an unknown one, and says the same."""
    token = scim.idp.token or ""
    forged = Caller(client=scim.app.test_client(), token=token[:-1] + ("A" if token[-1] != "A" else "B"))
    unknown = Caller(client=scim.app.test_client(), token=new_secret()[1])
    assert outcome(forged) == outcome(unknown) == (401, "The token is not valid")


def test_an_expired_and_a_revoked_token_are_refused_from_that_moment(scim: ScimWorld) -> None:
    now = scim.world.clock.now()
    brief = scim.caller(Role.READER, connection=PORTAL, expires=now + timedelta(minutes=1))
    assert outcome(brief)[0] == 200
    scim.world.clock.forward(timedelta(minutes=1))
    assert outcome(brief) == (401, "The token has expired; have a new one made")
    assert outcome(scim.caller(Role.READER, connection=PORTAL, revoked=now)) == (401, "The token was revoked")


@pytest.mark.parametrize(
    ("role", "tenant", "connection"),
    [
        (Role.PROVISIONER, ACME, ConnectionName("forgotten")),
        (Role.PROVISIONER, ACME, PORTAL),
        (Role.PROVISIONER, GLOBEX, IDP),
        (Role.CO_ADMINISTRATOR, ACME, IDP),
        (Role.PROVISIONER, ACME, None),
        (Role.CO_ADMINISTRATOR, ACME, None),
        (Role.OPERATOR, ACME, None),
        (Role.AGENT, None, None),
        (Role.PROVISIONER, TenantId("closed"), IDP),
        (Role.PROVISIONER, None, IDP),
    ],
)
def test_a_connection_s_token_must_agree_with_the_settings(
    scim: ScimWorld, role: Role, tenant: TenantId | None, connection: ConnectionName | None
) -> None:
    caller = scim.caller(role, tenant=tenant, connection=connection)
    assert outcome(caller)[0] == 401
    assert caller.get("/ServiceProviderConfig").status == 401


def test_an_operator_sees_no_people(scim: ScimWorld) -> None:
    ada = scim.provisioned()
    operator = scim.operator
    for reply in (
        operator.get("/Users"),
        operator.get(f"/Users/{ada.id}"),
        operator.get("/Users/nobody"),
        operator.post("eve"),
        operator.set_active(ada.id, value=True),
        operator.call("DELETE", f"/Users/{ada.id}"),
    ):
        assert reply.problem == (403, None)


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_locked_person_s_token_fails_at_once(scim: ScimWorld) -> None:
    carol = scim.carol
    assert outcome(carol)[0] == 200
    scim.world.save(replace(scim.stored("user-carol"), locks=(lock(LockReason.HELD, name="carol"),)))
    assert outcome(carol) == (401, "The person of this token is locked")


def test_a_timed_lock_ends_for_tokens_too(scim: ScimWorld) -> None:
    carol, now = scim.carol, scim.world.clock.now()
    timed = lock(since=now, until=now + timedelta(minutes=15), name="carol")
    scim.world.save(replace(scim.stored("user-carol"), locks=(timed,)))
    assert outcome(carol)[0] == 401
    scim.world.clock.forward(timedelta(minutes=15))
    assert outcome(carol)[0] == 200


def test_a_person_who_left_has_no_token(scim: ScimWorld) -> None:
    carol = scim.carol
    stored = scim.stored("user-carol")
    assert stored.affiliation is not None
    lost = replace(stored.affiliation, status=AffiliationStatus.UNAFFILIATED)
    for changed in (
        replace(stored, affiliation=lost),
        replace(stored, tenant=GLOBEX),
        replace(stored, deleted_by=IDP),
    ):
        scim.world.save(changed)
        assert outcome(carol)[0] == 401
    scim.world.store.apply(Batch(removed=(stored.id,)))
    assert outcome(carol)[0] == 401


@pytest.mark.parametrize(
    ("held", "used", "status"),
    [
        (Role.CO_ADMINISTRATOR, Role.CO_ADMINISTRATOR, 200),
        (Role.ACCOUNT_ADMINISTRATOR, Role.CO_ADMINISTRATOR, 200),
        (Role.ACCOUNT_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR, 200),
        (Role.CO_ADMINISTRATOR, Role.AUDITOR, 200),
        (Role.CO_ADMINISTRATOR, Role.ACCOUNT_ADMINISTRATOR, 403),
        (Role.AUDITOR, Role.CO_ADMINISTRATOR, 403),
        (None, Role.AUDITOR, 403),
        (None, Role.CO_ADMINISTRATOR, 403),
    ],
)
def test_where_groups_give_roles_a_token_is_worth_no_more_than_they(
    make_scim: Callable[..., ScimWorld], held: Role | None, used: Role, status: int
) -> None:
    scim = make_scim(role_groups=frozenset({ACME}))
    person = scim.world.save(user("paul", role=held))
    assert outcome(scim.caller(used, person=person.id))[0] == status


def test_where_no_groups_give_roles_the_token_does(scim: ScimWorld) -> None:
    person = scim.world.save(user("paul"))
    assert outcome(scim.caller(Role.CO_ADMINISTRATOR, person=person.id))[0] == 200


@pytest.mark.parametrize("role", [Role.PROVISIONER, Role.READER, Role.OPERATOR, Role.AGENT])
def test_a_person_holds_no_program_s_role(scim: ScimWorld, role: Role) -> None:
    person = scim.world.save(user("paul"))
    assert outcome(scim.caller(role, person=person.id))[0] == 403


def test_the_last_use_is_known_to_the_minute(scim: ScimWorld) -> None:
    idp = scim.idp

    def last_used() -> object:
        return scim.world.store.tokens()[-1].last_used

    began = scim.world.clock.now()
    outcome(idp)
    assert last_used() == began
    scim.world.clock.forward(timedelta(seconds=59))
    outcome(idp)
    assert last_used() == began
    now = scim.world.clock.forward(timedelta(seconds=1))
    outcome(idp)
    assert last_used() == now


def test_a_token_of_nobody_is_refused(scim: ScimWorld) -> None:
    assert outcome(scim.caller(Role.AUDITOR, person=UserId("user-nobody")))[0] == 401


def test_a_store_that_cannot_be_written_keeps_one_request_waiting_and_not_all(
    scim: ScimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked database lets a writer wait for ten seconds: every reader would, as no use is ever recorded."""
    waited = []

    def waits(*_: object) -> None:
        waited.append(1)
        raise StoreUnusable("another program keeps it locked")

    idp = scim.idp
    monkeypatch.setattr(type(scim.world.store), "touch_token", waits)
    assert [outcome(idp)[0] for _ in range(3)] == [200, 200, 200]
    assert waited == [1]
