"""What can go wrong with a directory, in our own words.

Everything that means "no usable answer" is a `DirectoryUnreachable` already, so that nothing has to translate it
further up. Texts name the server and what was being done, never a secret and never the server's own message, which can
say more than the caller may know (Active Directory's data 775 comes even with the right password).
"""

from agent.directories.results import Result
from ims.errors import DirectoryUnreachable, LockstepError


class Unreachable(DirectoryUnreachable):
    """The server could not be reached, hung up, or stayed silent longer than the timeout."""


class AnswerLost(Unreachable):
    """A write was sent and its answer never came: only reading the entry again can tell whether it was done."""


class NotSecured(DirectoryUnreachable):
    """The way to the server could not be secured; no credential was sent."""


class InvalidCredentials(DirectoryUnreachable):
    """The directory refuses the agent's own credentials; they are not tried again before they change."""


class ProtocolFault(DirectoryUnreachable):
    """What the server sent is no proper answer; nothing of it was used."""


class Refused(LockstepError):
    """The directory answered no. `result` says which no."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


class NotTold(LockstepError):
    """A server does not tell by itself what changes; the text says why. Whoever wants to know has to ask."""


class BadEntry(LockstepError):
    """One entry holds something that cannot be trusted; it goes to quarantine and the others go on."""

    def __init__(self, dn: str, why: str) -> None:
        super().__init__(f"{dn}: {why}")
        self.dn = dn
        self.why = why


class MalformedName(LockstepError):
    """A text is no distinguished name (RFC 4514)."""
