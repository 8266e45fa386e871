"""Fixtures of the end-to-end tests: an installation with a directory that is down, and one with a real slapd."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.installation import Corner, Installation, corner
from tests.support.slapd import Slapd

UIDS = ("lena", "olaf", "carla", "viktor")


@dataclass(frozen=True)
class Acme:
    """An installation whose directory holds four people of the tenant acme: lena, olaf, carla and viktor."""

    installation: Installation
    corner: Corner

    def name(self, uid: str) -> str:
        """Return somebody's user name."""
        return self.corner.person(uid).uid

    def lock(self, uid: str) -> None:
        """Lock somebody by wrong passwords."""
        self.corner.slapd.lock(self.corner.person(uid))

    def signs_in(self, uid: str) -> bool:
        """Return whether the directory lets somebody in with their right password."""
        person = self.corner.person(uid)
        return self.corner.slapd.sign_in(person.dn, person.password)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return an installation whose only directory is down."""
    return Installation(folder=tmp_path)


@pytest.fixture
def acme(tmp_path: Path, slapd: Slapd) -> Iterator[Acme]:
    """Return an installation on a corner of the shared slapd; nothing was read yet."""
    where = corner(slapd, UIDS)
    yield Acme(installation=Installation(folder=tmp_path, directories=where.settings()), corner=where)
    slapd.delete(where.group)
