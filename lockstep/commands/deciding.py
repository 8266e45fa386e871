"""`lockstep brake`: what is kept back until a person has looked at it, and what that person decides."""

from collections.abc import Sequence

import click

from ims.batches import BatchId, BatchState, Decision, HeldBatch, HeldItem
from ims.deciding import Part, chosen, decide, part
from ims.errors import InvalidInput
from ims.permits import Permission, require
from lockstep.commands.people import record_look
from lockstep.exits import ExitCode
from lockstep.invocation import Invocation, json_option, operator, pass_invocation
from lockstep.output import Cell, say, show_json, show_record, show_table
from lockstep.wiring import Wiring

BATCH_COLUMNS = (
    "batch",
    "directory",
    "tenant",
    "why",
    "standing",
    "waiting",
    "approved",
    "rejected",
    "since",
    "expires",
)
_ITEM_COLUMNS = ("user", "tenant", "before", "after", "decision", "decided_by", "decided_at", "id")
_UNDECIDED = _ITEM_COLUMNS[:4]
_DECIDED = _ITEM_COLUMNS[:6]
"""What is shown of those whom somebody decided on before: nobody overrules a decision without knowing of it."""
_SHOWN = 50
"""How many users are shown before somebody is asked; `show` lists all of them."""
_ASKS = {Decision.APPROVED: "Approve this?", Decision.REJECTED: "Reject this?"}
_DONE = {Decision.APPROVED: "Approved", Decision.REJECTED: "Rejected"}
_user_option = click.option("--user", "users", metavar="NAME", multiple=True, help="Only this user; may be repeated.")
_yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


@click.group
def brake() -> None:
    """Look at what is kept back, and approve or reject it."""


@brake.command("list")
@json_option
@pass_invocation
def list_batches(invocation: Invocation, *, as_json: bool) -> None:
    """List what waits for a decision.

    And what was rejected and is still proposed, oldest first.
    """
    with invocation.wired() as wiring:
        rows = [batch_row(batch) for batch in wiring.store.held_batches()]
    show_table(BATCH_COLUMNS, rows, as_json=as_json, empty="Nothing is kept back.")


def batch_row(batch: HeldBatch) -> tuple[Cell, ...]:
    """Return a batch as a row of `BATCH_COLUMNS`; one that concerns several tenants names none."""
    counts = (batch.waiting, batch.approved, batch.rejected)
    of = (batch.id, batch.directory, batch.tenant, batch.why.value, batch.standing)
    return (*of, *counts, batch.created, batch.expires)


@brake.command("show")
@click.argument("batch")
@json_option
@pass_invocation
def show_batch(invocation: Invocation, batch: str, *, as_json: bool) -> None:
    """Show whom a batch concerns.

    Why it waits, and for each user what is now and what would be. The look is recorded.
    """
    with invocation.wired() as wiring:
        record_look(wiring, "brake", f"the batch {batch}", None)
        found = part(wiring.store, BatchId(batch))
    header = _header(found.batch)
    if as_json:
        show_json({**dict(header), "users": _documents(found.items)})
        return
    show_record(header, as_json=False)
    click.echo()
    show_table(_ITEM_COLUMNS, [_item_row(item) for item in found.items], as_json=False, empty="Nobody waits in it.")


@brake.command("approve")
@click.argument("batch")
@_user_option
@_yes_option
@json_option
@pass_invocation
def approve(invocation: Invocation, batch: str, users: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Let changes happen.

    All that wait in a batch, or those of some users. The next pass reads the directory afresh, and does what is still
    exactly as it was shown.
    """
    _decide(invocation, batch, users, Decision.APPROVED, yes=yes, as_json=as_json)


@brake.command("reject")
@click.argument("batch")
@_user_option
@_yes_option
@json_option
@pass_invocation
def reject(invocation: Invocation, batch: str, users: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    """Keep changes back for good.

    They stay back, without further alarms, as long as the directory proposes the same; another proposal is a new one.
    """
    _decide(invocation, batch, users, Decision.REJECTED, yes=yes, as_json=as_json)


def _decide(
    invocation: Invocation,
    batch: str,
    users: tuple[str, ...],
    decision: Decision,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    if as_json and not yes:
        raise InvalidInput("With --json nobody can be asked: give --yes too, or look first with `lockstep brake show`")
    actor = operator()
    require(actor, Permission.DECIDE_ON_THE_BOX)
    with invocation.wired() as wiring:
        record_look(wiring, "brake", f"the batch {batch}", None)
        found = part(wiring.store, BatchId(batch))
        items = chosen(found, users, decision)
        if not as_json:
            _show(found, items)
        if not yes and not click.confirm(_ASKS[decision], err=True):
            say("Nothing was decided.")
            click.get_current_context().exit(ExitCode.FAILURE.value)
        decide(wiring.store, wiring.clock, actor, found, items, decision)
        due = _due(wiring, found.batch)
    if as_json:
        show_json({"batch": batch, "decision": decision.value, "users": _documents(items)})
    follows = f"the next pass of {found.batch.directory}{due} does it, where the directory still says the same"
    if decision is Decision.REJECTED:
        follows = "it stays back while the directory says the same"
    say(f"{_DONE[decision]} for {len(items)} users: {follows}.")


def _due(wiring: Wiring, batch: HeldBatch) -> str:
    due = wiring.store.directory(batch.directory).next_run
    return f" ({due:%H:%M:%S} UTC)" if due is not None and due > wiring.clock.now() else ""


def _show(found: Part, items: Sequence[HeldItem]) -> None:
    say(f"{found.batch.directory}: {found.batch.text}")
    columns = _UNDECIDED if all(item.decision is Decision.WAITING for item in items) else _DECIDED
    rows = [_item_row(item)[: len(columns)] for item in items[:_SHOWN]]
    show_table(columns, rows, as_json=False, empty="")
    if len(items) > _SHOWN:
        say(f"… {len(items)} in all; `lockstep brake show {found.batch.id}` lists everybody")


def _header(batch: HeldBatch) -> list[tuple[str, Cell]]:
    named = list(zip(BATCH_COLUMNS, batch_row(batch), strict=True))
    ended: list[tuple[str, Cell]] = [("closed", batch.closed), ("taken_over_by", batch.successor)]
    more: list[tuple[str, Cell]] = [("text", batch.text), ("size", batch.size), ("pass", batch.pass_id)]
    more.append(("hash", batch.hash))
    return [*named, *more, *(ended if batch.state is not BatchState.OPEN else [])]


def _item_row(item: HeldItem) -> tuple[Cell, ...]:
    decided = item.decision.value if item.decision is not Decision.WAITING else ""
    who = (item.name, item.tenant, item.before, item.after)
    return (*who, decided, item.decided_by, item.decided_at, item.key)


def _documents(items: Sequence[HeldItem]) -> list[dict[str, object]]:
    return [
        {
            "user": item.name,
            "id": item.key,
            "tenant": item.tenant,
            "differences": [{"what": d.what, "before": d.before, "after": d.after} for d in item.differences],
            "counts": [reason.value for reason in item.counts],
            "since": item.since,
            "decision": item.decision.value,
            "decided_by": item.decided_by,
            "decided_at": item.decided_at,
            "hash": item.hash,
        }
        for item in items
    ]
