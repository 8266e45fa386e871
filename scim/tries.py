"""Edits that meet another writer: without If-Match, somebody else's write in between is no conflict."""

from collections.abc import Callable
from typing import TypeVar

from ims.errors import StaleVersion
from scim.calls import Call

T = TypeVar("T")

EDIT_TRIES = 40
"""How often an edit without If-Match is computed anew because somebody else wrote the resource first.

Two clients on a busy machine can lose to each other ten times in a row; forty times is a tenth of a second.
"""


def repeated(call: Call, act: Callable[[], T]) -> T:
    """Return what `act`, which reads and writes, comes to. Raises StaleVersion where the client names a version."""
    for _ in range(EDIT_TRIES - 1):
        try:
            return act()
        except StaleVersion:
            if call.conditions.names_version:
                raise
    return act()
