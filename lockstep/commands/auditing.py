"""`lockstep audit`: who did what, as the store has recorded it, and the proof that nobody changed it since."""

from pathlib import Path

import click

from ims.audit import AuditEntry
from ims.chain import Head
from ims.verifying import Verified
from lockstep.exits import ExitCode
from lockstep.invocation import (
    Invocation,
    json_option,
    moment_given,
    one_user,
    pass_invocation,
    tenant_of,
    tenant_option,
)
from lockstep.output import Cell, say, show_json, show_table, visible, working
from lockstep.verification import export_lines, heads_in, verify_chain, verify_export, write_new

COLUMNS = (
    "number",
    "at",
    "actor",
    "role",
    "channel",
    "action",
    "result",
    "subject",
    "tenant",
    "before",
    "after",
    "detail",
    "reference",
)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group
def audit() -> None:
    """Show what was recorded, and prove it."""


@audit.command("list")
@tenant_option
@click.option("--user", metavar="USER", help="Only what concerns this user (name or id).")
@click.option("--reference", metavar="ID", help="Only what belongs to this pass or unlock.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many rows.")
@json_option
@pass_invocation
def list_rows(
    invocation: Invocation,
    tenant: str | None,
    user: str | None,
    reference: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List the newest rows, newest first.

    Every change of a lock, every unlock however it ended, every look at people on this machine.
    """
    with invocation.wired() as wiring:
        of_tenant = tenant_of(wiring.settings, tenant)
        of_user = one_user(wiring, user, of_tenant).id if user else None
        entries = wiring.store.audit(tenant=of_tenant, user=of_user, reference=reference, limit=limit)
        rows = [_row(entry) for entry in entries]
    show_table(COLUMNS, rows, as_json=as_json, empty="Nothing was recorded yet.")


@audit.command
@click.option("--heads", type=_FILE, help="Heads that were kept elsewhere; else those of audit.heads_file.")
@click.option("--export", "exported", type=_FILE, help="Verify this export instead of the store.")
@json_option
@pass_invocation
def verify(invocation: Invocation, heads: Path | None, exported: Path | None, *, as_json: bool) -> None:
    """Verify that nobody changed what was recorded.

    Names every break of the chain: rows edited, missing, put in, swapped, cut off at the end, or written anew since a
    head was exported. An export needs neither the store nor its settings.
    """
    if exported is not None:
        with working("Walking the chain"):
            verified = verify_export(exported, heads_in(heads) if heads else ())
    else:
        verified = _verified_store(invocation, heads)
    _show_verified(verified, as_json=as_json)
    if not verified.holds:
        click.get_current_context().exit(ExitCode.FAILURE.value)


@audit.command
@click.option("--since", metavar="TIME", help='Only rows from this time on, such as "2026-12-24".')
@tenant_option
@click.option("--out", type=_FILE, help="Write to this new file, readable by its owner only, instead of printing.")
@pass_invocation
def export(invocation: Invocation, since: str | None, tenant: str | None, out: Path | None) -> None:
    """Export rows with their hashes, oldest first, one JSON object per line.

    The first line says what the export is. With --tenant it is no chain, and cannot be verified alone.
    """
    first = moment_given(since, "--since")
    with (
        invocation.wired() as wiring,
        wiring.store.chain(since=first, tenant=tenant_of(wiring.settings, tenant)) as chain,
    ):
        lines = export_lines(chain)
        if out is not None:
            write_new(out, lines)
        else:
            for line in lines:
                click.echo(line)
    if tenant:
        say("This is one company account's part: its rows are no chain, and cannot be verified without the others.")


def _verified_store(invocation: Invocation, given: Path | None) -> Verified:
    with invocation.wired() as wiring:
        heads = _heads(given, wiring.settings.audit.heads_file)
        with wiring.store.chain() as chain, working("Walking the chain"):
            return verify_chain(chain, heads)


def _heads(given: Path | None, configured: Path | None) -> tuple[Head, ...]:
    """Return the heads to verify against. A configured file that is not there is told of: somebody may have removed it.

    Raises InvalidInput for a file that cannot be read.
    """
    if given is None and configured is not None and not configured.exists():
        say(f"There is no {configured} yet: the chain is verified without any head that was kept elsewhere.")
        return ()
    file = given or configured
    return heads_in(file) if file is not None else ()


def _show_verified(verified: Verified, *, as_json: bool) -> None:
    if as_json:
        breaks = [
            {"kind": one.kind.value, "first": one.first, "last": one.last, "sentence": one.sentence}
            for one in verified.breaks
        ]
        show_json(
            {
                "holds": verified.holds,
                "store": verified.store,
                "rows": verified.rows,
                "number": verified.number,
                "hash": verified.hash,
                "heads": verified.heads,
                "breaks": breaks,
                "more": verified.more,
            },
        )
        return
    seen = f"{verified.rows} rows up to number {verified.number}, of the store {verified.store}"
    if verified.holds:
        click.echo(visible(f"The chain holds: {seen}. It leads to {verified.heads} heads that were exported."))
        click.echo(visible(f"Its head is {verified.hash}."))
        return
    click.echo(visible(f"The chain is broken ({seen}). The first break is at number {verified.breaks[0].first}."))
    for one in verified.breaks:
        click.echo(f"{one.kind.value}: {one.sentence}")
    if verified.more:
        click.echo(f"and {verified.more} more")


def _row(entry: AuditEntry) -> tuple[Cell, ...]:
    return (
        entry.number,
        entry.at,
        entry.actor,
        entry.role.value,
        entry.channel.value,
        entry.action.value,
        entry.result.value,
        entry.subject,
        entry.tenant,
        entry.before,
        entry.after,
        entry.detail,
        entry.reference,
    )
