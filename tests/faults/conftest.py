"""Fixtures of the fault scenarios: what they are made of is in tests/support."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ims.store import migrate
from tests.support.certificates import CertificateAuthority
from tests.support.crash_scene import CrashScene, arrange
from tests.support.office import Office, open_office
from tests.support.oracle import secrets_in
from tests.support.prefork import Prefork, prefork
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, GROUPS, SlapdOptions
from tests.support.sync_world import SyncWorld, open_sync_world

MAY_ADD = f'access to dn.subtree="{GROUPS}" attrs=member by dn.exact="{AGENT_DN}" =arscxd by * read'
"""The agent may add members to groups, and take none away."""


@pytest.fixture
def no_secret_shown(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Look through everything that was printed and logged: none of it may hold a secret."""
    caplog.set_level(0)
    yield
    shown = "".join((*capfd.readouterr(), caplog.text))
    assert secrets_in(shown.encode()) == []


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
def office(slapd: Slapd, tmp_path: Path, no_secret_shown: None) -> Iterator[Office]:
    """Return a small office behind a fault proxy, in a corner of the shared directory."""
    del no_secret_shown
    with open_office(slapd, tmp_path) as made:
        yield made


@pytest.fixture
def own_office(start_slapd: Callable[..., Slapd], tmp_path: Path, no_secret_shown: None) -> Iterator[Office]:
    """Return a small office behind a fault proxy, in a directory of its own."""
    del no_secret_shown
    with open_office(start_slapd(tls=False), tmp_path) as made:
        yield made


# --- crashes and unlocks: a directory that keeps every write in a log, by which effects are counted -------------------


@pytest.fixture(scope="session")
def logging_slapd(authority: CertificateAuthority) -> Iterator[Slapd]:
    """Return a directory that logs every write, and lets the agent give an affiliation back."""
    server = Slapd(authority, SlapdOptions(log_writes=True, tls=False, access=(MAY_ADD,)))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def logged_world(logging_slapd: Slapd, tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a corner of the directory that logs, with a store of its own."""
    made = open_sync_world(logging_slapd, tmp_path)
    try:
        yield made
    finally:
        made.store.close()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with nobody in it, to be copied."""
    file = tmp_path_factory.mktemp("empty") / "store.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def runner() -> Iterator[Prefork]:
    """Return the process that forks one to be killed for each case."""
    with prefork(
        "tests.support.crash_work",
        "tests.support.living_directory",
        "tests.support.machine_work",
        "tests.support.migration_work",
    ) as process:
        yield process


@pytest.fixture
def scene(logging_slapd: Slapd, tmp_path: Path, empty_store: Path) -> CrashScene:
    """Return a small company where something is under way for everybody."""
    return arrange(logging_slapd, tmp_path, empty_store)
