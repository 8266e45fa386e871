"""What can go wrong, in our own words: every error says what happened, to whom, and what to do.

Each part of the program turns a foreign library's exception into one of these at its border; `scim/errors.py` and the
command line map them to a status and an exit code.
"""

from collections.abc import Sequence


class LockstepError(Exception):
    """The root of all errors that are meant to be shown to somebody."""


class InvalidInput(LockstepError):
    """The caller sent something that cannot be taken; nothing was changed."""


class Forbidden(LockstepError):
    """The caller may not do this, whatever the state of things; said before any state is looked at."""


class NotFound(LockstepError):
    """No such thing for this caller: missing and foreign are the same answer."""


class Conflict(LockstepError):
    """The request is fine, but the state of things forbids it; the text says what to do."""


class NotUnique(Conflict):
    """A value that must be unique is taken."""


class StaleVersion(Conflict):
    """The user changed since the caller read it: read again, then retry."""


class StillLocked(Conflict):
    """An unlock was allowed and cleared nothing: each lock that stays, with what to do about it."""

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


class ChangedMeanwhile(Conflict):
    """An unlock named the locks it had been shown, and the directory now holds another: look, then decide anew."""


class DirectoryUnreachable(LockstepError):
    """The directory gave no usable answer. Nothing was decided on that; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int = 30) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreUnusable(LockstepError):
    """The store cannot be read or written at the moment: locked, full or gone. Nothing was acknowledged."""


class FenceLost(LockstepError):
    """Another agent has taken over this directory: what this one still holds is not written."""
