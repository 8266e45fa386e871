"""An application that reads one world's users over SCIM, with a token of its own."""

from datetime import timedelta

import flask

from agent.configured import ledger_rules
from ims import permits
from ims.credentials import Connection, Token, digest_of, new_secret
from ims.people import ConnectionName, Role, Tenant
from scim.app import PREFIX, blueprint
from scim.services import ScimServices
from tests.support.people import ACME
from tests.support.sync_world import SyncWorld

_NAME = ConnectionName("reader")


class ScimReader:
    """The application; it may read ACME's users."""

    def __init__(self, world: SyncWorld) -> None:
        rules = ledger_rules(world.settings)
        people = permits.Services(store=world.store, unlocking=world.unlocking(), clock=world.clock, rules=rules)
        services = ScimServices(
            people=people,
            tokens=world.store,
            connections={_NAME: Connection(name=_NAME, tenant=ACME, role=Role.READER)},
            tenants={ACME: Tenant(ACME, "Acme")},
            base_url=f"https://id.example.com{PREFIX}",
        )
        app = flask.Flask("scim-reader")
        app.register_blueprint(blueprint(services))
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {_token(world)}"}

    def active(self, user_id: str) -> bool:
        """Return a user's `active`, as the service provider tells it."""
        answer = self._client.get(f"{PREFIX}/Users/{user_id}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        active: bool = answer.get_json(force=True)["active"]
        return active


def _token(world: SyncWorld) -> str:
    now = world.clock.now()
    token_id, secret = new_secret()
    token = Token(
        id=token_id,
        digest=digest_of(secret),
        role=Role.READER,
        created=now,
        expires=now + timedelta(days=1),
        label="reader",
        tenant=ACME,
        connection=_NAME,
    )
    world.store.add_token(token, ())
    return secret
