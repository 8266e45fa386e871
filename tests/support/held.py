"""Batches and items for tests of what is kept back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ims.batches import BatchId, Counted, Difference, HeldBatch, HeldChange, HeldItem, Why, contents_of, hash_of
from ims.locks import LockReason
from ims.people import EntryId, TenantId, UserId
from ims.ports import Batch, Store
from tests.support.batches import CORP, lease, progress
from tests.support.clock import NOON
from tests.support.people import ACME

DISABLED = (Difference(what="locks", after="disabled"),)


def item(name: str = "ada", tenant: TenantId | None = ACME, **changes: Any) -> HeldItem:
    """Return what waits of somebody: to be disabled."""
    usual = HeldItem(
        directory=CORP,
        why=Why.TOO_MANY,
        key=f"user-{name}",
        entry_id=EntryId(f"entry-{name}"),
        name=name,
        since=NOON,
        hash=hash_of([name]),
        user=UserId(f"user-{name}"),
        tenant=tenant,
        differences=DISABLED,
        counts=(LockReason.DISABLED,),
    )
    return replace(usual, **changes)


def batch_of(items: Iterable[HeldItem], **changes: Any) -> HeldBatch:
    """Return an open batch with these items."""
    held = list(items)
    usual = HeldBatch(
        id=BatchId("batch-1"),
        directory=CORP,
        why=Why.TOO_MANY,
        text="11 disabled accounts of acme and globex",
        created=NOON,
        expires=NOON + timedelta(days=7),
        hash=contents_of(CORP, Why.TOO_MANY, held),
        pass_id="pass-1",
        size=len(held),
        waiting=len(held),
    )
    return replace(usual, **changes)


def hold(store: Store, *items: HeldItem, **changes: Any) -> HeldBatch:
    """Keep items back in a new batch."""
    batch = batch_of(items, **changes)
    write(store, HeldChange(opened=(batch,), put=items))
    return batch


def write(store: Store, change: HeldChange, number: int = 1, pass_id: str = "") -> None:
    """Write a change of what is kept back, as a pass does."""
    name = pass_id or f"pass-{store.revision()}"
    store.apply(Batch(progress=replace(progress(lease(store), number, pass_id=name), held=change)))


def counted(name: str = "ada", reason: LockReason = LockReason.DISABLED, minutes: int = 0) -> Counted:
    """Return a lock that a pass raised so long after NOON."""
    at = NOON + timedelta(minutes=minutes)
    return Counted(directory=CORP, tenant=ACME, user=UserId(f"user-{name}"), reason=reason, at=at, pass_id="pass-1")
