"""The program `lockstep`: its commands, put together, and how it ends."""

import sys
from pathlib import Path
from typing import Any

import click

from config.mistakes import SettingsError
from config.secrets import SecretUnreadable
from ims.errors import LockstepError
from lockstep import __version__
from lockstep.commands.auditing import audit
from lockstep.commands.checking import check
from lockstep.commands.demonstrating import demo
from lockstep.commands.enabling import enable, undo
from lockstep.commands.locking import lock, unlock
from lockstep.commands.people import explain_user, users
from lockstep.commands.running import agent, migrate, run, serve
from lockstep.commands.syncing import quarantine, status, sync
from lockstep.commands.tokens import connection, token
from lockstep.exits import ExitCode, code_of
from lockstep.invocation import Invocation
from lockstep.output import say

COMMANDS: tuple[click.Command, ...] = (
    demo,
    run,
    serve,
    agent,
    migrate,
    check,
    sync,
    status,
    users,
    explain_user,
    unlock,
    lock,
    enable,
    undo,
    quarantine,
    token,
    connection,
    audit,
)
"""Every command, in the order in which `lockstep --help` lists them."""

_EXIT_CODES = "\n".join(f"  {code.value}  {code.meaning}" for code in ExitCode)


class Program(click.Group):
    """The group of all commands: lists them in our order, and ends with one sentence and one code on every error."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's own signature
        """Return the names in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own signature
        """Run a command. Every error becomes a sentence on standard error; --debug shows where it came from."""
        try:
            return super().invoke(ctx)
        except (LockstepError, SettingsError, SecretUnreadable) as error:
            return _end(ctx, error, str(error))
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 -- the last wall: whatever went wrong, people get a sentence
            text = f"something went wrong that should not have ({type(error).__name__}: {error}); "
            return _end(ctx, error, f"{text}the same command with --debug shows where")


def _end(ctx: click.Context, error: Exception, sentence: str) -> None:
    if ctx.params.get("debug"):
        raise error
    say(f"lockstep: {sentence}")
    ctx.exit(code_of(error).value)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"\b\nExit codes:\n{_EXIT_CODES}",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="LOCKSTEP_CONFIG",
    help="The settings file (TOML); the variable LOCKSTEP_CONFIG names it too.",
)
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.version_option(__version__, prog_name="lockstep")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, debug: bool) -> None:  # noqa: FBT001 -- click passes options by name
    """Keep directory lockouts and the lock states of the identity store in step."""
    ctx.obj = Invocation(config=config.absolute() if config else None, debug=debug)


for _command in COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the program: what the console script and `python -m lockstep` call."""
    cli.main(args=sys.argv[1:], prog_name="lockstep")


if __name__ == "__main__":
    main()
