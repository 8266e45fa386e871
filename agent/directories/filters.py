"""Search filters (RFC 4515) put together safely: every value is escaped here, whatever its type claims to be."""

import re

_HARMLESS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:@# ")

_ATTRIBUTE = re.compile(r"\(\s*([A-Za-z0-9.-]+)[^()=<>~]*(?:=|~=|>=|<=)")
"""What an item of a filter begins with; a parenthesis within a value is always escaped (RFC 4515 section 3)."""


def equal(attribute: str, value: str | bytes) -> str:
    """Return a filter that an attribute holds this value."""
    return f"({attribute}={escaped(value)})"


def at_least(attribute: str, value: str | bytes) -> str:
    """Return a filter that an attribute's value is this one or greater."""
    return f"({attribute}>={escaped(value)})"


def present(attribute: str) -> str:
    """Return a filter that an attribute is there and readable."""
    return f"({attribute}=*)"


def all_of(*filters: str) -> str:
    """Return a filter that all of these hold; one alone stays itself."""
    return filters[0] if len(filters) == 1 else f"(&{''.join(filters)})"


def any_of(*filters: str) -> str:
    """Return a filter that at least one of these holds; one alone stays itself, none is never true (RFC 4526)."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def none_of(condition: str) -> str:
    """Return a filter that this one does not hold."""
    return f"(!{condition})"


def attributes_in(filter_: str) -> tuple[str, ...]:
    """Return the attributes that a filter asks about, without their options, each once."""
    return tuple(dict.fromkeys(_ATTRIBUTE.findall(filter_)))


def escaped(value: str | bytes) -> str:
    """Return a value as it stands in a filter. Raises TypeError for anything but text and bytes.

    Everything but letters, digits and a few harmless signs becomes an escape, so no value can close its filter. Spaces
    around a value do too: ldap3 takes them for the filter's own, and drops them.
    """
    if not isinstance(value, str | bytes):
        raise TypeError(f"a filter's value is text or bytes, not {type(value).__name__}")
    octets = value.encode() if isinstance(value, str) else value
    text = "".join(chr(octet) if octet in _HARMLESS else f"\\{octet:02x}" for octet in octets)
    before, after = len(text) - len(text.lstrip(" ")), len(text.lstrip(" ")) - len(text.strip(" "))
    return "\\20" * before + text.strip(" ") + "\\20" * after
