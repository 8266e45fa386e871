"""One directory of the settings, made ready: what its passes and its unlocks need, as plain frozen values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import config.mapping
from agent.addresses import Address, address_of
from agent.directories import access, mapping
from agent.directories.access import Access, Circuits, ReadingRules
from agent.directories.active_directory import ActiveDirectory
from agent.directories.client import Client
from agent.directories.dialect import Dialect
from agent.directories.ds389 import Ds389
from agent.directories.edirectory import EDirectory
from agent.directories.freeipa import FreeIpa
from agent.directories.generic import Generic
from agent.directories.openldap import OpenLdap
from config import directories
from config.settings import Clears, DisabledBy, Settings
from ims.locks import LedgerRules, Stickiness
from ims.names import key_of_name
from ims.passes import Mode
from ims.people import DirectoryName, Role, TenantId
from ims.ports import Clock

_DIALECTS: dict[directories.Dialect, Callable[[DirectoryName], Dialect]] = {
    directories.Dialect.EDIRECTORY: EDirectory,
    directories.Dialect.OPENLDAP: OpenLdap,
    directories.Dialect.AD: ActiveDirectory,
    directories.Dialect.FREEIPA: FreeIpa,
    directories.Dialect.DS389: Ds389,
}
_TLS = {
    None: access.Tls.STARTTLS,
    directories.TlsMode.LDAPS: access.Tls.LDAPS,
    directories.TlsMode.STARTTLS: access.Tls.STARTTLS,
    directories.TlsMode.NONE: access.Tls.PLAINTEXT,
}
_SCOPES = {
    directories.Scope.SUBTREE: access.Scope.SUBTREE,
    directories.Scope.ONE_LEVEL: access.Scope.LEVEL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGroup:
    """A group whose members have a role in a tenant."""

    tenant: TenantId
    role: Role
    dn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Whom nobody unlocks here: user names by their key, and entries by address, each with the reason to show."""

    names: frozenset[str] = frozenset()
    addresses: Mapping[Address, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredDirectory:
    """One directory with all that decides what a reading of it means.

    `fingerprint` is that of those settings, `version` that of the program: another one may make more of an entry.
    """

    name: DirectoryName
    settings: directories.Directory
    access: Access
    reading: ReadingRules
    dialect: Dialect
    circuits: Circuits
    clock: Clock
    fingerprint: str = ""
    version: str = ""
    confirm: timedelta = timedelta(0)
    role_groups: tuple[RoleGroup, ...] = ()
    protected: Protected = field(default_factory=Protected)

    @property
    def meaning(self) -> str:
        """Return what says whether two readings mean the same by what they show: the version and the settings."""
        return f"{self.version} {self.fingerprint}"

    @property
    def mode(self) -> Mode:
        """Return the mode that the settings give; the stored one counts more."""
        return Mode(self.settings.mode.value)

    def client(self, *servers: str) -> Client:
        """Return a client, not yet connected, that tries these servers in their order, by default all."""
        return Client(self.access, self.circuits, self.clock, servers)


def configured(
    settings: Settings,
    name: str,
    circuits: Circuits,
    clock: Clock,
    version: str = "",
) -> ConfiguredDirectory:
    """Make one directory of the settings ready. Raises KeyError for a directory that is not in them."""
    chosen = settings.directories[name]
    return ConfiguredDirectory(
        name=DirectoryName(name),
        settings=chosen,
        access=_access(name, chosen),
        reading=_reading(chosen),
        dialect=_dialect(name, chosen),
        circuits=circuits,
        clock=clock,
        fingerprint=settings.fingerprint_of(name),
        version=version,
        confirm=settings.affiliation.confirm,
        role_groups=tuple(
            RoleGroup(tenant=TenantId(tenant), role=Role(role), dn=dn)
            for tenant, role, dn in settings.role_groups_in(name)
        ),
        protected=_protected(settings, name),
    )


def ledger_rules(settings: Settings) -> LedgerRules:
    """Return the settings that decide who may clear what."""
    on_return = settings.affiliation.clears is Clears.ON_RETURN
    return LedgerRules(
        disabled_by_write=settings.unlock.disabled is DisabledBy.WRITE,
        deprovisioned_by_unlock=settings.unlock.deprovisioned,
        grace=settings.affiliation.grace,
        stickiness=Stickiness.ON_RETURN if on_return else Stickiness.WITHIN_GRACE,
    )


def _dialect(name: str, chosen: directories.Directory) -> Dialect:
    if chosen.mapping is not None:
        return Generic(DirectoryName(name), mapping_of(chosen.mapping))
    return _DIALECTS[chosen.dialect](DirectoryName(name))


def mapping_of(chosen: config.mapping.Mapping) -> mapping.Mapping:
    """Return a mapping of the settings as a dialect takes it."""
    return mapping.Mapping(
        lock=_marker(chosen.lock),
        disabled=_marker(chosen.disabled) if chosen.disabled else None,
        expired=_marker(chosen.expired) if chosen.expired else None,
        id=chosen.id,
        id_syntax=mapping.IdSyntax(chosen.id_syntax.value),
        failures=chosen.failures,
        most=chosen.max_failures or 0,
        asserts=chosen.assertion,
    )


def _marker(chosen: config.mapping.Marker) -> mapping.Marker:
    return mapping.Marker(
        attribute=chosen.attribute,
        syntax=mapping.Syntax(chosen.syntax.value),
        least=chosen.least,
        duration=chosen.duration or timedelta(0),
        ends=chosen.ends,
        free=chosen.free or "",
        resets=dict(map(config.mapping.pair, chosen.resets)),
    )


def _access(name: str, chosen: directories.Directory) -> Access:
    return Access(
        directory=DirectoryName(name),
        servers=tuple(server.url for server in chosen.servers),
        method=access.BindMethod(chosen.bind.method.value),
        dn=chosen.bind.dn or "",
        secret=chosen.bind.password,
        tls=_TLS[chosen.tls.mode],
        ca_file=chosen.tls.ca_file,
        allow_plaintext=chosen.tls.allow_plaintext,
        connect_timeout_s=chosen.connect_timeout,
        receive_timeout_s=chosen.receive_timeout,
        page_size=chosen.page_size,
    )


def _reading(chosen: directories.Directory) -> ReadingRules:
    named = [rule.attribute for rule in chosen.rules.values() if rule.attribute]
    return ReadingRules(
        base=chosen.users_base,
        filter=chosen.users.filter,
        scope=_SCOPES[chosen.users.scope],
        attributes=tuple(dict.fromkeys((*chosen.attributes.wanted, *named))),
        default_policy=chosen.default_policy or "",
        root=chosen.base,
    )


def _protected(settings: Settings, name: str) -> Protected:
    chosen = settings.directories[name]
    listed = [(dn, "listed in the settings") for dn in settings.protected.dns]
    canary = [(chosen.canary, "the canary of its directory")] if chosen.canary else []
    own = [(chosen.bind.dn, "Lockstep's own account")] if chosen.bind.dn else []
    return Protected(
        names=frozenset(key_of_name(user_name) for user_name in settings.protected.user_names),
        addresses={address_of(dn): why for dn, why in (*listed, *canary, *own)},
    )
