"""How well a directory is read, by its stored state and its settings: for `status`, `/readyz`, the metrics. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ims.passes import ChangeSource, DirectoryState, Mode
from ims.people import DirectoryName

_PATIENCE = 3
"""How many ticks may be missed before what is stored counts as stale."""
_LEAST = timedelta(minutes=2)
"""No directory is stale sooner: a slow reading is no failure."""
_MORE = re.compile(r"and (\d+) more")
"""How a bounded list ends (see `agent.committing`)."""


class Condition(StrEnum):
    """What a directory's state comes to, best first."""

    OK = "ok"
    OBSERVE = "observe"
    KEPT_BACK = "kept_back"
    STALE = "stale"
    NEVER_READ = "never_read"
    INCOMPLETE = "incomplete"


GOOD = frozenset({Condition.OK, Condition.OBSERVE})
"""Conditions that nobody has to do anything about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryHealth:
    """How well one directory is read. `sentences` say what is the matter, and since when, for people."""

    name: DirectoryName
    condition: Condition
    mode: Mode
    read_at: datetime | None
    sentences: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether nobody has to do anything."""
        return self.condition in GOOD


def health_of(state: DirectoryState, configured: Mode, tick: timedelta, now: datetime) -> DirectoryHealth:
    """Judge a directory; `configured` and `tick` are its settings' mode and rhythm."""
    mode = state.mode or configured
    read_at = max((at for at in (state.last_tick, state.last_reconcile) if at is not None), default=None)
    found = _found(state, mode, read_at, tick, now)
    worst = max((condition for condition, _ in found), key=list(Condition).index, default=Condition.OK)
    return DirectoryHealth(
        name=state.name,
        condition=worst,
        mode=mode,
        read_at=read_at,
        sentences=tuple(sentence for _, sentence in found),
    )


def _found(
    state: DirectoryState,
    mode: Mode,
    read_at: datetime | None,
    tick: timedelta,
    now: datetime,
) -> list[tuple[Condition, str]]:
    found = []
    if state.error:
        since = f" since {_text(state.error_since)}" if state.error_since else ""
        found.append((Condition.INCOMPLETE, f"{state.name} has given no complete reading{since}: {state.error}"))
    if read_at is None:
        found.append((Condition.NEVER_READ, f"{state.name} was never read completely"))
    elif now - read_at > max(_LEAST, _PATIENCE * tick):
        found.append((Condition.STALE, f"{state.name} was last read completely on {_text(read_at)}"))
    if state.kept_back:
        found.append((Condition.KEPT_BACK, f"{state.name} keeps changes back {state.kept_back}"))
    if state.told.why:
        found.append((Condition.OK, f"{state.name}: {_told(state)}"))
    if state.attempts:
        found.append((Condition.OK, f"{state.name}: {state.attempts}"))
    if mode is Mode.OBSERVE:
        found.append((Condition.OBSERVE, f"{state.name} is only observed: {_would(state)}"))
    return found


def _told(state: DirectoryState) -> str:
    if state.told.source is ChangeSource.POLL:
        return f"no server tells at once what changes, the ticks find it: {state.told.why}"
    return f"not every server tells at once what changes: {state.told.why}"


def _would(state: DirectoryState) -> str:
    """Say how many would be locked, and not who: this is read by operators, who see no people."""
    *_, last = state.would_lock or ("",)
    more = _MORE.fullmatch(last)
    count = len(state.would_lock) - 1 + int(more[1]) if more else len(state.would_lock)
    return (
        f"enforced, it would lock {count} users (`lockstep status` names them)" if count else "nobody would be locked"
    )


def _text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
