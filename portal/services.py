"""What the portal works with; put together once by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from ims import permits
from ims.operations import Operations
from ims.people import DirectoryName, Tenant, TenantId
from ims.ports import Directories
from ims.sessions import Sessions
from ims.signing_in import SignedIn


class LockedMessage(StrEnum):
    """What somebody who meets a locked account at the sign-in is told."""

    FULL = "full"
    SAFE = "safe"
    SILENT = "silent"


class Signer(Protocol):
    """The sign-in, however it is run."""

    def sign_in(self, user_name: str, password: str) -> SignedIn:
        """Try a user name with a password (see `ims.signing_in.SigningIn`)."""
        ...


class PortalStore(Sessions, Operations, Protocol):
    """The part of the store that the portal uses beside its views."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalServices:
    """Everything behind the pages, as plain values.

    `contacts` say whom a locked person asks. `reaches` are the directories that hold people of a tenant. `secure` is
    whether browsers reach us by TLS, so that cookies may insist on it.
    """

    people: permits.Services
    store: PortalStore
    signing_in: Signer
    directories: Directories
    tenants: Mapping[TenantId, Tenant]
    contacts: Mapping[TenantId, str] = field(default_factory=dict)
    reaches: Mapping[TenantId, tuple[DirectoryName, ...]] = field(default_factory=dict)
    locked_message: LockedMessage = LockedMessage.FULL
    comment_required: bool = False
    idle: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(hours=8)
    secure: bool = False
