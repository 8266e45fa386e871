"""docs/directories/389-directory-server.md names every attribute that is read or written."""

import pytest

from agent.directories.ds389 import Ds389
from agent.directories.ds389_policies import GLOBAL_ATTRIBUTES
from ims.people import DirectoryName
from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "directories" / "389-directory-server.md").read_text(encoding="utf-8")
READ = (*Ds389(DirectoryName("corp")).wanted_attributes(), *GLOBAL_ATTRIBUTES, "member", "memberOf")


@pytest.mark.parametrize("name", READ)
def test_every_attribute_that_is_read_is_named(name: str) -> None:
    """Whoever grants rights wants to know what for."""
    assert f"`{name}`" in PAGE
