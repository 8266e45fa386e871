"""`lockstep enable` and `undo`: letting a directory's locks count, and taking back what one pass did."""

from collections import Counter
from dataclasses import replace

import click

from agent.run import PassResult
from agent.sync import reconcile
from ims.audit import Action, AuditEntry, Result
from ims.errors import Conflict, InvalidInput
from ims.passes import Mode
from ims.people import DirectoryName
from lockstep.commands.syncing import show_waiting, waiting
from lockstep.exits import ExitCode
from lockstep.invocation import Invocation, json_option, operator, pass_invocation
from lockstep.output import Cell, say, show_json, show_table, working
from lockstep.undoing import Undone
from lockstep.undoing import undo as take_back
from lockstep.wiring import Wiring

_SHOWN = 50
_COLUMNS = ("user", "tenant", "action", "lock", "detail")


@click.command
@click.argument("directory")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@json_option
@pass_invocation
def enable(invocation: Invocation, directory: str, *, yes: bool, as_json: bool) -> None:
    """Let a directory's locks be in force.

    And let unlocks write to it. Shows the first effect, and asks. From then on this counts more than `mode` in the
    settings.
    """
    if as_json and not yes:
        raise InvalidInput(
            "With --json nobody can be asked: give --yes too, or look first with `lockstep sync --dry-run`"
        )
    with invocation.wired() as wiring:
        name = wiring.directory(DirectoryName(directory)).name
        if wiring.directories.enforced(name):
            raise Conflict(f"{name} is enabled already")
        with working(f"Reading all of {name}, to see the first effect"):
            effect = reconcile(wiring.run_of(name, mode=Mode.ENFORCE))
        rows = _rows(effect)
        if not as_json:
            _show_effect(effect, rows)
        if not effect.report.complete:
            raise Conflict(f"{name} was not read completely ({effect.report.error}); nothing was enabled")
        if not yes and not click.confirm(f"Enable {name}?"):
            say("Nothing was changed.")
            click.get_current_context().exit(ExitCode.FAILURE.value)
        _enable(wiring, name, len(rows))
    if as_json:
        document = {"directory": name, "mode": Mode.ENFORCE.value, "effect": [_document(row) for row in rows]}
        show_json({**document, "would_wait": waiting(effect)})
    waits = f", and keeps {len(effect.waits)} users back until `lockstep brake approve`" if effect.waits else ""
    say(f"{name} is enabled; the agent's next pass does this{waits}.")


def _rows(effect: PassResult) -> list[tuple[Cell, ...]]:
    moves = (Action.LOCK_RAISED, Action.LOCK_LIFTED, Action.UNAFFILIATED)
    return [
        (row.subject, row.tenant, row.action.value, row.after or row.before, row.detail)
        for row in effect.preview
        if row.action in moves
    ]


def _document(row: tuple[Cell, ...]) -> dict[str, Cell]:
    return dict(zip(_COLUMNS, row, strict=True))


def _show_effect(effect: PassResult, rows: list[tuple[Cell, ...]]) -> None:
    show_table(_COLUMNS, rows[:_SHOWN], as_json=False, empty="Nobody would be locked or unlocked.")
    if len(rows) > _SHOWN:
        counts = Counter(str(row[2]) for row in rows)
        say(f"… {len(rows)} in all: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    show_waiting(effect)


def _enable(wiring: Wiring, name: DirectoryName, moves: int) -> None:
    """Change the mode in the store, with the audit row first: what cannot be recorded is not done."""
    actor = operator()
    entry = AuditEntry(
        at=wiring.clock.now(),
        actor=actor.name,
        role=actor.role,
        channel=actor.channel,
        action=Action.DIRECTORY_ENABLED,
        result=Result.DONE,
        subject=name,
        before=Mode.OBSERVE.value,
        after=Mode.ENFORCE.value,
        detail=f"{moves} locks would be raised or lifted by the first pass",
    )
    wiring.store.record([entry])
    wiring.store.save_directory(replace(wiring.store.directory(name), mode=Mode.ENFORCE))


@click.command
@click.argument("pass_id", metavar="PASS")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@json_option
@pass_invocation
def undo(invocation: Invocation, pass_id: str, *, yes: bool, as_json: bool) -> None:
    """Take back the locks that one pass raised.

    And the un-affiliations behind them. PASS is the id that `lockstep status` and `lockstep audit list` show. Mend the
    cause first: the next pass raises again what the directory still says.
    """
    with invocation.wired() as wiring:
        holders = wiring.store.raised_by(pass_id)
        if not holders:
            raise InvalidInput(
                f"Nobody holds a lock that the pass {pass_id} raised; `lockstep status` shows the passes"
            )
        if not yes and not click.confirm(f"Take the locks of this pass from {len(holders)} users?", err=True):
            say("Nothing was changed.")
            click.get_current_context().exit(ExitCode.FAILURE.value)
        done = take_back(wiring.store, wiring.clock, operator(), pass_id)
    rows = sorted(map(_undone, done), key=lambda row: str(row[0]))
    show_table(("user", "tenant", "locks"), rows, as_json=as_json, empty="")


def _undone(one: Undone) -> tuple[Cell, ...]:
    reasons = tuple(f"{lock.reason.value} ({lock.source})" for lock in one.locks)
    return (one.user.profile.user_name, one.user.tenant, reasons)
