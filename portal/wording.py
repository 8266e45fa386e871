"""How the pages say things: reasons, times and roles, in the words that people in the field use."""

from datetime import datetime, timedelta

from ims.audit import Action, Result
from ims.batches import Decision
from ims.locks import Clearer, LedgerRules, Lock, LockReason, clearable_by
from ims.operations import UnlockOutcome
from ims.people import Channel, Role
from portal import languages
from portal.languages import N_, gettext

REASONS = {
    LockReason.PASSWORD_ATTEMPTS: N_("Too many wrong passwords"),
    LockReason.UNAFFILIATED: N_("Unaffiliated from the company account"),
    LockReason.DISABLED: N_("Disabled in the directory"),
    LockReason.EXPIRED: N_("Outside its validity dates"),
    LockReason.IDLE: N_("Unused for too long"),
    LockReason.ABSENT: N_("No longer in the directory"),
    LockReason.DEPROVISIONED: N_("Deactivated by an identity provider"),
    LockReason.HELD: N_("Locked by a Co-Administrator"),
}
ROLES = {
    Role.CO_ADMINISTRATOR: N_("Co-Administrator"),
    Role.ACCOUNT_ADMINISTRATOR: N_("Account Administrator"),
    Role.AUDITOR: N_("Auditor"),
}
CLEARERS = {
    Clearer.CO_ADMINISTRATOR: N_("a Co-Administrator"),
    Clearer.DIRECTORY: N_("the directory's administrators"),
    Clearer.CONNECTION: N_("the identity provider"),
    Clearer.TIME: N_("time, by itself"),
}
OUTCOMES = {
    UnlockOutcome.UNLOCKED: N_("Unlocked and verified"),
    UnlockOutcome.ALREADY: N_("Was not locked any more"),
    UnlockOutcome.STILL_LOCKED: N_("Still locked"),
    UnlockOutcome.REFUSED: N_("Refused"),
    UnlockOutcome.CHANGED: N_("Changed meanwhile"),
    UnlockOutcome.UNREACHABLE: N_("Not done: no answer from the directory"),
}
ACTIONS = {
    Action.LOCK_RAISED: N_("was locked"),
    Action.LOCK_UPDATED: N_("lock changed"),
    Action.LOCK_LIFTED: N_("lock ended"),
    Action.UNLOCKED_OUTSIDE: N_("was unlocked outside Lockstep"),
    Action.UNLOCK: N_("unlock"),
    Action.SIGNED_IN: N_("signed in to the portal"),
    Action.UNLOCK_ASKED: N_("an unlock was asked for"),
    Action.UNLOCK_DECLINED: N_("the request for an unlock was dismissed"),
}


CHANNELS = {
    Channel.SCIM: N_("SCIM"),
    Channel.PORTAL: N_("portal"),
    Channel.COMMAND_LINE: N_("command line"),
    Channel.SYNC: N_("sync"),
}
DECISIONS = {
    Decision.WAITING: N_("waits"),
    Decision.APPROVED: N_("approved"),
    Decision.REJECTED: N_("rejected"),
}
RESULTS = {Result.DONE: N_("done"), Result.REFUSED: N_("refused"), Result.FAILED: N_("failed")}


def reason_of(lock: Lock) -> str:
    """Say why somebody is locked, in a few words."""
    return reason(lock.reason)


def reason(of: LockReason | str) -> str:
    """Say a reason in a few words."""
    return gettext(REASONS[LockReason(of)])


def role_of(role: Role | None) -> str:
    """Say what somebody is."""
    return gettext(ROLES[role]) if role else gettext("None")


def outcome_of(outcome: UnlockOutcome) -> str:
    """Say what became of one person of an unlock."""
    return gettext(OUTCOMES[outcome])


def channel_of(channel: Channel) -> str:
    """Say by which way somebody came."""
    return gettext(CHANNELS[channel])


def decision_of(decision: Decision) -> str:
    """Say how far somebody has decided."""
    return gettext(DECISIONS[decision])


def ending_of(result: Result) -> str:
    """Say how an act ended."""
    return gettext(RESULTS[result])


def place_of(lock: Lock) -> str:
    """Say who says so: the directory or connection, and the server where only that one holds the lock."""
    return f"{lock.source} ({lock.server})" if lock.server else lock.source


def clearers_of(lock: Lock, rules: LedgerRules) -> str:
    """Say who may end a lock."""
    return ", ".join(gettext(CLEARERS[one]) for one in clearable_by(lock, rules)) or gettext("nobody here")


def ends_of(locks: tuple[Lock, ...], rules: LedgerRules) -> str:
    """Say when somebody is free again: a time, or who has to do something about it."""
    lasting = [lock for lock in locks if lock.until is None]
    if not lasting:
        return moment(max((lock.until for lock in locks if lock.until), default=None))
    ending = [clearable_by(lock, rules) for lock in lasting]
    if all(Clearer.CO_ADMINISTRATOR in clearers for clearers in ending):
        return gettext("When somebody unlocks")
    who = next(clearers for clearers in ending if Clearer.CO_ADMINISTRATOR not in clearers)
    return gettext("By: %(who)s") % {"who": ", ".join(gettext(CLEARERS[one]) for one in who)}


def icon_of(locks: tuple[Lock, ...]) -> str:
    """Return which shape stands for these locks: one that ends by itself, one set on purpose, or any other."""
    if all(lock.until is not None for lock in locks):
        return "padlock-clock"
    if all(lock.reason is LockReason.DISABLED for lock in locks):
        return "barred"
    return "padlock"


def action_of(action: Action) -> str:
    """Say what an audit row tells of."""
    return gettext(ACTIONS[action]) if action in ACTIONS else action.value.replace("_", " ")


def moment(at: datetime | None) -> str:
    """Say when, to the minute, in UTC; "never" where there is no such moment."""
    return languages.moment(at) if at else gettext("never")


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago something was."""
    return languages.ago(max(timedelta(0), now - at))


def soon_again(at: datetime | None, now: datetime) -> bool:
    """Return whether the last wrong password came so lately that something is probably still sending them."""
    return at is not None and now - at < timedelta(minutes=1)
