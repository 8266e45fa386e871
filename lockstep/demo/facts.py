"""What demo.json says: addresses, tokens and people, so that a script can do what a person reads on the screen."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ims.audit import Action, AuditEntry, Result
from ims.credentials import Token, digest_of, new_secret
from ims.people import Channel, ConnectionName, Role, TenantId, User
from lockstep.demo.directory import ADMIN_PASSWORD
from lockstep.demo.people import ADMIN_DN, BASE, CAST, SIGN_IN_PARTS, STAFF_GROUP_DN, USER_PARTS, person
from lockstep.demo.settings import CONNECTION
from lockstep.wiring import Wiring

_TOKENS_LAST = timedelta(days=1)
_PEOPLES_TOKENS = {
    "co_administrator": Role.CO_ADMINISTRATOR,
    "auditor": Role.AUDITOR,
    "other_tenant_co_administrator": Role.CO_ADMINISTRATOR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that demo.json holds, in the form that scripts rely on."""

    base_url: str
    scim_url: str
    directory: dict[str, str]
    tokens: dict[str, str]
    users: dict[str, dict[str, str]]
    portal_url: str
    sign_ins: dict[str, dict[str, str]]

    def publish(self, file: Path) -> None:
        """Write demo.json in one step: whoever sees it sees all of it. Only its owner may read the tokens."""
        unfinished = file.with_suffix(".part")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        unfinished.rename(file)


def gather(wiring: Wiring, base_url: str, scim_url: str, directory_url: str) -> Facts:
    """Make the tokens and say who is who. Everybody must have been read in."""
    users = _users(wiring)
    return Facts(
        base_url=base_url,
        scim_url=scim_url,
        directory={
            "url": directory_url,
            "base": BASE,
            "admin_dn": ADMIN_DN,
            "admin_password": ADMIN_PASSWORD,
            "affiliation_group_dn": STAFF_GROUP_DN,
        },
        tokens=_tokens(wiring, users),
        users={
            part: {"id": users[who.uid].id, "user_name": who.uid, "dn": who.dn, "password": who.password}
            for part, who in ((part, person(part)) for part in USER_PARTS)
        },
        portal_url=f"{base_url}/",
        sign_ins={
            part: {"user_name": who.uid, "password": who.password}
            for part, who in ((part, person(part)) for part in SIGN_IN_PARTS)
        },
    )


def _users(wiring: Wiring) -> dict[str, User]:
    tenants = {who.tenant for who in CAST}
    return {
        user.profile.user_name: user
        for tenant in tenants
        for user in wiring.store.named(TenantId(tenant), [who.uid for who in CAST if who.tenant == tenant]).values()
    }


def _tokens(wiring: Wiring, users: dict[str, User]) -> dict[str, str]:
    of_people = {
        part: _token(wiring, part, role=role, user=users[person(part).uid].id, tenant=TenantId(person(part).tenant))
        for part, role in _PEOPLES_TOKENS.items()
    }
    connection = wiring.connections[ConnectionName(CONNECTION)]
    return {
        **of_people,
        "provisioner": _token(
            wiring,
            "provisioner",
            role=connection.role,
            connection=connection.name,
            tenant=connection.tenant,
        ),
        "operator": _token(wiring, "operator", role=Role.OPERATOR),
    }


def _token(wiring: Wiring, label: str, *, role: Role, tenant: TenantId | None = None, **whose: Any) -> str:  # noqa: ANN401 -- a token's own fields
    now = wiring.clock.now()
    token_id, secret = new_secret()
    token = Token(
        id=token_id,
        digest=digest_of(secret),
        role=role,
        created=now,
        expires=now + _TOKENS_LAST,
        label=label,
        tenant=tenant,
        **whose,
    )
    row = AuditEntry(
        at=now,
        actor="demonstration",
        role=Role.OPERATOR,
        channel=Channel.COMMAND_LINE,
        action=Action.TOKEN_CREATED,
        result=Result.DONE,
        subject=f"{token_id} ({label})",
        tenant=tenant,
    )
    wiring.store.add_token(token, [row])
    return secret
