"""docs/directories/freeipa.md names every attribute that is read or written."""

import pytest

from agent.directories.freeipa import FreeIpa
from agent.directories.freeipa_policies import POLICY_ATTRIBUTES
from ims.people import DirectoryName
from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "directories" / "freeipa.md").read_text(encoding="utf-8")
READ = (*FreeIpa(DirectoryName("corp")).wanted_attributes(), *POLICY_ATTRIBUTES, "member")


@pytest.mark.parametrize("name", READ)
def test_every_attribute_that_is_read_is_named(name: str) -> None:
    """Whoever grants rights wants to know what for."""
    assert f"`{name}`" in PAGE
