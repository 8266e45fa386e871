"""How many unlocks are too many: of one actor, whose session somebody may have stolen, and of one user.

Whoever is unlocked again and again is being attacked, or has a device with an old password: another unlock helps
neither. What counts are unlocks that ended a lock; asking again for somebody who is free costs nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ims.people import Actor, User
from ims.ports import AuditLog

BURST = timedelta(minutes=10)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockLimits:
    """How many unlocks one actor may do within ten minutes and within a day, and one user may have within a day."""

    actor_burst: int = 50
    actor_daily: int = 500
    target_daily: int = 5


def too_many(log: AuditLog, limits: UnlockLimits, actor: Actor, user: User, now: datetime) -> str:
    """Say which limit one more unlock would pass, and what to do; empty if none."""
    name = user.profile.user_name
    if log.unlocks(since=now - DAY, tenant=user.tenant, user=user.id) >= limits.target_daily:
        return (
            f"{name} was unlocked {limits.target_daily} times within a day; find out what keeps locking the account "
            "before it is unlocked again, or have an operator do it"
        )
    for within, most, words in ((BURST, limits.actor_burst, "10 minutes"), (DAY, limits.actor_daily, "a day")):
        if log.unlocks(since=now - within, tenant=user.tenant, actor=actor.name) >= most:
            return f"{actor.name} has unlocked {most} users within {words}; wait, or have somebody else unlock {name}"
    return ""
