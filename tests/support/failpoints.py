"""Named failpoints: places in the product where a test can end a process, without any hook in the product.

A failpoint is a function of the product and the moment before it runs or after it returned. `arm` puts a wrapper around
that one function, in the process that is to die. Names that a module has imported are wrapped where they are used, so
that a place is as exact as a line: `ims.store.bulk.append` is the audit inside a batch's transaction.
"""

import importlib
import inspect
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failpoint:
    """One place: `function` is dotted as it is imported; it is hit when reached for the `nth` time."""

    name: str
    function: str
    after: bool
    nth: int = 1


def _both(name: str, function: str, nth: int = 1) -> tuple[Failpoint, Failpoint]:
    return (
        Failpoint(name=f"{name}.before", function=function, after=False, nth=nth),
        Failpoint(name=f"{name}.after", function=function, after=True, nth=nth),
    )


def _within(name: str, function: str, nth: int = 1) -> tuple[Failpoint]:
    return (Failpoint(name=name, function=function, after=True, nth=nth),)


INTENT_TO_WRITE = (
    *_within("unlock.intent", "ims.store.intents.SqlIntents.open_intent"),
    *_within("unlock.read", "agent.writeback.DirectoryWriteBack.read"),
    *_within("unlock.decide", "ims.unlocking.decide"),
    *_both("unlock.mark", "ims.store.intents.SqlIntents.mark_writing"),
    *_both("unlock.mark.rows", "ims.store.intents.require_open"),
    *_both("unlock.reach", "agent.directories.client.Client.connect_to", nth=2),
    Failpoint(name="unlock.clear.before", function="agent.writeback.DirectoryWriteBack.clear", after=False),
    Failpoint(name="unlock.modify.before", function="agent.directories.client.Client.modify", after=False),
    Failpoint(name="unlock.restore.before", function="agent.writeback.DirectoryWriteBack.restore", after=False),
)
"""From the commit of the intent to the moment before the directory is written (F31)."""

WRITE_TO_OUTCOME = (
    Failpoint(name="unlock.modify.after", function="agent.directories.client.Client.modify", after=True),
    Failpoint(name="unlock.clear.after", function="agent.writeback.DirectoryWriteBack.clear", after=True),
    Failpoint(name="unlock.restore.after", function="agent.writeback.DirectoryWriteBack.restore", after=True),
    *_within("unlock.verify", "agent.writeback.DirectoryWriteBack.read", nth=2),
    *_within("unlock.effect", "ims.unlocking.effect"),
    *_both("unlock.close", "ims.store.bulk.close"),
    *_within("unlock.done", "ims.unlocking.Unlocking._commit"),
)
"""From the directory's write to the commit of the outcome, and just after it (F32)."""

UNLOCK = (
    Failpoint(name="unlock.intent.before", function="ims.store.intents.SqlIntents.open_intent", after=False),
    *_both("unlock.refused", "ims.unlocking.Unlocking._close_failed"),
    *_both("unlock.refused.row", "ims.store.intents.close"),
)
"""The rest of the unlock."""

SETTLE = (
    *_both("settle", "ims.settling.settle_intent"),
    *_within("settle.plan", "ims.settling._change"),
    *_both("settle.give_up", "ims.settling._row"),
)
"""Settling what an earlier crash left: a recovery that is killed too."""

PASS = (
    *_both("lease", "ims.store.sync_state.SqlSyncState.take_lease"),
    *_within("pass.resume", "agent.sync.resume"),
    *_within("pass.read", "agent.sync.read"),
    *_both("pass.interpret", "agent.interpret.Interpreter.sighting", nth=3),
    *_both("pass.draft", "agent.sync.draft"),
    *_within("pass.plan", "agent.drafting.plan", nth=2),
    *_within("pass.brake", "agent.sync.braked"),
    *_both("pass.commit", "agent.committing.Committer.commit"),
    *_both("pass.batch", "agent.writing.Writer._write_batch"),
    *_within("pass.digests", "agent.writing.Writer.write_digests"),
    *_both("pass.record", "agent.sync.record"),
    *_both("pass.close", "agent.committing.Committer.close"),
    *_both("lease.drop", "ims.store.sync_state.SqlSyncState.drop_lease"),
)
"""A tick and a reconcile, phase by phase."""

STORE = (
    *_within("store.begin", "ims.store.engine.Database._begin", nth=9),
    *_both("store.apply", "ims.store.people.SqlPeople.apply", nth=3),
    *_within("store.fence", "ims.store.bulk.require_fence"),
    *_within("store.deleted", "ims.store.bulk._delete_users", nth=2),
    *_within("store.inserted", "ims.store.bulk._insert_users", nth=2),
    *_both("store.audit", "ims.store.bulk.append", nth=2),
    *_within("store.chain", "ims.store.audit._end", nth=2),
    *_within("store.digests", "ims.store.bulk.save_digests"),
    *_both("store.progress", "ims.store.bulk.save_progress"),
    *_within("store.state", "ims.store.sync_state._save_state"),
    *_within("store.transitions", "ims.store.sync_state._forget_transitions"),
    *_within("store.report", "ims.store.sync_state._save_report"),
    *_both("store.record", "ims.store.audit.SqlAuditLog.record"),
)
"""Inside transactions: what is not committed yet must be as if it had never been."""

PROVISION = (
    *_both("scim.create", "ims.provisioning.create"),
    *_both("scim.edit", "ims.provisioning.edit"),
    *_both("scim.delete", "ims.provisioning.delete"),
    *_both("scim.hold", "ims.provisioning.hold"),
    *_both("scim.save", "ims.provisioning._save"),
    *_both("token.add", "ims.store.tokens.SqlTokens.add_token"),
    *_both("token.revoke", "ims.store.tokens.SqlTokens.revoke_token"),
)
"""What connections and people write."""

FAILPOINTS = {
    point.name: point
    for group in (INTENT_TO_WRITE, WRITE_TO_OUTCOME, UNLOCK, SETTLE, PASS, STORE, PROVISION)
    for point in group
}
"""Every failpoint by its name."""


def arm(point: Failpoint, act: Callable[[], None]) -> None:
    """Have `act` run when the failpoint is reached for the nth time, whichever thread reaches it."""
    owner, name = _owner(point.function)
    function = getattr(owner, name)
    if inspect.isgeneratorfunction(function) or isinstance(inspect.getattr_static(owner, name), property):
        raise TypeError(f"{point.function} does not run when it is called: no failpoint can be there")
    reached = _Counter(point.nth, act)

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not point.after:
            reached()
        result = function(*args, **kwargs)
        if point.after:
            reached()
        return result

    plain = isinstance(inspect.getattr_static(owner, name), staticmethod)
    setattr(owner, name, staticmethod(wrapped) if plain else wrapped)


def die() -> None:
    """End this process as `kill -9` does: no handler, no `finally`, no rollback, nothing flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal takes its time; nothing more may happen until it comes


class _Counter:
    """Acts at the nth call, and at no other."""

    def __init__(self, nth: int, act: Callable[[], None]) -> None:
        self._left = nth
        self._act = act
        self._mutex = threading.Lock()

    def __call__(self) -> None:
        with self._mutex:
            self._left -= 1
            now = self._left == 0
        if now:
            self._act()


def _owner(dotted: str) -> tuple[Any, str]:
    """Return the module or class that holds a function, and the function's name there."""
    path, _, name = dotted.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, _, class_name = path.rpartition(".")
        return getattr(importlib.import_module(module), class_name), name
