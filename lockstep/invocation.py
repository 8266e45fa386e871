"""What every command starts from: the settings it was given, who calls it, and whom it is about."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import click

from config.load import load
from config.secrets import Secret
from config.settings import LogLevel, Settings
from ims.errors import InvalidInput, NotFound
from ims.people import Actor, Channel, Role, TenantId, User
from ims.query import Attribute, Compare, Operator, Or, Page
from lockstep import logs
from lockstep.wiring import Wiring

_LOGIN_UID = Path("/proc/self/loginuid")
_NOBODY = 2**32 - 1
"""What the kernel says of a process that no sign-in started (credentials(7), audit)."""
_SEVERAL = 20


@dataclass(frozen=True)
class Invocation:
    """One call of the program. `config` is None where LOCKSTEP_CONFIG or variables alone have the settings."""

    config: Path | None
    debug: bool

    @cached_property
    def settings(self) -> Settings:
        """Return the settings, and log from now on as they say, if quieter. Raises SettingsError with every mistake.

        A command tells people what it does by itself; the log has what somebody else should hear of.
        """
        settings = load(self.config, os.environ)
        level = LogLevel.ERROR if settings.log.level is LogLevel.ERROR else LogLevel.WARNING
        logs.configure(LogLevel.DEBUG if self.debug else level, settings.log.format)
        return settings

    @contextmanager
    def wired(self) -> Iterator[Wiring]:
        """Put the program together on the store as it is, and close it in the end. Raises StoreUnusable."""
        with Wiring(self.settings) as wiring:
            yield wiring


pass_invocation = click.make_pass_decorator(Invocation)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
tenant_option = click.option("--tenant", metavar="NAME", help="The company account that the user belongs to.")
token_file_option = click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the token of the person who acts.",
)


def operator() -> Actor:
    """Return who sits at the machine: the operator, by the name of the operating system's user."""
    return Actor(name=os_user(), role=Role.OPERATOR, channel=Channel.COMMAND_LINE)


def os_user() -> str:
    """Return the operating system's user, and who signed in as whom where that is another (sudo).

    The login uid is set once at sign-in and inherited; unlike SUDO_USER, nobody can choose it.
    """
    acting = os.getuid()
    try:
        signed_in = int(_LOGIN_UID.read_text())
    except (OSError, ValueError):
        signed_in = _NOBODY
    if signed_in in (acting, _NOBODY):
        return _name_of(acting)
    return f"{_name_of(acting)} (signed in as {_name_of(signed_in)})"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def tenant_of(settings: Settings, name: str | None) -> TenantId | None:
    """Return the tenant of that name, or None for all. Raises InvalidInput for one that settings do not know."""
    if name is not None and name not in settings.tenants:
        raise InvalidInput(f"There is no tenant {name}; settings know {', '.join(sorted(settings.tenants)) or 'none'}")
    return TenantId(name) if name is not None else None


def one_user(wiring: Wiring, given: str, tenant: TenantId | None) -> User:
    """Return the user with this user name or id. Raises NotFound, or InvalidInput where several tenants have one."""
    by_name = Compare(Attribute.USER_NAME, Operator.EQ, given)
    by_id = Compare(Attribute.ID, Operator.EQ, given)
    found = wiring.store.find(tenant, Or((by_name, by_id)), Page(limit=_SEVERAL), wiring.clock.now()).users
    if not found:
        where = f" in {tenant}" if tenant else ""
        raise NotFound(f"There is no user {given}{where}; `lockstep users --search` finds parts of names")
    if len(found) > 1:
        tenants = ", ".join(user.tenant for user in found)
        raise InvalidInput(f"There is a {given} in several company accounts ({tenants}); say which with --tenant NAME")
    return found[0]


def presented_token(file: Path) -> str:
    """Return the token that a file holds. Raises SecretUnreadable."""
    return Secret(file=file).read().strip()


def moment_given(text: str | None, option: str) -> datetime | None:
    """Return a time in UTC; one without an offset is this machine's. Raises InvalidInput."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f'{option} {text} is no time: write "2026-12-24" or "2026-12-24T18:00+01:00"') from None
