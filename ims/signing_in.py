"""Signing in to the portal with a directory's password, so that nobody can be locked out by it, nor found out about.

The account's state is read fresh first: while the directory keeps somebody locked, no password is sent there. A lock
that only Lockstep knows of does not keep anybody from proving who they are; they see why they are locked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ims.clearing import brought_up
from ims.errors import DirectoryUnreachable
from ims.locks import ENTRY_REASONS, Lock, locks_in_force
from ims.names import key_of_name
from ims.people import EntryLink, User
from ims.ports import Clock, Store, WriteBack
from ims.sessions import Patience, Sessions, Standing, Try

LONGEST_NAME = 256
"""Nobody's user name has more characters: whatever is longer is wrong, and asked of no directory."""


class PasswordAnswer(StrEnum):
    """What a directory says to a password."""

    WELCOME = "welcome"
    WRONG = "wrong"
    LOCKED = "locked"
    MUST_CHANGE = "must_change"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 -- an answer, no password
    NOT_ASKED = "not_asked"
    """One more wrong password could come too near to the number at which the directory locks the account."""


class SignIns(Protocol):
    """How a password is tried in the directories."""

    def find(self, user_name: str) -> tuple[EntryLink, ...]:
        """Return the entries with this user name, one of each directory at most. Raises DirectoryUnreachable."""
        ...

    def judge(self, link: EntryLink, password: str) -> PasswordAnswer:
        """Try a password, unless that could lock the account. Raises DirectoryUnreachable where it was not judged."""
        ...

    def pretend(self, password: str, failures: int) -> PasswordAnswer:
        """Judge a password of nobody, who has failed so often before: never WELCOME.

        It takes as long as on somebody, and is not asked any more as soon as it would not be on somebody: an unknown
        name cannot be told from a known one.
        """
        ...


class Outcome(StrEnum):
    """How a sign-in ended."""

    WELCOME = "welcome"
    WRONG = "wrong"
    LOCKED = "locked"
    WAIT = "wait"
    MUST_CHANGE = "must_change"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 -- an outcome, no password
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    """Another try for the same name is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """How a sign-in ended, for whom as far as that is known, and the locks in force that keep them out.

    `since` and `until` belong to WAIT: too many passwords were tried for this name, by whomever.
    """

    outcome: Outcome
    user: User | None = None
    locks: tuple[Lock, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


class SigningStore(Store, Sessions, Protocol):
    """A store that keeps sessions too."""


_ENDS: Mapping[PasswordAnswer, Outcome] = {
    PasswordAnswer.WRONG: Outcome.WRONG,
    PasswordAnswer.MUST_CHANGE: Outcome.MUST_CHANGE,
    PasswordAnswer.PASSWORD_EXPIRED: Outcome.PASSWORD_EXPIRED,
    PasswordAnswer.LOCKED: Outcome.LOCKED,
    PasswordAnswer.WELCOME: Outcome.WELCOME,
}


class SigningIn:
    """The sign-in with everything it needs plugged in; one instance serves all threads."""

    def __init__(
        self,
        *,
        store: SigningStore,
        sign_ins: SignIns,
        write_back: WriteBack,
        clock: Clock,
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._sign_ins = sign_ins
        self._write_back = write_back
        self._clock = clock
        self._patience = patience or Patience()

    def sign_in(self, user_name: str, password: str) -> SignedIn:
        """Try a user name with a password. Raises StoreUnusable; every other end is an outcome."""
        key = key_of_name(user_name)
        if not key or not password or len(user_name) > LONGEST_NAME:
            return SignedIn(outcome=Outcome.WRONG)
        now = self._clock.now()
        taken = self._store.take_try(key, now, self._patience)
        if taken.standing is Standing.BUSY:
            return SignedIn(outcome=Outcome.BUSY)
        if taken.standing is Standing.TOO_MANY:
            return self._wait(taken.last)
        try:
            ended = self._judged(user_name, password, taken)
        except DirectoryUnreachable:
            ended = SignedIn(outcome=Outcome.UNREACHABLE)
        finally:
            self._store.settle_try(key)
        if ended.outcome is Outcome.WELCOME:
            self._store.forget_tries(key)
        return ended

    def _judged(self, user_name: str, password: str, taken: Try) -> SignedIn:
        now = taken.last
        links = self._sign_ins.find(user_name)
        people = {user.id: user for user in map(self._behind, links) if user is not None}
        if len(people) != 1:
            waits = self._sign_ins.pretend(password, taken.before) is PasswordAnswer.NOT_ASKED
            return self._wait(now) if waits else SignedIn(outcome=Outcome.WRONG)
        user = next(iter(people.values()))
        readings = [self._write_back.read(link, user.tenant) for link in user.entries]
        fresh = brought_up(user, readings, now, "sign-in")
        locks = locks_in_force(fresh.locks, now)
        if any(lock.reason in ENTRY_REASONS for lock in locks):
            return SignedIn(outcome=Outcome.LOCKED, user=fresh, locks=locks)
        answer = self._sign_ins.judge(links[0], password)
        if answer is PasswordAnswer.NOT_ASKED:
            return self._wait(now)
        return SignedIn(outcome=_ENDS[answer], user=fresh, locks=locks)

    def _behind(self, link: EntryLink) -> User | None:
        return self._store.behind(link.directory, [link.entry_id]).get(link.entry_id)

    def _wait(self, last: datetime) -> SignedIn:
        return SignedIn(outcome=Outcome.WAIT, since=last, until=last + self._patience.window)
