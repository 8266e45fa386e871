"""`lockstep init`: from a directory's address to settings that can be tried, without changing anything."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from agent.directories.access import Access, BindMethod, PassingCircuits, Tls, server_url
from agent.directories.ad_survey import survey_ad
from agent.directories.client import Client
from agent.directories.ds389_survey import survey_389, survey_ipa
from agent.directories.entry import Entry
from agent.directories.errors import NotSecured
from agent.directories.openldap_survey import Survey, survey
from agent.directories.recognising import ROOT_ATTRIBUTES, START_TLS, Product, Recognised, recognise
from config.load import load_text
from config.mistakes import SettingsError
from config.secrets import Secret
from config.servers import parse_server
from ims.errors import Conflict, InvalidInput
from ims.people import DirectoryName
from lockstep.clock import SystemClock
from lockstep.first_settings import DIRECTORY, Way, next_commands, settings_text
from lockstep.invocation import json_option
from lockstep.output import say, show_json, working

_TIMEOUT_S = 10
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was found at an address, and how it was reached."""

    way: Way
    product: Recognised
    survey: Survey


@click.command("init")
@click.argument("url", metavar="URL")
@click.option("--bind-dn", metavar="DN", help="The account that Lockstep shall use; without it, a look as anybody.")
@click.option("--password-file", type=_FILE, help="The file with its password.")
@click.option("--ca-file", type=_FILE, help="The authorities that vouch for the server, if not the system's (PEM).")
@click.option("--base", default="", metavar="DN", help="The top of the tree, if the server shows several or none.")
@click.option("--output", type=_FILE, help="Write the settings to this new file instead of printing them.")
@click.option("--force", is_flag=True, help="With --output: replace a file that is there.")
@json_option
def initialize(
    url: str,
    bind_dn: str | None,
    password_file: Path | None,
    ca_file: Path | None,
    base: str,
    output: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Look at a directory and write settings to begin with.

    They only observe. URL is ldaps://HOST, ldap://HOST (with StartTLS) or ldapi://SOCKET. Nothing is changed in the
    directory.
    """
    if output is not None and output.exists() and not force:
        raise InvalidInput(f"{output} is there already: name another file, or replace it with --force")
    way = _way(url, bind_dn, password_file, ca_file)
    with working(f"Looking at {way.url}"):
        found = _look(way, base)
    file = output.absolute() if output else None
    text = settings_text(found.survey, found.way, found.product.name, file)
    if file is not None:
        _write(file, text)
    _show(found, text, file, as_json=as_json)
    _tell(found, text, file)


def _way(url: str, bind_dn: str | None, password_file: Path | None, ca_file: Path | None) -> Way:
    """Return how to get in, as the options say it. Raises InvalidInput."""
    try:
        server = parse_server(url)
    except ValueError as error:
        raise InvalidInput(f"URL {error}") from None
    if (bind_dn is None) is not (password_file is None):
        raise InvalidInput("--bind-dn and --password-file go together: the account, and the file with its password")
    return Way(
        url=server.url,
        external=server_url(server.url).scheme == "ldapi" and bind_dn is None,
        bind_dn=bind_dn or "",
        password_file=password_file.absolute() if password_file else None,
        ca_file=ca_file.absolute() if ca_file else None,
    )


# --- looking ---------------------------------------------------------------------------------------------------------


def _look(way: Way, base: str) -> _Found:
    """Look at the directory. Raises Conflict for a product that this version does not speak to."""
    way = _secured(way)
    with Client(_access(way), PassingCircuits(), SystemClock()) as client:
        root = _root(client)
        product = recognise(root)
        match product.product:
            case Product.OPENLDAP:
                found = survey(client, root, base)
            case Product.DS389:
                found = survey_389(client, root, base, SystemClock().now())
            case Product.FREEIPA:
                found = survey_ipa(client, root, base, SystemClock().now())
            case Product.ACTIVE_DIRECTORY | Product.SAMBA:
                found = survey_ad(client, root, base, SystemClock().now())
            case _:
                raise Conflict(f"{way.url} is {product.name}: {_by_hand(product.product)}")
        return _Found(way=way, product=product, survey=found)


def _by_hand(product: Product) -> str:
    """Say how to write the settings for a product that is not looked at here."""
    if product is Product.EDIRECTORY:
        return 'write its settings by hand, with dialect = "edirectory"'
    return 'describe it by hand, with dialect = "generic" and a mapping that says which attribute locks somebody'


def _secured(way: Way) -> Way:
    """Return how to get in, without TLS only where the server is on this machine and offers none.

    Nobody signs in for this. Raises NotSecured where the server offers TLS and it does not work.
    """
    look = replace(way, bind_dn="", external=False)
    try:
        with Client(_access(look), PassingCircuits(), SystemClock()):
            return way
    except NotSecured as error:
        plain = replace(look, plaintext=True)
        if not server_url(way.url).local or _offers_tls(plain):
            advice = "use ldaps:// if it offers that, and --ca-file for the authority that vouches for it"
            raise NotSecured(f"{error}; {advice}") from error
        return replace(way, plaintext=True)


def _offers_tls(plain: Way) -> bool:
    """Return whether a server on this machine says that it would secure the connection."""
    if server_url(plain.url).scheme != "ldap":
        return True
    with Client(_access(plain), PassingCircuits(), SystemClock()) as client:
        return START_TLS in _root(client).texts("supportedExtension")


def _access(way: Way) -> Access:
    method = BindMethod.SIMPLE if way.bind_dn else BindMethod.EXTERNAL if way.external else BindMethod.ANONYMOUS
    return Access(
        directory=DirectoryName(DIRECTORY),
        servers=(way.url,),
        method=method,
        dn=way.bind_dn,
        secret=Secret(file=way.password_file) if way.password_file else None,
        tls=Tls.PLAINTEXT if way.plaintext else Tls.STARTTLS,
        ca_file=way.ca_file,
        receive_timeout_s=_TIMEOUT_S,
    )


def _root(client: Client) -> Entry:
    root = client.search_one("", ROOT_ATTRIBUTES)
    if root is None:
        raise Conflict(f"{client.server} does not show its root DSE, so that nobody can tell what it is")
    return root


# --- telling ---------------------------------------------------------------------------------------------------------


def _write(file: Path, text: str) -> None:
    """Write the file in one step, so that nobody ever reads half of it. Raises InvalidInput."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidInput(f"{file} cannot be written: {error.strerror}") from None


def _show(found: _Found, text: str, file: Path | None, *, as_json: bool) -> None:
    if as_json:
        seen = asdict(replace(found.survey, policies=()))
        policies = [policy.source for policy in found.survey.policies]
        place = {"file": str(file) if file else None, "settings": text}
        show_json({"product": found.product.name, **seen, "policies": policies, **place})
    elif file is None:
        click.echo(text, nl=False)


def _tell(found: _Found, text: str, file: Path | None) -> None:
    """Say what comes next, and what has to be corrected first."""
    say(f"{found.way.url}: {found.product.name}, base {found.survey.base}, {found.survey.people} people looked at.")
    if not found.survey.people:
        say("No people could be seen: give --bind-dn an account that may read them, or correct [users].")
    folder = file.parent if file else Path.cwd()
    try:
        load_text(text, {}, place=str(file or "the settings"), folder=folder)
    except SettingsError as error:
        say(f"Before they can be used, correct this:\n{error}")
    say("\n".join((f"{f'{file} is written. ' if file else ''}Type next:", *(f"  {c}" for c in next_commands(file)))))
