"""How the pages say things: reasons, times and roles, in the words that people in the field use."""

from datetime import datetime, timedelta

from ims.audit import Action
from ims.locks import Clearer, LedgerRules, Lock, LockReason, clearable_by
from ims.operations import UnlockOutcome
from ims.people import Role

REASONS = {
    LockReason.PASSWORD_ATTEMPTS: "Too many wrong passwords",
    LockReason.UNAFFILIATED: "Unaffiliated from the company account",
    LockReason.DISABLED: "Disabled in the directory",
    LockReason.EXPIRED: "Outside its validity dates",
    LockReason.IDLE: "Unused for too long",
    LockReason.ABSENT: "No longer in the directory",
    LockReason.DEPROVISIONED: "Deactivated by an identity provider",
    LockReason.HELD: "Locked by a Co-Administrator",
}
ROLES = {
    Role.CO_ADMINISTRATOR: "Co-Administrator",
    Role.ACCOUNT_ADMINISTRATOR: "Account Administrator",
    Role.AUDITOR: "Auditor",
}
CLEARERS = {
    Clearer.CO_ADMINISTRATOR: "a Co-Administrator",
    Clearer.DIRECTORY: "the directory's administrators",
    Clearer.CONNECTION: "the identity provider",
    Clearer.TIME: "time, by itself",
}
OUTCOMES = {
    UnlockOutcome.UNLOCKED: "Unlocked and verified",
    UnlockOutcome.ALREADY: "Was not locked any more",
    UnlockOutcome.STILL_LOCKED: "Still locked",
    UnlockOutcome.REFUSED: "Refused",
    UnlockOutcome.CHANGED: "Changed meanwhile",
    UnlockOutcome.UNREACHABLE: "Not done: no answer from the directory",
}
ACTIONS = {
    Action.LOCK_RAISED: "was locked",
    Action.LOCK_UPDATED: "lock changed",
    Action.LOCK_LIFTED: "lock ended",
    Action.UNLOCKED_OUTSIDE: "was unlocked outside Lockstep",
    Action.UNLOCK: "unlock",
    Action.SIGNED_IN: "signed in to the portal",
}


def reason_of(lock: Lock) -> str:
    """Say why somebody is locked, in a few words."""
    return REASONS[lock.reason]


def place_of(lock: Lock) -> str:
    """Say who says so: the directory or connection, and the server where only that one holds the lock."""
    return f"{lock.source} ({lock.server})" if lock.server else lock.source


def clearers_of(lock: Lock, rules: LedgerRules) -> str:
    """Say who may end a lock."""
    return " or ".join(CLEARERS[one] for one in clearable_by(lock, rules)) or "nobody here"


def ends_of(locks: tuple[Lock, ...], rules: LedgerRules) -> str:
    """Say when somebody is free again: a time, or who has to do something about it."""
    lasting = [lock for lock in locks if lock.until is None]
    if not lasting:
        return moment(max((lock.until for lock in locks if lock.until), default=None))
    ending = [clearable_by(lock, rules) for lock in lasting]
    if all(Clearer.CO_ADMINISTRATOR in clearers for clearers in ending):
        return "When somebody unlocks"
    return f"By {' or '.join(CLEARERS[one] for one in next(c for c in ending if Clearer.CO_ADMINISTRATOR not in c))}"


def icon_of(locks: tuple[Lock, ...]) -> str:
    """Return which shape stands for these locks: one that ends by itself, one set on purpose, or any other."""
    if all(lock.until is not None for lock in locks):
        return "padlock-clock"
    if all(lock.reason is LockReason.DISABLED for lock in locks):
        return "barred"
    return "padlock"


def action_of(action: Action) -> str:
    """Say what an audit row tells of."""
    return ACTIONS.get(action, action.value.replace("_", " "))


def moment(at: datetime | None) -> str:
    """Say when, to the minute, in UTC; "never" where there is no such moment."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago something was, in one unit."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def soon_again(at: datetime | None, now: datetime) -> bool:
    """Return whether the last wrong password came so lately that something is probably still sending them."""
    return at is not None and now - at < timedelta(minutes=1)
