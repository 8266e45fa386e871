"""The program `lockstep`: its commands, put together, and how it ends."""

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from config.mistakes import SettingsError
from config.secrets import SecretUnreadable
from ims.errors import LockstepError
from lockstep import __version__
from lockstep.exits import ExitCode, code_of
from lockstep.output import say

COMMANDS = {
    "demo": "lockstep.commands.demonstrating:demo",
    "init": "lockstep.commands.initializing:initialize",
    "run": "lockstep.commands.running:run",
    "serve": "lockstep.commands.running:serve",
    "agent": "lockstep.commands.running:agent",
    "migrate": "lockstep.commands.running:migrate",
    "check": "lockstep.commands.checking:check",
    "rights": "lockstep.commands.rights:rights",
    "sync": "lockstep.commands.syncing:sync",
    "status": "lockstep.commands.syncing:status",
    "users": "lockstep.commands.people:users",
    "explain": "lockstep.commands.people:explain_user",
    "unlock": "lockstep.commands.locking:unlock",
    "lock": "lockstep.commands.locking:lock",
    "brake": "lockstep.commands.deciding:brake",
    "enable": "lockstep.commands.enabling:enable",
    "undo": "lockstep.commands.enabling:undo",
    "quarantine": "lockstep.commands.quarantining:quarantine",
    "token": "lockstep.commands.tokens:token",
    "connection": "lockstep.commands.tokens:connection",
    "audit": "lockstep.commands.auditing:audit",
}
"""Every command and where it is, in the order in which `lockstep --help` lists them.

Only the one that is called is imported: all together take a second, and `--version` needs none of them.
"""

_EXIT_CODES = "\n".join(f"  {code.value}  {code.meaning}" for code in ExitCode)


class Commands(Mapping[str, click.Command]):
    """The commands by their names, each imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        """Return one command. Raises KeyError for a name that none has."""
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def __iter__(self) -> Iterator[str]:
        """Yield the names in our order."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(COMMANDS)


class Program(click.Group):
    """The group of all commands: lists them in our order, and ends with one sentence and one code on every error."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's own signature
        """Return the names in our order."""
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
    from lockstep.invocation import Invocation  # noqa: PLC0415 - it knows all parts, which --version does not need

    ctx.obj = Invocation(config=config.absolute() if config else None, debug=debug)


cli.commands = Commands()  # type: ignore[assignment]  # click only reads it


def main() -> None:
    """Run the program: what the console script and `python -m lockstep` call."""
    cli.main(args=sys.argv[1:], prog_name="lockstep")


if __name__ == "__main__":
    main()
