"""The stores and directory servers that the contracts run against: one more of a kind is one more parameter here."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ims.store import SqlStore, migrate, open_store
from tests.support.certificates import CertificateAuthority
from tests.support.clock import HandClock
from tests.support.dialect_server import SERVERS, DialectServer, started
from tests.support.sync_world import SyncWorld

Opener = Callable[[], SqlStore]
NewStore = Callable[[Path], str]


@pytest.fixture(scope="session")
def empty_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated store without anybody in it, to be copied: a copy is faster than a migration."""
    file = tmp_path_factory.mktemp("template") / "store.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session", params=["sqlite"])
def new_store_url(request: pytest.FixtureRequest, empty_sqlite_file: Path) -> NewStore:
    """Return a function that makes an empty store of this engine, in a folder, and returns its address."""
    makers = {"sqlite": lambda folder: f"sqlite:///{shutil.copy(empty_sqlite_file, folder / 'store.db')}"}
    maker: NewStore = makers[request.param]
    return maker


@pytest.fixture
def store_url(new_store_url: NewStore, tmp_path: Path) -> str:
    """Return the address of an empty store."""
    return new_store_url(tmp_path)


@pytest.fixture(scope="module")
def shared_store(new_store_url: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """Return a store for all examples of a file: each leaves it empty. Its clock stands at NOON."""
    store = open_store(new_store_url(tmp_path_factory.mktemp("shared")), HandClock())
    yield store
    store.close()


@pytest.fixture
def clock() -> HandClock:
    """Return the clock of the stores of one test; it stands at NOON."""
    return HandClock()


@pytest.fixture
def another(store_url: str, clock: HandClock) -> Iterator[Opener]:
    """Return a function that opens the test's store once more, as another process would."""
    opened: list[SqlStore] = []

    def open_it() -> SqlStore:
        opened.append(open_store(store_url, clock))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(another: Opener) -> SqlStore:
    """Return an open store with nobody in it."""
    return another()


@pytest.fixture(scope="session")
def running(authority: CertificateAuthority) -> Iterator[Callable[[str], DialectServer]]:
    """Return a function that starts a vendor's server once, and returns it."""
    servers: dict[str, DialectServer] = {}

    def of(name: str) -> DialectServer:
        if name not in servers:
            servers[name] = SERVERS[name](authority)
            started(servers[name])
        return servers[name]

    try:
        yield of
    finally:
        for made in servers.values():
            made.server.stop()


@pytest.fixture(params=SERVERS)
def vendor(request: pytest.FixtureRequest, running: Callable[[str], DialectServer]) -> DialectServer:
    """Return each vendor's running server in turn."""
    return running(request.param)


@pytest.fixture
def world(vendor: DialectServer, tmp_path: Path) -> Iterator[SyncWorld]:
    """Return a corner of that server's directory under sync, with an empty store."""
    made = vendor.world(tmp_path)
    try:
        yield made
    finally:
        made.store.close()
