"""`lockstep audit`: who did what, as the store has recorded it."""

import click

from ims.audit import AuditEntry
from lockstep.invocation import Invocation, json_option, one_user, pass_invocation, tenant_of, tenant_option
from lockstep.output import Cell, show_table

COLUMNS = (
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


@click.group
def audit() -> None:
    """Show what was recorded."""


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


def _row(entry: AuditEntry) -> tuple[Cell, ...]:
    return (
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
