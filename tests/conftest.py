"""Fixtures for every test; what they are made of is in tests/support."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.slapd import Slapd
from tests.support.slapd_config import SlapdOptions


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Return a throw-away certificate authority."""
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def slapd(authority: CertificateAuthority) -> Iterator[Slapd]:
    """Return a directory that many tests share: each adds people of its own and counts nobody else's."""
    server = Slapd(authority, SlapdOptions())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def start_slapd(authority: CertificateAuthority) -> Iterator[Callable[..., Slapd]]:
    """Return a function that starts a directory for one test; it takes the fields of SlapdOptions."""
    servers: list[Slapd] = []

    def start(own: CertificateAuthority = authority, **options: Any) -> Slapd:
        servers.append(Slapd(own, SlapdOptions(**options)))
        servers[-1].start()
        return servers[-1]

    try:
        yield start
    finally:
        for server in reversed(servers):
            server.stop()
