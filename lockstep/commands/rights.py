"""`lockstep rights`: what Lockstep's account needs in a directory, ready to be applied there."""

from dataclasses import replace

import click

from agent.directories.access import PassingCircuits
from agent.needs import needs_of
from ims.errors import InvalidInput
from ims.people import DirectoryName
from lockstep.invocation import Invocation, json_option, pass_invocation
from lockstep.output import say, show_json
from lockstep.wiring import Wiring


@click.command
@click.argument("directory", metavar="DIRECTORY")
@click.option(
    "--restore",
    is_flag=True,
    help="Also the right to give affiliations back, where rules have restore = true: adding only.",
)
@click.option("--account", metavar="DN", help="Whose rights; needed where the settings name no bind.dn.")
@click.option(
    "--database",
    metavar="DN",
    default="",
    help='The database in cn=config; "olcDatabase={1}mdb,cn=config" unless told otherwise.',
)
@json_option
@pass_invocation
def rights(
    invocation: Invocation, directory: str, account: str | None, database: str, *, restore: bool, as_json: bool
) -> None:
    """Print the rights that Lockstep's account needs in a directory.

    As the settings make it need them, and nothing else; for the directory's administrators to apply. Nothing is
    connected to.
    """
    chosen = Wiring(invocation.settings).directory(DirectoryName(directory), PassingCircuits())
    needs = needs_of(chosen, account or "")
    if not needs.account:
        raise InvalidInput(
            f"The settings do not say as whom Lockstep comes in to {directory}: name it with --account DN"
        )
    if restore and not needs.restorable:
        raise InvalidInput(f"No rule of {directory} has restore = true: there is nothing to give back")
    if needs.restorable and not restore:
        say("Rules have restore = true; what that takes is printed with --restore.")
    recipe = chosen.dialect.rights_recipe(needs if restore else replace(needs, restorable=()), database)
    if not as_json:
        click.echo(recipe.text, nl=False)
        return
    rules = [{"what": rule.what, "right": rule.right, "why": rule.why} for rule in recipe.rules]
    show_json(
        {"directory": directory, "account": needs.account, "restore": restore, "rules": rules, "text": recipe.text}
    )
