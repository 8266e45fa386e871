"""docs/directories/active-directory.md names every attribute that is read or written."""

import pytest

from agent.directories.active_directory import ActiveDirectory
from agent.directories.ad_policies import DOMAIN_ATTRIBUTES, FINE_ATTRIBUTES
from ims.people import DirectoryName
from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "directories" / "active-directory.md").read_text(encoding="utf-8")
READ = (*ActiveDirectory(DirectoryName("corp")).wanted_attributes(), *DOMAIN_ATTRIBUTES, *FINE_ATTRIBUTES, "member")


@pytest.mark.parametrize("name", READ)
def test_every_attribute_that_is_read_is_named(name: str) -> None:
    """Whoever grants rights wants to know what for."""
    assert f"`{name}`" in PAGE
