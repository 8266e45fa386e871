"""Fixtures of the tests against real directory servers."""

from collections.abc import Callable, Iterator
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


@pytest.fixture
def own_world(start_slapd: Callable[..., Slapd], tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a world in a directory of its own, whose rights a test may change and which it may stop."""
    made = open_sync_world(start_slapd(tls=False), tmp_path)
    try:
        yield made
    finally:
        made.store.close()
