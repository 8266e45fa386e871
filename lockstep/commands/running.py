"""`lockstep run`, `serve`, `agent` and `migrate`: the program itself."""

import click

from lockstep import logs, web
from lockstep.exits import ExitCode
from lockstep.invocation import Invocation, json_option, pass_invocation
from lockstep.output import say, show_json
from lockstep.supervision import Part, stopping, supervise
from lockstep.wiring import Wiring


@click.command
@pass_invocation
def run(invocation: Invocation) -> None:
    """Run everything on one machine.

    That is the scheduled sync and the web server; SIGTERM or Ctrl-C stops both within 15 seconds.
    """
    _prepare(invocation)
    web.require_startable(invocation.settings.web)
    parts = (
        Part(name="agent", run=lambda: _sync(invocation)),
        Part(name="serve", run=lambda: web.serve(invocation.settings, invocation.config)),
    )
    if not supervise(parts):
        say("lockstep: a part of the program ended by itself, so all of it was stopped; the log says why")
        click.get_current_context().exit(ExitCode.FAILURE.value)


@click.command
@pass_invocation
def serve(invocation: Invocation) -> None:
    """Run the web server.

    It serves SCIM, health and metrics from what the store knows, and starts while directories are down.
    """
    _prepare(invocation)
    web.serve(invocation.settings, invocation.config)


@click.command
@pass_invocation
def agent(invocation: Invocation) -> None:
    """Run the scheduled sync of all directories.

    Of several agents on one store, one works on a directory and the others stand by.
    """
    _prepare(invocation)
    with stopping():
        _sync(invocation)


@click.command
@json_option
@pass_invocation
def migrate(invocation: Invocation, *, as_json: bool) -> None:
    """Make the store, or bring it up to date.

    `run`, `serve` and `agent` do this too when they start.
    """
    Wiring(invocation.settings).migrate()
    if as_json:
        show_json({"store": invocation.settings.store.url, "up_to_date": True})
    say("The store is up to date.")


def _prepare(invocation: Invocation) -> None:
    """Read the settings, begin to log, and bring the store up to date; nothing stays open, so that forks are safe."""
    log = invocation.settings.log
    logs.configure(log.level, log.format)
    Wiring(invocation.settings).migrate()


def _sync(invocation: Invocation) -> None:
    with invocation.wired() as wiring:
        wiring.agent.run()
