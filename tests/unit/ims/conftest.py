"""Fixtures for the tests of the identity store's rules."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ims.locks import LedgerRules
from tests.support.unlock_world import World, open_world


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Return a function that makes a world with its own rules and its own store."""
    worlds: list[World] = []

    def make(rules: LedgerRules | None = None, *, busy: float = 10.0) -> World:
        folder = tmp_path / str(len(worlds))
        folder.mkdir()
        worlds.append(open_world(folder, rules, busy=busy))
        return worlds[-1]

    yield make
    for world in worlds:
        world.store.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return a world under the default rules."""
    return make_world()
