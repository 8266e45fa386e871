"""`lockstep quarantine`: the entries that cannot be trusted, and what a person decides about them."""

import click

from ims.errors import InvalidInput
from ims.passes import Quarantined
from ims.people import DirectoryName
from ims.quarantining import link, reject, waiting_at
from lockstep.exits import ExitCode
from lockstep.invocation import Invocation, json_option, one_user, operator, pass_invocation, tenant_of, tenant_option
from lockstep.output import Cell, say, show_record, show_table
from lockstep.wiring import Wiring

_COLUMNS = ("directory", "key", "dn", "since", "why", "rejected", "rejected_by")
_yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


@click.group
def quarantine() -> None:
    """Show entries that cannot be trusted, and decide about them."""


@quarantine.command("list")
@click.option("--directory", metavar="NAME", help="Only those of this directory.")
@click.option("--all", "everything", is_flag=True, help="Also those that were rejected.")
@json_option
@pass_invocation
def list_quarantine(invocation: Invocation, directory: str | None, *, everything: bool, as_json: bool) -> None:
    """List what waits, oldest first, and why; all other entries go on without them."""
    with invocation.wired() as wiring:
        name = wiring.directory(DirectoryName(directory)).name if directory else None
        waiting = [one for one in wiring.store.quarantine(name) if everything or not one.rejected]
    columns = _COLUMNS if everything else _COLUMNS[:5]
    rows = [tuple(_record(one)[column] for column in columns) for one in waiting]
    show_table(columns, rows, as_json=as_json, empty="Nothing waits in quarantine.")


@quarantine.command("link")
@click.argument("directory")
@click.argument("key")
@click.option("--user", "given", metavar="NAME", required=True, help="Whose entry it is: a user name or an id.")
@tenant_option
@_yes_option
@json_option
@pass_invocation
def link_entry(
    invocation: Invocation, directory: str, key: str, given: str, tenant: str | None, *, yes: bool, as_json: bool
) -> None:
    """Say that an entry is a known user's, in place of the entry before.

    For somebody who was deleted and made anew. The user keeps every lock; the next pass reads the new entry.
    """
    with invocation.wired() as wiring:
        waiting = _waiting(wiring, directory, key, as_json=as_json, yes=yes)
        user = one_user(wiring, given, tenant_of(wiring.settings, tenant))
        if not as_json:
            show_record(list(_record(waiting).items()), as_json=False)
        _ask(f"Make it the entry of {user.profile.user_name} ({user.tenant})?", yes=yes)
        linked = link(wiring.store, wiring.clock, operator(), waiting, user)
    if as_json:
        show_record([("user", linked.id), ("directory", waiting.directory), ("key", waiting.key)], as_json=True)
    say(f"{waiting.dn} is the entry of {linked.profile.user_name} now; the next pass reads it.")


@quarantine.command("reject")
@click.argument("directory")
@click.argument("key")
@_yes_option
@json_option
@pass_invocation
def reject_entry(invocation: Invocation, directory: str, key: str, *, yes: bool, as_json: bool) -> None:
    """Leave an entry out, and stop showing it as waiting.

    For somebody who is not the known user and shall not become one. `--all` lists it still, and it may be linked later.
    """
    with invocation.wired() as wiring:
        waiting = _waiting(wiring, directory, key, as_json=as_json, yes=yes)
        if not as_json:
            show_record(list(_record(waiting).items()), as_json=False)
        _ask("Leave it out?", yes=yes)
        rejected = reject(wiring.store, wiring.clock, operator(), waiting)
    if as_json:
        show_record(list(_record(rejected).items()), as_json=True)
    say(f"{waiting.dn} is left out, until it is linked or changes its name.")


def _waiting(wiring: Wiring, directory: str, key: str, *, as_json: bool, yes: bool) -> Quarantined:
    if as_json and not yes:
        raise InvalidInput("With --json nobody can be asked: give --yes too")
    return waiting_at(wiring.store, wiring.directory(DirectoryName(directory)).name, key)


def _ask(question: str, *, yes: bool) -> None:
    if not yes and not click.confirm(question):
        say("Nothing was changed.")
        click.get_current_context().exit(ExitCode.FAILURE.value)


def _record(one: Quarantined) -> dict[str, Cell]:
    return {
        "directory": one.directory,
        "key": one.key,
        "dn": one.dn,
        "since": one.since,
        "why": one.why,
        "rejected": one.rejected,
        "rejected_by": one.rejected_by,
    }
