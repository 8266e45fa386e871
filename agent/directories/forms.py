"""The forms in which ldap3 takes what is asked of a server, and gives its results."""

import re
from typing import Any

import ldap3
from ldap3.core.results import RESULT_CODES
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.asn1 import encode

from agent.directories.access import Scope
from agent.directories.results import Code, Result
from agent.directories.writes import AddEntry, Kind, Modify

RESULT_CODES.setdefault(Code.NO_OPERATION.value, "noOperation")  # ldap3 dies of a code that it has no name for
SCOPES = {Scope.BASE: ldap3.BASE, Scope.LEVEL: ldap3.LEVEL, Scope.SUBTREE: ldap3.SUBTREE}
_SUB_CODE = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]{1,8}),")
"""How Active Directory says why it refuses a bind: the rest of that text is the same for all reasons."""
_KINDS = {Kind.ADD: ldap3.MODIFY_ADD, Kind.DELETE: ldap3.MODIFY_DELETE, Kind.REPLACE: ldap3.MODIFY_REPLACE}


def changes_of(modify: Modify) -> dict[str, list[tuple[str, list[bytes]]]]:
    """Return modifications as ldap3 takes them."""
    changes: dict[str, list[tuple[str, list[bytes]]]] = {}
    for change in modify.changes:
        changes.setdefault(change.attribute, []).append((_KINDS[change.kind], list(change.values)))
    return changes


def values_of(entry: AddEntry) -> dict[str, list[bytes]]:
    """Return an entry's attributes as ldap3 takes them."""
    values: dict[str, list[bytes]] = {}
    for name, value in entry.attributes:
        values.setdefault(name, []).append(value)
    return values


def encoded_filter(filter_: str) -> bytes:
    """Return a filter as the assertion control carries it: BER, as in a search request (RFC 4528 section 3)."""
    parsed = parse_filter(filter_, None, True, False, None, False)
    return bytes(encode(compile_filter(parsed.elements[0])))


def result_of(found: dict[str, Any]) -> Result:
    """Take over a result; controls keep their raw values, but for the one that ldap3 always decodes (paging)."""
    controls = {oid: control["value"] for oid, control in found.get("controls", {}).items()}
    raw = {oid: value for oid, value in controls.items() if isinstance(value, bytes)}
    sub_code = _SUB_CODE.search(str(found.get("message", "")))
    return Result(int(found["result"]), str(found["description"]), raw, int(sub_code[1], 16) if sub_code else 0)


def code_name(code: int) -> str:
    """Return a result code's name in the standard."""
    return str(RESULT_CODES.get(code, f"result code {code}"))
