"""A smallest settings text that loads, and short ways to load a changed one and to see what is reported."""

from collections.abc import Mapping
from pathlib import Path

from config.load import load_text
from config.mistakes import SettingsError
from config.settings import Settings

PLACE = "lockstep.toml"
PASSWORD = "correct-horse-battery"

SMALLEST = f"""\
[tenants.acme]

[directories.corp]
dialect = "openldap"
servers = ["ldaps://ldap.example.com"]
base = "dc=example,dc=com"

[directories.corp.bind]
dn = "cn=lockstep,ou=services,dc=example,dc=com"
password = "{PASSWORD}"

[directories.corp.rules.staff]
tenant = "acme"
group = "cn=staff,ou=groups,dc=example,dc=com"
"""


def loaded(text: str = SMALLEST, environ: Mapping[str, str] | None = None, folder: Path = Path("/")) -> Settings:
    """Load a text that is right."""
    return load_text(text, environ or {}, place=PLACE, folder=folder)


def changed(*replacements: tuple[str, str], also: str = "") -> str:
    """Return the smallest text with parts replaced (each must be there) and tables added."""
    text = SMALLEST
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text + also


def in_corp(lines: str) -> tuple[str, str]:
    """Return the replacement that adds keys to [directories.corp]."""
    return 'base = "dc=example,dc=com"', f'base = "dc=example,dc=com"\n{lines}'


def reported(text: str = SMALLEST, environ: Mapping[str, str] | None = None, folder: Path = Path("/")) -> list[str]:
    """Return what is wrong with a text: each mistake as "key: text", sorted. A right text gives an empty list."""
    try:
        loaded(text, environ, folder)
    except SettingsError as error:
        return sorted(f"{mistake.key}: {mistake.text}" for mistake in error.mistakes)
    return []
