"""How the program ends: one code per outcome, so that a script need not read what a person reads."""

from enum import IntEnum

from config.mistakes import SettingsError
from config.secrets import SecretUnreadable
from ims.errors import DirectoryUnreachable, InvalidInput


class ExitCode(IntEnum):
    """What a command ends with. 5 is left free: it has meant too many things elsewhere."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PARTLY = 3
    KEPT_BACK = 4
    UNREACHABLE = 6

    @property
    def meaning(self) -> str:
        """Say it in words, as `lockstep --help` and the documentation list it."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILURE: "not done; the message says why",
    ExitCode.USAGE: "a mistake in the command or in the settings",
    ExitCode.PARTLY: "done for some, not for all",
    ExitCode.KEPT_BACK: "kept back by the brake: a pass would change too much",
    ExitCode.UNREACHABLE: "a directory gave no usable answer",
}


def code_of(error: Exception) -> ExitCode:
    """Return what a command ends with that could not go on because of this error."""
    match error:
        case SettingsError() | SecretUnreadable() | InvalidInput():
            return ExitCode.USAGE
        case DirectoryUnreachable():
            return ExitCode.UNREACHABLE
        case _:
            return ExitCode.FAILURE
