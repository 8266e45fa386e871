"""The SCIM service provider as its clients meet it: a Flask application over a real store and fake directories."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ims import permits
from ims.credentials import Connection, Token, digest_of, new_secret
from ims.people import ConnectionName, Role, Tenant, TenantId, User, UserId
from scim.app import PREFIX, blueprint
from scim.rates import Rates
from scim.services import Limits, ScimServices
from scim.urns import ERROR_URN, PATCH_URN, USER_URN
from tests.support.people import ACME, GLOBEX, HR, IDP, user
from tests.support.unlock_world import World

BASE = "https://id.example.com/scim/v2"
PORTAL = ConnectionName("portal")
GLOBEX_IDP = ConnectionName("globex_idp")
CONNECTIONS = {
    connection.name: connection
    for connection in (
        Connection(name=IDP, tenant=ACME, role=Role.PROVISIONER),
        Connection(name=HR, tenant=ACME, role=Role.PROVISIONER),
        Connection(name=PORTAL, tenant=ACME, role=Role.READER),
        Connection(name=GLOBEX_IDP, tenant=GLOBEX, role=Role.PROVISIONER),
    )
}
TENANTS = {ACME: Tenant(ACME, "Acme Corporation"), GLOBEX: Tenant(GLOBEX, "Globex")}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, having kept what every answer must."""

    raw: TestResponse

    def __post_init__(self) -> None:
        assert self.raw.mimetype == "application/scim+json" or self.status == 304
        assert self.raw.headers["Cache-Control"] == "no-store"
        assert self.raw.headers["X-Request-Id"]
        if self.status >= 400 and self.raw.data:
            assert self.body["schemas"] == [ERROR_URN]
            assert self.body["status"] == str(self.status)
            assert self.body["detail"]

    @property
    def status(self) -> int:
        """Return the status code."""
        return self.raw.status_code

    @property
    def body(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.raw.data)

    @property
    def names(self) -> list[str]:
        """Return the user names in a list, in alphabetical order."""
        return sorted(resource["userName"] for resource in self.body["Resources"])

    @property
    def problem(self) -> tuple[int, str | None]:
        """Return an error's status and scimType."""
        return self.status, self.body.get("scimType")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody with (or without) a token."""

    client: FlaskClient
    token: str | None = None

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        data: bytes | None = None,
    ) -> Reply:
        """Send a request to a path below the prefix; `body` goes as SCIM JSON, `data` as it is."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            data = json.dumps(body).encode()
            sent["Content-Type"] = "application/scim+json"
        response = self.client.open(
            PREFIX + path,
            method=method,
            data=data,
            headers=sent | dict(headers or {}),
            query_string=dict(query) if query else None,
        )
        return Reply(response)

    def get(self, path: str, **query: str | int) -> Reply:
        """GET, with query parameters."""
        return self.call("GET", path, query=query)

    def find(self, text: str, **query: str | int) -> Reply:
        """GET the users that satisfy a filter."""
        return self.get("/Users", filter=text, **query)

    def post(self, user_name: str, **attributes: object) -> Reply:
        """Create a user."""
        return self.call("POST", "/Users", {"schemas": [USER_URN], "userName": user_name, **attributes})

    def patch(
        self,
        user_id: str,
        *operations: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Reply:
        """PATCH a user."""
        body = {"schemas": [PATCH_URN], "Operations": list(operations)}
        return self.call("PATCH", f"/Users/{user_id}", body, headers=headers, query=query)

    def set_active(self, user_id: str, value: object, **headers: str) -> Reply:
        """PATCH `active` and nothing else; a header's name is given with underscores."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.patch(user_id, {"op": "replace", "path": "active", "value": value}, headers=named)


@dataclass(slots=True, kw_only=True)
class ScimWorld:
    """One service provider, and everybody who calls it. People who hold a role in ACME: carol, alba and aude."""

    world: World
    role_groups: frozenset[TenantId] = frozenset()
    limits: Limits = field(default_factory=Limits)
    anonymous_discovery: bool = False
    rates: Rates | None = None
    connections: Mapping[ConnectionName, Connection] = field(default_factory=lambda: CONNECTIONS)
    app: flask.Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = flask.Flask("scim-tests")
        self.app.register_blueprint(blueprint(self.services))

    @property
    def services(self) -> ScimServices:
        """Return what the blueprint works with."""
        world = self.world
        return ScimServices(
            people=permits.Services(store=world.store, unlocking=world.unlocking, clock=world.clock, rules=world.rules),
            tokens=world.store,
            connections=self.connections,
            tenants=TENANTS,
            base_url=BASE,
            role_groups=self.role_groups,
            limits=self.limits,
            anonymous_discovery=self.anonymous_discovery,
            rates=self.rates,
        )

    # callers ---------------------------------------------------------------------------------------------------------

    def caller(
        self,
        role: Role,
        *,
        tenant: TenantId | None = ACME,
        person: UserId | None = None,
        connection: ConnectionName | None = None,
        expires: datetime | None = None,
        revoked: datetime | None = None,
    ) -> Caller:
        """Return a caller with a new token."""
        now = self.world.clock.now()
        token_id, secret = new_secret()
        token = Token(
            id=token_id,
            digest=digest_of(secret),
            role=role,
            created=now,
            expires=expires or now + timedelta(days=90),
            label=f"test {role.value}",
            tenant=tenant,
            user=person,
            connection=connection,
        )
        self.world.store.add_token(token, ())
        if revoked:
            self.world.store.revoke_token(token_id, revoked, ())
        return Caller(client=self.app.test_client(), token=secret)

    def connection(self, name: ConnectionName = IDP) -> Caller:
        """Return a caller with a token of a connection, as settings declare it."""
        declared = CONNECTIONS[name]
        return self.caller(declared.role, tenant=declared.tenant, connection=name)

    def person(self, name: str, role: Role, *, tenant: TenantId = ACME) -> Caller:
        """Return a person of this role, with a token of theirs."""
        one = self.world.store.user(UserId(f"user-{name}")) or self.world.save(user(name, tenant=tenant, role=role))
        return self.caller(role, tenant=tenant, person=one.id)

    @property
    def anybody(self) -> Caller:
        """Return a caller without a token."""
        return Caller(client=self.app.test_client())

    @property
    def idp(self) -> Caller:
        """Return ACME's identity provider."""
        return self.connection(IDP)

    @property
    def carol(self) -> Caller:
        """Return a Co-Administrator of ACME."""
        return self.person("carol", Role.CO_ADMINISTRATOR)

    @property
    def alba(self) -> Caller:
        """Return an Account Administrator of ACME."""
        return self.person("alba", Role.ACCOUNT_ADMINISTRATOR)

    @property
    def aude(self) -> Caller:
        """Return an auditor of ACME."""
        return self.person("aude", Role.AUDITOR)

    @property
    def operator(self) -> Caller:
        """Return an operator, who belongs to no tenant."""
        return self.caller(Role.OPERATOR, tenant=None)

    @property
    def stranger(self) -> Caller:
        """Return a Co-Administrator of another company account."""
        return self.person("gus", Role.CO_ADMINISTRATOR, tenant=GLOBEX)

    # people ----------------------------------------------------------------------------------------------------------

    def provisioned(self, name: str = "ada", **profile: Any) -> User:
        """Store a user whom ACME's identity provider owns and no directory knows."""
        one = user(name, connection=IDP)
        return self.world.save(replace(one, profile=replace(one.profile, **profile)))

    def stored(self, user_id: str) -> User:
        """Return a user as the store knows them."""
        stored = self.world.store.user(UserId(user_id))
        assert stored is not None
        return stored
