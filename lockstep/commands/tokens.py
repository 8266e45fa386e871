"""`lockstep token` and `lockstep connection`: who may come in, and with what."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import click

from config.kinds import parse_duration
from ims.audit import Action, AuditEntry, Result
from ims.credentials import Token, TokenId, digest_of, id_of, new_secret
from ims.errors import Conflict, InvalidInput, NotFound
from ims.people import PERSON_ROLES, Actor, ConnectionName, Role, TenantId
from lockstep.invocation import (
    Invocation,
    json_option,
    one_user,
    operator,
    pass_invocation,
    tenant_of,
    tenant_option,
)
from lockstep.output import Cell, say, show_json, show_table
from lockstep.wiring import Wiring

LONGEST = timedelta(days=366)
"""A token that nobody renews must not outlive whoever made it by years."""
_OWNER_ONLY = 0o600


def _lifetime(_ctx: click.Context, _param: click.Parameter, value: str) -> timedelta:
    """Return a length of time as settings write it; a wrong one is told with the right forms or the longest taken."""
    try:
        length = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not timedelta(0) < length <= LONGEST:
        raise click.BadParameter(f"must be more than 0 and at most {LONGEST.days} days")
    return length


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whom:
    """For whom a token shall be, as the options said it."""

    connection: str | None
    user: str | None
    role: str | None
    tenant: str | None


@click.group
def token() -> None:
    """Make, list and revoke bearer tokens."""


@token.command("create")
@click.option("--connection", metavar="NAME", help="For an identity provider or application, as settings name it.")
@click.option("--user", metavar="USER", help="For a person (user name or id), with --role.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in (*PERSON_ROLES, Role.OPERATOR)]),
    help="The person's role; or operator, for monitoring, without --user.",
)
@tenant_option
@click.option(
    "--expires",
    metavar="LIFETIME",
    callback=_lifetime,
    default="180d",
    show_default=True,
    help='After how long, such as "90d".',
)
@click.option("--label", default="", help="What it is for; shown by `lockstep token list`.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the token to this new file, readable by its owner only, instead of printing it.",
)
@json_option
@pass_invocation
def create(
    invocation: Invocation,
    /,
    expires: timedelta,
    label: str,
    out: Path | None,
    *,
    as_json: bool,
    **whom: str | None,
) -> None:
    """Make a token, which is shown once.

    For --connection NAME, for --user NAME --role ROLE, or with --role operator. The store keeps its hash only.
    """
    with invocation.wired() as wiring:
        now = wiring.clock.now()
        token_id, secret = new_secret()
        wanted = Token(
            id=token_id,
            digest=digest_of(secret),
            role=Role.OPERATOR,
            created=now,
            expires=now + expires,
            label=label,
        )
        made = _for_whom(wiring, wanted, _Whom(**whom))
        with _into(out, secret):
            wiring.store.add_token(made, [_row(operator(), Action.TOKEN_CREATED, made, now)])
        _tell(made, secret, out, as_json=as_json)


def _for_whom(wiring: Wiring, wanted: Token, whom: _Whom) -> Token:
    match whom:
        case _Whom(connection=str(connection), user=None, role=None):
            return _for_connection(wiring, wanted, connection)
        case _Whom(connection=None, user=str(user), role=str(role)) if role != Role.OPERATOR:
            return _for_person(wiring, wanted, user, Role(role), tenant_of(wiring.settings, whom.tenant))
        case _Whom(connection=None, user=None, role=Role.OPERATOR):
            return wanted
    raise InvalidInput("A token is for --connection NAME, for --user NAME with --role ROLE, or with --role operator")


def _for_connection(wiring: Wiring, wanted: Token, name: str) -> Token:
    known = wiring.connections.get(ConnectionName(name))
    if known is None:
        names = ", ".join(sorted(wiring.connections)) or "none"
        raise NotFound(f"There is no connection {name}; settings know {names}")
    return replace(wanted, role=known.role, tenant=known.tenant, connection=known.name)


def _for_person(wiring: Wiring, wanted: Token, name: str, role: Role, tenant: TenantId | None) -> Token:
    person = one_user(wiring, name, tenant)
    made = replace(wanted, role=role, tenant=person.tenant, user=person.id)
    why = wiring.why_powerless(made)
    if why:
        raise Conflict(f"A token of {person.profile.user_name} would not work: {why}")
    return made


@contextmanager
def _into(out: Path | None, secret: str) -> Iterator[None]:
    """Write the token to its file, around keeping it: neither a token without its file nor a file without its token."""
    if out is None:
        yield
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be made: {error.strerror}; name a new file in a folder that exists") from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secret}\n")
        yield
    except BaseException:
        out.unlink()
        raise


def _tell(made: Token, secret: str, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        shown = {"token": secret} if out is None else {"file": str(out)}
        show_json({"id": made.id, **shown, "role": made.role.value, "tenant": made.tenant, "expires": made.expires})
    elif out is None:
        click.echo(secret)
    where = f"It is in {out}." if out else "It is not shown again."
    say(f"Token {made.id} works until {made.expires:%Y-%m-%d %H:%M} UTC. {where}")


@token.command("list")
@json_option
@pass_invocation
def list_tokens(invocation: Invocation, *, as_json: bool) -> None:
    """List all tokens, oldest first, and which of them work."""
    columns = ("id", "role", "tenant", "of", "label", "created", "expires", "last_used", "state")
    with invocation.wired() as wiring:
        rows = [_listed(wiring, kept) for kept in wiring.store.tokens()]
    show_table(columns, rows, as_json=as_json, empty="There are no tokens; `lockstep token create` makes one.")


def _listed(wiring: Wiring, kept: Token) -> tuple[Cell, ...]:
    person = wiring.store.user(kept.user) if kept.user else None
    of = person.profile.user_name if person else kept.user or kept.connection or ""
    times = (kept.created, kept.expires, kept.last_used)
    return (kept.id, kept.role.value, kept.tenant, of, kept.label, *times, _state(wiring, kept))


def _state(wiring: Wiring, kept: Token) -> str:
    if kept.revoked is not None:
        return "revoked"
    if not kept.usable(wiring.clock.now()):
        return "expired"
    return wiring.why_powerless(kept) or "works"


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@json_option
@pass_invocation
def revoke(invocation: Invocation, token_id: str, *, as_json: bool) -> None:
    """Revoke a token, with effect from the next request.

    ID is what `lockstep token list` shows.
    """
    if id_of(token_id) is not None:
        raise InvalidInput(
            "That is a whole token, not its ID; it must not stand on a command line. Revoke it by its ID"
        )
    with invocation.wired() as wiring:
        now = wiring.clock.now()
        kept = wiring.store.token(TokenId(token_id))
        if kept is None:
            raise NotFound(f"There is no token {token_id}; `lockstep token list` shows all")
        row = _row(operator(), Action.TOKEN_REVOKED, kept, now)
        if not wiring.store.revoke_token(kept.id, now, [row]):
            raise Conflict(f"Token {token_id} was revoked before")
    if as_json:
        show_json({"id": kept.id, "tenant": kept.tenant, "revoked": now})
    say(f"Token {token_id} is revoked.")


def _row(actor: Actor, action: Action, about: Token, at: datetime) -> AuditEntry:
    return AuditEntry(
        at=at,
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=action,
        result=Result.DONE,
        subject=about.id,
        tenant=about.tenant,
        user=about.user,
        after=f"{about.role.value} {about.connection or ''}".strip(),
        detail=about.label,
    )


@click.group
def connection() -> None:
    """Show the connections that settings name."""


@connection.command("list")
@json_option
@pass_invocation
def list_connections(invocation: Invocation, *, as_json: bool) -> None:
    """List identity providers and applications, and how many tokens of each work."""
    columns = ("name", "tenant", "role", "working_tokens", "last_used")
    with invocation.wired() as wiring:
        now = wiring.clock.now()
        tokens = wiring.store.tokens()
        rows: list[tuple[Cell, ...]] = []
        for known in wiring.connections.values():
            own = [kept for kept in tokens if kept.connection == known.name]
            last_used = max((kept.last_used for kept in own if kept.last_used), default=None)
            working = sum(kept.usable(now) for kept in own)
            rows.append((known.name, known.tenant, known.role.value, working, last_used))
    show_table(columns, rows, as_json=as_json, empty="Settings name no connection.")
