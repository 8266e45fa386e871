"""Which attributes slapd knows and lets its users write, by its own schema (RFC 4512 section 4.2)."""

import re

from agent.directories.client import Client

_PLACE = "cn=Subschema"
_NAMES = re.compile(r"NAME (?:'([^']+)'|\( *'([^']+)')")
_SYNTAX = re.compile(r"SYNTAX ([0-9.]+)")
_AS_BINARY = {
    *(f"1.3.6.1.4.1.1466.115.121.1.{number}" for number in (8, 9, 10, 49)),
    "1.2.840.113549.1.8.1.1",
}
"""The syntaxes of certificates and keys, which are only written with the option ";binary" (RFC 4523 section 2)."""
_OF_CONFIGURATION = "olc"
"""How the attributes of cn=config begin, which no entry of people can have."""
_HIDDEN = ("authzTo", "authzFrom")
"""What slapd does not show in its schema: as whom else somebody may act (slapd.conf(5), authz-policy)."""


def writable_attributes(client: Client) -> tuple[str, ...]:
    """Return the attributes that may be written by whoever has the right to, applications' before the directory's own.

    What the server keeps for itself (NO-USER-MODIFICATION) is left out: it refuses that to everybody, before it looks
    at rights. Raises Refused, Unreachable.
    """
    schema = client.search_one(_PLACE, ("attributeTypes",), "(objectClass=subschema)")
    definitions = schema.texts("attributeTypes") if schema is not None else ()
    ours = [text for text in definitions if "NO-USER-MODIFICATION" not in text and "USAGE dSAOperation" not in text]
    names = [_written(text) for text in sorted(ours, key=lambda text: "USAGE" in text)]
    return (*_HIDDEN, *(name for name in names if name and not name.startswith(_OF_CONFIGURATION)))


def _written(definition: str) -> str:
    """Return an attribute's first name, with the option that it is written with; empty for one without a name."""
    name, syntax = _NAMES.search(definition), _SYNTAX.search(definition)
    if name is None:
        return ""
    option = ";binary" if syntax is not None and syntax[1] in _AS_BINARY else ""
    return f"{name[1] or name[2]}{option}"
