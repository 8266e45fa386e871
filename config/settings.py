"""All settings of one installation, typed and frozen: what `config.load` makes of the file and the variables.

A default is what is safe: observe, nothing plain over a network, nobody unlocked who was disabled on purpose.
"""

import hashlib
import json
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.directories import Directory
from config.kinds import COMMAS, ONE_OR_JSON, Dn, Duration, Switch, Table, TableName, Text, Whole, wrong
from config.portal import Portal
from config.web import Web


class LogLevel(StrEnum):
    """What is worth a line."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """Who reads the log: a program or a person."""

    JSON = "json"
    CONSOLE = "console"


class ConnectionRole(StrEnum):
    """What a connection may do."""

    PROVISIONER = "provisioner"
    READER = "reader"


class ActiveView(StrEnum):
    """What `active` says to a connection."""

    EFFECTIVE = "effective"
    PROVISIONED = "provisioned"


class DisabledBy(StrEnum):
    """Who ends a lock that the directory's administrators set."""

    DIRECTORY = "directory"
    WRITE = "write"


class Clears(StrEnum):
    """When an `unaffiliated` lock ends by the person's coming back."""

    WITHIN_GRACE = "within_grace"
    ON_RETURN = "on_return"


class Store(Table):
    """Where users, locks and the audit are kept."""

    url: Text = Field(
        default="sqlite:////var/lib/lockstep/lockstep.db",
        description="The database file. Four slashes: a whole path, so that every process finds the same file. "
        "?timeout=5 at its end has a writer wait 5 seconds for another one instead of 10.",
    )

    @field_validator("url")
    @classmethod
    def _a_file_that_every_process_finds(cls, url: str) -> str:
        """Refuse other schemes and relative paths. Nothing of the URL is repeated: it could hold a password."""
        scheme, _, path = url.partition("://")
        if scheme.lower() != "sqlite":
            raise wrong('must begin with "sqlite:////"')
        if not path.startswith("//"):
            raise wrong("is relative to wherever a process is started: write four slashes and the whole path")
        file, asks, query = path.partition("?")
        if file.endswith("/") or (asks and not re.fullmatch(r"timeout=\d+(\.\d+)?", query)):
            raise wrong("must end with the name of the database file, and may have ?timeout=SECONDS after it")
        return url


class Log(Table):
    """What is written to standard error."""

    level: LogLevel = Field(
        default=LogLevel.INFO, description='"debug", "info", "warning" or "error", and all above it.'
    )
    format: LogFormat = Field(
        default=LogFormat.JSON,
        description='"json" (one object per line, for a log collector) or "console" (for people).',
    )


class Audit(Table):
    """How the audit's head is kept elsewhere, so that nobody can write its whole chain anew unnoticed."""

    heads_file: Path | None = Field(
        default=None,
        description="A file to which the agent appends the head of the audit's chain, best on another machine. Left "
        "out: the head goes to the log only.",
        examples=["/mnt/elsewhere/lockstep-heads.jsonl"],
    )
    heads_every: Duration = Field(
        default=timedelta(hours=1),
        description="How often the head is kept; also when the agent starts and stops.",
        ge=timedelta(minutes=1),
        le=timedelta(days=7),
    )


class RoleGroup(Table):
    """The directory group whose members have a role."""

    directory: TableName = Field(description="The directory that holds the group.", examples=["corp"])
    group: Dn = Field(description="The group's DN.", examples=["cn=lockstep-admins,ou=groups,dc=example,dc=com"])


class Roles(Table):
    """Which groups give a tenant's people a role. A member of several has the strongest."""

    co_administrator: RoleGroup | None = Field(default=None, description="Who may lock and unlock the tenant's users.")
    account_administrator: RoleGroup | None = Field(
        default=None,
        description="Who may also unlock administrators and approve what the brake keeps back.",
    )
    auditor: RoleGroup | None = Field(
        default=None, description="Who may read everything of the tenant, and change nothing."
    )


class Tenant(Table):
    """One company account."""

    display_name: Text | None = Field(
        default=None,
        description="What people read. Left out: the table's name.",
        examples=["Acme Ltd."],
    )
    roles: Roles = Field(default_factory=Roles, description="Which groups give a role.")
    contact: Text | None = Field(
        default=None,
        description="Whom a locked person asks, as it stands on the page that tells them so.",
        examples=["the service desk, telephone 4711"],
    )


class Connection(Table):
    """One identity provider's or application's link to a tenant. `lockstep token` makes its tokens."""

    tenant: TableName = Field(description="The tenant whose users it sees.", examples=["acme"])
    role: ConnectionRole = Field(
        description='"provisioner" (an identity provider: creates, changes and deactivates users) or "reader" (an '
        "application: reads them).",
        examples=["provisioner"],
    )
    active_view: ActiveView = Field(
        default=ActiveView.EFFECTIVE,
        description='What "active" says to it: "effective" (false while anything locks the user) or "provisioned" '
        "(false only while this connection has deactivated the user; for an identity provider that reads it back into "
        "its own lifecycle, and would deactivate somebody for a lock of a quarter of an hour).",
    )


class Unlock(Table):
    """What an unlock may do."""

    disabled: DisabledBy = Field(
        default=DisabledBy.DIRECTORY,
        description='Who enables an account that the directory\'s administrators disabled: "directory" (they do) or '
        '"write" (a Co-Administrator\'s unlock writes it to the directory).',
    )
    deprovisioned: Switch = Field(
        default=False,
        description="Whether a Co-Administrator's unlock may overrule an identity provider that deactivated the user.",
    )
    deadline: Duration = Field(
        default=timedelta(seconds=10),
        description="How long an unlock may take until its caller is told that the directory gives no answer.",
        ge=timedelta(seconds=1),
        le=timedelta(seconds=12),
    )
    actor_per_10_minutes: Whole = Field(
        default=50,
        description="How many users one person may unlock within ten minutes; more are refused. Somebody may have "
        "stolen their session.",
        ge=1,
        le=1_000_000,
    )
    actor_per_day: Whole = Field(
        default=500, description="How many users one person may unlock within a day.", ge=1, le=1_000_000
    )
    target_per_day: Whole = Field(
        default=5,
        description="How often one user may be unlocked within a day: whoever needs it more often is being attacked, "
        "or has a device with an old password.",
        ge=1,
        le=1_000_000,
    )


class Affiliation(Table):
    """How long the directories have to say so before somebody is unaffiliated, and what brings them back."""

    confirm: Duration = Field(
        default=timedelta(minutes=10),
        description="How far apart two complete readings must be that both find somebody unaffiliated or absent. "
        "0: the first is believed.",
        le=timedelta(days=7),
    )
    grace: Duration = Field(
        default=timedelta(hours=24),
        description="How long a person who is affiliated again is unlocked without anybody's doing.",
        le=timedelta(days=365),
    )
    clears: Clears = Field(
        default=Clears.WITHIN_GRACE,
        description='"within_grace": after the grace only a Co-Administrator unlocks; "on_return": affiliated again is '
        "unlocked again, whenever.",
    )


class Protected(Table):
    """Users whom `lockstep unlock --break-glass` alone unlocks. Canaries and Lockstep's own accounts are among them."""

    user_names: Annotated[tuple[Text, ...], COMMAS] = Field(
        default=(),
        description="By user name; upper and lower case are the same.",
        examples=[["root", "backup"]],
    )
    dns: Annotated[tuple[Dn, ...], ONE_OR_JSON] = Field(
        default=(),
        description="By DN.",
        examples=[["cn=ceo,ou=people,dc=example,dc=com"]],
    )


class Settings(BaseSettings):
    """Everything that an administrator decides."""

    # Read by `config.load` alone: nothing is taken from the process's environment behind its back.
    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, case_sensitive=True)

    store: Store = Field(default_factory=Store, description="Where things are kept.")
    web: Web = Field(default_factory=Web, description="Where to listen.")
    portal: Portal = Field(default_factory=Portal, description="The Co-Administrators' pages.")
    log: Log = Field(default_factory=Log, description="What is logged.")
    audit: Audit = Field(default_factory=Audit, description="How the audit's head is kept elsewhere.")
    tenants: dict[TableName, Tenant] = Field(
        default_factory=dict,
        description="The company accounts.",
        examples=["acme"],
    )
    connections: dict[TableName, Connection] = Field(
        default_factory=dict,
        description="The identity providers and applications.",
        examples=["okta"],
    )
    unlock: Unlock = Field(default_factory=Unlock, description="What an unlock may do.")
    affiliation: Affiliation = Field(default_factory=Affiliation, description="When somebody is unaffiliated.")
    protected: Protected = Field(default_factory=Protected, description="Whom nobody unlocks.")
    directories: dict[TableName, Directory] = Field(
        default_factory=dict,
        description="The directories.",
        examples=["corp"],
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what the loader read, and nothing else.

        The library's own sources stop at the first mistake, cannot say where it is, and take `os.environ` only.
        """
        return (init_settings,)

    def fingerprint_of(self, directory: str) -> str:
        """Return a digest of all settings that decide what a reading of this directory means.

        Under another fingerprint the stored watermark covers nothing, the next pass reads everything, and the brake
        keeps back what follows from it. Raises KeyError for an unknown directory.
        """
        chosen = self.directories[directory]
        parts = {
            "directory": chosen.model_dump(mode="json", include=_MEANING, exclude=_UNLOCKS),
            **({"mapping": chosen.mapping.model_dump(mode="json", exclude={"examples"})} if chosen.mapping else {}),
            "roles": self.role_groups_in(directory),
            "affiliation": self.affiliation.model_dump(mode="json", exclude={"confirm"}),
            "protected": self.protected.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def role_groups_in(self, directory: str) -> tuple[tuple[str, str, str], ...]:
        """Return the groups of this directory that give roles, as (tenant, role, DN), sorted."""
        found: list[tuple[str, str, str]] = []
        for name, tenant in self.tenants.items():
            for role in Roles.model_fields:
                group = getattr(tenant.roles, role)
                if group is not None and group.directory == directory:
                    found.append((name, role, group.group))
        return tuple(sorted(found))


_MEANING = {"dialect", "base", "users", "attributes", "rules", "default_policy"}
_UNLOCKS = {"rules": {"__all__": {"restore"}}}
"""What decides about unlocks only, and says nothing of who is who."""
