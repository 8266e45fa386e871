"""Fixtures of the tests against real directory servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.slapd import Slapd
from tests.support.sync_world import SyncWorld, open_sync_world


@pytest.fixture
def world(slapd: Slapd, tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a corner of the shared directory with a store of its own."""
    made = open_sync_world(slapd, tmp_path)
    try:
        yield made
    finally:
        made.store.close()
