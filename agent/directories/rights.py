"""What Lockstep's account needs in a directory: asked for by settings, granted by a recipe, proved by checks.

A recipe grants exactly what `Needs` say and takes everything else away from the account, whatever the directory grants
everybody; so the same value decides what `lockstep rights` prints and what `lockstep check --online` tries.
"""

from dataclasses import dataclass

from agent.directories.access import ReadingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Restorable:
    """What an unlock may add by one rule: the user to `group`, or `value` to the user's `attribute`."""

    group: str = ""
    attribute: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What settings make the account need. `account` is its DN, empty where only the directory knows it (EXTERNAL).

    `groups` are all whose members are read, roles' too; `by_user` says whether some are read from users' memberOf.
    """

    account: str
    base: str
    reading: ReadingRules
    canary: str = ""
    groups: tuple[str, ...] = ()
    by_user: bool = False
    restorable: tuple[Restorable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsRule:
    """One access rule of a recipe, in the directory's own words. `why` is ours."""

    what: str
    right: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The rights of one account. `text` is what an administrator applies; `rules` are what it holds, in order."""

    rules: tuple[RightsRule, ...]
    text: str
