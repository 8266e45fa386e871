"""Secrets: read when they are needed, shown nowhere.

A secret comes from the settings' own text, from an environment variable, or from a file. A file is read anew each time,
so that a rotated password works without a restart; a password in a variable or in the settings changes with a restart.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

HIDDEN = "**********"
MAX_BYTES = 64 * 1024
"""More than any password: a longer file is a mistake (a log, a device), not to be read into memory."""


class SecretUnreadable(Exception):
    """A secret cannot be read at the moment. The text names where it is and why, and holds nothing of it."""


class Secret:
    """A secret's place. `read` returns what is there now; nothing else shows it.

    No dataclass and no model: those print, compare, copy and pickle their fields.
    """

    __slots__ = ("_file", "_text")

    def __init__(self, text: str | None = None, *, file: Path | None = None) -> None:
        """Keep a text, or the file to read it from. Raises ValueError unless exactly one is given."""
        if (text is None) == (file is None):
            raise ValueError("a secret has either a text or a file")
        self._text = text
        self._file = file

    def read(self) -> str:
        """Return the secret as it is now. Raises SecretUnreadable where a file is gone, unreadable, empty or binary."""
        return self._text or "" if self._file is None else _text_of(self._file)

    def fingerprint(self, salt: str = "") -> str:
        """Return what the secret can be recognised by, and not guessed from: 32 hexadecimal digits.

        It is kept in the store (a refused secret is not tried again), where passwords that people choose would fall to
        a plain hash; so it is scrypt's. `salt` is whom the secret is for: one password of two accounts is two secrets.
        """
        return _scrypt(self.read(), salt)

    @property
    def place(self) -> str:
        """Where it is kept, in words."""
        return "the settings" if self._file is None else f"the file {self._file}"

    def __repr__(self) -> str:
        """Show where it is, never what it is."""
        return f"Secret({self.place})"

    def __eq__(self, other: object) -> bool:
        """Return whether both come from the same place; two texts are the same place if they are equal."""
        return isinstance(other, Secret) and (self._text, self._file) == (other._text, other._file)

    def __hash__(self) -> int:
        """Return a hash that says nothing about the text."""
        return hash((Secret, self._file))

    def __copy__(self) -> Self:
        """Return itself: it never changes."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return itself: it never changes."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled. Raises TypeError."""
        raise TypeError("a secret is not pickled: load the settings again where they are needed")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let settings hold secrets: taken from a text or as they are, written out as stars only."""
        return core_schema.no_info_plain_validator_function(
            _secret_of,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: HIDDEN),
        )


def why_unusable(text: str) -> str | None:
    """Return what is wrong with a secret's text, or None. An empty password would bind anonymously and succeed."""
    if not text:
        return "is empty"
    if "\0" in text:
        return "holds a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "is not UTF-8 text"
    return None


def _secret_of(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("secret", "must be a text in quotation marks")
    problem = why_unusable(value)
    if problem:
        raise PydanticCustomError("secret", "{problem}", {"problem": problem})
    return Secret(value)


def _text_of(file: Path) -> str:
    content = _content_of(file)
    if len(content) > MAX_BYTES:
        raise SecretUnreadable(f"{file} is longer than {MAX_BYTES} bytes: that is no password")
    try:
        text = _without_newline(content.decode())
    except UnicodeDecodeError:
        raise SecretUnreadable(f"{file} is not UTF-8 text") from None
    problem = why_unusable(text)
    if problem:
        raise SecretUnreadable(f"{file} {problem}")
    return text


def _content_of(file: Path) -> bytes:
    """Return at most one byte more than is allowed. A pipe is refused: it would block, and give its text only once."""
    try:
        if file.exists() and not file.is_file():
            raise SecretUnreadable(f"{file} is no regular file")
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SecretUnreadable(f"{file} cannot be read: {error.strerror}") from None


def _without_newline(text: str) -> str:
    """Return the text without the one line end that editors and `echo` add; other white space belongs to the secret."""
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


@lru_cache(maxsize=64)
def _scrypt(text: str, salt: str) -> str:
    """Return scrypt's digest (RFC 7914; 16 MiB and some 50 ms, which is why the last ones are remembered)."""
    return hashlib.scrypt(text.encode(), salt=f"lockstep secret {salt}".encode(), n=2**14, r=8, p=1, dklen=16).hex()
