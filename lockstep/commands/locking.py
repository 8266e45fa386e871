"""`lockstep unlock` and `lockstep lock`: what a person does with their own token, and the last resort without one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import structlog

from ims.errors import InvalidInput, LockstepError
from ims.people import User
from ims.permits import Permission, TenantView, for_actor, require
from ims.unlocking import UnlockRequest
from lockstep.exits import ExitCode, code_of
from lockstep.invocation import (
    Invocation,
    json_option,
    moment_given,
    one_user,
    operator,
    pass_invocation,
    presented_token,
    tenant_of,
    tenant_option,
    token_file_option,
)
from lockstep.output import Cell, say, show_json, show_table, working
from lockstep.wiring import Wiring

_log = structlog.get_logger("lockstep.break_glass")
_COLUMNS = ("user", "result", "cleared", "remaining", "failed", "detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What became of one of the users."""

    given: str
    user: User | None = None
    error: LockstepError | None = None

    @property
    def row(self) -> tuple[Cell, ...]:
        if self.error is not None or self.user is None:
            return (self.given, "not unlocked", (), (), (), str(self.error or ""))
        last = self.user.last_unlock
        cleared, remaining, failed = (last.cleared, last.remaining, last.failed) if last else ((), (), ())
        result = "unlocked" if not remaining and not failed else "partly unlocked"
        return (self.user.profile.user_name, result, cleared, remaining, failed, "")

    @property
    def whole(self) -> bool:
        return self.row[1] == "unlocked"


@click.command
@click.argument("users", metavar="USER...", nargs=-1, required=True)
@token_file_option
@click.option("--break-glass", is_flag=True, help="Without a person's token, as the operator; recorded and alarmed.")
@click.option("--reason", help="Why; recorded with the unlock. Needed with --break-glass.")
@tenant_option
@json_option
@pass_invocation
def unlock(
    invocation: Invocation,
    users: tuple[str, ...],
    token_file: Path | None,
    reason: str | None,
    tenant: str | None,
    *,
    break_glass: bool,
    as_json: bool,
) -> None:
    """Unlock users, in their directory too.

    With the token of a person who may, or by breaking the glass. Each USER is a user name or an id. What the directory
    does not confirm is not shown as unlocked.
    """
    if (token_file is None) is not break_glass:
        raise InvalidInput("An unlock needs --token-file FILE with a person's token, or --break-glass with --reason")
    if break_glass and not (reason or "").strip():
        raise InvalidInput("--break-glass needs --reason: it is recorded, and somebody will ask")
    with invocation.wired() as wiring:
        act = (
            _break_glass(wiring, reason or "", tenant) if token_file is None else _as_person(wiring, token_file, reason)
        )
        with working(f"Unlocking {len(users)} of your users" if len(users) > 1 else f"Unlocking {users[0]}"):
            ended = [_one(given, act) for given in users]
    show_table(_COLUMNS, [one.row for one in ended], as_json=as_json, empty="")
    click.get_current_context().exit(_code(ended).value)


def _as_person(wiring: Wiring, token_file: Path, comment: str | None) -> Callable[[str], User]:
    view = _view_of(wiring, token_file)

    def act(given: str) -> User:
        return view.unlock(_visible_user(wiring, view, given).id, comment=comment or "")

    return act


def _break_glass(wiring: Wiring, reason: str, tenant: str | None) -> Callable[[str], User]:
    actor = operator()
    require(actor, Permission.BREAK_GLASS)
    of_tenant = tenant_of(wiring.settings, tenant)

    def act(given: str) -> User:
        user = one_user(wiring, given, of_tenant)
        _log.warning("glass_broken", actor=actor.name, user=user.profile.user_name, tenant=user.tenant, reason=reason)
        request = UnlockRequest(actor=actor, user=user, comment=f"break-glass: {reason}", break_glass=True)
        return wiring.unlocking.unlock(request)

    return act


def _one(given: str, act: Callable[[str], User]) -> _Ended:
    try:
        return _Ended(given=given, user=act(given))
    except LockstepError as error:
        return _Ended(given=given, error=error)


def _code(ended: list[_Ended]) -> ExitCode:
    if all(one.whole for one in ended):
        return ExitCode.OK
    if any(one.user is not None for one in ended):
        return ExitCode.PARTLY
    codes = {code_of(one.error) for one in ended if one.error is not None}
    return codes.pop() if len(codes) == 1 else ExitCode.FAILURE


@click.command
@click.argument("user", metavar="USER")
@token_file_option
@click.option("--note", required=True, help="Why; people who see the lock read it.")
@click.option("--until", help='When it ends by itself, such as "2026-12-24" or "2026-12-24T18:00+01:00"; else never.')
@json_option
@pass_invocation
def lock(
    invocation: Invocation, user: str, token_file: Path | None, note: str, until: str | None, *, as_json: bool
) -> None:
    """Lock a user in the identity store.

    With the token of a person who may. Directories are not touched.
    """
    if token_file is None:
        raise InvalidInput("A lock needs --token-file FILE with the token of the person who sets it")
    end = moment_given(until, "--until")
    with invocation.wired() as wiring:
        view = _view_of(wiring, token_file)
        held = view.hold(_visible_user(wiring, view, user).id, note, end)
    if as_json:
        show_json({"user": held.profile.user_name, "tenant": held.tenant, "until": end})
    say(f"{held.profile.user_name} is locked{f' until {end:%Y-%m-%d %H:%M} UTC' if end else ''}.")


def _view_of(wiring: Wiring, token_file: Path) -> TenantView:
    """Return the view of the person whose token the file holds. Raises Forbidden for a token that does not work."""
    return for_actor(wiring.actor_of(presented_token(token_file)), wiring.services)


def _visible_user(wiring: Wiring, view: TenantView, given: str) -> User:
    """Return a user as this person may find them: one of another company account is the same as none."""
    return view.user(one_user(wiring, given, view.actor.tenant).id)
