"""The composition root: from settings to a program that is put together. The only place that knows all parts.

Each part is made when it is first asked for, so that `lockstep token list` needs no directory. Where a part takes plain
values instead of settings, they are translated here.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Self

from agent import schedule
from agent.configured import ConfiguredDirectory, configured, ledger_rules
from agent.directories.access import Circuits
from agent.run import Run
from agent.schedule import Agent
from agent.signing_in import DirectorySignIns
from agent.writeback import ConfiguredDirectories, DirectoryWriteBack
from config.settings import Settings
from ims.credentials import ActiveView, Connection, Token
from ims.errors import InvalidInput, LockstepError
from ims.locks import LedgerRules
from ims.moderation import UnlockLimits
from ims.passes import Fence, Mode
from ims.people import Actor, Channel, ConnectionName, DirectoryName, Role, Tenant, TenantId
from ims.permits import Services
from ims.ports import Clock, Directories, Processes, WriteBack
from ims.signing_in import SigningIn
from ims.store import SqlStore, migrate, open_store
from ims.unlocking import Unlocking
from lockstep import __version__
from lockstep.bounded import BoundedSigningIn, BoundedUnlocking
from lockstep.clock import SystemClock
from lockstep.processes import LocalProcesses
from portal.services import LockedMessage, PortalServices
from scim.app import PREFIX
from scim.auth import actor_behind, authenticate
from scim.rates import Rates
from scim.services import Limits, ScimServices


class Wiring:
    """One program: its settings, and every part of it. Use it as a context manager, or close it in the end."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.processes: Processes = LocalProcesses()

    def __enter__(self) -> Self:
        """Open the store, so that its state is told before anything else is tried. Raises StoreUnusable."""
        _ = self.store
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Release what is held."""
        if "store" in self.__dict__:
            self.store.close()

    # --- the store ---------------------------------------------------------------------------------------------------

    def migrate(self) -> None:
        """Make the store, or bring it up to date; safe from any number of processes. Raises StoreUnusable."""
        migrate(self.settings.store.url)

    @cached_property
    def store(self) -> SqlStore:
        """The identity store. Raises StoreUnusable where it is not as this version needs it."""
        return open_store(self.settings.store.url, self.clock)

    # --- settings as values ------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> LedgerRules:
        """Who may clear what."""
        return ledger_rules(self.settings)

    @cached_property
    def limits(self) -> UnlockLimits:
        """How many unlocks are too many."""
        chosen = self.settings.unlock
        return UnlockLimits(
            actor_burst=chosen.actor_per_10_minutes,
            actor_daily=chosen.actor_per_day,
            target_daily=chosen.target_per_day,
        )

    @cached_property
    def tenants(self) -> Mapping[TenantId, Tenant]:
        """The company accounts."""
        named = ((TenantId(name), tenant.display_name or name) for name, tenant in self.settings.tenants.items())
        return {tenant: Tenant(tenant, name) for tenant, name in named}

    @cached_property
    def connections(self) -> Mapping[ConnectionName, Connection]:
        """The identity providers and applications."""
        return {
            ConnectionName(name): Connection(
                name=ConnectionName(name),
                tenant=TenantId(connection.tenant),
                role=Role(connection.role.value),
                active_view=ActiveView(connection.active_view.value),
            )
            for name, connection in self.settings.connections.items()
        }

    @cached_property
    def tenants_with_role_groups(self) -> frozenset[TenantId]:
        """The tenants where directory groups decide who holds a role."""
        named = (self.settings.role_groups_in(directory) for directory in self.settings.directories)
        return frozenset(TenantId(tenant) for groups in named for tenant, _role, _dn in groups)

    # --- the directory side ------------------------------------------------------------------------------------------

    def directory(self, name: DirectoryName, circuits: Circuits | None = None) -> ConfiguredDirectory:
        """Return one directory, made ready. Raises InvalidInput for one that settings do not name.

        With `circuits` of the caller's the store is left alone.
        """
        if name not in self.settings.directories:
            known = ", ".join(self.settings.directories)
            raise InvalidInput(f"There is no directory {name}; settings know {known}")
        return configured(self.settings, name, circuits or self.store, self.clock, __version__)

    @cached_property
    def configured_directories(self) -> Mapping[DirectoryName, ConfiguredDirectory]:
        """All directories, made ready, in the settings' order."""
        names = [DirectoryName(name) for name in self.settings.directories]
        return {name: self.directory(name) for name in names}

    @cached_property
    def directories(self) -> Directories:
        """What the web side may know of the directories."""
        return ConfiguredDirectories(self.configured_directories, self.store)

    @cached_property
    def impatient_directories(self) -> Mapping[DirectoryName, ConfiguredDirectory]:
        """All directories, with less patience than a pass has, since somebody waits for the answer."""
        patience = max(1, int(self.settings.unlock.deadline.total_seconds()) // 2)
        return {name: _impatient(known, patience) for name, known in self.configured_directories.items()}

    @cached_property
    def write_back(self) -> WriteBack:
        """How an unlock reaches the directories."""
        return DirectoryWriteBack(self.impatient_directories, self.store, self.clock)

    def run_of(self, name: DirectoryName, fence: Fence | None = None, mode: Mode | None = None) -> Run:
        """Return what one pass of a directory works with; without a fence it is a dry run. Raises InvalidInput."""
        return Run(
            directory=self.directory(name),
            store=self.store,
            clock=self.clock,
            rules=self.rules,
            fence=fence,
            mode=mode,
        )

    @cached_property
    def agent(self) -> Agent:
        """The scheduled sync."""
        services = schedule.Services(
            store=self.store,
            write_back=self.write_back,
            directories=self.directories,
            processes=self.processes,
            clock=self.clock,
            rules=self.rules,
            heads_file=self.settings.audit.heads_file,
            heads_every=self.settings.audit.heads_every,
        )
        return Agent(self.configured_directories, services)

    # --- what people and programs do ----------------------------------------------------------------------------------

    @cached_property
    def unlocking(self) -> Unlocking:
        """The unlock."""
        return Unlocking(
            store=self.store,
            write_back=self.write_back,
            directories=self.directories,
            processes=self.processes,
            clock=self.clock,
            rules=self.rules,
            deadline=self.settings.unlock.deadline,
            limits=self.limits,
        )

    @cached_property
    def services(self) -> Services:
        """What views of tenants work with on the command line, where an unlock has all the time it needs."""
        return Services(store=self.store, unlocking=self.unlocking, clock=self.clock, rules=self.rules)

    @cached_property
    def web_services(self) -> Services:
        """What views of tenants work with on the web side: the same, but for the bounded unlock of a web worker."""
        threads = self.settings.web.blocking_threads
        bounded = BoundedUnlocking(self.unlocking, self.store, self.clock, threads)
        return replace(self.services, unlocking=bounded)

    @cached_property
    def portal_services(self) -> PortalServices:
        """What the portal works with."""
        chosen = self.settings.portal
        signing_in = SigningIn(
            store=self.store,
            sign_ins=DirectorySignIns(self.impatient_directories, self.clock),
            write_back=self.write_back,
            clock=self.clock,
        )
        return PortalServices(
            people=self.web_services,
            store=self.store,
            signing_in=BoundedSigningIn(signing_in, self.settings.web.blocking_threads),
            directories=self.directories,
            tenants=self.tenants,
            contacts={TenantId(name): tenant.contact or "" for name, tenant in self.settings.tenants.items()},
            reaches={tenant: self._reaching(tenant) for tenant in self.tenants},
            locked_message=LockedMessage(chosen.locked_message.value),
            comment_required=chosen.comment_required,
            idle=chosen.idle,
            longest=chosen.longest,
            secure=self.settings.web.base_url.startswith("https://"),
        )

    def _reaching(self, tenant: TenantId) -> tuple[DirectoryName, ...]:
        """Return the directories that have a rule for a tenant."""
        named = self.settings.directories.items()
        return tuple(
            DirectoryName(name)
            for name, directory in named
            if any(rule.tenant == tenant for rule in directory.rules.values())
        )

    @cached_property
    def scim_services(self) -> ScimServices:
        """What the service provider works with."""
        web = self.settings.web
        return ScimServices(
            people=self.web_services,
            tokens=self.store,
            connections=self.connections,
            tenants=self.tenants,
            base_url=f"{web.base_url}{PREFIX}",
            role_groups=self.tenants_with_role_groups,
            limits=Limits(body_bytes=web.max_body_bytes, body_depth=web.max_json_depth),
            rates=Rates(per_second=web.max_requests_per_second),
        )

    def actor_of(self, presented: str) -> Actor:
        """Return whose token this is, as whoever sits at this machine. Raises an error for one that does not work."""
        return replace(authenticate(f"Bearer {presented}", self.scim_services), channel=Channel.COMMAND_LINE)

    def why_powerless(self, token: Token) -> str:
        """Say why a token would not work at the moment although it is genuine and in time; empty if it works."""
        try:
            actor_behind(token, self.scim_services, self.clock.now())
        except LockstepError as error:
            return str(error)
        return ""


def _impatient(directory: ConfiguredDirectory, seconds: int) -> ConfiguredDirectory:
    access = directory.access
    quick = replace(
        access,
        connect_timeout_s=min(seconds, access.connect_timeout_s),
        receive_timeout_s=min(seconds, access.receive_timeout_s),
    )
    return replace(directory, access=quick)
