"""`lockstep sync`, `status` and `quarantine`: reading directories now, and how the reading stands."""

from dataclasses import asdict

import click

from agent.health import DirectoryHealth
from agent.run import PassResult
from agent.sync import reconcile, tick
from ims.batches import HeldBatch
from ims.errors import Conflict, DirectoryUnreachable, LockstepError
from ims.passes import DirectoryState, PassReport
from ims.people import DirectoryName
from lockstep.commands.deciding import BATCH_COLUMNS, batch_row
from lockstep.exits import ExitCode, code_of
from lockstep.health import health_of, states_of
from lockstep.invocation import Invocation, json_option, pass_invocation
from lockstep.leasing import lease
from lockstep.output import Cell, moment, say, show_json, show_lines, show_record, show_table, visible, working
from lockstep.wiring import Wiring

_PASS_COLUMNS = (
    "directory",
    "kind",
    "complete",
    "read",
    "changed",
    "raised",
    "lifted",
    "quarantined",
    "kept_back",
    "pass",
    "error",
)
_STANDING = ("name", "condition", "mode", "users", "changes", "last_tick", "last_reconcile", "next_run", "quarantined")
_RECENT = ("pass", "directory", "kind", "started", "complete", "read", "raised", "lifted", "kept_back")
_PASSES = 10
_WAITING_COLUMNS = ("user", "tenant", "before", "after")
_SHOWN = 50
_PREVIEW_COLUMNS = ("action", "user", "tenant", "before", "after", "detail")


@click.command
@click.argument("directories", metavar="[DIRECTORY]...", nargs=-1)
@click.option("--reconcile", "complete", is_flag=True, help="Read everything, not only what changed.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
@json_option
@pass_invocation
def sync(
    invocation: Invocation,
    directories: tuple[str, ...],
    *,
    complete: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read directories now.

    All of them, or those that are named. While an agent runs, it alone may write what is read of its directories;
    --dry-run is possible all the same.
    """
    with invocation.wired() as wiring:
        names = [wiring.directory(DirectoryName(name)).name for name in directories or wiring.settings.directories]
        done: list[PassResult] = []
        failed: list[LockstepError] = []
        for name in names:
            try:
                with working(f"Reading {name}"):
                    done.append(_pass(wiring, name, complete=complete, dry_run=dry_run))
            except (DirectoryUnreachable, Conflict) as error:
                say(f"lockstep: {error}")
                failed.append(error)
    _show(done, dry_run=dry_run, as_json=as_json)
    click.get_current_context().exit(_code(done, failed).value)


def _pass(wiring: Wiring, name: DirectoryName, *, complete: bool, dry_run: bool) -> PassResult:
    walk = reconcile if complete else tick
    if dry_run:
        return walk(wiring.run_of(name))
    with lease(wiring, name) as fence:
        return walk(wiring.run_of(name, fence))


def _show(done: list[PassResult], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        previews = [
            {"report": asdict(one.report), "would_write": _preview(one), "would_wait": waiting(one)} for one in done
        ]
        show_json(previews if dry_run else [asdict(one.report) for one in done])
        return
    show_table(_PASS_COLUMNS, [_row(one) for one in done], as_json=False, empty="Nothing was read.")
    for one in done:
        if one.report.notes:
            show_lines(f"{one.report.directory}: what could not be decided", one.report.notes)
    if dry_run:
        for one in done:
            show_waiting(one)
        rows: list[tuple[Cell, ...]] = [tuple(row.values()) for one in done for row in _preview(one)]
        click.echo()
        show_table(_PREVIEW_COLUMNS, rows, as_json=False, empty="Nothing would be written.")


def _row(one: PassResult) -> tuple[Cell, ...]:
    report = one.report
    return (
        report.directory,
        report.kind.value,
        report.complete,
        report.read,
        report.changed,
        report.raised,
        report.lifted,
        report.quarantined,
        report.kept_back,
        report.id,
        report.error,
    )


def _preview(one: PassResult) -> list[dict[str, Cell]]:
    return [
        dict(
            zip(
                _PREVIEW_COLUMNS,
                (row.action.value, row.subject, row.tenant, row.before, row.after, row.detail),
                strict=True,
            ),
        )
        for row in one.preview
    ]


def waiting(one: PassResult) -> list[dict[str, Cell]]:
    """Return whom the brake keeps back, and what of."""
    return [
        dict(zip(_WAITING_COLUMNS, (item.name, item.tenant, item.before, item.after), strict=True))
        for item in one.waits
    ]


def show_waiting(one: PassResult) -> None:
    """Show people what a pass would leave waiting, and why; nothing where it would not."""
    if one.waits:
        why = "; ".join(batch.text for batch in one.batches)
        click.echo(f"\n{visible(one.report.directory)} would keep this back until it is approved ({visible(why)})")
        rows = [tuple(row.values()) for row in waiting(one)]
        show_table(_WAITING_COLUMNS, rows[:_SHOWN], as_json=False, empty="")
    if len(one.waits) > _SHOWN:
        say(f"… {len(one.waits)} in all")


def _code(done: list[PassResult], failed: list[LockstepError]) -> ExitCode:
    if failed and not done:
        codes = {code_of(error) for error in failed}
        return codes.pop() if len(codes) == 1 else ExitCode.FAILURE
    if any(one.report.kept_back for one in done):
        return ExitCode.KEPT_BACK
    if failed or any(not one.report.complete for one in done):
        return ExitCode.PARTLY
    return ExitCode.OK


@click.command
@json_option
@pass_invocation
def status(invocation: Invocation, *, as_json: bool) -> None:
    """Show how well each directory is read, and what waits.

    Also since when one is not, whom an observed one would lock, and the last passes with their ids.
    """
    with invocation.wired() as wiring:
        health = health_of(wiring)
        states = {state.name: state for state in states_of(wiring)}
        standings = [_standing(wiring, one, states[one.name]) for one in health.directories]
        observed = [state for state in states.values() if state.would_lock]
        passes = wiring.store.passes(limit=_PASSES)
        batches = [batch for batch in wiring.store.held_batches() if batch.waiting]
        counts: list[tuple[str, Cell]] = [
            ("lockstep", health.verdict.value),
            ("users", wiring.store.count()),
            ("open_unlocks", len(wiring.store.open_intents())),
        ]
    if as_json:
        held = [dict(zip(BATCH_COLUMNS, batch_row(batch), strict=True)) for batch in batches]
        more = {"directories": standings, "batches": held, "passes": [asdict(p) for p in passes]}
        show_json({**dict(counts), **asdict(health), **more})
        return
    show_record(counts, as_json=False)
    click.echo()
    show_table(_STANDING, [[one[c] for c in _STANDING] for one in standings], as_json=False, empty="")
    matters = [sentence for one in health.directories for sentence in one.sentences]
    if matters or health.sentences:
        show_lines("what is the matter", (*health.sentences, *matters))
    if batches:
        show_lines("what waits for a decision", [_waits(batch) for batch in batches])
    for state in observed:
        show_lines(f"whom {state.name} would lock", state.would_lock)
    click.echo()
    show_table(_RECENT, [_recent(report) for report in passes], as_json=False, empty="Nothing was read yet.")


def _standing(wiring: Wiring, health: DirectoryHealth, state: DirectoryState) -> dict[str, Cell]:
    """Return how a directory stands, as JSON shows it; people see the columns of `_STANDING`."""
    return {
        "name": health.name,
        "condition": health.condition.value,
        "mode": health.mode.value,
        "server": state.server,
        "users": wiring.store.count(directory=health.name),
        "changes": state.told.source.value,
        "changes_why": state.told.why,
        "last_tick": state.last_tick,
        "last_reconcile": state.last_reconcile,
        "next_run": state.next_run,
        "error": state.error,
        "error_since": state.error_since,
        "kept_back": state.kept_back,
        "would_lock": state.would_lock,
        "quarantined": sum(not one.rejected for one in wiring.store.quarantine(health.name)),
        "sentences": health.sentences,
    }


def _waits(batch: HeldBatch) -> str:
    return (
        f"{batch.waiting} users of {batch.directory} since {moment(batch.created)}: `lockstep brake show {batch.id}`, "
        f"then `lockstep brake approve {batch.id}` or `lockstep brake reject {batch.id}`"
    )


def _recent(report: PassReport) -> tuple[Cell, ...]:
    counts = (report.read, report.raised, report.lifted, report.kept_back)
    return (report.id, report.directory, report.kind.value, report.started, report.complete, *counts)
