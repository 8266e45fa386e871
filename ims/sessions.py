"""A person's sign-in to the portal as the store keeps it, and what keeps strangers from guessing passwords there.

A session is as good as what stands behind it at this moment: its person's role and locks are looked at with every
request. The store keeps the SHA-256 of what the browser holds, like that of a token.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol

from ims.audit import AuditEntry
from ims.people import Role, TenantId, UserId

SessionId = NewType("SessionId", str)
DeviceId = NewType("DeviceId", str)

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One person's session: whose, with which role it began, and until when it lasts whatever happens.

    `role` is None for a person who may look at their own account only. `form_key` is what every form carries back.
    """

    id: SessionId
    user: UserId
    tenant: TenantId
    role: Role | None
    form_key: str
    opened: datetime
    seen: datetime
    expires: datetime

    def usable(self, now: datetime, idle: timedelta) -> bool:
        """Return whether the session is neither over nor left alone for longer than `idle`."""
        return now < self.expires and now < self.seen + idle


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many passwords may be tried for one name within a while, whoever tries, before that name has to wait."""

    tries: int = 5
    window: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(seconds=60)
    """After which a try that nobody settled is over: its process is gone."""


class Standing(StrEnum):
    """Whether a password may be tried for a name."""

    YOURS = "yours"
    BUSY = "busy"
    """Another try is under way: two at a time could count two failures where only one is safe."""
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What came of asking for a try; `last` is when the last one was that counts, `before` how many came before it."""

    standing: Standing
    last: datetime
    before: int = 0


class Sessions(Protocol):
    """Sessions, the devices that have had one, and tries at passwords."""

    def session(self, session_id: SessionId) -> Session | None:
        """Return a session, or None."""
        ...

    def open_session(self, session: Session, audit: Sequence[AuditEntry]) -> None:
        """Keep a new session, with the audit rows that tell of it, and forget those that are over."""
        ...

    def touch_session(self, session_id: SessionId, at: datetime) -> None:
        """Remember that a session was used."""
        ...

    def end_session(self, session_id: SessionId) -> None:
        """Forget a session; none to forget is no error."""
        ...

    def end_sessions(self, user: UserId) -> int:
        """Forget all sessions of a person, and return how many there were."""
        ...

    def take_try(self, key: str, now: datetime, patience: Patience) -> Try:
        """Take a try at a password for a name, unless there were too many, or one is under way.

        Counted before the password is judged, in one transaction: any number of processes share the count.
        """
        ...

    def settle_try(self, key: str) -> None:
        """Say that the try is over; it goes on counting."""
        ...

    def forget_tries(self, key: str) -> None:
        """Begin to count anew: the right password was given."""
        ...

    def remember_device(self, device: DeviceId, user: UserId, at: datetime) -> None:
        """Remember that a person has signed in on a device."""
        ...

    def knows_device(self, device: DeviceId, user: UserId) -> bool:
        """Return whether a person has signed in on this device before."""
        ...


def new_session_secret() -> tuple[SessionId, str]:
    """Make a session's id, and what its browser presents (256 random bits)."""
    secret = new_key()
    return session_id_of(secret), secret


def session_id_of(presented: str) -> SessionId:
    """Return the id of the session whose secret this is, whether there is one or not."""
    return SessionId(hashlib.sha256(presented.encode(errors="surrogatepass")).hexdigest())


def device_id_of(presented: str) -> DeviceId:
    """Return the id of the device that presents this."""
    return DeviceId(hashlib.sha256(b"device " + presented.encode(errors="surrogatepass")).hexdigest())


def new_key() -> str:
    """Return 256 random bits as text that may stand in a cookie or a form."""
    return secrets.token_urlsafe(_SECRET_BYTES)
