"""Walking the audit's chain: what was tampered with, where, and of which kind. Pure; rows come in one after the other.

A row is sound if its hash is that of what it says, and if it follows the row before. Of one that is not, the walk tells
what was done: the hash proves under which number the row was written, and `previous` after which row. Only the rows
around a break are kept, so that a chain of any length fits into little memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ims.chain import Head, Link, first_previous, hash_of

NEARBY = 500
"""How many rows taken out at once are told as such where the rest was numbered anew to hide that; a hash each."""
REMEMBERED = 10_000
"""How many rows put in at once are told as such where the rest was numbered anew."""
_STRAYS = 64
MOST = 10_000
"""How many breaks are told apart; beyond that it is enough to know that there are more."""


class BreakKind(StrEnum):
    """What was done to the chain. The values are part of what `lockstep audit verify --json` prints."""

    EDITED = "edited"
    MISSING = "missing"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    FOREIGN_HEAD = "foreign_head"


_SENTENCES = {
    BreakKind.EDITED: "no longer as written",
    BreakKind.MISSING: "missing",
    BreakKind.INSERTED: "put in by somebody else",
    BreakKind.SWAPPED: "in each other's place",
    BreakKind.TRUNCATED: "gone from the end",
    BreakKind.REWRITTEN: "written anew, at least in part: the chain does not lead to the head that was exported",
    BreakKind.FOREIGN_HEAD: "the head that was exported is of another store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One break, from row `first` to row `last`; of swapped rows these are the two."""

    kind: BreakKind
    first: int
    last: int

    @property
    def sentence(self) -> str:
        """Say what was done, and to which rows."""
        if self.kind is BreakKind.EDITED and self.last == 0:
            return "row 1, or the store's id: the chain does not begin as this store's does"
        word = "and" if self.kind is BreakKind.SWAPPED else "to"
        rows = f"row {self.first}" if self.first == self.last else f"rows {self.first} {word} {self.last}"
        return f"{rows}: {_SENTENCES[self.kind]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a walk came to: the rows seen, where the chain ends, to how many exported heads it leads, every break.

    `more` counts the breaks that are not told one by one.
    """

    store: str
    rows: int
    number: int
    hash: str
    heads: int
    breaks: tuple[Break, ...]
    more: int = 0

    @property
    def holds(self) -> bool:
        """Return whether nothing is wrong with the chain, as far as a chain can tell."""
        return not self.breaks


class Walk:
    """One walk along a chain: give it every row in order, then ask what it came to.

    `after` and `previous` say where the chain is taken up: after row 0 of a whole one. `heads` were exported earlier.
    """

    def __init__(self, store: str, heads: Iterable[Head] = (), *, after: int = 0, previous: str = "") -> None:
        self._store = store
        self._next = after + 1
        self._offset = 0  # how much higher than they stand now the rows were numbered when they were written
        self._before: Link | None = None
        self._followed = previous or first_previous(store)  # the end that the row before had to follow
        self._ends: tuple[str, ...] = (self._followed,)  # by which hashes the next row may know the row before
        self._recent = {self._followed: after}
        self._rows = 0
        self._odd: dict[int, BreakKind] = {}  # rows with something wrong, by the number under which they stand
        self._breaks: list[Break] = []  # everything that is not about rows that stand there
        self._strays: list[Link] = []  # rows that neither follow nor fit: halves of a swap, or the first of a shift
        self._accusation: tuple[Link, int] | None = None
        self._more = 0
        self._heads = _Heads(store, heads, after, self._followed)

    def row(self, link: Link) -> None:
        """Take the next row, in the order of numbers."""
        self._rows += 1
        if link.number < self._next:
            self._tell(link.number, BreakKind.INSERTED)
            return
        gap = link.number > self._next
        if gap:
            self._add(BreakKind.MISSING, self._next + self._offset, link.number - 1 + self._offset)
        expected = self._hash(link, link.number + self._offset)
        follows = link.previous in self._ends
        if link.hash != expected or not (follows or gap):
            expected = self._broken(link, expected, follows=follows, gap=gap)
        self._go_on(link, expected)

    def end(self, last: int = 0) -> Verified:
        """Return what the walk came to. `last` is the highest number that is known to have been given to a row."""
        if self._before is not None and self._before in self._strays:
            self._last_stray(self._before)
        self._meet_heads()
        ended = self._next - 1 + self._offset
        known = max(last, self._heads.last)
        if known > ended:
            self._add(BreakKind.TRUNCATED, ended + 1, known)
        return Verified(
            store=self._store,
            rows=self._rows,
            number=self._next - 1,
            hash=self._before.hash if self._before else self._followed,
            heads=self._heads.met,
            breaks=self._all_breaks(),
            more=self._more,
        )

    # --- one row -----------------------------------------------------------------------------------------------------

    def _meet_heads(self) -> None:
        """Compare the row before with the heads, now that it is known under which number it was written."""
        if self._before is not None:
            self._heads.meet(self._before, self._before.number + self._offset)

    def _go_on(self, link: Link, expected: str) -> None:
        self._meet_heads()
        self._followed = self._ends[0]
        self._ends = (link.hash,) if link.hash == expected else (link.hash, expected)
        self._before = link
        self._next = link.number + 1
        self._recent[link.hash] = link.number
        if len(self._recent) > REMEMBERED:
            del self._recent[next(iter(self._recent))]

    def _broken(self, link: Link, expected: str, *, follows: bool, gap: bool) -> str:
        """Tell what is wrong with a row, and return the hash that it should have."""
        if self._told_enough():
            self._more += 1
        elif link.hash == expected:
            self._accuse(link)
        elif follows and not gap and self._shifts(link):
            return link.hash
        elif follows:
            self._tell(link.number, BreakKind.EDITED)
        elif not self._swapped(link):
            self._tell(link.number, BreakKind.EDITED)
            self._strays = [*self._strays[1 - _STRAYS :], link]
        return expected

    def _accuse(self, link: Link) -> None:
        """Tell of a sound row that follows another than the one before it: that one is not what it was then."""
        accused = link.number - 1
        if self._accusation is not None and self._accusation[0] is self._before:
            accuser, earlier = self._accusation
            if hash_of(accuser.number + self._offset, accuser.texts, self._followed) == link.previous:
                self._odd.pop(earlier, None)  # the accuser itself was given another `previous`
        if accused in self._odd:
            return
        self._accusation = (link, accused)
        if link.previous not in self._recent:
            self._tell(accused, BreakKind.EDITED)
        for number in range(self._recent.get(link.previous, accused) + 1, accused + 1):
            self._tell(number, BreakKind.INSERTED)

    def _swapped(self, link: Link) -> bool:
        """Tell of two rows of which each was written under the other's number."""
        for other in self._strays:
            here, there = link.number + self._offset, other.number + self._offset
            if self._hash(link, there) == link.hash and self._hash(other, here) == other.hash:
                self._strays.remove(other)
                self._odd[other.number] = self._odd[link.number] = BreakKind.SWAPPED
                self._add(BreakKind.SWAPPED, other.number, link.number)
                return True
        return False

    # --- a rest that was numbered anew -------------------------------------------------------------------------------

    def _shifts(self, link: Link) -> bool:
        """Find out whether from the row before on all rows were numbered anew, to hide that some were put in or taken.

        Two rows in a row that were written under numbers equally far away, one following the other, are no swap.
        """
        before = self._before
        if before is None or before not in self._strays:
            return False
        offset = self._written_off(before)
        if offset is None or self._hash(link, link.number + offset) != link.hash:
            return False
        self._shift(before, offset)
        return True

    def _written_off(self, stray: Link) -> int | None:
        """Return how much higher than it stands a row was numbered when it was written, if not far away."""
        after = self._recent.get(stray.previous)
        if after is not None:
            offsets = [after + 1 + self._offset - stray.number]
        else:
            offsets = [self._offset + step for step in range(1, NEARBY + 1)]
        return next((offset for offset in offsets if self._hash(stray, stray.number + offset) == stray.hash), None)

    def _shift(self, first: Link, offset: int) -> None:
        """Take it that the rows from `first` on stand `offset` below the numbers under which they were written."""
        self._strays.remove(first)
        self._odd.pop(first.number, None)
        if offset > self._offset:
            self._add(BreakKind.MISSING, first.number + self._offset, first.number + offset - 1)
        for number in range(first.number - (self._offset - offset), first.number):
            self._odd[number] = BreakKind.INSERTED
        self._offset = offset

    def _last_stray(self, link: Link) -> None:
        """Tell what the last row is, if nothing follows it that could say so."""
        offset = self._written_off(link)
        if offset is not None:
            self._shift(link, offset)
        elif self._hash(link, link.number + self._offset, self._followed) != link.hash:
            self._odd[link.number] = BreakKind.INSERTED

    # --- what is told ------------------------------------------------------------------------------------------------

    @staticmethod
    def _hash(link: Link, number: int, previous: str = "") -> str:
        return hash_of(number, link.texts, previous or link.previous)

    def _told_enough(self) -> bool:
        return len(self._odd) + len(self._breaks) >= MOST

    def _tell(self, number: int, kind: BreakKind) -> None:
        """Tell of a row that stands there."""
        if self._told_enough():
            self._more += 1
        else:
            self._odd[number] = kind

    def _add(self, kind: BreakKind, first: int, last: int) -> None:
        """Tell of anything else."""
        if self._told_enough() and kind is not BreakKind.TRUNCATED:
            self._more += 1
        else:
            self._breaks.append(Break(kind=kind, first=first, last=last))

    def _all_breaks(self) -> tuple[Break, ...]:
        """Return the breaks by position. A head says nothing new about a row that is told of anyway."""
        heads = [one for one in self._heads.breaks if one.last not in self._odd or one.kind is BreakKind.FOREIGN_HEAD]
        found = [*self._breaks, *_ranges(self._odd), *heads]
        return tuple(sorted(found, key=lambda one: (one.first, one.last)))


class _Heads:
    """The exported heads that a chain has to lead to."""

    def __init__(self, store: str, heads: Iterable[Head], after: int, start: str) -> None:
        self.met = 0
        self.last = 0
        self.breaks: list[Break] = []
        self._proved = after
        self._by_number: dict[int, set[str]] = {}
        for head in heads:
            if head.store != store:
                self.breaks.append(Break(kind=BreakKind.FOREIGN_HEAD, first=head.number, last=head.number))
            elif head.number >= after:
                self._by_number.setdefault(head.number, set()).add(head.hash)
                self.last = max(self.last, head.number)
        self._look(after, start)

    def meet(self, link: Link, number: int) -> None:
        """Compare a row with the heads that were exported when it was the last one."""
        if number in self._by_number:
            self._look(number, link.hash)

    def _look(self, number: int, found: str) -> None:
        hashes = self._by_number.get(number, set())
        if hashes - {found}:
            first = min(self._proved + 1, number)
            self.breaks.append(Break(kind=BreakKind.REWRITTEN, first=first, last=number))
        elif hashes:
            self.met += 1
            self._proved = number


def _ranges(odd: dict[int, BreakKind]) -> list[Break]:
    """Return the rows of a kind as ranges; swapped ones are told in pairs elsewhere."""
    found: list[Break] = []
    for number, kind in sorted(odd.items()):
        if kind is BreakKind.SWAPPED:
            continue
        if found and found[-1].kind is kind and found[-1].last == number - 1:
            found[-1] = Break(kind=kind, first=found[-1].first, last=number)
        else:
            found.append(Break(kind=kind, first=number, last=number))
    return found
