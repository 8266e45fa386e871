"""Distinguished names and search filters, as far as settings have to understand them.

Only the syntax is judged here (RFC 4514, RFC 4515); whether anything is there, the directory says.
"""

import re

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+")
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2}|[ \"#+,;<=>\\])")
_ITEM = re.compile(r"[A-Za-z0-9.;:-]+?(=|~=|>=|<=|:=)(?P<value>.*)", re.DOTALL)
_MOST_PARENTHESES = 200
"""No filter that a person wrote needs more, and the check of one more deeply nested would exhaust Python's stack."""

DnKey = tuple[tuple[tuple[str, str], ...], ...]
"""A DN for comparing: its RDNs from the entry upwards, each a sorted set of (type, value), without case."""


def why_no_dn(text: str) -> str | None:
    """Return why `text` is no DN (RFC 4514), or None if it is one."""
    if not text.strip():
        return "it is empty"
    for rdn in _split(text, ","):
        for pair in _split(rdn, "+"):
            problem = _why_no_pair(pair)
            if problem:
                return problem
    return None


def dn_key(text: str) -> DnKey:
    """Return what two spellings of one DN have in common. Call it with a DN only."""
    return tuple(tuple(sorted(_pair_key(pair) for pair in _split(rdn, "+"))) for rdn in _split(text, ","))


def is_at_or_below(dn: str, base: str) -> bool:
    """Return whether `dn` is `base` or lies in the tree below it."""
    lower, upper = dn_key(dn), dn_key(base)
    return len(lower) >= len(upper) and lower[len(lower) - len(upper) :] == upper


def why_no_filter(text: str) -> str | None:
    """Return why `text` is no search filter (RFC 4515), or None if it is one."""
    if not text.startswith("("):
        return 'it must be in parentheses, as in "(objectClass=person)"'
    if text.count("(") > _MOST_PARENTHESES:
        return f"it has more than {_MOST_PARENTHESES} opening parentheses"
    if text.count("(") != text.count(")"):
        return f"{text.count('(')} opening and {text.count(')')} closing parentheses"
    try:
        rest = _filter(text, 0)
    except ValueError as error:
        return str(error)
    return f"nothing may follow its end, as {text[rest:]!r} does" if rest != len(text) else None


def _split(text: str, separator: str) -> list[str]:
    """Return the parts between separators that no backslash protects."""
    parts, current, escaped = [], "", False
    for character in text:
        if character == separator and not escaped:
            parts.append(current)
            current = ""
        else:
            current += character
        escaped = character == "\\" and not escaped
    return [*parts, current]


def _why_no_pair(pair: str) -> str | None:
    name, equals, value = pair.strip().partition("=")
    if not equals:
        return f"{pair.strip()!r} lacks name=value (a comma inside a value needs a backslash before it)"
    if not _TYPE.fullmatch(name.strip()):
        return f"{name!r} is no attribute name"
    if not value.strip():
        return f"{name.strip()} has no value"
    if "\\" in _ESCAPE.sub("", value):
        return f"a backslash in the value of {name.strip()} escapes nothing"
    if '"' in _ESCAPE.sub("", value):
        return "quotation marks inside a DN need a backslash before them"
    return None


def _pair_key(pair: str) -> tuple[str, str]:
    name, _, value = pair.strip().partition("=")
    return name.strip().lower(), " ".join(_unescaped(value.strip()).casefold().split())


def _unescaped(value: str) -> str:
    """Return a value with its escapes resolved: a comma may be escaped as itself or as its code, a letter as octets."""
    octets = bytearray()
    position = 0
    while position < len(value):
        match = _ESCAPE.match(value, position)
        if match is None:
            octets += value[position].encode()
            position += 1
            continue
        escape = match.group(1)
        octets += bytes.fromhex(escape) if len(escape) > 1 else escape.encode()
        position = match.end()
    return octets.decode(errors="replace")


def _filter(text: str, start: int) -> int:
    """Return where the filter that begins at `start` ends. Raises ValueError saying what is wrong with it."""
    if text[start : start + 1] != "(":
        raise ValueError(f"a parenthesis must open where {text[start:]!r} begins")
    operator = text[start + 1 : start + 2]
    if operator in {"&", "|", "!"}:
        position, count = start + 2, 0
        while text[position : position + 1] == "(":
            position, count = _filter(text, position), count + 1
        return _closed(text, position, operator, count)
    end = text.find(")", start)
    item = text[start + 1 : end]
    match = _ITEM.fullmatch(item)
    if end < 0 or match is None or "(" in item:
        raise ValueError(f"{text[start:]!r} does not begin with (attribute=value)")
    return end + 1


def _closed(text: str, position: int, operator: str, count: int) -> int:
    if count == 0 or (operator == "!" and count > 1):
        raise ValueError(f'"{operator}" takes {"one filter" if operator == "!" else "filters"} in parentheses')
    if text[position : position + 1] != ")":
        raise ValueError(f"a parenthesis must close before {text[position:]!r}")
    return position + 1
