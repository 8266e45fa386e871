"""`lockstep demo`: the whole program on a real directory, in a folder of its own."""

from pathlib import Path

import click

from lockstep.demo.directory import DemoProblem
from lockstep.demo.stage import Stage
from lockstep.demo.story import demonstrate
from lockstep.exits import ExitCode
from lockstep.output import say

_DIRECTORIES = ("openldap",)


@click.command
@click.option(
    "--port", envvar="PORT", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Where to serve."
)
@click.option(
    "--dir",
    "folder",
    envvar="DEMO_DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/demo"),
    show_default=True,
    help="Where to keep everything; emptied at the start.",
)
@click.option(
    "--directory",
    envvar="DIRECTORY",
    type=click.Choice(_DIRECTORIES),
    default=_DIRECTORIES[0],
    show_default=True,
    expose_value=False,
    help="Which directory server to show it on.",
)
@click.pass_context
def demo(ctx: click.Context, port: int, folder: Path) -> None:
    """Show Lockstep on a real directory with people to unlock, until Ctrl-C (variables PORT, DEMO_DIR, DIRECTORY)."""
    try:
        demonstrate(Stage(folder=folder.absolute(), port=port), click.echo)
    except DemoProblem as problem:
        say(f"lockstep demo: {problem}")
        ctx.exit(ExitCode.FAILURE.value)
