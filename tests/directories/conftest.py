"""Fixtures of the tests against real directory servers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.directories import ad_rights
from tests.support import ad_side
from tests.support.certificates import CertificateAuthority
from tests.support.dialect_server import SERVERS, DialectServer, started
from tests.support.rights import Firm, furnished
from tests.support.samba_dc import SambaDc
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


@pytest.fixture
def firm(start_slapd: Callable[..., Slapd], tmp_path: Path) -> Iterator[Callable[..., Firm]]:
    """Return a function that opens a firm in a directory with these rules; the agent is granted a recipe later."""
    worlds: list[SyncWorld] = []

    def opened(access: tuple[str, ...], **options: Any) -> Firm:
        worlds.append(open_sync_world(start_slapd(tls=False, access=access, **options), tmp_path))
        return furnished(worlds[-1])

    try:
        yield opened
    finally:
        for world in worlds:
            world.store.close()


@pytest.fixture(scope="session")
def domain() -> Iterator[SambaDc]:
    """Return a domain controller that many tests share, on which the agent has the rights of the recipe to unlock."""
    dc = SambaDc()
    try:
        dc.start()
        ad_side.grant(dc, ad_rights.recipe(ad_side.NEEDS))
        yield dc
    finally:
        dc.stop()


@pytest.fixture(scope="session")
def ds389(authority: CertificateAuthority) -> Iterator[DialectServer]:
    """Return a 389 Directory Server that many tests share: each adds people of its own."""
    made = SERVERS["389ds"](authority)
    try:
        yield started(made)
    finally:
        made.server.stop()


@pytest.fixture
def ds389_world(ds389: DialectServer, tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a corner of it with a store of its own."""
    made = ds389.world(tmp_path)
    try:
        yield made
    finally:
        made.store.close()
