"""docs/directories/openldap.md names every attribute that is read, and every index that is asked for."""

import pytest

from agent.directories import ppolicy
from agent.directories.openldap_checks import INDEXES
from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "directories" / "openldap.md").read_text(encoding="utf-8")
READ = ("entryUUID", *ppolicy.ENTRY_ATTRIBUTES, *ppolicy.POLICY_ATTRIBUTES, ppolicy.MIN_DELAY, "member", "memberOf")


@pytest.mark.parametrize("name", READ)
def test_every_attribute_that_is_read_is_named(name: str) -> None:
    """Whoever grants rights wants to know what for."""
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize(("name", "kind"), INDEXES.items())
def test_every_index_is_named(name: str, kind: str) -> None:
    """As olcDbIndex spells it."""
    assert f"`{name} {kind}`" in PAGE
