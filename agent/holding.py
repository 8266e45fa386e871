"""How what is kept back goes on from pass to pass: batches open, are re-planned, lapse, and close. Pure.

Nothing leaves a batch but by a decision or because the directory no longer says so: that there are fewer of them now
lets none of the others through. A pass that did not look at somebody leaves that item as it is.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ims.batches import (
    BatchId,
    BatchState,
    Closing,
    Decision,
    HeldBatch,
    HeldChange,
    HeldItem,
    Why,
    contents_of,
    hash_of,
)
from ims.people import DirectoryName

WAITS = timedelta(days=7)
"""How long a batch waits before it is told anew: what nobody has looked at in a week was overlooked, not pondered."""
APPROVAL = timedelta(hours=24)
"""How long an approval may go unused: the next pass uses it, and by tomorrow nobody remembers what they had seen."""
_ID_LENGTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was kept back in a directory before a pass."""

    batches: tuple[HeldBatch, ...] = ()
    items: Mapping[str, HeldItem]

    def batch(self, why: Why) -> HeldBatch | None:
        """Return the open batch that waits for this."""
        return next((batch for batch in self.batches if batch.why is why), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a pass found: who `waits` now, who was let through by approval (`released`), and at whom it looked.

    `texts` say, for people, why something waits now that did not before.
    """

    directory: DirectoryName
    pass_id: str
    now: datetime
    waits: Mapping[str, HeldItem]
    released: Collection[str]
    judged: Callable[[HeldItem], bool]
    texts: Mapping[Why, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """What is kept back after a pass: what to write, the `open` batches, and those of them that people must hear of.

    `lapsed` counts approvals that nobody used in time.
    """

    change: HeldChange
    open: tuple[HeldBatch, ...]
    alarms: tuple[HeldBatch, ...] = ()
    items: tuple[HeldItem, ...] = ()
    lapsed: int = 0

    @property
    def waiting(self) -> int:
        """Return how many people's changes wait for a decision."""
        return sum(batch.waiting for batch in self.open)


def in_time(item: HeldItem, now: datetime) -> bool:
    """Return whether an item was approved, and not too long ago."""
    return item.decision is Decision.APPROVED and item.decided_at is not None and now - item.decided_at < APPROVAL


def replanned(held: Held, found: Found) -> Replanned:
    """Return what is kept back after a pass."""
    parts = [_Part(why, held, found) for why in Why]
    after = {item.key: item for part in parts for item in part.after.values()}
    change = HeldChange(
        opened=tuple(part.batch for part in parts if part.batch is not None and part.opens),
        closed=tuple(closing for part in parts if (closing := part.closing(parts)) is not None),
        put=tuple(item for key, item in after.items() if item != held.items.get(key)),
        dropped=tuple(key for key in held.items if key not in after),
    )
    lapsed = sum(item.decision is Decision.APPROVED and not in_time(item, found.now) for item in held.items.values())
    return Replanned(
        change=change,
        open=tuple(part.batch for part in parts if part.batch is not None),
        alarms=tuple(part.batch for part in parts if part.batch is not None and part.is_news),
        items=tuple(after.values()),
        lapsed=lapsed,
    )


class _Part:
    """What waits for one reason, before and after."""

    def __init__(self, why: Why, held: Held, found: Found) -> None:
        self._why, self._held, self._found = why, held, found
        self._old = held.batch(why)
        before = {key: item for key, item in held.items.items() if item.why is why}
        left = {key: item for key, item in before.items() if key not in found.released}
        self.after = self._after(left)
        self._expired = self._old is not None and self._old.expires <= found.now and _waiting(self.after.values())
        same = _contents(left.values()) == _contents(self.after.values())
        self.opens = bool(self.after) and (self._old is None or not same or self._expired)
        new = _contents(one for one in self.after.values() if one.decision is Decision.WAITING)
        self._grown = not new <= _contents(before.values())
        self.is_news = self.opens and (self._grown or self._expired)
        self.batch = self._batch()
        self._released = len(left) < len(before)
        self._moved = any(key in found.waits and key not in self.after for key in left)

    def _after(self, left: Mapping[str, HeldItem]) -> dict[str, HeldItem]:
        found = self._found
        stays = {
            key: _lapsed(item, found.now)
            for key, item in left.items()
            if key not in found.waits and not found.judged(item)
        }
        waits = {
            key: self._carried(item, self._held.items.get(key))
            for key, item in found.waits.items()
            if item.why is self._why
        }
        return stays | waits

    def _carried(self, item: HeldItem, old: HeldItem | None) -> HeldItem:
        """Return an item with what was known of it: its first proposal, and the decision if it is still the same."""
        if old is None:
            return item
        same = old.hash == item.hash
        return _lapsed(replace(old, why=item.why), self._found.now) if same else replace(item, since=old.since)

    def _batch(self) -> HeldBatch | None:
        if not self.after:
            return None
        batch = self._old if self._old is not None and not self.opens else self._new()
        decisions = Counter(item.decision for item in self.after.values())
        return replace(
            batch,
            waiting=decisions[Decision.WAITING],
            approved=decisions[Decision.APPROVED],
            rejected=decisions[Decision.REJECTED],
        )

    def _new(self) -> HeldBatch:
        """Return a new batch; where it is only less than the old one, it goes on from there."""
        found = self._found
        shrunk = self._old if self._old is not None and not self.is_news else None
        tenants = {item.tenant for item in self.after.values()}
        return HeldBatch(
            id=BatchId(hash_of([found.pass_id, self._why.value])[:_ID_LENGTH]),
            directory=found.directory,
            why=self._why,
            text=found.texts.get(self._why) or (self._old.text if self._old is not None else ""),
            created=shrunk.created if shrunk is not None else found.now,
            expires=shrunk.expires if shrunk is not None else found.now + WAITS,
            hash=contents_of(found.directory, self._why, self.after.values()),
            pass_id=found.pass_id,
            size=len(self.after),
            tenant=next(iter(tenants)) if len(tenants) == 1 else None,
        )

    def closing(self, parts: "Iterable[_Part]") -> Closing | None:
        """Return how the old batch ends; what of it waits for another reason now is in the batch for that."""
        if self._old is None or (self.after and not self.opens):
            return None
        other = next((part.batch for part in parts if part is not self), None) if self._moved else None
        heir = self.batch or other
        if heir is None:
            state = BatchState.DONE if self._released else BatchState.NO_LONGER_PROPOSED
            return Closing(id=self._old.id, state=state, at=self._found.now)
        state = BatchState.EXPIRED if self._expired else BatchState.SUPERSEDED
        return Closing(id=self._old.id, state=state, at=self._found.now, successor=heir.id)


def _lapsed(item: HeldItem, now: datetime) -> HeldItem:
    """Return an item whose approval counts no more as one that nobody has decided on."""
    if item.decision is not Decision.APPROVED or in_time(item, now):
        return item
    return replace(item, decision=Decision.WAITING, decided_at=None, decided_by="")


def _contents(items: Iterable[HeldItem]) -> set[tuple[str, str]]:
    return {(item.key, item.hash) for item in items}


def _waiting(items: Iterable[HeldItem]) -> bool:
    return any(item.decision is Decision.WAITING for item in items)
