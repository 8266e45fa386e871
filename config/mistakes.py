"""What is wrong with the settings: one mistake each, and the one report that shows them all.

An administrator who mends one mistake only to be shown the next loses an hour; so nothing here stops at the first.
A value that may be a secret never gets into a mistake.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NewType

KeyPath = NewType("KeyPath", tuple[str, ...])
"""Where a key is: the tables from the top and the key itself, as TOML spells them."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_VARIABLE = "LOCKSTEP_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing to mend.

    `key` is a dotted key, a variable or empty; `place` is the settings file or the environment; `line` counts from 1,
    and 0 is unknown.
    """

    key: str
    place: str
    text: str
    line: int = 0

    def __str__(self) -> str:
        """Say it in one line."""
        start = [f"line {self.line}"] if self.line else []
        subject = ", ".join([*start, *([self.key] if self.key else [])])
        return f"{subject}: {self.text}" if subject else self.text


class SettingsError(Exception):
    """The settings cannot be used; the text is one report of all mistakes, grouped by where they are."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        super().__init__(report(self.mistakes))


def report(mistakes: tuple[Mistake, ...]) -> str:
    """Return the mistakes as text for a terminal: a headline, then each place with what to mend there."""
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    lines = [f"{count} in the settings"]
    for place in dict.fromkeys(mistake.place for mistake in mistakes):
        here = [mistake for mistake in mistakes if mistake.place == place]
        lines += ["", f"{place}:"]
        lines += [f"  {mistake}" for mistake in sorted(here, key=lambda mistake: mistake.line)]
    return "\n".join(lines)


def dotted(path: Iterable[str]) -> str:
    """Return a key as TOML would spell it: parts that are no bare keys get quotation marks."""
    return ".".join(part if _BARE.fullmatch(part) else f"'{part}'" for part in path)


def variable(parts: Iterable[str]) -> str:
    """Return the environment variable for a key, given as the parts that variables use."""
    return _VARIABLE + "__".join(part.upper() for part in parts)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, or None: upper and lower case and - for _ are forgiven first."""
    by_fold = {_folded(candidate): candidate for candidate in known}
    match = get_close_matches(_folded(word), by_fold, n=1, cutoff=0.7)
    return by_fold[match[0]] if match else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that helps: the word probably meant, else all that are known."""
    words = tuple(known)
    meant = closest(word, words)
    if meant is not None:
        return f'did you mean "{meant}"?'
    return f"known: {', '.join(sorted(words))}" if words else "none is known"


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")
