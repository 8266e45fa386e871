"""The settings of one directory: where it is, how to get in, whom it holds, who belongs where, and when to look."""

from datetime import time, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from config.attributes import Attributes
from config.kinds import (
    COMMAS,
    Dn,
    Duration,
    Filter,
    PemFile,
    Switch,
    Table,
    TableName,
    TimeOfDay,
    Whole,
    WholeSeconds,
    relation,
    shown,
    wrong,
)
from config.mapping import Mapping
from config.names import dn_key, is_at_or_below
from config.rules import Rule
from config.secrets import Secret
from config.servers import Scheme, Server, ServerUrl


class Dialect(StrEnum):
    """Which vendor's spelling of lock, policy and unlock a directory speaks."""

    OPENLDAP = "openldap"
    DS389 = "389ds"
    AD = "ad"
    FREEIPA = "freeipa"
    EDIRECTORY = "edirectory"
    GENERIC = "generic"


class BindMethod(StrEnum):
    """How Lockstep proves who it is."""

    SIMPLE = "simple"
    EXTERNAL = "external"


class TlsMode(StrEnum):
    """How the way to a server is protected."""

    LDAPS = "ldaps"
    STARTTLS = "starttls"
    NONE = "none"


class Mode(StrEnum):
    """What a directory's passes may do."""

    OBSERVE = "observe"
    ENFORCE = "enforce"


class ChangeSource(StrEnum):
    """How the agent learns that something changed."""

    POLL = "poll"
    PUSH = "push"


class Scope(StrEnum):
    """How far below the users' base to look."""

    SUBTREE = "subtree"
    ONE_LEVEL = "onelevel"


class Bind(Table):
    """How Lockstep signs in to the directory. Give its account a policy that never locks it."""

    method: BindMethod = Field(
        default=BindMethod.SIMPLE,
        description='How to sign in: "simple" (DN and password) or "external" (SASL EXTERNAL: the operating system\'s '
        "user proves who asks; over ldapi:// only).",
    )
    dn: Dn | None = Field(
        default=None,
        description='The account that Lockstep uses. For "simple" only.',
        examples=["cn=lockstep,ou=services,dc=example,dc=com"],
    )
    password: Secret | None = Field(
        default=None,
        description="Its password. Better in a file that only Lockstep's own user may read: it is read anew at each "
        'sign-in, so that a changed password needs no restart. For "simple" only.',
        validate_default=True,
        examples=["secrets/corp-bind-password"],
    )

    @field_validator("password")
    @classmethod
    def _goes_with_the_method(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        method, dn = info.data.get("method"), info.data.get("dn", "?")
        if method is BindMethod.SIMPLE and dn is None:
            raise relation('needs a dn (method = "simple"): the account that Lockstep uses')
        if method is BindMethod.SIMPLE and password is None:
            raise relation('needs a password_file, password_env or password (method = "simple")')
        if method is BindMethod.EXTERNAL and (password is not None or dn not in {None, "?"}):
            raise relation('must hold neither dn nor password with method = "external": the socket says who asks')
        return password


class Tls(Table):
    """How the way to the directory is protected. Certificate and host name are always verified, TLS is 1.2 or newer."""

    mode: TlsMode | None = Field(
        default=None,
        description='"ldaps", "starttls" or "none". Left out, it follows from each URL: ldaps:// is TLS from the first '
        "byte, ldap:// must offer StartTLS before anything is sent, ldapi:// never leaves the machine.",
        examples=["ldaps"],
    )
    ca_file: PemFile | None = Field(
        default=None,
        description="The certificates of the authorities to trust (PEM). Left out: those of the operating system.",
        examples=["tls/corp-ca.pem"],
    )
    allow_plaintext: Switch = Field(
        default=False,
        description='Send passwords unprotected over the network: what mode = "none" needs wherever a server is '
        "neither ldapi:// nor on this machine. There is no good reason for it.",
    )

    @field_validator("allow_plaintext")
    @classmethod
    def _has_an_effect(cls, allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - a validator's signature
        if allowed and "mode" in info.data and info.data["mode"] is not TlsMode.NONE:
            raise relation('allow_plaintext = true does nothing while mode is not "none"')
        return allowed


class UserSearch(Table):
    """Which entries are users."""

    base: Dn | None = Field(
        default=None,
        description="Where the users are. Left out: the directory's base.",
        examples=["ou=people,dc=example,dc=com"],
    )
    filter: Filter = Field(
        default="(objectClass=inetOrgPerson)",
        description="Which entries there are users (RFC 4515). Leave out accounts that are no people.",
    )
    scope: Scope = Field(
        default=Scope.SUBTREE,
        description='"subtree": everything below the base; "onelevel": only the entries right below it.',
    )


class Schedule(Table):
    """When to look."""

    changes: ChangeSource = Field(
        default=ChangeSource.POLL,
        description='"poll": ask every tick. "push": hold a connection to each server as well, on which it tells that '
        "something changed, and read at once; ticks go on, and are what is left where a server tells nothing.",
    )
    tick: Duration = Field(
        default=timedelta(seconds=60),
        description="How often to read what changed: this is how soon a lock appears where no server tells of it.",
        ge=timedelta(seconds=1),
        le=timedelta(days=1),
    )
    jitter: Duration | None = Field(
        default=None,
        description="Start each tick up to this much later, by chance, so that several directories do not start "
        "at once. Left out: a tenth of the tick.",
        examples=["5s"],
    )
    reconcile_at: TimeOfDay | None = Field(
        default=None,
        description="When to read everything, once a day, in this machine's time zone. Left out: 02:30, or as "
        "reconcile_every says.",
        examples=["02:30"],
    )
    reconcile_every: Duration | None = Field(
        default=None,
        description="How often to read everything, instead of once a day.",
        ge=timedelta(seconds=10),
        validate_default=True,
        examples=["6h"],
    )

    @field_validator("jitter")
    @classmethod
    def _shorter_than_a_tick(cls, jitter: timedelta | None, info: ValidationInfo) -> timedelta | None:
        tick = info.data.get("tick")
        if jitter is not None and tick is not None and jitter >= tick:
            raise relation("jitter must be shorter than tick")
        return jitter

    @field_validator("reconcile_every")
    @classmethod
    def _one_rhythm(cls, every: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if every is not None and info.data.get("reconcile_at") is not None:
            raise relation("holds both reconcile_at and reconcile_every: leave one out")
        if every is not None and every < info.data.get("tick", every):
            raise relation("reconcile_every must not be shorter than tick")
        return every

    @property
    def spread(self) -> timedelta:
        """By how much a tick may start late."""
        return self.tick / 10 if self.jitter is None else self.jitter

    @property
    def daily_at(self) -> time | None:
        """The time of the daily reconcile, local; None where `reconcile_every` decides."""
        return None if self.reconcile_every is not None else self.reconcile_at or time(2, 30)


class Directory(Table):
    """One LDAP service: its servers hold the same entries."""

    dialect: Dialect = Field(
        description='The product: "openldap", "389ds" (389 Directory Server, Red Hat Directory Server), "freeipa" '
        '(FreeIPA, Red Hat Identity Management), "ad" (Active Directory, Samba as a domain controller), '
        '"edirectory" (NetIQ eDirectory) or "generic" (any other, by a mapping).',
        examples=["openldap"],
    )
    servers: Annotated[tuple[ServerUrl, ...], COMMAS] = Field(
        description="Its servers, in the order in which to try them: ldaps://, ldap:// (with StartTLS) or ldapi://. "
        "Locks that exist on one server only are looked for on each.",
        examples=[["ldaps://ldap1.example.com", "ldaps://ldap2.example.com"]],
    )
    base: Dn = Field(description="The top of the tree that Lockstep reads.", examples=["dc=example,dc=com"])
    bind: Bind = Field(description="How to sign in.")
    tls: Tls = Field(default_factory=Tls, description="How the way there is protected.", validate_default=True)
    connect_timeout: WholeSeconds = Field(
        default=5,
        description="How long to wait for a server to accept a connection, in whole seconds.",
        ge=1,
        le=60,
    )
    receive_timeout: WholeSeconds = Field(
        default=30,
        description="How long a whole answer may take, in whole seconds: one page of a search, for instance. Every "
        "16 KiB that come give it another second, so that only a server that is slower than that is given up.",
        ge=1,
        le=300,
    )
    mode: Mode = Field(
        default=Mode.OBSERVE,
        description='"observe": read, plan and show who would be locked; nobody is locked or unlocked. "enforce": do '
        "it. `lockstep enable` shows the first effect, asks, and from then on counts more than this key.",
    )
    mapping: Mapping | None = Field(
        default=None,
        description='What locks somebody there, and what undoes it: for dialect = "generic", and only there.',
        validate_default=True,
    )
    users: UserSearch = Field(default_factory=UserSearch, description="Which entries are users.", validate_default=True)
    attributes: Attributes = Field(default_factory=Attributes, description="What is read of a user.")
    rules: dict[TableName, Rule] = Field(
        description="Who belongs to which tenant. Whoever matches no rule and never did is counted, not stored.",
        min_length=1,
        examples=["staff", "contractors", "guests"],
    )
    schedule: Schedule = Field(default_factory=Schedule, description="When to look.")
    canary: Dn | None = Field(
        default=None,
        description="An entry that is always locked. As long as Lockstep sees its lock, it believes that a lock which "
        "is not there is gone; without one, a lock ends only where the entry itself changed.",
        examples=["uid=canary,ou=services,dc=example,dc=com"],
    )
    default_policy: Dn | None = Field(
        default=None,
        description="The password policy of users that name none (ppolicy_default): Lockstep's account can usually not "
        "read it from cn=config.",
        examples=["cn=default,ou=policies,dc=example,dc=com"],
    )
    page_size: Whole = Field(default=1000, description="How many entries to ask for at once.", ge=1, le=10000)

    @property
    def users_base(self) -> str:
        """Where the users are."""
        return self.users.base or self.base

    @field_validator("servers")
    @classmethod
    def _all_different(cls, servers: tuple[Server, ...]) -> tuple[Server, ...]:
        if not servers:
            raise wrong("must hold at least one")
        seen: set[tuple[str, int, str]] = set()
        for server in servers:
            address = (server.host.lower(), server.port, server.socket)
            if address in seen:
                raise wrong(f"names {server.url} twice")
            seen.add(address)
        return servers

    @field_validator("bind")
    @classmethod
    def _external_needs_a_socket(cls, bind: Bind, info: ValidationInfo) -> Bind:
        remote = [server.url for server in info.data.get("servers", ()) if server.scheme is not Scheme.LDAPI]
        if bind.method is BindMethod.EXTERNAL and remote:
            raise wrong(f'method = "external" works over ldapi:// only, and servers names {remote[0]}')
        return bind

    @field_validator("tls")
    @classmethod
    def _fits_every_server(cls, tls: Tls, info: ValidationInfo) -> Tls:
        for server in info.data.get("servers", ()):
            problem = _why_unprotected(tls, server)
            if problem:
                raise wrong(problem)
        return tls

    @field_validator("users")
    @classmethod
    def _users_in_the_tree(cls, users: UserSearch, info: ValidationInfo) -> UserSearch:
        base = info.data.get("base")
        if base is not None and users.base is not None and not is_at_or_below(users.base, base):
            raise wrong(f"base = {shown(users.base)} is not below the directory's base {shown(base)}")
        return users

    @field_validator("mapping")
    @classmethod
    def _describes_what_is_not_known(cls, mapping: Mapping | None, info: ValidationInfo) -> Mapping | None:
        dialect = info.data.get("dialect")
        if dialect is Dialect.GENERIC and mapping is None:
            raise wrong('is needed with dialect = "generic": say which attribute locks somebody')
        if dialect not in {Dialect.GENERIC, None} and mapping is not None:
            raise wrong(f'describes what dialect = "{dialect}" knows already: leave it out, or use "generic"')
        return mapping

    @field_validator("rules")
    @classmethod
    def _rules_tell_people_apart(cls, rules: dict[str, Rule], info: ValidationInfo) -> dict[str, Rule]:
        seen: dict[object, str] = {}
        for name, rule in rules.items():
            other = seen.setdefault(rule.criterion, name)
            if other != name:
                raise wrong(f'"{other}" and "{name}" match the same people: keep one of them')
        if "users" in info.data and "base" in info.data:
            _refuse_subtrees_without_users(rules, info.data["users"].base or info.data["base"])
        return rules

    @field_validator("canary")
    @classmethod
    def _canary_in_the_tree(cls, canary: str | None, info: ValidationInfo) -> str | None:
        base, bind = info.data.get("base"), info.data.get("bind")
        if canary is None:
            return None
        if base is not None and not is_at_or_below(canary, base):
            raise wrong(f"{shown(canary)} is not below the directory's base {shown(base)}")
        if bind is not None and bind.dn is not None and dn_key(canary) == dn_key(bind.dn):
            raise wrong("is the account that Lockstep signs in with: that one must never be locked")
        return canary


def _why_unprotected(tls: Tls, server: Server) -> str | None:
    """Return why `tls` and a server do not go together, or None."""
    match server.scheme, tls.mode:
        case Scheme.LDAPI, TlsMode.LDAPS | TlsMode.STARTTLS:
            return f'mode = "{tls.mode}" cannot protect {server.url}, which never leaves the machine: leave mode out'
        case Scheme.LDAPS, TlsMode.STARTTLS | TlsMode.NONE:
            return f'mode = "{tls.mode}" contradicts {server.url}: leave mode out, or write ldap://'
        case Scheme.LDAP, TlsMode.LDAPS:
            return f'mode = "ldaps" contradicts {server.url}: write ldaps://'
        case Scheme.LDAP, TlsMode.NONE if not (server.loopback or tls.allow_plaintext):
            return (
                f'mode = "none" would send passwords readable to {server.url}: leave mode out (StartTLS), or write '
                "ldaps://; if nothing else is possible, allow_plaintext = true"
            )
    return None


def _refuse_subtrees_without_users(rules: dict[str, Rule], users_base: str) -> None:
    for name, rule in rules.items():
        subtree = rule.subtree
        if subtree is None or is_at_or_below(subtree, users_base) or is_at_or_below(users_base, subtree):
            continue
        raise wrong(f'"{name}" matches nobody: {shown(subtree)} is not in the users\' base {shown(users_base)}')
