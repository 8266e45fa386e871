"""The list of users: from an address to a question for the store. What is asked stands in the address, to be kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from ims.locks import LockReason, locks_in_force
from ims.people import User
from ims.permits import TenantView
from ims.query import (
    EVERYTHING,
    And,
    Attribute,
    Collection,
    Compare,
    Member,
    Operator,
    Or,
    Page,
    Query,
    Some,
    Sort,
)

PAGE = 50
"""Users on a page; as many as may be unlocked with one click."""
MOST_EXPORTED = 100_000
"""Users in one file."""
_AT_ONCE = 1_000
_LONGEST_SEARCH = 200
_NAMES = (Attribute.USER_NAME, Attribute.DISPLAY_NAME, Attribute.GIVEN_NAME, Attribute.FAMILY_NAME)
_BY_NAME = Sort(Attribute.USER_NAME)
LOCKED = "locked"
ACTIVE = "active"
_CHIPS = (LOCKED, *(reason.value for reason in LockReason))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for: a search text, a state or reason, and after whom the page begins."""

    text: str = ""
    chip: str = ""
    after: str = ""

    def address(self, **changes: str) -> str:
        """Return the address that asks for this, with some of it changed; another question begins at the beginning."""
        values = {"q": self.text, "show": self.chip, "after": "", **changes}
        named = {name: value for name, value in values.items() if value}
        return f"/users?{urlencode(named)}" if named else "/users"

    @property
    def export(self) -> str:
        """Return the address of the file with everybody whom the list shows, on all its pages."""
        return self.address().replace("/users", "/users.csv", 1)

    @property
    def query(self) -> Query:
        """Return the question but for where the page begins."""
        parts = (_about(self.text), _showing(self.chip))
        return And(tuple(part for part in parts if part is not EVERYTHING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter above the list, and how many users it would show."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page of the list. `following` is the address of the next page, empty on the last one."""

    users: tuple[User, ...]
    total: int
    chips: tuple[Chip, ...]
    following: str = ""


def asked_by(arguments: Mapping[str, str]) -> Asked:
    """Return what an address asks for. What makes no sense there is left out."""
    chip = arguments.get("show", "")
    known = {LOCKED, ACTIVE, *LockReason}
    return Asked(
        text=arguments.get("q", "").strip().replace("\0", "")[:_LONGEST_SEARCH],
        chip=chip if chip in known else "",
        after=arguments.get("after", "").replace("\0", "")[:_LONGEST_SEARCH],
    )


def listed(view: TenantView, asked: Asked) -> Listed:
    """Return the page that was asked for, in the order of user names, from where it begins on."""
    start = (Compare(Attribute.USER_NAME, Operator.GT, asked.after),) if asked.after else ()
    found = view.find(And((asked.query, *start)), Page(limit=PAGE + 1, sort=_BY_NAME)).users
    users = found[:PAGE]
    more = len(found) > PAGE
    whole = not (more or asked.chip or asked.after)
    return Listed(
        users=users,
        total=len(users) if whole else _count(view, asked.query),
        chips=tuple(_chips(asked, _counts_of(users, view.now()) if whole else _counts(view, asked))),
        following=asked.address(after=users[-1].profile.user_name) if more else "",
    )


def everybody(view: TenantView, asked: Asked) -> Iterator[User]:
    """Yield everybody who was asked for, in the order of user names, up to MOST_EXPORTED."""
    after = ""
    for _ in range(MOST_EXPORTED // _AT_ONCE):
        start = (Compare(Attribute.USER_NAME, Operator.GT, after),) if after else ()
        users = view.find(And((asked.query, *start)), Page(limit=_AT_ONCE, sort=_BY_NAME)).users
        yield from users
        if len(users) < _AT_ONCE:
            return
        after = users[-1].profile.user_name


def locked_now(view: TenantView) -> int:
    """Return how many users are locked at this moment."""
    return _count(view, _showing(LOCKED))


def _chips(asked: Asked, counts: Mapping[str, int]) -> list[Chip]:
    """Return the filters that would show somebody, and the one in use: locked first, then the reasons."""
    chips = [Chip(value=value, count=counts[value]) for value in _CHIPS]
    return [chip for chip in chips if chip.count or chip.value in {asked.chip, LOCKED}]


def _counts(view: TenantView, asked: Asked) -> Mapping[str, int]:
    """Count for each filter; of nobody locked there is no reason to count."""
    about = _about(asked.text)
    locked = _count(view, And((about, _showing(LOCKED))))
    reasons = {value: _count(view, And((about, _showing(value)))) if locked else 0 for value in _CHIPS[1:]}
    return {LOCKED: locked, **reasons}


def _counts_of(users: Iterable[User], now: datetime) -> Mapping[str, int]:
    """Count for each filter in users who are all there is: no need to ask for them again."""
    reasons = [{lock.reason.value for lock in locks_in_force(user.locks, now)} for user in users]
    counts = {value: sum(value in of for of in reasons) for value in _CHIPS[1:]}
    return {LOCKED: sum(map(bool, reasons)), **counts}


def _count(view: TenantView, query: Query) -> int:
    return view.find(query, Page(limit=0)).total


def _about(text: str) -> Query:
    """Return the question for everybody whose name, user name or mail holds each of these words."""
    words = [_holding(word) for word in text.split()]
    return And(tuple(words)) if words else EVERYTHING


def _holding(word: str) -> Query:
    mail = Some(Collection.EMAILS, Compare(Member.VALUE, Operator.CO, word))
    return Or((*(Compare(name, Operator.CO, word) for name in _NAMES), mail))


def _showing(chip: str) -> Query:
    if not chip:
        return EVERYTHING
    if chip in {LOCKED, ACTIVE}:
        return Compare(Attribute.LOCKED, Operator.EQ, chip == LOCKED)
    return Some(Collection.LOCKS, Compare(Member.VALUE, Operator.EQ, chip))
