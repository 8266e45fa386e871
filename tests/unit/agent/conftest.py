"""Fixtures of the tests of the agent's rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brake_world import BrakeWorld, open_brake_world


@pytest.fixture
def brake_world(tmp_path: Path) -> Iterator[BrakeWorld]:
    """Return people, a store and a clock for passes without a directory server."""
    made = open_brake_world(tmp_path)
    try:
        yield made
    finally:
        made.store.close()
