"""When two user names are the same: one key per name, used everywhere names are compared.

The key follows the UsernameCaseMapped profile of PRECIS (RFC 8265 section 3.3): width mapping, lower case, NFC. Names
that only look alike (a Cyrillic letter, a dotless i, a sharp s for two s) keep different keys: merging two people is
worse than showing two.
"""

import unicodedata

_FULL_AND_HALF_WIDTH = (0x3000, *range(0xFF01, 0xFFEF))


def _widths() -> dict[int, str]:
    """Map each fullwidth and halfwidth form to its ordinary one (RFC 8264 section 5.2.1)."""
    decompositions = {code: unicodedata.decomposition(chr(code)).split() for code in _FULL_AND_HALF_WIDTH}
    return {
        code: "".join(chr(int(part, 16)) for part in parts[1:])
        for code, parts in decompositions.items()
        if parts and parts[0] in ("<wide>", "<narrow>")
    }


_WIDTHS = _widths()
_SIGMAS = ("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")


def key_of_name(text: str) -> str:
    """Return the key by which user names are compared; equal keys are the same name.

    Lower case is taken letter by letter, and both small sigmas are one: with the rule for the end of a word, a part of
    a name would have another key inside the name than by itself, and a search for it would miss.
    """
    if text.isascii():
        return text.lower()
    ordinary = unicodedata.normalize("NFC", text.translate(_WIDTHS))
    lower = "".join(map(str.lower, ordinary)).replace(*_SIGMAS)
    return unicodedata.normalize("NFC", lower)
