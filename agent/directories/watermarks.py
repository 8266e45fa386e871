"""The points to resume from: opaque text to all but the dialect that wrote it."""

import json
from dataclasses import dataclass

_FORM = 1
"""Goes up when the meaning of a position changes: older watermarks are then not understood, which costs a reconcile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far one server was read. A position means nothing on another server, not even on its copy."""

    dialect: str
    server: str
    position: str

    def encode(self) -> str:
        """Return the text that the store keeps."""
        return json.dumps([_FORM, self.dialect, self.server, self.position], separators=(",", ":"))


def decode(text: str) -> Watermark | None:
    """Return the watermark that a text holds, None if it holds none that is understood here."""
    try:
        form, dialect, server, position = json.loads(text)
    except (ValueError, TypeError):
        return None
    if form != _FORM or not all(isinstance(part, str) for part in (dialect, server, position)):
        return None
    return Watermark(dialect=dialect, server=server, position=position)
