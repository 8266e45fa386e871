"""The settings of the portal: what a locked person is told, and how long a session lasts."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from config.kinds import Duration, Switch, Table


class LockedMessage(StrEnum):
    """What somebody who meets a locked account at the sign-in is told."""

    FULL = "full"
    SAFE = "safe"
    SILENT = "silent"


class Portal(Table):
    """The pages where Co-Administrators unlock users, and where locked users are told why."""

    enabled: Switch = Field(default=True, description="Whether there are pages at all; SCIM is there in any case.")
    locked_message: LockedMessage = Field(
        default=LockedMessage.FULL,
        description='What the sign-in says of a locked account: "full" (that it is locked, why and until when), "safe" '
        "(one text for a wrong password, an unknown name and a locked account, the reason only on a device that has "
        'signed in before; better where strangers reach the page) or "silent" (nothing but that it failed).',
    )
    comment_required: Switch = Field(
        default=False,
        description="Whether an unlock in the portal needs a comment; it is kept in the audit.",
    )
    idle: Duration = Field(
        default=timedelta(minutes=15),
        description="After how long without a click a session ends.",
        ge=timedelta(minutes=1),
        le=timedelta(hours=12),
    )
    longest: Duration = Field(
        default=timedelta(hours=8),
        description="How long a session lasts at most.",
        ge=timedelta(minutes=5),
        le=timedelta(hours=24),
    )
