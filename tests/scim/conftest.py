"""Fixtures for the tests of the SCIM service provider."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ims.locks import LedgerRules
from tests.support.scim_world import ScimWorld
from tests.support.unlock_world import World, open_world


@pytest.fixture
def make_scim(tmp_path: Path) -> Iterator[Callable[..., ScimWorld]]:
    """Return a function that makes a service provider; it takes the ledger's rules and the fields of ScimWorld."""
    worlds: list[World] = []

    def make(rules: LedgerRules | None = None, **fields: Any) -> ScimWorld:
        folder = tmp_path / str(len(worlds))
        folder.mkdir()
        worlds.append(open_world(folder, rules))
        return ScimWorld(world=worlds[-1], **fields)

    yield make
    for world in worlds:
        world.store.close()


@pytest.fixture
def scim(make_scim: Callable[..., ScimWorld]) -> ScimWorld:
    """Return a service provider with everything as it is by default."""
    return make_scim()
