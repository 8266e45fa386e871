"""Fixtures of the portal's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.portal_house import House, house
from tests.support.slapd import Slapd


@pytest.fixture
def home(tmp_path: Path, slapd: Slapd) -> Iterator[House]:
    """Return a portal with everything as it is by default."""
    with house(tmp_path, slapd) as built:
        yield built
